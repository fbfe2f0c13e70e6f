/* SPDX-License-Identifier: MIT */
/*
 * A helper: a function of ours run in a child with fewer rights, watched by
 * the clock.  It guards us against what the function reads (a repository, a
 * workflow file, a remote that stalls), not against our own code.
 */
#include "base/base.h"
#include "base/clock.h"
#include "box/box.h"
#include "box/drop.h"
#include "box/landlock.h"
#include "box/sys.h"
#include "os/fd.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HELP_CHUNK 65536
#define HELP_BAD 125 /* exit status: could not be confined */

struct helper {
	pid_t pid;
	int pidfd, out;
	int64_t deadline; /* on the boot clock, 0: none */
	int64_t idle;     /* the same, moved by each byte */
	bool exited;
};

static int
confine(const struct box_helper *h, struct err *e)
{
	static const char *const nothing[] = { NULL };
	uint64_t keep = h->keep_read ? UINT64_C(1) << CAP_DAC_READ_SEARCH : 0;

	if (h->memory_bytes &&
		drop_limit(RLIMIT_AS, "AS", h->memory_bytes, e) < 0)
		return -1;
	if (h->drop) {
		/* With the fixup access(2), by which libgit2 looks for
		 * files, would not count the capability. */
		if (keep && prctl(PR_SET_SECUREBITS,
				    SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP,
				    0, 0, 0) < 0)
			return err_sys(e, "keep a capability");
		if (geteuid() == 0 && (drop_bounding(e) < 0 ||
					      drop_user(h->uid, h->gid, e) < 0))
			return -1;
		if (drop_caps(geteuid() == h->uid && keep ? keep : 0, e) < 0)
			return -1;
	}
	if (drop_new_privs(e) < 0)
		return -1;
	if (!h->rw && !h->ro)
		return 0;
	return landlock_enter(
		landlock_abi(), h->rw ? h->rw : nothing, h->ro, e);
}

static void run_child(const struct box_helper *h, int out, box_helper_fn *fn,
	void *arg) __attribute__((noreturn));

static void
run_child(const struct box_helper *h, int out, box_helper_fn *fn, void *arg)
{
	struct err e;

	/* First of all the lease: while any copy of it is open, the worker
	 * counts as alive. */
	if (h->close_fd >= 0)
		close(h->close_fd);
	setpgid(0, 0);
	sys_reset_signals();
	if (confine(h, &e) < 0) {
		struct err ignored;

		fd_write_all(out, e.msg, strlen(e.msg), &ignored);
		_exit(HELP_BAD);
	}
	/* A change of user has taken this back. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGPIPE, SIG_DFL);
	_exit(fn(out, arg) & 0x7f);
}

static void
end_helper(struct helper *p, int *ret_status)
{
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	fd_closep(&p->pidfd);
	fd_closep(&p->out);
}

/* How long poll may wait; 0 when a limit has passed. */
static int
time_left(const struct helper *p)
{
	int64_t until = INT64_MAX, left;

	if (p->deadline)
		until = p->deadline;
	if (p->idle)
		until = MIN(until, p->idle);
	if (until == INT64_MAX)
		return -1;
	left = until - clock_boot_ms();
	return left <= 0 ? 0 : (int)MIN(left, INT_MAX);
}

/* 1: more may come, 0: it is over, -1: error. */
static int
take_output(const struct box_helper *h, struct helper *p, struct buf *out,
	struct err *e)
{
	ssize_t n = read(p->out, buf_room(out, HELP_CHUNK), HELP_CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return !(p->exited && errno == EAGAIN);
	if (n < 0)
		return err_sys(e, "read from a helper");
	if (n == 0) {
		fd_closep(&p->out);
		return !p->exited;
	}
	buf_grown(out, (size_t)n);
	if (out->len > h->max)
		return err_set(e, ERR_PERM,
			"a helper wrote more than the %zu bytes that are "
			"allowed",
			h->max);
	if (h->idle_ms)
		p->idle = clock_boot_ms() + h->idle_ms;
	return 1;
}

static int
one_turn(const struct box_helper *h, struct helper *p, struct buf *out,
	struct err *e)
{
	struct pollfd f[3] = {
		{ .fd = p->out, .events = POLLIN },
		{ .fd = p->exited ? -1 : p->pidfd, .events = POLLIN },
		{ .fd = h->cancel_fd, .events = POLLIN },
	};
	int wait_ms = time_left(p);

	if (poll(f, ARRAY_LEN(f), p->exited ? 0 : wait_ms) < 0 &&
		errno != EINTR)
		return err_sys(e, "wait for a helper");
	if (f[2].revents)
		return err_set(e, ERR_CANCELED, "canceled");
	if (p->deadline && clock_boot_ms() >= p->deadline)
		return err_set(e, ERR_TEMP,
			"a helper took longer than %" PRId64 " ms",
			h->deadline_ms);
	if (f[1].revents) {
		/* What it left behind must not keep the pipe open. */
		p->exited = true;
		kill(-p->pid, SIGKILL);
	}
	if (p->out >= 0 && (f[0].revents || p->exited))
		return take_output(h, p, out, e);
	if (p->exited)
		return 0;
	if (wait_ms == 0)
		return err_set(e, ERR_TEMP,
			"nothing came from a helper for %" PRId64 " ms",
			h->idle_ms);
	return 1;
}

static int
judge(int status, struct buf *out, int *ret_status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e,
			WTERMSIG(status) == SIGKILL ? ERR_TEMP : ERR_PERM,
			"a helper was killed by signal %d (%s)",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == HELP_BAD)
		return err_set(e, ERR_PERM, "a helper could not start: %.900s",
			out->data);
	*ret_status = WEXITSTATUS(status);
	return 0;
}

int
box_help(const struct box_helper *h, box_helper_fn *fn, void *arg,
	struct buf *ret_out, int *ret_status, struct err *e)
{
	struct helper p = { .pidfd = -1 };
	int64_t now = clock_boot_ms();
	int pipefd[2], more = 1, status = 0;

	if (fd_pipe(pipefd, e) < 0)
		return -1;
	p.out = pipefd[0];
	p.deadline = h->deadline_ms ? now + h->deadline_ms : 0;
	p.idle = h->idle_ms ? now + h->idle_ms : 0;
	p.pid = fork();
	if (p.pid == 0) {
		close(pipefd[0]);
		run_child(h, pipefd[1], fn, arg);
	}
	close(pipefd[1]);
	if (p.pid < 0) {
		err_sys(e, "start a helper");
		fd_closep(&p.out);
		return -1;
	}
	setpgid(p.pid, p.pid);
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	if (p.pidfd < 0)
		more = err_sys(e, "watch a helper");
	if (more > 0 && fd_nonblock(p.out, e) < 0)
		more = -1;
	while (more > 0)
		more = one_turn(h, &p, ret_out, e);
	end_helper(&p, &status);
	return more < 0 ? -1 : judge(status, ret_out, ret_status, e);
}
