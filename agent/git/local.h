/* SPDX-License-Identifier: MIT */
/* Commits from a repository on this machine, without a transport. */
#ifndef GIT_LOCAL_H
#define GIT_LOCAL_H

#include "git/lib.h"

/* Copies what sha needs and the mirror lacks, and sets ref to it. */
int local_fetch(git_repository *mirror, const char *path, const char *ref,
	const git_oid *sha, struct err *e);

#endif
