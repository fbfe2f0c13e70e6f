/* SPDX-License-Identifier: MIT */
/*
 * What the output of a failed step says about the cause, and what to do.
 * It only chooses words: the class of a failure is decided by what the
 * kernel says.  Pure.
 */
#ifndef MODEL_DIAGNOSE_H
#define MODEL_DIAGNOSE_H

#include "base/base.h"

struct diag_facts {
	uint64_t run;
	const char *job;      /* its id */
	const char *step;     /* its name */
	int exit_code;        /* -1: none */
	const char *tail;     /* the end of its output, NUL-terminated */
	bool network_off;     /* its box has the loopback only */
	bool fork;            /* of somebody else's pull request */
	int64_t memory_limit; /* bytes; 0: none */
};

/* What it finds, both heap memory of the caller: what happened, to be put
 * behind "step 'x' failed with exit code 1: ", and a suggestion.  The words
 * are one line of clean UTF-8 whatever the output was. */
struct diagnosis {
	char *what, *suggestion;
};
/* False: the output says nothing that is known. */
bool diagnose(const struct diag_facts *f, struct diagnosis *ret);
void diagnosis_release(struct diagnosis *d);

/* Debian's package with that command, or with that header file; NULL: not
 * in the table. */
const char *package_of_command(const char *name);
const char *package_of_header(const char *path);

#endif
