/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: the opened repository, ids, and
 * libgit2's errors as ours.  Nobody outside the folder includes this.
 */
#ifndef GIT_LIB_H
#define GIT_LIB_H

#include "git/git.h"

#include <git2.h>

#define SHA_HEX 40

struct repo {
	git_repository *git;
	git_odb *odb;
	char *path, *alternates; /* to open it again, one per thread */
};

/* From a return value of libgit2 and its last message.  An object that
 * is missing or damaged is ERR_ABSENT, a failing system call is classified
 * by errno. */
int git_fail(struct err *e, int rc, const char *fmt, ...) PRINTF(3, 4);

/* Exactly 40 hex digits; ERR_PERM. */
int git_id(git_oid *ret, const char *sha, struct err *e);

/* A path or ref for a message: one line of valid UTF-8, heap. */
char *git_shown(const char *text);

/* A second handle on the same repository. */
int repo_again(struct repo **ret, const struct repo *r, struct err *e);

/* The object of an id, peeled to its commit. */
int repo_peel(struct repo *r, const char *sha, git_commit **ret, struct err *e);

/* For AUTO. */
void git_repop(git_repository **p);
void git_odbp(git_odb **p);
void git_objp(git_odb_object **p);
void git_commitp(git_commit **p);
void git_treep(git_tree **p);
void git_refp(git_reference **p);
void git_indexp(git_index **p);
void git_walkp(git_revwalk **p);
void git_packp(git_packbuilder **p);

#endif
