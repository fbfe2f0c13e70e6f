/* SPDX-License-Identifier: MIT */
/*
 * All of libgit2, behind a few verbs.  Everything here runs in a child of
 * the worker that may be killed at any time (libgit2 1.5.1 has no network
 * time-outs), as an ordinary user wherever possible.  Nothing here opens a
 * repository below a workspace.
 */
#ifndef GIT_GIT_H
#define GIT_GIT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

/* git_libgit2_init and the options we rely on (owner validation off: only
 * configured paths are opened; strict object checks on).  SIGPIPE is
 * ignored from here on. */
int git_start(struct err *e);
void git_stop(void);

/* ---- mirror.c: bare mirrors of remote repositories ---- */

struct mirror_spec {
	const char *path;  /* of the mirror, absolute; made when absent */
	const char *url;   /* https, http, git, file or ssh; nothing else */
	const char *token; /* for http(s): sent to the url's host only */
	const char *token_user; /* "x-access-token", "oauth2", ... */
	const char *ca_file;    /* extra CA, or NULL */
	int64_t max_bytes;      /* of a pack, 0: none */
};

/*
 * Brings commit sha into the mirror: nothing to do when it is there; else
 * fetches ref, else sha itself, else all heads and tags.  progress (may be
 * NULL) is called now and then with the bytes so far, so that the caller
 * can feed its idle deadline.  One flock per mirror; stale *.lock files
 * are removed under it.  A corrupt mirror is thrown away and cloned anew
 * once.  ERR_TEMP network, ERR_DENIED credentials, ERR_ABSENT no such
 * repository or commit, ERR_PERM else.  URLs in messages have no
 * credentials.
 */
typedef void mirror_progress_fn(int64_t bytes, void *arg);
int mirror_fetch(const struct mirror_spec *m, const char *ref, const char *sha,
	mirror_progress_fn *progress, void *arg, struct err *e);
/* Throws a mirror away under its lock, for the caller that finds objects
 * damaged later on: the next fetch clones anew. */
int mirror_discard(const char *path, struct err *e);
/* The folder name of a mirror for a repository name: safe, unique. */
void mirror_name(const char *repository, struct buf *out);
bool mirror_url_ok(const char *url, struct err *e);
void mirror_url_clean(const char *url, struct buf *out); /* no user:pass@ */

/* ---- heads.c: branches and tags ---- */

#define HEADS_MAX 20000

/* Appends "SHA COMMIT REF" for each branch and tag; COMMIT is what a tag
 * object leads to, else the same as SHA.  ERR_PERM beyond HEADS_MAX. */
struct repo;
int repo_heads(struct repo *r, struct strv *out, struct err *e);
/* The same of a server; errors as mirror_fetch, one call per process. */
int remote_heads(const struct mirror_spec *m, struct strv *out, struct err *e);

/* ---- repo.c: reading a repository ---- */

struct repo;

/* path: a bare repository, or a checkout (its .git is used).  alternates:
 * further object folders, ':'-joined, or NULL. */
int repo_open(struct repo **ret, const char *path, const char *alternates,
	struct err *e);
void repo_close(struct repo *r);
void repo_closep(struct repo **r);

struct commit_info {
	char sha[41], tree[41];
	char *subject, *author, *email; /* valid UTF-8, one line each */
	int64_t time_s;
};
void commit_info_release(struct commit_info *c);
/* rev: a 40-digit id (a tag object is peeled).  ERR_ABSENT. */
int repo_commit(struct repo *r, const char *rev, struct commit_info *ret,
	struct err *e);
/* Any revision as git rev-parse knows them: for tellus run and tests. */
int repo_resolve(
	struct repo *r, const char *rev, char ret_sha[41], struct err *e);
/* The commit a ref points at now, ERR_ABSENT. */
int repo_ref(struct repo *r, const char *ref, char ret_sha[41], struct err *e);

/* A regular file of a tree; ERR_ABSENT; larger than max: ERR_PERM. */
int repo_blob(struct repo *r, const char *tree, const char *path, size_t max,
	struct buf *out, struct err *e);
/* Names of the entries of a folder of a tree, sorted. */
int repo_list(struct repo *r, const char *tree, const char *path,
	struct strv *out, struct err *e);
/* Paths that differ between two commits; from SHA_ZERO (or unknown):
 * returns 1 and leaves out empty. At most max paths, then 1 as well. */
int repo_changed(struct repo *r, const char *from, const char *to, size_t max,
	struct strv *out, struct err *e);

/* ---- tree.c: base trees ---- */

struct tree_limits {
	int64_t max_files, max_bytes;
	int max_depth;
};
#define TREE_MAX_FILES 500000
#define TREE_MAX_BYTES ((int64_t)8 << 30)
#define TREE_MAX_DEPTH 128
#define TREE_CHAIN_MAX 16

/* Is trees/ID complete?  Then the layer folders (topmost first, relative
 * to the state folder: "trees/ID/t", ...) go to lower.  1 yes, 0 no. */
int tree_find(int state_fd, const char *tree, const char *kind,
	struct strv *lower, struct err *e);
/* The ids of the trees that a tree lies upon; -1: it is not complete. */
int tree_chain(int state_fd, const char *tree, struct strv *ret, struct err *e);
/* Notes that the tree is of use now: the mtime of its "ok". */
void tree_touch(int state_fd, const char *tree);
/*
 * Makes trees/ID below the state folder from the repository's objects: the
 * files stand in trees/ID/t/w.  Pre-scanned against the limits and against
 * dangerous modes and names (ERR_PERM names the path); written by openat
 * and O_NOFOLLOW only; temporary folder under a flock, syncfs, "ok" file,
 * rename.  near (may be NULL) is a tree id to build upon.  kind is "root"
 * or "user": which overlay xattrs it may carry.  Runs as the user who is to
 * own the files.  Fine when it is there already.
 * ERR_ABSENT: objects are missing or damaged (mirror_discard, then fetch).
 */
int tree_build(struct repo *r, int state_fd, const char *tree, const char *near,
	const char *kind, const struct tree_limits *lim, struct err *e);

/* ---- gitdir.c: a step's own .git ---- */

struct gitdir_spec {
	const char *sha, *ref, *tree;
	const char *url; /* remote "origin", cleaned; NULL: none */
	/* Where the objects will be seen from inside the box, or NULL: the
	 * needed objects are copied into a pack of its own. */
	const char *alternates_inside;
	/* Any file of the checkout, to fill the index' stat data from. */
	int state_fd;
	const char *tree_dir; /* "trees/ID/t/w" */
};
/* Makes dest/.git (dest: an open folder): HEAD on the branch (or
 * detached), packed-refs with the known branches and tags, an index that
 * makes git status clean and fast, no credentials, no hooks. */
int gitdir_build(struct repo *r, int dest_fd, const struct gitdir_spec *s,
	struct err *e);

/* ---- snapshot.c: the working tree for tellus run ---- */

/*
 * Commits the working tree (modified, deleted and untracked-not-ignored
 * files) on top of HEAD into the object folder at objects (made when
 * absent, alternates to the repository's).  The user's repository, index
 * and files are not written.  When nothing differs ret_sha is HEAD and
 * *ret_dirty false.  An untracked file that a .gitignore takes back from
 * the rules of a folder above ("!x" there) is not seen before git add: the
 * library drops such lines.
 */
int snapshot_make(const char *worktree, const char *objects, char ret_sha[41],
	bool *ret_dirty, struct err *e);

#endif
