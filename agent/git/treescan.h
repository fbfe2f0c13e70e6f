/* SPDX-License-Identifier: MIT */
/*
 * The look at a whole tree before any of it is written: names, modes and
 * limits.  Costs one read per different subtree, however often it is used.
 */
#ifndef GIT_TREESCAN_H
#define GIT_TREESCAN_H

#include "git/lib.h"

/* A single file above this is refused: objects are read whole. */
#define TREE_MAX_BLOB ((int64_t)512 << 20)

/* ERR_PERM names the path that is at fault.  ret_largest: bytes of the
 * largest file. */
int tree_scan(git_odb *odb, const git_oid *tree, const struct tree_limits *lim,
	int64_t *ret_largest, struct err *e);

/* Reads a tree object; *ret_data .. *ret_end are its raw bytes. */
int tree_read(git_odb *odb, const git_oid *id, git_odb_object **ret,
	const char **ret_data, const char **ret_end, struct err *e);

#endif
