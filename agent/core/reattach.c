/* SPDX-License-Identifier: MIT */
/*
 * After a restart: which attempts still have their worker, and which are
 * lost.  A kernel lock decides, the lease, never a pid alone.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/fd.h"

#include <fcntl.h>

#define LEASE_POLL_MS 500 /* a lease whose holder cannot be watched */

static bool
lease_is_held(struct attempt *a)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	AUTO(fd_closep) int fd = -1;
	struct err e;

	core_attempt_path(a->live->id, a->job, a->number, &path);
	buf_addz(&path, "/lease");
	fd = openat(a->core->state_fd, path.data, O_RDWR | O_CLOEXEC);
	return fd >= 0 && fd_lock_held(fd, &e) == 1;
}

static void
poll_lease(void *arg)
{
	struct attempt *a = arg;

	if (lease_is_held(a))
		loop_timer_set(
			a->core->loop, &a->timer, LEASE_POLL_MS, poll_lease, a);
	else
		attempt_check(a);
}

bool
attempt_is_polled(const struct attempt *a)
{
	return a->timer.armed && a->timer.fn == poll_lease;
}

/* The process that holds the lease, watched by pidfd; when it cannot be
 * watched, the lease itself is looked at now and then. */
static void
find_worker(struct attempt *a, int64_t pid, int64_t start)
{
	struct worker *w;
	struct err e = { 0 };
	int pidfd = pidfd_for((pid_t)pid, (uint64_t)start, &e);

	w = pidfd < 0 ? NULL
		      : worker_found(a->core, (pid_t)pid, (uint64_t)start,
				pidfd, &e);
	if (!w) {
		loop_timer_set(
			a->core->loop, &a->timer, LEASE_POLL_MS, poll_lease, a);
		return;
	}
	w->attempt = a;
	a->worker = w;
	attempt_limit_time(a);
	log_line(LOG_NOTICE, "run %" PRIu64 " job %d: worker %d found again",
		a->live->id, a->job, (int)pid);
}

void
attempt_recover(struct live *l, int job)
{
	const struct run *r = l->run;
	const struct run_job *j = job < 0 ? NULL : &r->jobs[job];
	struct attempt *a =
		attempt_new(l, job, j ? j->attempt : r->plan_attempt);
	const char *boot = j ? j->boot : r->boot;
	struct err e = { 0 };

	snprintf(a->nonce, sizeof(a->nonce), "%s", j ? j->nonce : r->nonce);
	a->phase = ATTEMPT_GOING;
	a->undo = j && j->undoing;
	if (journal_spool_get(l->core->journal, l->id, job, a->number,
		    &a->offset, &e) < 0)
		log_line(LOG_ERROR, "run %" PRIu64 ": %s", l->id, e.msg);
	tail_open(a);
	a->rebooted = !str_eq(boot, l->core->boot);
	crash_point("attempt.recover");
	if (!a->rebooted && lease_is_held(a)) {
		find_worker(a, j ? j->pid : r->pid,
			j ? j->start_time : r->start_time);
		tail_read(a);
		return;
	}
	attempt_check(a);
}
