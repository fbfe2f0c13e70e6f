/* SPDX-License-Identifier: MIT */
/*
 * The options of each subcommand as its file sees them.  The table that
 * fills them is in table.c.
 */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include "base/base.h"
#include "cli/cmd.h"

struct run_opts {
	const char *file;
};

struct list_opts {
	const char *repository, *ref, *sha, *state;
	int64_t limit, before;
	bool json;
};

struct show_opts {
	bool json;
};

struct log_opts {
	bool follow;
};

struct retry_opts {
	const char *job, *from, *ref;
	struct opt_list skip, set, limit;
	bool follow;
};

struct lint_opts {
	bool json;
};

struct hook_opts {
	const char *name;
	bool json;
};

struct gc_opts {
	bool dry_run, json;
};

struct doctor_opts {
	bool json;
};

struct push_opts {
	const char *repository;
	bool detach;
};

#endif
