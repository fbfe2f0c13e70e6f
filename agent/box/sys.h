/* SPDX-License-Identifier: MIT */
/*
 * System calls and small helpers of the box that the C library does not
 * have.  All may be used between clone and exec.
 */
#ifndef BOX_SYS_H
#define BOX_SYS_H

#include "base/base.h"
#include "base/err.h"

/* clone3(2) without a stack of its own, as fork: 0 in the child.  cgroup is
 * a descriptor of a cgroup v2 folder, or -1. */
pid_t sys_clone(uint64_t flags, int *ret_pidfd, int cgroup);

int sys_pidfd_signal(int pidfd, int signo);

/* Closes every descriptor but those of keep (n of them, -1 is skipped). */
void sys_close_except(const int *keep, size_t n);

/* Writes text to a file that exists, in one call. */
int sys_put(int dirfd, const char *name, const char *text, struct err *e);

/* At most n - 1 bytes of a file, NUL-terminated; -1 and errno. */
ssize_t sys_get(int dirfd, const char *name, char *out, size_t n);

/* Maps the ids inside and outside of our new user namespace, one each. */
int sys_map_ids(uid_t in_uid, uid_t out_uid, gid_t in_gid, gid_t out_gid,
	struct err *e);

/* Default dispositions and an empty mask, as a new program expects. */
void sys_reset_signals(void);

#endif
