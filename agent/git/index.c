/* SPDX-License-Identifier: MIT */
/*
 * See index.h.  Only what core.checkStat=minimal looks at is filled in: the
 * overlay of the box shows other device and inode numbers than we see.
 */
#include "base/base.h"
#include "git/index.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

/* The folder that was looked at last, in every layer. */
struct cursor {
	const int *roots;
	size_t n;
	char *dir;                  /* NULL: none yet */
	int fd[TREE_CHAIN_MAX + 1]; /* -1: that layer has no such folder */
};

static void
cursor_close(struct cursor *c)
{
	for (size_t i = 0; i < c->n; i++)
		fd_closep(&c->fd[i]);
	free(c->dir);
	c->dir = NULL;
}

static void
cursor_move(struct cursor *c, const char *dir, size_t len)
{
	struct err ignored;

	if (c->dir && strlen(c->dir) == len && !memcmp(c->dir, dir, len))
		return;
	cursor_close(c);
	c->dir = xstrndup(dir, len);
	for (size_t i = 0; i < c->n; i++)
		c->fd[i] = path_open_beneath(c->roots[i], len ? c->dir : ".",
			O_DIRECTORY | O_PATH, 0, &ignored);
}

/* The entries come in the order of their paths, so the folder is rarely
 * another one than before. */
static bool
cursor_stat(struct cursor *c, const char *path, struct stat *ret)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	cursor_move(c, path, slash ? (size_t)(slash - path) : 0);
	for (size_t i = 0; i < c->n; i++)
		if (c->fd[i] >= 0 &&
			fstatat(c->fd[i], name, ret, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

/*
 * The library hands its entries out as constants, but adding each one
 * again would sort the index anew and lose the cached tree that makes
 * "git status" fast; so the stat fields are set in place.
 */
static void
fill(git_index *index, const int *roots, size_t nroots)
{
	struct cursor c = { .roots = roots,
		.n = MIN(nroots, (size_t)TREE_CHAIN_MAX + 1) };
	struct stat st;

	for (size_t i = 0; i < c.n; i++)
		c.fd[i] = -1;
	for (size_t i = 0; i < git_index_entrycount(index); i++) {
		git_index_entry *entry =
			(git_index_entry *)git_index_get_byindex(index, i);

		if (entry->mode == GIT_FILEMODE_COMMIT ||
			!cursor_stat(&c, entry->path, &st))
			continue;
		entry->mtime.seconds = (int32_t)st.st_mtim.tv_sec;
		entry->mtime.nanoseconds = (uint32_t)st.st_mtim.tv_nsec;
		entry->ctime.seconds = (int32_t)st.st_ctim.tv_sec;
		entry->ctime.nanoseconds = (uint32_t)st.st_ctim.tv_nsec;
		entry->file_size = (uint32_t)st.st_size;
	}
	cursor_close(&c);
}

int
index_write(struct repo *r, const char *path, const git_oid *tree,
	const int *roots, size_t nroots, struct err *e)
{
	AUTO(git_treep) git_tree *t = NULL;
	AUTO(git_indexp) git_index *index = NULL;
	int rc = git_tree_lookup(&t, r->git, tree);

	if (rc == 0)
		rc = git_index_open(&index, path);
	if (rc == 0)
		rc = git_index_read_tree(index, t);
	if (rc < 0)
		return git_fail(e, rc, "index of the checkout");
	fill(index, roots, nroots);
	rc = git_index_write(index);
	return rc < 0 ? git_fail(e, rc, "write the index") : 0;
}
