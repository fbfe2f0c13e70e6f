/* SPDX-License-Identifier: MIT */
/*
 * Mounts, one function each.  Everything is attached below a descriptor of
 * the new root, never by a path that could lead elsewhere.
 */
#ifndef BOX_MOUNTS_H
#define BOX_MOUNTS_H

#include "base/base.h"
#include "base/err.h"

#include <sys/mount.h>

#define MOUNT_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* A new file system of a kind, with options as name, value pairs ended by
 * NULL (value "" for a flag).  Returns a descriptor of it, not attached. */
int mount_new(const char *type, const char *const *options, uint64_t attrs,
	struct err *e);

/* Attaches a descriptor from mount_new at dirfd/name. */
int mount_attach(int fd, int dirfd, const char *name, struct err *e);

/* mount_new and mount_attach. */
int mount_fs(int dirfd, const char *name, const char *type,
	const char *const *options, uint64_t attrs, struct err *e);

/* Shows from_dir/from (with what is mounted below it) at dirfd/name, with
 * attrs added.  The message names from.  Absent: ERR_ABSENT. */
int mount_bind(int from_dir, const char *from, int dirfd, const char *name,
	uint64_t attrs, struct err *e);

/* Makes the mount that fd is the root of read-only; not those below. */
int mount_freeze(int fd, struct err *e);

#endif
