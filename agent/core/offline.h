/* SPDX-License-Identifier: MIT */
/*
 * Work on the state folder while no agent runs (under its lock), and what
 * the machine can do.  Both print: they are commands of their own.
 */
#ifndef CORE_OFFLINE_H
#define CORE_OFFLINE_H

#include "base/base.h"
#include "base/err.h"
#include "model/config.h"

struct journal;

/* verb: "check", "rebuild" or "dump".  Prints to standard output. */
int offline_journal(const struct config *conf, const char *verb, struct err *e);

/*
 * Everything as one JSON object a line: {"what":"event","run","seq","event"},
 * then {"what":"run","run","row"}, {"what":"delivery","key","time","runs"},
 * and {"what":"outbox"|"dead"|"refused","id","record"}.
 */
int offline_dump(struct journal *j, struct err *e);

/*
 * One line per fact, "OK|WARN|FAIL  what: text" and the remedy; the box's
 * facts come from "tellus-worker --doctor".  Returns 0, or 2 when
 * something is FAIL.
 */
int offline_doctor(
	const char *config, const char *state, const char *libexecdir);

#endif
