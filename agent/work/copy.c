/* SPDX-License-Identifier: MIT */
/* See copy.h.  One descriptor pair per level, so the depth is bounded. */
#include "base/base.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define COPY_DEPTH_MAX 256
#define COPY_BYTES (64 << 10)

struct copy {
	uid_t uid;
	gid_t gid;
	bool chown;
	unsigned int depth;
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

/* Owner, permissions and times of an open copy, in this order: a chown
 * takes permission bits away, and everything sets the time. */
static int
dress(const struct copy *c, int fd, const struct stat *st, mode_t mask,
	struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (c->chown && fchown(fd, c->uid, c->gid) < 0)
		return err_sys(e, "chown");
	if (fchmod(fd, st->st_mode & mask) < 0)
		return err_sys(e, "chmod");
	if (futimens(fd, times) < 0)
		return err_sys(e, "set the time");
	return 0;
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
	if (copy_bytes(in, out, e) < 0 || dress(c, out, st, 0777, e) < 0)
		return err_wrap(e, "copy '%s'", name);
	return 0;
}

static int
copy_link(
	const struct copy *c, int from, int to, const char *name, struct err *e)
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
	if (c->chown &&
		fchownat(to, name, c->uid, c->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "chown '%s'", name);
	return 0;
}

static int
copy_sub(struct copy *c, int from, int to, const char *name,
	const struct stat *st, struct err *e)
{
	AUTO(fd_closep) int in = -1;
	AUTO(fd_closep) int out = -1;

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
	if (copy_entries(c, in, out, e) < 0)
		return -1;
	c->depth--;
	return dress(c, out, st, 01777, e);
}

static int
copy_one(struct copy *c, int from, int to, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", name);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(c, from, to, name, &st, e);
	case S_IFDIR:
		return copy_sub(c, from, to, name, &st, e);
	case S_IFLNK:
		return copy_link(c, from, to, name, e);
	case S_IFIFO:
		if (mkfifoat(to, name, st.st_mode & 0777) < 0 &&
			errno != EEXIST)
			return err_sys(e, "create '%s'", name);
		return 0;
	default:
		/* A socket of a process that is gone. */
		return 0;
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
	struct copy c = { .uid = uid, .gid = gid, .chown = geteuid() == 0 };

	return copy_entries(&c, from, to, e);
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
