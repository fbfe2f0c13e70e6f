/* SPDX-License-Identifier: MIT */
/*
 * The queue: what may start now is started, what can no longer start is
 * skipped or canceled, and a run whose jobs are all final is finished.
 * Oldest run first; jobs within agent.jobs, planning within its own bound.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "core/room.h"
#include "model/expr.h"

#define PLANNERS_EXTRA 2 /* planning attempts beyond agent.jobs */
#define LOST_MAX 5       /* workers lost by one job before it is given up */
#define IDLE_LOST_MAX 20 /* those that had not begun anything */
#define START_FAILURES_MAX 5
#define START_RETRY_MS 500 /* doubled each time */

static struct slots
free_slots(const struct core *c)
{
	struct slots s = { c->conf->conf.jobs,
		c->conf->conf.jobs + PLANNERS_EXTRA };

	for (const struct live *l = c->lives; l; l = l->next)
		for (const struct attempt *a = l->attempts; a; a = a->next) {
			if (a->job >= 0)
				s.jobs--;
			else if (a->phase != ATTEMPT_FINISHED)
				s.planners--;
		}
	return s;
}

static void
finish_job(struct live *l, size_t job, enum run_state state, const char *class,
	const char *text, const char *suggestion)
{
	json_t *why = json_object();
	struct event ev;

	event_init(&ev, EV_JOB_FINISHED);
	ev.job = (int)job;
	jset_str(ev.data, "state", run_state_name(state));
	jset_str(why, "class", class);
	jset_str(why, "text", text);
	jset_str(why, "suggestion", suggestion);
	json_object_set_new(ev.data, "reason", why);
	crash_point("dispatch.finish-job");
	core_event(l, &ev);
}

void
core_wake(void *arg)
{
	core_want_dispatch(arg);
}

bool
dispatch_delayed(struct live *l)
{
	int64_t left = l->retry_at_ms - clock_boot_ms();
	struct loop_timer *t = &l->core->queue_timer;

	if (!l->retry_at_ms || left <= 0)
		return false;
	if (!t->armed || t->at_ms > l->retry_at_ms)
		loop_timer_set(l->core->loop, t, left, core_wake, l->core);
	return true;
}

/* Waits a little longer each time; false: it was tried often enough. */
static bool
start_later(struct live *l, const struct err *e)
{
	if (e->code == ERR_PERM)
		l->start_failures = START_FAILURES_MAX;
	if (++l->start_failures < START_FAILURES_MAX) {
		l->retry_at_ms = clock_boot_ms() +
				 ((int64_t)START_RETRY_MS << l->start_failures);
		dispatch_delayed(l);
		return true;
	}
	l->start_failures = 0;
	return false;
}

/* The undos of a run that cannot even be started are given up. */
static void
give_up_undo(struct live *l, const struct err *e)
{
	const struct reason *why;
	enum run_state to = run_verdict(l->run, &why);

	log_line(LOG_ERROR, "run %" PRIu64 ": its undos are given up: %s",
		l->id, e->msg);
	settle_finish(l, to == RUN_BAD_MOVE ? RUN_ERROR : to, why);
}

void
dispatch_start_failed(struct live *l, int job, const struct err *e)
{
	AUTO(freep)
	char *then = xasprintf(
		"see the agent's log, then: tellus retry %" PRIu64, l->id);
	struct reason why = {
		.class = (char *)(e->code == ERR_PERM ? "config" : "infra"),
		.text = (char *)(uintptr_t)e->msg,
		.suggestion = then,
	};

	log_line(LOG_ERROR, "run %" PRIu64 ": %s", l->id, e->msg);
	if (start_later(l, e))
		return;
	if (job < 0)
		settle_finish(l, RUN_ERROR, &why);
	else if (run_state_is_final(l->run->jobs[job].state))
		give_up_undo(l, e);
	else if (e->code == ERR_PERM)
		live_block(l, job, &why);
	else
		finish_job(l, (size_t)job, RUN_ERROR, "infra", e->msg, then);
}

/* ---- planning ---- */

static void
plan_run(struct live *l, struct slots *s)
{
	struct err e = { 0 };

	if (l->run->cancel_wanted) {
		settle_unplanned(l);
		return;
	}
	if (l->run->plan_lost >= LOST_MAX) {
		AUTO(freep)
		char *then = xasprintf(
			"see the agent's log and the machine's memory, then: "
			"tellus retry %" PRIu64,
			l->id);
		struct reason why = {
			.class = (char *)"infra.killed",
			.text = (char *)"planning was interrupted too often",
			.suggestion = then,
		};

		settle_finish(l, RUN_ERROR, &why);
		return;
	}
	if (s->planners <= 0 || dispatch_delayed(l) ||
		clean_holds(l->core, l->id) || !waits_have_disk(l->core))
		return;
	if (attempt_start(l, -1, NULL, &e) < 0)
		dispatch_start_failed(l, -1, &e);
	else
		s->planners--;
}

/* ---- jobs ---- */

enum verdict { JOB_WAITS, JOB_STARTS, JOB_SKIPPED, JOB_BROKEN };

/* May the job start, by its needs and its "if"? */
static enum verdict
job_verdict(struct live *l, const struct run_job *j, struct err *e)
{
	struct expr_env env = { .canceled = l->run->cancel_wanted };
	json_t *contexts;
	bool all_passed = true, yes = false;
	int rc;

	for (size_t i = 0; i < j->nneeds; i++) {
		const struct run_job *n = &l->run->jobs[j->needs[i]];

		if (!run_state_is_final(n->state))
			return JOB_WAITS;
		env.failed |= n->state == RUN_FAILED || n->state == RUN_ERROR;
		all_passed &= n->state == RUN_PASSED;
	}
	if (!j->cond)
		return all_passed && !env.canceled ? JOB_STARTS : JOB_SKIPPED;
	/* success() of a job is that every need passed. */
	env.failed |= !all_passed;
	contexts = job_contexts(l, j);
	env.contexts = contexts;
	rc = expr_cond(j->cond, &env, &yes, e);
	json_decref(contexts);
	if (rc < 0)
		return JOB_BROKEN;
	return yes ? JOB_STARTS : JOB_SKIPPED;
}

static void
never_fits(struct live *l, int job, const struct room_why *room)
{
	AUTO(freep)
	char *then = xasprintf("tellus retry %" PRIu64 " --limit %s=%" PRId64
			       "M where that is enough, or %s",
		l->id, room->what, room->most >> 20,
		str_eq(room->what, "disk") ? "a larger file system"
					   : "a larger agent.memory-budget");
	struct reason why = {
		.class = (char *)"config",
		.text = (char *)(uintptr_t)room->text.msg,
		.suggestion = then,
	};

	live_block(l, job, &why);
}

/* False: the job waits for memory or disk, or can never have them. */
static bool
has_room(struct live *l, int job)
{
	const struct run_job *j = &l->run->jobs[job];
	struct room_why room = { 0 };
	struct reason why = {
		.text = room.text.msg,
		.suggestion = (char *)"nothing: it starts by itself",
	};

	switch (room_for_job(l, job, &room)) {
	case ROOM_FITS:
		return true;
	case ROOM_NEVER:
		never_fits(l, job, &room);
		return false;
	case ROOM_WAITS:
		break;
	}
	why.class = (char *)(str_eq(room.what, "disk") ? "resource.disk"
						       : "resource.memory");
	if (j->state != RUN_WAITING || !str_eq(j->reason.text, why.text))
		live_wait(l, job, room.what, 0, &why);
	if (str_eq(room.what, "disk"))
		waits_look_again(l->core);
	return false;
}

static void
start_job(struct live *l, size_t i, struct slots *s)
{
	struct run_job *j = &l->run->jobs[i];
	struct err e = { 0 };

	if (j->lost - j->idle >= LOST_MAX || j->idle >= IDLE_LOST_MAX) {
		AUTO(freep)
		char *then = xasprintf(
			"look for the OOM killer in the kernel's log, then: "
			"tellus retry %" PRIu64,
			l->id);

		finish_job(l, i, RUN_ERROR, "infra.killed",
			"the worker was killed too often", then);
		return;
	}
	if (s->jobs <= 0 || live_job_waits(l, (int)i) || dispatch_delayed(l) ||
		clean_holds(l->core, l->id) || !has_room(l, (int)i))
		return;
	if (attempt_start(l, (int)i, STEAL(l->idle), &e) < 0)
		dispatch_start_failed(l, (int)i, &e);
	else
		s->jobs--;
}

static void
consider_job(struct live *l, size_t i, struct slots *s)
{
	struct run_job *j = &l->run->jobs[i];
	struct err e = { 0 };

	if (attempt_find(l, (int)i))
		return;
	/* What stopped for a person, or waits, is not begun any more. */
	if (l->run->cancel_wanted &&
		(j->state == RUN_BLOCKED || j->state == RUN_WAITING)) {
		finish_job(l, i, RUN_CANCELED, j->reason.class, j->reason.text,
			NULL);
		return;
	}
	if (j->state != RUN_QUEUED && j->state != RUN_WAITING)
		return;
	switch (job_verdict(l, j, &e)) {
	case JOB_WAITS:
		break;
	case JOB_BROKEN:
		finish_job(l, i, RUN_ERROR, "config", e.msg,
			"correct the job's \"if\"");
		break;
	case JOB_SKIPPED:
		finish_job(l, i,
			l->run->cancel_wanted ? RUN_CANCELED : RUN_SKIPPED,
			NULL, NULL, NULL);
		break;
	case JOB_STARTS:
		if (l->run->state == RUN_BLOCKED)
			finish_job(l, i, RUN_CANCELED, NULL, NULL, NULL);
		else
			start_job(l, i, s);
		break;
	}
}

bool
dispatch_is_ready(struct live *l, const struct run_job *j)
{
	struct err e;

	return job_verdict(l, j, &e) != JOB_WAITS;
}

static void
consider_jobs(struct live *l, struct slots *s)
{
	for (size_t i = 0; i < l->run->njobs; i++)
		consider_job(l, i, s);
	/* The planner's worker was wanted by no job: it may go. */
	worker_release(STEAL(l->idle));
	settle_run(l, s);
}

static void
cancel_attempts(struct live *l)
{
	for (struct attempt *a = l->attempts; a; a = a->next)
		attempt_cancel(a);
}

static void
consider(struct live *l, struct slots *s)
{
	struct run *r = l->run;

	if (r->cancel_wanted)
		cancel_attempts(l);
	if (r->state == RUN_BLOCKED && !r->cancel_wanted)
		blocked_look(l);
	else if (run_state_is_final(r->state))
		return;
	else if (r->planned)
		consider_jobs(l, s);
	else if (r->state == RUN_BLOCKED)
		settle_unplanned(l);
	else if (!r->nonce && !l->attempts)
		plan_run(l, s);
}

void
dispatch(struct core *c)
{
	struct slots s = free_slots(c);

	for (struct live *l = c->lives; l && !c->failed; l = l->next) {
		uint64_t was = marker_set(c, l->id);

		consider(l, &s);
		marker_set(c, was);
	}
	/* What was decided may let more start. */
	if (journal_is_open_txn(c->journal))
		core_want_dispatch(c);
}
