/* SPDX-License-Identifier: MIT */
/* See limits.h. */
#include "base/base.h"
#include "base/enc.h"
#include "model/limits.h"

#define PIDS_MOST 4194304 /* the kernel's PID_MAX_LIMIT */

static int
parse_pids(const char *text, int64_t *ret)
{
	return num_parse(text, 1, PIDS_MOST, ret);
}

static const struct {
	const char *name;
	int (*parse)(const char *text, int64_t *ret);
	int64_t least;
	const char *what;
} limit[] = {
	{ "memory", size_parse, 4 << 20,
		"a size such as 512M or 4G, at least 4M" },
	{ "cpu", thousandths_parse, 10,
		"a number of processors such as 2 or 0.5" },
	{ "pids", parse_pids, 1, "a number of processes, at least 1" },
	{ "disk", size_parse, 1 << 20,
		"a size such as 512M or 4G, at least 1M" },
	{ "output", size_parse, 1 << 10, "a size such as 10M, at least 1K" },
};

int
limit_parse(const char *name, const char *text, int64_t *ret, struct err *e)
{
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(limit); i++) {
		if (!str_eq(limit[i].name, name))
			continue;
		if (limit[i].parse(text, &v) < 0 || v < limit[i].least)
			return err_set(e, ERR_PERM,
				"the limit '%s' cannot be '%s'; it is %s", name,
				text, limit[i].what);
		*ret = v;
		return 0;
	}
	return err_set(e, ERR_PERM,
		"there is no limit '%s'; a limit is " LIMITS_NAMES, name);
}
