/* SPDX-License-Identifier: MIT */
/* See copy.h.  One descriptor pair per level, so the depth is bounded. */
#include "base/base.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define COPY_DEPTH_MAX 256
#define COPY_BYTES (64 << 10)

/* A file with several names, and the first that was copied. */
struct linked {
	dev_t dev;
	ino_t ino;
	char *path; /* from the top of the copy */
};

struct copy {
	uid_t uid;
	gid_t gid;
	bool chown;
	unsigned int depth;
	int top_fd;       /* the top of the copy */
	struct buf where; /* the folder at hand, from the top; ends in '/' */
	struct linked *linked;
	size_t linked_len, linked_size;
};

static int copy_entries(struct copy *c, int from, int to, struct err *e);

static int
copy_bytes(int from, int to, struct err *e)
{
	static char bytes[COPY_BYTES];

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	for (;;) {
		ssize_t n = copy_file_range(
			from, NULL, to, NULL, (size_t)1 << 30, 0);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			break;
	}
	/* What the kernel cannot copy by itself (or the rest of it). */
	for (;;) {
		ssize_t n = read(from, bytes, sizeof(bytes));

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (fd_write_all(to, bytes, (size_t)n, e) < 0)
			return -1;
	}
}

/* The user's extended attributes; the file system may have none. */
static int
copy_attrs(int from, int to, struct err *e)
{
	static char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t len = flistxattr(from, names, sizeof(names));

	if (len < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list attributes");
	for (char *n = names; n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (strncmp(n, "user.", strlen("user.")))
			continue;
		size = fgetxattr(from, n, value, sizeof(value));
		if (size < 0 || fsetxattr(to, n, value, (size_t)size, 0) < 0)
			return err_sys(e, "attribute '%s'", n);
	}
	return 0;
}

/* Attributes, owner, permissions and times of an open copy, in this order:
 * a read-only file takes no attribute, a chown takes permission bits away,
 * and everything sets the time. */
static int
dress(const struct copy *c, int from, int fd, const struct stat *st,
	mode_t mask, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (copy_attrs(from, fd, e) < 0)
		return -1;
	if (c->chown && fchown(fd, c->uid, c->gid) < 0)
		return err_sys(e, "chown");
	if (fchmod(fd, st->st_mode & mask) < 0)
		return err_sys(e, "chmod");
	if (futimens(fd, times) < 0)
		return err_sys(e, "set the time");
	return 0;
}

/* 1: made as another name of a file that is there already. */
static int
copy_name(const struct copy *c, int to, const char *name, const struct stat *st,
	struct err *e)
{
	for (size_t i = 0; st->st_nlink > 1 && i < c->linked_len; i++) {
		const struct linked *l = &c->linked[i];

		if (l->ino != st->st_ino || l->dev != st->st_dev)
			continue;
		if (unlinkat(to, name, 0) < 0 && errno != ENOENT)
			return err_sys(e, "replace '%s'", name);
		if (linkat(c->top_fd, l->path, to, name, 0) < 0)
			return err_sys(e, "link '%s'", name);
		return 1;
	}
	return 0;
}

/* Remembers a file that has more names.  One so deep that its path is no
 * path for the kernel is copied once per name. */
static void
note_name(struct copy *c, const char *name, const struct stat *st)
{
	struct linked *l;

	if (st->st_nlink < 2 || c->where.len + strlen(name) >= PATH_MAX)
		return;
	if (c->linked_len == c->linked_size) {
		c->linked_size = c->linked_size ? 2 * c->linked_size : 16;
		c->linked = xrealloc(
			c->linked, c->linked_size * sizeof(*c->linked));
	}
	l = &c->linked[c->linked_len++];
	l->dev = st->st_dev;
	l->ino = st->st_ino;
	l->path = xasprintf("%s%s", c->where.len ? c->where.data : "", name);
}

static int
copy_file(const struct copy *c, int from, int to, const char *name,
	const struct stat *st, struct err *e)
{
	AUTO(fd_closep) int in = -1;
	AUTO(fd_closep) int out = -1;

	in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (in < 0)
		return err_sys(e, "open '%s'", name);
	out = openat(to, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "create '%s'", name);
	if (copy_bytes(in, out, e) < 0 || dress(c, in, out, st, 03777, e) < 0)
		return err_wrap(e, "copy '%s'", name);
	return 0;
}

/* Owner and times of what is not opened. */
static int
dress_name(const struct copy *c, int to, const char *name,
	const struct stat *st, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (c->chown &&
		fchownat(to, name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "chown '%s'", name);
	if (!S_ISLNK(st->st_mode) &&
		fchmodat(to, name, st->st_mode & 03777, 0) < 0)
		return err_sys(e, "chmod '%s'", name);
	if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '%s'", name);
	return 0;
}

/* A pipe, or the socket of a process that is gone. */
static int
copy_node(const struct copy *c, int to, const char *name, const struct stat *st,
	struct err *e)
{
	if (mknodat(to, name, st->st_mode & (S_IFMT | 0600), 0) < 0 &&
		errno != EEXIST)
		return err_sys(e, "create '%s'", name);
	return dress_name(c, to, name, st, e);
}

static int
copy_link(const struct copy *c, int from, int to, const char *name,
	const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read the link '%s'", name);
	target[n] = '\0';
	if (unlinkat(to, name, 0) < 0 && errno != ENOENT)
		return err_sys(e, "replace '%s'", name);
	if (symlinkat(target, to, name) < 0)
		return err_sys(e, "link '%s'", name);
	return dress_name(c, to, name, st, e);
}

static int
copy_sub(struct copy *c, int from, int to, const char *name,
	const struct stat *st, struct err *e)
{
	AUTO(fd_closep) int in = -1;
	AUTO(fd_closep) int out = -1;
	size_t len;

	if (c->depth >= COPY_DEPTH_MAX)
		return err_set(e, ERR_PERM,
			"'%s': folders are nested deeper than %d", name,
			COPY_DEPTH_MAX);
	in = openat(
		from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return err_sys(e, "open '%s'", name);
	if (mkdirat(to, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir '%s'", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(e, "open '%s'", name);
	c->depth++;
	len = c->where.len;
	buf_addf(&c->where, "%s/", name);
	if (copy_entries(c, in, out, e) < 0)
		return -1;
	c->where.len = len;
	c->where.data[len] = '\0';
	c->depth--;
	return dress(c, in, out, st, 03777, e);
}

static int
copy_one(struct copy *c, int from, int to, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISDIR(st.st_mode)) {
		int rc = copy_name(c, to, name, &st, e);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		note_name(c, name, &st);
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(c, from, to, name, &st, e);
	case S_IFDIR:
		return copy_sub(c, from, to, name, &st, e);
	case S_IFLNK:
		return copy_link(c, from, to, name, &st, e);
	case S_IFIFO:
	case S_IFSOCK:
		return copy_node(c, to, name, &st, e);
	default:
		return 0; /* no step can make a device */
	}
}

static int
copy_entries(struct copy *c, int from, int to, struct err *e)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (!dir) {
		err_sys(e, "read a folder");
		fd_closep(&fd);
		return -1;
	}
	while (rc == 0 && (d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			rc = copy_one(c, from, to, d->d_name, e);
	closedir(dir);
	return rc;
}

int
copy_folder(int from, int to, uid_t uid, gid_t gid, struct err *e)
{
	struct copy c = {
		.uid = uid,
		.gid = gid,
		.chown = geteuid() == 0,
		.top_fd = to,
		.where = BUF_INIT,
	};
	int rc = copy_entries(&c, from, to, e);

	for (size_t i = 0; i < c.linked_len; i++)
		free(c.linked[i].path);
	free(c.linked);
	buf_release(&c.where);
	return rc;
}

int
copy_dress(int from, int to, struct err *e)
{
	struct stat st;
	struct timespec times[2];

	if (fstat(from, &st) < 0)
		return err_sys(e, "stat");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (fchmod(to, st.st_mode & 07777) < 0)
		return err_sys(e, "chmod");
	if (futimens(to, times) < 0)
		return err_sys(e, "set the time");
	return 0;
}
