/* SPDX-License-Identifier: MIT */
/* See child.h. */
#include "base/base.h"
#include "os/child.h"
#include "os/fd.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int
set_up(const struct spawn *s, posix_spawn_file_actions_t *fa,
	posix_spawnattr_t *at)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, all;
	int rc = 0;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	if (s->new_session)
		flags |= POSIX_SPAWN_SETSID;
	rc |= posix_spawnattr_setflags(at, flags);
	rc |= posix_spawnattr_setsigmask(at, &none);
	rc |= posix_spawnattr_setsigdefault(at, &all);
	for (size_t i = 0; i < s->nfds; i++) {
		int to = (int)i;

		if (s->fd[i] < 0)
			rc |= posix_spawn_file_actions_addopen(
				fa, to, "/dev/null", O_RDWR, 0);
		else
			rc |= posix_spawn_file_actions_adddup2(
				fa, s->fd[i], to);
	}
	rc |= posix_spawn_file_actions_addclosefrom_np(fa, (int)s->nfds);
	return rc;
}

/*
 * A source below nfds could be overwritten by an earlier dup2, so all are
 * first moved above.
 */
static int
lift(const struct spawn *s, struct spawn *up, struct err *e)
{
	*up = *s;
	for (size_t i = 0; i < s->nfds; i++) {
		if (s->fd[i] < 0)
			continue;
		up->fd[i] = fcntl(s->fd[i], F_DUPFD_CLOEXEC, SPAWN_FDS_MAX);
		if (up->fd[i] < 0) {
			err_sys(e, "duplicate a descriptor");
			while (i--)
				fd_closep(&up->fd[i]);
			return -1;
		}
	}
	return 0;
}

int
spawn_run(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	char *const none[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	struct spawn up;
	pid_t pid;
	int rc;

	if (lift(s, &up, e) < 0)
		return -1;
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	rc = set_up(&up, &fa, &at);
	if (!rc)
		rc = posix_spawn(&pid, s->path, &fa, &at, s->argv,
			s->envp ? s->envp : none);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	for (size_t i = 0; i < up.nfds; i++)
		fd_closep(&up.fd[i]);
	if (rc) {
		errno = rc;
		return err_sys(e, "start '%s'", s->path);
	}
	*ret_pid = pid;
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd < 0) {
		err_sys(e, "pidfd_open");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	return 0;
}

struct child {
	struct loop *loop;
	pid_t pid;
	int pidfd;
	bool foreign;
	child_done_fn *done;
	void *arg;
};

static void
ended(int fd UNUSED, uint32_t events UNUSED, void *arg)
{
	struct child *c = arg;
	child_done_fn *done = c->done;
	void *done_arg = c->arg;
	pid_t pid = c->pid;
	int wstatus = -1;

	if (!c->foreign && waitpid(pid, &wstatus, WNOHANG) == 0)
		return;
	child_forget(c);
	done(pid, wstatus, done_arg);
}

static struct child *
watch(struct loop *l, pid_t pid, int pidfd, bool foreign, child_done_fn *done,
	void *arg, struct err *e)
{
	struct child *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->pid = pid;
	c->pidfd = pidfd;
	c->foreign = foreign;
	c->done = done;
	c->arg = arg;
	if (loop_add(l, pidfd, EPOLLIN, ended, c, e) < 0) {
		close(pidfd);
		free(c);
		return NULL;
	}
	return c;
}

struct child *
child_watch(struct loop *l, pid_t pid, int pidfd, child_done_fn *done,
	void *arg, struct err *e)
{
	return watch(l, pid, pidfd, false, done, arg, e);
}

struct child *
child_watch_foreign(struct loop *l, pid_t pid, int pidfd, child_done_fn *done,
	void *arg, struct err *e)
{
	return watch(l, pid, pidfd, true, done, arg, e);
}

int
child_signal(const struct child *c, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, c->pidfd, signo, NULL, 0);
}

void
child_forget(struct child *c)
{
	if (!c)
		return;
	loop_del(c->loop, c->pidfd);
	fd_closep(&c->pidfd);
	free(c);
}

int
proc_start_time(pid_t pid, uint64_t *ret, struct err *e)
{
	AUTO(freep) char *text = NULL;
	unsigned long long v;
	char path[64], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_slurp_at(AT_FDCWD, path, 4096, &text, NULL, e) < 0)
		return -1;
	/* The name may hold spaces and brackets: start after the last ')'. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &v) != 1)
		return err_set(e, ERR_PERM, "'%s' cannot be read", path);
	*ret = v;
	return 0;
}

bool
proc_is_stopped(pid_t pid)
{
	AUTO(freep) char *text = NULL;
	char path[64], *at;
	struct err e;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_slurp_at(AT_FDCWD, path, 4096, &text, NULL, &e) < 0)
		return false;
	at = strrchr(text, ')');
	return at && at[1] == ' ' && (at[2] == 'T' || at[2] == 't');
}

int
pidfd_for(pid_t pid, uint64_t start_time, struct err *e)
{
	AUTO(fd_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t now;

	if (fd < 0)
		return err_sys(e, "process %d", (int)pid);
	/* Read after the pidfd is held, so that the pid cannot be reused
	 * between the check and the use. */
	if (proc_start_time(pid, &now, e) < 0)
		return -1;
	if (now != start_time)
		return err_set(e, ERR_ABSENT, "process %d is another one now",
			(int)pid);
	return STEAL_FD(fd);
}

int
proc_boot_id(char out[BOOT_ID_MAX], struct err *e)
{
	AUTO(freep) char *text = NULL;

#ifdef ENABLE_CRASH_POINTS
	if (getenv("TELLUS_BOOT_ID")) {
		snprintf(out, BOOT_ID_MAX, "%s", getenv("TELLUS_BOOT_ID"));
		return 0;
	}
#endif
	if (fd_slurp_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text,
		    NULL, e) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	snprintf(out, BOOT_ID_MAX, "%s", text);
	return 0;
}
