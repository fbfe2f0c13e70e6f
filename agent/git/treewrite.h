/* SPDX-License-Identifier: MIT */
/*
 * Writes the files of a tree, or of what differs from another tree as an
 * overlay layer over it.  Only into folders that it has made itself, never
 * through a link, never over something that is there.
 */
#ifndef GIT_TREEWRITE_H
#define GIT_TREEWRITE_H

#include "git/lib.h"

/* dir: an empty folder that nobody else writes to.  old: the tree below
 * it, or NULL: everything is written.  largest: bytes of the largest file. */
int tree_write(struct repo *r, int dir, const git_oid *old, const git_oid *tree,
	int64_t largest, struct err *e);

#endif
