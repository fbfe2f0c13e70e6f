/* SPDX-License-Identifier: MIT */
/* See path.h. */
#include "base/base.h"
#include "os/fd.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int
path_open_dir(int dirfd, const char *path, struct err *e)
{
	int fd;

	if (dirfd != AT_FDCWD)
		return path_open_beneath(dirfd, path, O_DIRECTORY, 0, e);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return fd;
}

int
path_open_beneath(
	int dirfd, const char *path, int flags, mode_t mode, struct err *e)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return fd;
}

bool
path_is_clean(const char *path)
{
	if (!*path || *path == '/')
		return false;
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!n || (n == 1 && path[0] == '.') ||
			(n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

int
path_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e)
{
	AUTO(freep) char *part = xstrdup(path);

	if (!path_is_clean(path))
		return err_set(e, ERR_PERM, "'%s' is not a clean path", path);
	for (char *at = part;; at++) {
		char *slash = strchr(at, '/');

		if (slash)
			*slash = '\0';
		if (mkdirat(dirfd, part, mode) < 0) {
			if (errno != EEXIST)
				return err_sys(e, "mkdir '%s'", part);
		} else if (fchmodat(dirfd, part, mode, 0) < 0) {
			return err_sys(e, "chmod '%s'", part);
		}
		if (!slash)
			return 0;
		*slash = '/';
		at = slash;
	}
}

char *
path_real(const char *path, struct err *e)
{
	char *real = realpath(path, NULL);

	if (!real)
		err_sys(e, "'%s'", path);
	return real;
}

/*
 * One open folder per level would run out of descriptors in a deep tree, so
 * the walk holds two: it moves every sub-folder of the folder at hand up
 * beside it (a rename within one file system) and so makes the tree flat.
 */
static int
open_forced(int dirfd, const char *name, struct err *e)
{
	int fd = openat(
		dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	fchmod(fd, 0700);
	return fd;
}

static int
empty_dir(int top, const char *name, unsigned long *counter, struct err *e)
{
	int fd = open_forced(top, name, e);
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "read '%s'", name);
	}
	while (rc == 0 && (d = readdir(dir))) {
		char up[64];

		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		if (unlinkat(fd, d->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			rc = err_sys(e, "remove '%s'", d->d_name);
			break;
		}
		if (unlinkat(fd, d->d_name, AT_REMOVEDIR) == 0)
			continue;
		snprintf(up, sizeof(up), ".rm.%d.%lu", (int)getpid(),
			(*counter)++);
		fchmodat(fd, d->d_name, 0700, 0);
		if (renameat(fd, d->d_name, top, up) < 0)
			rc = err_sys(e, "remove '%s'", d->d_name);
	}
	closedir(dir);
	return rc;
}

static int
next_moved(int top, char *name, size_t len)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char mine[32];
	struct dirent *d;
	int found = 0;
	DIR *dir;

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	snprintf(mine, sizeof(mine), ".rm.%d.", (int)getpid());
	while (!found && (d = readdir(dir)))
		if (str_starts(d->d_name, mine)) {
			snprintf(name, len, "%s", d->d_name);
			found = 1;
		}
	closedir(dir);
	return found;
}

int
path_remove_tree(int dirfd, const char *name, struct err *e)
{
	unsigned long counter = 0, done = 0;
	char moved[NAME_MAX + 1];
	AUTO(freep) char *parent = NULL;
	const char *slash = strrchr(name, '/'), *leaf = name;
	AUTO(fd_closep) int top = -1;

	if (slash) {
		parent = xstrndup(name, (size_t)(slash - name));
		leaf = slash + 1;
	}
	top = openat(dirfd, parent ? (*parent ? parent : "/") : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", name);
	if (unlinkat(top, leaf, 0) == 0 || errno == ENOENT)
		return 0;
	if (unlinkat(top, leaf, AT_REMOVEDIR) == 0)
		return 0;
	if (empty_dir(top, leaf, &counter, e) < 0)
		return -1;
	if (unlinkat(top, leaf, AT_REMOVEDIR) < 0)
		return err_sys(e, "remove '%s'", name);
	while (done < counter && next_moved(top, moved, sizeof(moved))) {
		if (empty_dir(top, moved, &counter, e) < 0)
			return -1;
		if (unlinkat(top, moved, AT_REMOVEDIR) < 0)
			return err_sys(e, "remove '%s'", moved);
		done++;
	}
	return 0;
}

static int
usage_in(int fd, unsigned int depth, int64_t *bytes, int64_t *files)
{
	struct dirent *d;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return -1;
	}
	while ((d = readdir(dir))) {
		struct stat st;
		int sub;

		if (str_eq(d->d_name, ".") || str_eq(d->d_name, "..") ||
			fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*bytes += (int64_t)st.st_blocks * 512;
		(*files)++;
		if (!S_ISDIR(st.st_mode) || depth >= 128)
			continue;
		sub = openat(fd, d->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			usage_in(sub, depth + 1, bytes, files);
	}
	closedir(dir);
	return 0;
}

int
path_usage(int dirfd, const char *name, int64_t *ret_bytes, int64_t *ret_files,
	struct err *e)
{
	int fd = openat(
		dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret_bytes = *ret_files = 0;
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (usage_in(fd, 0, ret_bytes, ret_files) < 0)
		return err_sys(e, "read '%s'", name);
	return 0;
}

int
path_names(int dirfd, const char *name, struct strv *ret, struct err *e)
{
	int fd = path_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0, e);
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return e->code == ERR_ABSENT ? 0 : -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "read '%s'", name);
	}
	while ((d = readdir(dir)))
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			strv_add(ret, d->d_name);
	closedir(dir);
	return 0;
}
