/* SPDX-License-Identifier: MIT */
/*
 * See worker.h.  A failure of a step or of the plan is an event and ends
 * the attempt in order; only a failure to record that makes the worker exit
 * with a status of its own, and tellusd then finds an attempt without an
 * end.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/path.h"
#include "store/spool.h"
#include "work/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define WORKER_NICE 5 /* and so of the steps */
/* After planning: how long the first job's assignment may take. */
#define NEXT_ASSIGNMENT_MS 10000
#define EXIT_WORKER 70

static int
start(struct worker *w, int control_fd, struct err *e)
{
	sigset_t set;

	memset(w, 0, sizeof(*w));
	w->control_fd = control_fd;
	w->state_fd = w->attempt_fd = w->lease_fd = w->events_fd = -1;
	w->spec.job = -1;
	signal(SIGPIPE, SIG_IGN);
	/* Whatever a step does, the agent goes on answering. */
	if (setpriority(PRIO_PROCESS, 0, WORKER_NICE) < 0)
		log_line(LOG_DEBUG, "setpriority: %s", strerror(errno));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "sigprocmask");
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signal_fd < 0)
		return err_sys(e, "signalfd");
	if (fcntl(control_fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, "control socket (descriptor %d)", control_fd);
	return 0;
}

void
worker_release(struct worker *w)
{
	spec_release(&w->spec);
	fd_closep(&w->events_fd);
	fd_closep(&w->attempt_fd);
	fd_closep(&w->state_fd);
	freep(&w->attempt_path);
	freep(&w->state_path);
	/* Last: whoever finds the lease free may count on the rest. */
	fd_closep(&w->lease_fd);
}

int
worker_prepare(struct worker *w, struct err *e)
{
	const json_t *host = jget_obj(w->spec.json, "host");
	struct box_conf c = {
		.build_user = jget_str(host, "build_user"),
		.weak = str_eq(jget_str(host, "sandbox"), "weak"),
		.probe_dir = w->state_path,
	};

	if (!w->probed && box_probe(&w->host, &c, e) < 0)
		return -1;
	w->probed = true;
	return 0;
}

static int
open_events(struct worker *w, struct err *e)
{
	w->events_fd = openat(w->attempt_fd, "events",
		O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->events_fd < 0)
		return err_sys(e, "open 'events'");
	return 0;
}

int
worker_emit(struct worker *w, enum event_kind kind, int step, json_t *data,
	bool sync, struct err *e)
{
	struct event ev;
	int rc;

	event_init(&ev, kind);
	if (ev.data)
		json_decref(ev.data);
	ev.data = data;
	ev.time_ms = clock_wall_ms();
	ev.job = w->spec.job;
	ev.step = step;
	ev.attempt = w->spec.attempt;
	ev.nonce = xstrdup(w->spec.nonce);
	rc = spool_append(w->events_fd, &ev, sync, e);
	event_release(&ev);
	return rc < 0 ? err_wrap(e, "events") : 0;
}

int
worker_box_name(const struct worker *w, int attempt, size_t step,
	struct buf *out, struct err *e)
{
	struct stat st;

	if (fstat(w->state_fd, &st) < 0)
		return err_sys(e, "'%s'", w->state_path);
	buf_addf(out, "%jx-%ju-%" PRIu64 ".%d.%d.%zu", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino, w->spec.run, w->spec.job, attempt, step);
	return 0;
}

const char *
worker_kind(const struct worker *w)
{
	return w->host.userxattr ? "user" : "root";
}

int
worker_give(const struct worker *w, int dirfd, const char *name, struct err *e)
{
	if (!w->host.root)
		return 0;
	if (fchownat(dirfd, name, w->host.build_uid, w->host.build_gid,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "chown '%s'", name);
	return 0;
}

int
worker_folder(const struct worker *w, int dirfd, const char *name, mode_t mode,
	uid_t uid, gid_t gid, struct err *e)
{
	AUTO(fd_closep) int fd = -1;
	struct stat st;

	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir '%s'", name);
	fd = openat(
		dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (w->host.root && (st.st_uid != uid || st.st_gid != gid) &&
		fchown(fd, uid, gid) < 0)
		return err_sys(e, "chown '%s'", name);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return err_sys(e, "chmod '%s'", name);
	return STEAL_FD(fd);
}

static int
run_attempts(struct worker *w, struct err *e)
{
	bool planned = false;
	int rc = control_accept(w, -1, e);

	if (rc <= 0)
		return rc;
	if (open_events(w, e) < 0)
		return -1;
	if (!w->spec.is_plan)
		return job_attempt(w, e);
	if (plan_attempt(w, &planned, e) < 0)
		return -1;
	worker_release(w);
	if (!planned || worker_terms(w))
		return 0;
	rc = control_accept(w, NEXT_ASSIGNMENT_MS, e);
	if (rc <= 0)
		return rc;
	if (w->spec.is_plan)
		return err_set(e, ERR_PERM, "expected a job's assignment");
	return open_events(w, e) < 0 ? -1 : job_attempt(w, e);
}

int
worker_main(int control_fd)
{
	struct worker w;
	struct err e;
	int rc;

	if (start(&w, control_fd, &e) < 0) {
		log_line(LOG_ERROR, "%s", e.msg);
		return EXIT_WORKER;
	}
	rc = run_attempts(&w, &e);
	if (rc < 0)
		log_line(LOG_ERROR, "%s: %s",
			w.attempt_path ? w.attempt_path : "worker", e.msg);
	worker_release(&w);
	fd_closep(&w.signal_fd);
	return rc < 0 ? EXIT_WORKER : 0;
}
