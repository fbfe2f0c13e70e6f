/* SPDX-License-Identifier: MIT */
/* What gitdir.c needs to know of a built tree. */
#ifndef GIT_TREE_H
#define GIT_TREE_H

#include "git/git.h"

/* The record of a complete tree: its kind, and the trees below it. */
struct tree_ok {
	char *kind;
	struct strv chain; /* ids, this tree first */
};

void tree_ok_release(struct tree_ok *ok);
/* 1 complete, with all that is below it; 0 not; -1 error. */
int tree_ok_load(
	struct tree_ok *ok, int state_fd, const char *tree, struct err *e);

#endif
