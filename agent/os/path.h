/* SPDX-License-Identifier: MIT */
/*
 * Files below a folder that we hold open.  Nothing here follows a symbolic
 * link, so that what a step or a repository left behind cannot lead us
 * elsewhere (openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS).
 */
#ifndef OS_PATH_H
#define OS_PATH_H

#include "base/base.h"
#include "base/err.h"
#include "base/strv.h"

/* A folder, O_PATH-less, close-on-exec.  dirfd may be AT_FDCWD, then path
 * may be absolute and is followed as usual. */
int path_open_dir(int dirfd, const char *path, struct err *e);

/* openat2 below dirfd, never through a link. */
int path_open_beneath(
	int dirfd, const char *path, int flags, mode_t mode, struct err *e);

/* mkdir -p of a relative path below dirfd; parts that are there stay as
 * they are.  New ones get exactly mode. */
int path_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e);

/* rm -rf of dirfd/name: iterative, any depth, never through links, chmods
 * folders that refuse.  Absent is success. */
int path_remove_tree(int dirfd, const char *name, struct err *e);

/* Bytes and inodes used below dirfd/name, not following links. */
int path_usage(int dirfd, const char *name, int64_t *ret_bytes,
	int64_t *ret_files, struct err *e);

/* The names in the folder dirfd/name but "." and "..", in no order; none
 * when it is absent. */
int path_names(
	int dirfd, const char *name, struct strv *ret, struct err *e);

/* Relative, no empty, "." or ".." part, no NUL: safe below a folder. */
bool path_is_clean(const char *path);

/* The path without links, "." and "..", of something that exists. */
char *path_real(const char *path, struct err *e);

#endif
