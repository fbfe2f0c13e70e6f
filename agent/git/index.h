/* SPDX-License-Identifier: MIT */
/* The index of a step's .git, filled from the files that stand there. */
#ifndef GIT_INDEX_H
#define GIT_INDEX_H

#include "git/lib.h"

/*
 * Writes an index of the tree to path, with sizes and times of the files
 * of the checkout (roots: open folders, the topmost layer first), so that
 * git need not read them to see that they are unchanged.
 */
int index_write(struct repo *r, const char *path, const git_oid *tree,
	const int *roots, size_t nroots, struct err *e);

#endif
