/* SPDX-License-Identifier: MIT */
/* Git repositories on this machine, looked at without libgit2. */
#ifndef CLI_REPO_H
#define CLI_REPO_H

#include "base/base.h"
#include "base/err.h"

struct repo {
	char *gitdir; /* real path: HEAD, objects and refs are there */
	char *top;    /* the working tree, or NULL in a bare one */
};

void repo_release(struct repo *r); /* also for AUTO */

/* The repository at path: bare, or a folder with .git (a folder or a file
 * that names one). */
int repo_at(struct repo *r, const char *path, struct err *e);
/* The one that encloses the folder, upwards. */
int repo_around(struct repo *r, const char *folder, struct err *e);

/* The repository's own configuration file, shared by its worktrees. */
char *repo_config_file(const struct repo *r);
/* "widget" of /srv/git/widget.git and of /home/a/widget/.git. */
char *repo_short_name(const struct repo *r);

#endif
