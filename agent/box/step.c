/* SPDX-License-Identifier: MIT */
/*
 * The step's own process, from fork to exec: gives up everything, in an
 * order in which each piece is still allowed to do what it must.  See
 * init.h.
 */
#include "base/base.h"
#include "box/drop.h"
#include "box/init.h"
#include "box/landlock.h"
#include "box/seccomp.h"
#include "box/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define BOX_NOFILE 4096

/* The first to go when the machine runs out of memory. */
#define BOX_OOM_SCORE "300"

static const char *const writable[] = {
	BOX_WORKSPACE,
	BOX_HOME,
	"/tmp",
	BOX_CMD,
	"/dev",
	"/proc",
	NULL,
};

/* 0 is /dev/null, 1 and 2 the output; the report stays, close-on-exec. */
static int
arrange_fds(const struct plan *p, int *ret_report, int *ret_proc, int proc,
	struct err *e)
{
	int report = fcntl(p->report, F_DUPFD_CLOEXEC, 3);
	int procfd = fcntl(proc, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(p->spec->out_fd, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int keep[] = { 0, 1, 2, report, procfd };

	if (report < 0 || procfd < 0 || out < 0 || null < 0)
		return err_sys(e, "arrange the descriptors");
	if (null == 0)
		fcntl(0, F_SETFD, 0);
	else if (dup2(null, 0) < 0)
		return err_sys(e, "arrange the descriptors");
	if (dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return err_sys(e, "arrange the descriptors");
	sys_close_except(keep, ARRAY_LEN(keep));
	*ret_report = report;
	*ret_proc = procfd;
	return 0;
}

/*
 * Where no cgroup does it, limits that hold for each process (memory: its
 * private writable pages) or for the box's user namespace (processes).
 */
static int
set_limits(const struct plan *p, struct err *e)
{
	const struct box_limits *l = &p->spec->limits;
	const struct {
		int resource;
		const char *name;
		int64_t value;
		bool wanted;
	} rows[] = {
		{ RLIMIT_NOFILE, "NOFILE", BOX_NOFILE, true },
		{ RLIMIT_CORE, "CORE", 0, true },
		{ RLIMIT_FSIZE, "FSIZE", l->file_bytes, l->file_bytes > 0 },
		{ RLIMIT_DATA, "DATA", l->memory_bytes,
			l->memory_bytes > 0 && !p->host->cg_memory },
		{ RLIMIT_NPROC, "NPROC", l->pids,
			l->pids > 0 && !p->host->cg_pids },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].wanted && drop_limit(rows[i].resource, rows[i].name,
					      rows[i].value, e) < 0)
			return -1;
	return 0;
}

/*
 * A user namespace below the one that owns the mounts: what we are in it,
 * even with all its capabilities, is nobody to the rest of the box.  In it
 * no further one can be made.
 */
static int
enter_userns(const struct plan *p, int proc, struct err *e)
{
	const struct box_host *h = p->host;

	/* As root, if we are: then the step may not lower it again. */
	if (h->root && (sys_put(AT_FDCWD, "/proc/self/oom_score_adj",
				BOX_OOM_SCORE, e) < 0 ||
			       drop_user(h->build_uid, h->build_gid, e) < 0))
		return -1;
	/* The change of user took the right to our own /proc files. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (!h->root && sys_put(AT_FDCWD, "/proc/self/oom_score_adj",
				BOX_OOM_SCORE, e) < 0)
		return -1;
	if (!h->userns)
		return 0; /* weak: we stay the build user by number, too */
	if (unshare(CLONE_NEWUSER) < 0)
		return err_sys(e, "make the inner user namespace");
	if (sys_map_ids(BOX_UID, h->root ? h->build_uid : BOX_UID, BOX_UID,
		    h->root ? h->build_gid : BOX_UID, e) < 0)
		return -1;
	/* Best effort: the system call filter forbids it anyway. */
	if (sys_put(proc, "sys/user/max_user_namespaces", "0", e) < 0)
		e->code = ERR_NONE;
	return drop_bounding(e);
}

static int
lock_down(const struct plan *p, int proc, struct err *e)
{
	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, "start a session");
	if (p->host->root && drop_bounding(e) < 0)
		return -1;
	/* In the namespace NPROC counts this box alone. */
	if (enter_userns(p, proc, e) < 0 || set_limits(p, e) < 0 ||
		drop_caps(0, e) < 0 || drop_new_privs(e) < 0)
		return -1;
	close(proc);
	if (chdir(p->cwd) < 0) {
		err_sys(e, "working directory '%s'", p->cwd);
		e->code = ERR_PERM;
		return -1;
	}
	if (landlock_enter(p->host->landlock_abi, writable, NULL, e) < 0)
		return -1;
	return p->filter ? seccomp_enter(p->filter, e) : 0;
}

/* The errno that a shell would judge by: 127 not found, 126 not runnable. */
static int
explain_exec(const char *path, struct err *e)
{
	struct stat st;
	int sys = errno;

	err_sys(e, "%s", path);
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
		e->sys = ENOENT;
		err_set(e, ERR_ABSENT,
			stat(path, &st) == 0 ? "%s: the interpreter that it "
					       "names was not found"
					     : "%s: not found",
			path);
		e->sys = ENOENT;
		break;
	case EACCES:
	case EPERM:
	case EISDIR:
		err_set(e, ERR_DENIED, "%s: permission denied", path);
		e->sys = EACCES;
		break;
	case ENOEXEC:
		err_set(e, ERR_DENIED, "%s: not a program for this machine",
			path);
		e->sys = EACCES;
		break;
	default:
		break;
	}
	return -1;
}

void
step_run(const struct plan *p, int proc)
{
	struct plan mine = *p;
	struct err e = { 0 };

	if (arrange_fds(p, &mine.report, &proc, proc, &e) < 0)
		plan_fail(p, false, &e);
	if (lock_down(&mine, proc, &e) < 0)
		plan_fail(&mine, false, &e);
	sys_reset_signals();
	execve(p->argv.v[0], p->argv.v, p->envp.v);
	explain_exec(p->argv.v[0], &e);
	plan_fail(&mine, true, &e);
}
