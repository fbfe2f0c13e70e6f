/* SPDX-License-Identifier: MIT */
/*
 * See git.h: base trees.  trees/ID holds "ok" (JSON: kind, boot, the ids of
 * the trees below) and the layer "t" with w, home, tmp and cmd.  It appears
 * by a rename when all of it is on disk, so one without "ok" is a leftover.
 */
#include "base/base.h"
#include "git/tree.h"
#include "base/crash.h"
#include "base/enc.h"
#include "base/json.h"
#include "git/lib.h"
#include "git/treescan.h"
#include "git/treewrite.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define OK_MAX 65536

void
tree_ok_release(struct tree_ok *ok)
{
	free(ok->kind);
	ok->kind = NULL;
	strv_release(&ok->chain);
}

static int
ok_parse(struct tree_ok *ok, const char *tree, const char *text, size_t len,
	struct err *e)
{
	json_t *json = json_parse(text, len, e);
	const char *kind;
	json_t *below, *id;
	size_t i;

	if (!json)
		return -1;
	kind = jget_str(json, "kind");
	below = jget_arr(json, "below");
	strv_add(&ok->chain, tree);
	json_array_foreach(below, i,
		id) if (json_is_string(id) &&
			is_hex(json_string_value(id), json_string_length(id)))
		strv_add(&ok->chain, json_string_value(id));
	if (kind)
		ok->kind = xstrdup(kind);
	json_decref(json);
	return kind ? 0 : err_set(e, ERR_PERM, "it names no kind");
}

/* 1 and the text, 0 there is none, or something else stands in its place. */
static int
ok_read(int state_fd, const char *tree, struct buf *text, struct err *e)
{
	AUTO(freep) char *path = xasprintf("trees/%s/ok", tree);
	AUTO(fd_closep)
	int fd = path_open_beneath(state_fd, path, O_RDONLY, 0, e);

	if (fd < 0)
		return e->code == ERR_ABSENT || e->sys == ELOOP ||
				       e->sys == ENOTDIR
			       ? 0
			       : -1;
	return fd_slurp(fd, OK_MAX, text, e) < 0 ? -1 : 1;
}

static int
load(struct tree_ok *ok, int state_fd, const char *tree, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int found = ok_read(state_fd, tree, &text, e);

	if (found <= 0)
		return found;
	/* A damaged record counts as none: the tree is made again. */
	if (ok_parse(ok, tree, text.data, text.len, e) < 0)
		return 0;
	for (size_t i = 1; i < ok->chain.len; i++) {
		AUTO(buf_release) struct buf other = BUF_INIT;

		found = ok_read(state_fd, ok->chain.v[i], &other, e);
		if (found <= 0)
			return found;
	}
	return 1;
}

int
tree_ok_load(struct tree_ok *ok, int state_fd, const char *tree, struct err *e)
{
	git_oid id;
	int rc;

	memset(ok, 0, sizeof(*ok));
	if (git_id(&id, tree, e) < 0)
		return -1;
	rc = load(ok, state_fd, tree, e);
	if (rc <= 0)
		tree_ok_release(ok);
	return rc;
}

int
tree_find(int state_fd, const char *tree, const char *kind, struct strv *lower,
	struct err *e)
{
	AUTO(tree_ok_release) struct tree_ok ok = { 0 };
	int rc = tree_ok_load(&ok, state_fd, tree, e);

	if (rc <= 0)
		return rc;
	if (!str_eq(ok.kind, kind))
		return 0;
	for (size_t i = 0; i < ok.chain.len; i++)
		strv_addf(lower, "trees/%s/t", ok.chain.v[i]);
	return 1;
}

int
tree_chain(int state_fd, const char *tree, struct strv *ret, struct err *e)
{
	AUTO(tree_ok_release) struct tree_ok ok = { 0 };

	if (tree_ok_load(&ok, state_fd, tree, e) <= 0)
		return -1;
	for (size_t i = 1; i < ok.chain.len; i++)
		strv_add(ret, ok.chain.v[i]);
	return 0;
}

void
tree_touch(int state_fd, const char *tree)
{
	AUTO(freep) char *path = xasprintf("trees/%s/ok", tree);

	/* Not being able to only makes it look older. */
	if (utimensat(state_fd, path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		errno = 0;
}

/* ---- building ---- */

struct build {
	struct repo *repo;
	int state_fd, trees;
	const char *tree, *kind;
	git_oid id;
	int64_t largest; /* bytes of its largest file */
	/* The tree to build upon, where there is one. */
	bool has_near;
	git_oid near_id;
	struct tree_ok near;
	char tmp[64]; /* the temporary folder's name in trees */
	int tmp_fd;
};

/*
 * The lock file goes away with the build, so whoever got the lock looks
 * whether the name still means the file that was locked.
 */
static int
lock_build(int trees, const char *name, struct err *e)
{
	for (;;) {
		AUTO(fd_closep)
		int fd = openat(trees, name,
			O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat mine, now;

		if (fd < 0 || fstat(fd, &mine) < 0)
			return err_sys(e, "lock 'trees/%s'", name);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_sys(e, "lock 'trees/%s'", name);
		if (fstatat(trees, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
			now.st_ino == mine.st_ino)
			return STEAL_FD(fd);
	}
}

/* Leftovers of builds of this tree that were interrupted. */
static int
remove_leftovers(struct build *b, struct err *e)
{
	AUTO(freep) char *prefix = xasprintf(".tmp.%s.", b->tree);
	int fd = openat(b->trees, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int rc = 0;

	if (!d) {
		err_sys(e, "read 'trees'");
		fd_closep(&fd);
		return -1;
	}
	while (rc == 0 && (entry = readdir(d)))
		if (str_starts(entry->d_name, prefix))
			rc = path_remove_tree(b->trees, entry->d_name, e);
	closedir(d);
	if (rc == 0)
		rc = path_remove_tree(b->trees, b->tree, e);
	return rc;
}

static int
make_folders(struct build *b, struct err *e)
{
	static const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		{ "t", 0755 },
		{ "t/w", 0755 },
		{ "t/home", 0755 },
		{ "t/tmp", 01777 },
		{ "t/cmd", 0755 },
	};

	if (mkdirat(b->trees, b->tmp, 0700) < 0)
		return err_sys(e, "mkdir 'trees/%s'", b->tmp);
	b->tmp_fd = path_open_dir(b->trees, b->tmp, e);
	if (b->tmp_fd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (path_mkdirs(
			    b->tmp_fd, folders[i].path, folders[i].mode, e) < 0)
			return -1;
	return 0;
}

static int
put_ok(struct build *b, bool layered, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	char boot[BOOT_ID_MAX];
	struct json_out o;

	if (proc_boot_id(boot, e) < 0)
		return -1;
	jout_start(&o, &text);
	jout_obj(&o, NULL);
	jout_str(&o, "kind", b->kind);
	jout_str(&o, "boot", boot);
	jout_arr(&o, "below");
	for (size_t i = 0; layered && i < b->near.chain.len; i++)
		jout_str(&o, NULL, b->near.chain.v[i]);
	jout_end(&o);
	jout_end(&o);
	return fd_put_file(b->tmp_fd, "ok", text.data, text.len, 0644, e);
}

static int
write_and_sync(struct build *b, bool layered, struct err *e)
{
	AUTO(fd_closep) int w = -1;

	if (make_folders(b, e) < 0)
		return -1;
	w = path_open_dir(b->tmp_fd, "t/w", e);
	if (w < 0)
		return -1;
	if (tree_write(b->repo, w, layered ? &b->near_id : NULL, &b->id,
		    b->largest, e) < 0)
		return -1;
	crash_point("tree.written");
	if (syncfs(b->tmp_fd) < 0)
		return err_sys(e, "sync 'trees/%s'", b->tmp);
	return put_ok(b, layered, e);
}

static int
build_once(struct build *b, bool layered, struct err *e)
{
	struct err ignored;
	mode_t mask = umask(022);
	int rc = write_and_sync(b, layered, e);

	umask(mask);
	crash_point("tree.synced");
	if (rc == 0 && renameat(b->trees, b->tmp, b->trees, b->tree) < 0)
		rc = err_sys(e, "rename 'trees/%s'", b->tmp);
	crash_point("tree.renamed");
	if (rc == 0 && fsync(b->trees) < 0)
		rc = err_sys(e, "sync 'trees'");
	fd_closep(&b->tmp_fd);
	if (rc < 0)
		path_remove_tree(b->trees, b->tmp, &ignored);
	return rc;
}

/* A near tree that can not be used is no error: all is written then. */
static void
find_near(struct build *b, const char *near)
{
	struct err ignored;

	if (!near || str_eq(near, b->tree) ||
		tree_ok_load(&b->near, b->state_fd, near, &ignored) != 1)
		return;
	b->has_near = str_eq(b->near.kind, b->kind) &&
		      b->near.chain.len < TREE_CHAIN_MAX &&
		      git_id(&b->near_id, near, &ignored) == 0 &&
		      git_odb_exists(b->repo->odb, &b->near_id);
}

static int
build_locked(struct build *b, const struct tree_limits *lim, const char *near,
	struct err *e)
{
	AUTO(strv_release) struct strv lower = STRV_INIT;
	int found = tree_find(b->state_fd, b->tree, b->kind, &lower, e);

	if (found)
		return found < 0 ? -1 : 0;
	if (remove_leftovers(b, e) < 0 ||
		tree_scan(b->repo->odb, &b->id, lim, &b->largest, e) < 0)
		return -1;
	find_near(b, near);
	/* Whiteouts may be refused, so a layer that fails is built whole. */
	if (b->has_near && build_once(b, true, e) == 0)
		return 0;
	return build_once(b, false, e);
}

int
tree_build(struct repo *r, int state_fd, const char *tree, const char *near,
	const char *kind, const struct tree_limits *lim, struct err *e)
{
	AUTO(strv_release) struct strv lower = STRV_INIT;
	AUTO(fd_closep) int trees = -1;
	AUTO(fd_closep) int lock = -1;
	AUTO(freep) char *lock_name = NULL;
	struct build b = { .repo = r,
		.state_fd = state_fd,
		.tree = tree,
		.kind = kind,
		.tmp_fd = -1 };
	int rc = git_id(&b.id, tree, e);

	if (rc == 0)
		rc = tree_find(state_fd, tree, kind, &lower, e);
	if (rc > 0)
		tree_touch(state_fd, tree);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (near)
		tree_touch(state_fd, near);
	if (path_mkdirs(state_fd, "trees", 0700, e) < 0)
		return -1;
	trees = path_open_dir(state_fd, "trees", e);
	if (trees < 0)
		return -1;
	lock_name = xasprintf(".lock.%s", tree);
	lock = lock_build(trees, lock_name, e);
	if (lock < 0)
		return -1;
	b.trees = trees;
	snprintf(b.tmp, sizeof(b.tmp), ".tmp.%s.%ld", tree, (long)getpid());
	rc = build_locked(&b, lim, near, e);
	unlinkat(trees, lock_name, 0);
	tree_ok_release(&b.near);
	return rc;
}
