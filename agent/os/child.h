/* SPDX-License-Identifier: MIT */
/*
 * Child processes: started by posix_spawn (so that the cost does not grow
 * with our memory), watched by pidfd in the loop, stopped by signal.
 */
#ifndef OS_CHILD_H
#define OS_CHILD_H

#include "base/base.h"
#include "base/err.h"
#include "os/loop.h"

#define SPAWN_FDS_MAX 8

struct spawn {
	const char *path;
	char *const *argv;
	char *const *envp; /* NULL: an empty environment */
	/* The child's descriptor i is fd[i] of ours; -1: /dev/null.  Nothing
	 * else is inherited. */
	int fd[SPAWN_FDS_MAX];
	size_t nfds;
	bool new_session;
};

/* Reports a failing exec as the error.  *ret_pidfd is the caller's. */
int spawn_run(
	const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *e);

/* Called once, from the loop, after the process has been reaped. */
typedef void child_done_fn(pid_t pid, int wstatus, void *arg);

struct child;

/* Watches a child of ours until it ends; takes pidfd.  The returned handle
 * is valid until done has been called. */
struct child *child_watch(struct loop *l, pid_t pid, int pidfd,
	child_done_fn *done, void *arg, struct err *e);
/* Watches a process that is not our child (found again after a restart);
 * done gets wstatus -1.  Takes pidfd. */
struct child *child_watch_foreign(struct loop *l, pid_t pid, int pidfd,
	child_done_fn *done, void *arg, struct err *e);
int child_signal(const struct child *c, int signo); /* by pidfd */
/* Forgets the process without touching it; done is not called. */
void child_forget(struct child *c);

/* pidfd_open(2), when the process there started at start_time: -1 with
 * ERR_ABSENT when it is gone or another one. */
int pidfd_for(pid_t pid, uint64_t start_time, struct err *e);

/* Field 22 of /proc/PID/stat, in clock ticks since boot. */
int proc_start_time(pid_t pid, uint64_t *ret, struct err *e);

/* Is it stopped by a signal or a tracer (field 3 is T or t)? */
bool proc_is_stopped(pid_t pid);

/* /proc/sys/kernel/random/boot_id, 36 characters and a NUL. */
#define BOOT_ID_MAX 40
int proc_boot_id(char out[BOOT_ID_MAX], struct err *e);

#endif
