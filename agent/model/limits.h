/* SPDX-License-Identifier: MIT */
/* The limits of a job, by name: as a person writes them, and in the units of
 * a plan. */
#ifndef MODEL_LIMITS_H
#define MODEL_LIMITS_H

#include "base/base.h"
#include "base/err.h"

#define LIMITS_NAMES "memory, cpu, pids, disk or output"

/* "memory" "4G" becomes bytes, "cpu" "1.5" thousandths of a core, "pids" a
 * number; ERR_PERM says what it may be. */
int limit_parse(
	const char *name, const char *text, int64_t *ret, struct err *e);

#endif
