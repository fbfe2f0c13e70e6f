/* SPDX-License-Identifier: MIT */
/*
 * See init.h.  init is a copy of our own process that never execs, so it
 * holds what we had in memory: it is made undumpable before the step
 * exists, and nothing in the box may then look into it.
 */
#include "base/base.h"
#include "box/drop.h"
#include "box/init.h"
#include "box/net.h"
#include "box/root.h"
#include "box/sys.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

void
plan_fail(const struct plan *p, bool exec, const struct err *e)
{
	struct report r = { .exec = exec, .e = *e };

	/* Smaller than PIPE_BUF: written as a whole or not at all. */
	if (write(p->report, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(125);
}

static int
prepare(const struct plan *p, int *ret_proc, struct err *e)
{
	const struct box_host *h = p->host;

	/* Dies with our parent, whatever happens to that. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NAME, "tellus-init", 0, 0, 0);
	umask(022);
	if (!h->root) {
		/* An undumpable process may not write its own maps. */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		if (sys_map_ids(BOX_UID, h->build_uid, BOX_UID, h->build_gid,
			    e) < 0)
			return -1;
	}
	if (p->netns >= 0 && setns(p->netns, CLONE_NEWNET) < 0)
		return err_sys(e, "enter the network namespace");
	if (sethostname(BOX_HOSTNAME, strlen(BOX_HOSTNAME)) < 0)
		return err_sys(e, "set the host name");
	if (p->spec->net != BOX_NET_HOST && net_loopback_up(e) < 0)
		return -1;
	/* A session keyring of the box's own, not the one of our login. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return root_enter(p, ret_proc, e);
}

/* Waits until the parent has put us into the cgroup (and connected the
 * network): before this, nothing of the user's runs. */
static void
wait_go(const struct plan *p)
{
	char go;

	if (recv(p->ctl, &go, 1, 0) != 1)
		_exit(125);
	/* No earlier: the parent opens our namespaces by /proc until then. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* From now on a process like those of the step, only that it can not be
 * looked into and that kill(2) of the step's is ours. */
static int
lower_self(const struct plan *p, struct err *e)
{
	if (p->host->root &&
		drop_user(p->host->build_uid, p->host->build_gid, e) < 0)
		return -1;
	if (drop_caps(0, e) < 0 || drop_new_privs(e) < 0)
		return -1;
	/* Both are reset by a change of user. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

static void
reap_until(pid_t step, int ctl, const sigset_t *set)
{
	int status, signo;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != step)
				continue;
			send(ctl, &status, sizeof(status), MSG_NOSIGNAL);
			_exit(0);
		}
		if (sigwait(set, &signo) == 0 && signo == SIGTERM)
			kill(step, SIGTERM);
	}
}

void
init_run(const struct plan *p)
{
	int keep[] = { p->ctl, p->report, p->spec->out_fd, p->netns };
	struct err e = { 0 };
	sigset_t set;
	int proc;
	pid_t step;

	sys_close_except(keep, ARRAY_LEN(keep));
	/* A handler or an ignored SIGCHLD of our parent's must not act. */
	sys_reset_signals();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (prepare(p, &proc, &e) < 0)
		plan_fail(p, false, &e);
	wait_go(p);
	if (unshare(CLONE_NEWCGROUP) < 0) {
		err_sys(&e, "make a cgroup namespace");
		plan_fail(p, false, &e);
	}
	/* The box sees our /proc/1/cmdline, which names paths of the host. */
	memset(p->args, 0, p->args_len);
	step = sys_clone(0, NULL, -1);
	if (step < 0) {
		err_sys(&e, "start a process");
		plan_fail(p, false, &e);
	}
	if (!step)
		step_run(p, proc);
	if (lower_self(p, &e) < 0)
		plan_fail(p, false, &e);
	keep[1] = keep[2] = keep[3] = -1;
	sys_close_except(keep, ARRAY_LEN(keep));
	reap_until(step, p->ctl, &set);
	_exit(125);
}
