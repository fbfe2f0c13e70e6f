/* SPDX-License-Identifier: MIT */
/*
 * Workers and what they work on: assigned through a socket, told to go
 * only when their start is in the journal, found again after a restart by
 * the lease that they hold.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/enc.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/random.h>

#define READY_MS 30000       /* from assignment to "ready" */
#define CANCEL_MS 330000     /* from TERM to KILL: "always" steps may run */
#define CANCEL_LOOK_MS 15000 /* ... and until it is seen to be stopped */
/* A worker ends by itself long before these; one that hangs does not. */
#define PLAN_MOST_MS 7200000
#define UNDO_MOST_MS 86400000
#define OVERTIME_MS 600000 /* beyond the job's own deadline */
#define LINGER_MS 15000    /* from its last event to the worker's end */
#define UNDONE_MS 1000     /* after a start that could not be committed */

void
core_attempt_path(uint64_t run, int job, int attempt, struct buf *out)
{
	if (job < 0)
		buf_addf(out, "runs/%" PRIu64 "/plan.%d", run, attempt);
	else
		buf_addf(out, "runs/%" PRIu64 "/%d.%d", run, job, attempt);
}

/* ---- deferred work finds its attempt again by name ---- */

struct attempt_ref {
	uint64_t run;
	int job, number;
	void (*fn)(struct attempt *a, bool committed);
};

static void
by_ref(struct core *c, bool committed, void *arg)
{
	struct attempt_ref *ref = arg;
	struct live *l = live_find(c, ref->run);
	struct attempt *a = l ? attempt_find(l, ref->job) : NULL;

	if (a && a->number == ref->number) {
		a->pending = false;
		ref->fn(a, committed);
	}
	free(ref);
}

void
attempt_defer(struct attempt *a, void (*fn)(struct attempt *a, bool committed))
{
	struct attempt_ref *ref = xmalloc(sizeof(*ref));

	*ref = (struct attempt_ref){ a->live->id, a->job, a->number, fn };
	a->pending = true;
	core_defer(a->core, by_ref, ref);
}

struct attempt *
attempt_find(struct live *l, int job)
{
	for (struct attempt *a = l->attempts; a; a = a->next)
		if (a->job == job)
			return a;
	return NULL;
}

void
attempt_free(struct attempt *a)
{
	struct attempt **at = &a->live->attempts;
	struct core *c = a->core;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	if (a->watch_events >= 0)
		watch_del(c->watches, a->watch_events);
	if (a->watch_output >= 0)
		watch_del(c->watches, a->watch_output);
	loop_timer_cancel(c->loop, &a->timer);
	fd_closep(&a->spool);
	fd_closep(&a->output);
	worker_release(a->worker);
	free(a);
	core_want_dispatch(c);
}

/* ---- the end of an attempt ---- */

void
attempt_check(struct attempt *a)
{
	tail_read(a);
	if (attempt_is_polled(a))
		return; /* somebody has the lease still */
	if (!a->worker && a->phase == ATTEMPT_GOING && !a->core->failed)
		attempt_lost(a);
}

/* Nothing ran: it is started again, a little later. */
static void
never_went(struct attempt *a)
{
	struct live *l = a->live;
	bool undone = a->undone;
	int job = a->job;
	struct err e;

	attempt_free(a);
	if (l->core->stopping)
		return;
	if (undone) {
		l->retry_at_ms = clock_boot_ms() + UNDONE_MS;
		dispatch_delayed(l);
		return;
	}
	err_set(&e, ERR_TEMP, "the worker ended before it was ready");
	dispatch_start_failed(l, job, &e);
}

void
attempt_worker_ended(struct attempt *a)
{
	if (a->pending)
		return; /* what becomes of it depends on the commit */
	if (a->phase == ATTEMPT_GOING)
		attempt_check(a);
	else if (a->phase == ATTEMPT_FINISHED)
		attempt_free(a);
	else
		never_went(a);
}

static void
kill_worker(void *arg)
{
	struct attempt *a = arg;

	if (a->worker && a->worker->child) {
		log_line(LOG_WARN,
			"run %" PRIu64 " job %d: worker killed, it "
			"did not answer in time",
			a->live->id, a->job);
		child_signal(a->worker->child, SIGKILL);
	}
}

/* A worker that was stopped or is traced does not hear that it should end. */
static void
cancel_look(void *arg)
{
	struct attempt *a = arg;

	if (a->worker && proc_is_stopped(a->worker->pid))
		kill_worker(a);
	else
		loop_timer_set(a->core->loop, &a->timer,
			CANCEL_MS - CANCEL_LOOK_MS, kill_worker, a);
}

void
attempt_cancel(struct attempt *a)
{
	/* What is being taken back is not left half way. */
	if (a->undo || a->term_sent || a->phase != ATTEMPT_GOING || !a->worker)
		return;
	a->term_sent = true;
	child_signal(a->worker->child, SIGTERM);
	loop_timer_set(
		a->core->loop, &a->timer, CANCEL_LOOK_MS, cancel_look, a);
}

/* ---- its start ---- */

/* The last resort against a worker that hangs. */
void
attempt_limit_time(struct attempt *a)
{
	int64_t ms = PLAN_MOST_MS;

	if (a->undo) {
		ms = UNDO_MOST_MS;
	} else if (a->job >= 0) {
		ms = job_timeout(a->live, a->job);
		if (!ms)
			return;
		ms += OVERTIME_MS;
	}
	loop_timer_set(a->core->loop, &a->timer, ms, kill_worker, a);
}

/* The worker sees the end of its socket: nothing ran. */
static void
take_back(struct attempt *a)
{
	a->phase = ATTEMPT_STARTING;
	a->undone = true;
	if (a->worker)
		worker_drop_control(a->worker);
	else
		never_went(a);
}

static void
go(struct attempt *a, bool committed)
{
	struct err e = { 0 };

	if (!committed) {
		take_back(a);
		return;
	}
	a->phase = ATTEMPT_GOING;
	loop_timer_cancel(a->core->loop, &a->timer);
	if (!a->worker) {
		attempt_check(a); /* it ended meanwhile: it is lost */
		return;
	}
	a->live->start_failures = 0;
	attempt_limit_time(a);
	crash_point("attempt.before-go");
	if (fd_send(a->worker->control, "go", 2, -1, &e) < 0)
		log_line(LOG_WARN, "run %" PRIu64 ": %s", a->live->id, e.msg);
	crash_point("attempt.after-go");
	if (watchers_any(a->core, a->live->id))
		attempt_watch_output(a);
	if (a->live->run->cancel_wanted)
		attempt_cancel(a); /* it came while this one started */
}

void
attempt_ready(struct attempt *a)
{
	struct core *c = a->core;
	struct event ev;

	event_init(&ev, a->job < 0 ? EV_PLANNING
			: a->undo  ? EV_UNDOING
				   : EV_STARTED);
	ev.job = a->job;
	ev.attempt = a->number;
	jset_str(ev.data, "nonce", a->nonce);
	jset_int(ev.data, "pid", a->worker->pid);
	jset_int(ev.data, "start", (int64_t)a->worker->start_time);
	jset_str(ev.data, "boot", c->boot);
	jset_int(ev.data, "epoch", (int64_t)c->epoch);
	a->phase = ATTEMPT_READY;
	crash_point("attempt.ready");
	if (core_event(a->live, &ev) < 0 && !c->failed)
		take_back(a); /* refused: it must not run */
	else
		attempt_defer(a, go);
}

/* The attempt's folder with spec.json, an empty spool and the lease, which
 * is returned, locked. */
static int
make_folder(struct attempt *a, const char *path, struct err *e)
{
	AUTO(buf_release) struct buf spec = BUF_INIT;
	AUTO(fd_closep) int dir = -1, fd = -1, lease = -1;
	struct core *c = a->core;

	if (spec_write(a, &spec, e) < 0)
		return -1;
	/* What is there was never journalled: nothing of it ran. */
	if (path_remove_tree(c->state_fd, path, e) < 0 ||
		path_mkdirs(c->state_fd, path, 0711, e) < 0)
		return err_wrap(e, "the attempt's folder");
	dir = path_open_dir(c->state_fd, path, e);
	if (dir < 0)
		return -1;
	crash_point("attempt.folder");
	fd = openat(dir, "spec.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create '%s/spec.json'", path);
	if (fd_write_all(fd, spec.data, spec.len, e) < 0)
		return err_wrap(e, "'%s/spec.json'", path);
	a->spool = openat(dir, "events", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->spool < 0)
		return err_sys(e, "create '%s/events'", path);
	/* Followers may come before the first byte does. */
	if (a->job >= 0)
		close(openat(dir, "output",
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	lease = openat(dir, "lease", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lease < 0)
		return err_sys(e, "create '%s/lease'", path);
	crash_point("attempt.spec-written");
	if (fd_lock(lease, e) != 0)
		return err_set(e, ERR_TEMP, "'%s/lease' is locked", path);
	return STEAL_FD(lease);
}

struct attempt *
attempt_new(struct live *l, int job, int number)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	a->core = l->core;
	a->live = l;
	l->ran = true;
	a->job = job;
	a->number = number;
	a->spool = a->output = -1;
	a->watch_events = a->watch_output = -1;
	a->next = l->attempts;
	l->attempts = a;
	return a;
}

static int
assign(struct attempt *a, struct worker *w, struct err *e)
{
	AUTO(buf_release) struct buf path = BUF_INIT, msg = BUF_INIT;
	AUTO(fd_closep) int lease = -1;
	unsigned char raw[16];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "getrandom");
	hex_put(a->nonce, raw, sizeof(raw));
	core_attempt_path(a->live->id, a->job, a->number, &path);
	lease = make_folder(a, path.data, e);
	if (lease < 0)
		return -1;
	tail_open(a);
	if (!w && worker_spawn(a->core, path.data, &w, e) < 0)
		return -1;
	a->worker = w;
	w->attempt = a;
	buf_addf(&msg, "%s\n%s", a->core->conf->conf.state, path.data);
	crash_point("attempt.before-assign");
	if (fd_send(w->control, msg.data, msg.len, lease, e) < 0) {
		e->code = ERR_TEMP; /* it has ended: another one is started */
		return err_wrap(e, "give the worker its job");
	}
	crash_point("attempt.assigned");
	loop_timer_set(a->core->loop, &a->timer, READY_MS, kill_worker, a);
	return 0;
}

int
attempt_start(struct live *l, int job, struct worker *w, struct err *e)
{
	int number =
		(job < 0 ? l->run->plan_attempt : l->run->jobs[job].attempt) +
		1;
	struct attempt *a = attempt_new(l, job, number);

	a->undo = job >= 0 && run_state_is_final(l->run->jobs[job].state);
	if (assign(a, w, e) == 0)
		return 0;
	if (w && !a->worker)
		worker_release(w);
	attempt_free(a);
	return -1;
}

/* ---- the end that its spool told of ---- */

static void
finished(struct attempt *a, bool committed)
{
	struct worker *w = a->worker;
	struct core *c = a->core;

	if (!committed) {
		a->phase = ATTEMPT_GOING;
		return;
	}
	crash_point("attempt.finished");
	/* A planner that can still be spoken to may take the first job. */
	if (w && a->job < 0 && w->control >= 0 && !a->live->idle &&
		!run_state_is_final(a->live->run->state)) {
		a->live->idle = w;
		w->attempt = NULL;
		a->worker = NULL;
	}
	if (!a->worker || a->job < 0)
		attempt_free(a);
	else
		loop_timer_set(
			a->core->loop, &a->timer, LINGER_MS, kill_worker, a);
	core_want_dispatch(c);
}

void
attempt_done(struct attempt *a)
{
	a->phase = ATTEMPT_FINISHED;
	attempt_defer(a, finished);
}
