/* SPDX-License-Identifier: MIT */
/* See mounts.h.  The calls of Linux 5.2, and mount_setattr(2) of 5.12. */
#include "base/base.h"
#include "box/mounts.h"

#include <fcntl.h>

static int
keep_errno_close(int fd)
{
	int sys = errno;

	close(fd);
	errno = sys;
	return -1;
}

static int
configure(int fs, const char *const *options)
{
	for (; *options; options += 2) {
		bool flag = !options[1][0];

		if (fsconfig(fs, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
			    options[0], flag ? NULL : options[1], 0) < 0)
			return -1;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int
mount_new(const char *type, const char *const *options, uint64_t attrs,
	struct err *e)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return err_sys(e, "open the file system '%s'", type);
	fd = configure(fs, options);
	if (fd == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attrs);
	keep_errno_close(fs);
	if (fd < 0)
		return err_sys(e, "make a file system '%s'", type);
	return fd;
}

int
mount_attach(int fd, int dirfd, const char *name, struct err *e)
{
	if (move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "mount at '%s'", name);
	return 0;
}

int
mount_fs(int dirfd, const char *name, const char *type,
	const char *const *options, uint64_t attrs, struct err *e)
{
	int fd = mount_new(type, options, attrs, e);
	int r;

	if (fd < 0)
		return -1;
	r = mount_attach(fd, dirfd, name, e);
	close(fd);
	return r;
}

int
mount_bind(int from_dir, const char *from, int dirfd, const char *name,
	uint64_t attrs, struct err *e)
{
	struct mount_attr set = { .attr_set = attrs };
	int fd = open_tree(from_dir, from,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
			AT_EMPTY_PATH);

	if (fd < 0)
		return err_sys(e, "take '%s'", from);
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &set,
		    sizeof(set)) < 0) {
		keep_errno_close(fd);
		return err_sys(e, "restrict '%s'", from);
	}
	if (move_mount(fd, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
		keep_errno_close(fd);
		return err_sys(e, "show '%s' at '%s'", from, name);
	}
	close(fd);
	return 0;
}

int
mount_freeze(int fd, struct err *e)
{
	struct mount_attr set = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mount_setattr(fd, "", AT_EMPTY_PATH, &set, sizeof(set)) < 0)
		return err_sys(e, "make the root read-only");
	return 0;
}
