/* SPDX-License-Identifier: MIT */
/*
 * What a hook or "tellus run" hands over, as JSON (POST /api/v1/push, and
 * the files in REPO/tellus/incoming):
 * {"repository":NAME|null,"path":ABSOLUTE|null,"nonce":"32 hex",
 *  "event":"push"|"manual","actor":"alice","options":["ci.skip"],
 *  "refs":[{"ref","old","new"}],"snapshot":bool,"rev":TEXT|null,
 *  "file":NAME|null}
 */
#ifndef CORE_SUBMIT_H
#define CORE_SUBMIT_H

#include "base/base.h"
#include "base/err.h"
#include "base/strv.h"
#include "model/config.h"
#include "model/push.h"

struct submit_ignored {
	char *ref, *why;
};

struct submit {
	const struct repo_conf *repo; /* borrowed from the configuration */
	struct push *pushes;          /* what starts runs */
	size_t npushes;
	struct push *seen; /* what starts none: ci.skip, or deleted
			    * (sha all zeros) */
	size_t nseen;
	struct strv keys; /* dedupe keys */
	struct submit_ignored *ignored;
	size_t nignored;
};

/* ERR_ABSENT: no such repository; ERR_PERM: malformed. */
int submit_parse(const struct config *conf, const char *text, size_t len,
	struct submit *ret, struct err *e);
void submit_release(struct submit *s);

#endif
