/* SPDX-License-Identifier: MIT */
/*
 * Where an attempt's commit comes from: a repository of this machine, read
 * in place, or the mirror of a remote one.
 */
#ifndef WORK_SOURCE_H
#define WORK_SOURCE_H

#include "base/base.h"
#include "base/err.h"
#include "base/strv.h"
#include "work/worker.h"

struct source {
	char *path;          /* the repository or the mirror, absolute */
	char *objects;       /* its objects folder, or NULL: not a plain one */
	char *alternates;    /* further object folders, ':'-joined, or NULL */
	bool remote;         /* path is a mirror of ours */
	bool keep_read;      /* the build user cannot read it by itself */
	int snapshot_fd;     /* "tellus run": the run's own objects, or -1 */
	int dir_fd;          /* of path, when it is not a mirror, or -1 */
	uid_t owner;         /* of path, as far as dir_fd is there */
	struct strv ro;      /* what a reading child has to see */
	struct strv ro_also; /* what it may see by its own rights */
};

/* Finds the paths; fetches nothing. */
int source_find(struct source *s, struct worker *w, struct err *e);
void source_release(struct source *s); /* also for AUTO */

/* The objects folder itself, whatever its owner makes of the path from now
 * on; -1 when it is reached through a link. */
int source_open_objects(const struct source *s, struct err *e);

/* Brings the commit of the push into the mirror; nothing to do for a local
 * repository.  The message names the repository. */
int source_fetch(
	struct source *s, struct worker *w, const char *sha, struct err *e);

/* Lists the branches and tags of a remote repository: an array of lines as
 * git/git.h has them. */
int source_list(
	struct source *s, struct worker *w, json_t **ret, struct err *e);

/*
 * Runs fn as the build user, confined to reading the source and /usr, /etc,
 * and writing below the rw folders (NULL-terminated).  Where the build user
 * may not read the repository, the child may read all of it, but nothing
 * else of its owner's choice: links, a linked working tree.
 */
int source_child(struct source *s, struct worker *w, const char *const *rw,
	work_child_fn *fn, void *arg, json_t **ret, struct err *e);

#endif
