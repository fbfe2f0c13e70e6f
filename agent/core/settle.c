/* SPDX-License-Identifier: MIT */
/*
 * Where a run stands when none of its jobs is at work: it waits, is blocked
 * for a person, takes back what it did, or has come to its end.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"

#define BLOCKED_MOST_MS ((int64_t)7 * 86400000)
#define BLOCKED_LOOK_MS 3600000
#define TWINS_LOOKED_AT 100
#define UNDO_FIRST_MS 1000 /* doubled with each try */

/* ---- the one event that is the end ---- */

void
settle_finish(struct live *l, enum run_state state, const struct reason *why)
{
	struct event ev;

	event_init(&ev, EV_FINISHED);
	jset_str(ev.data, "state", run_state_name(state));
	if (why) {
		reason_put(ev.data, why);
	}
	crash_point("dispatch.finish-run");
	if (core_event(l, &ev) == 0)
		notify_state(l);
}

void
settle_unplanned(struct live *l)
{
	struct reason why = {
		.class = (char *)"canceled",
		.text = (char *)"canceled before it started",
	};

	settle_finish(l, l->run->end_state,
		l->run->reason.text ? &l->run->reason : &why);
}

/* ---- overtaken by a newer run ---- */

static void
supersede(struct live *l, uint64_t by)
{
	struct event ev;

	event_init(&ev, EV_CANCELED);
	json_object_set_new(ev.data, "by", json_sprintf("run %" PRIu64, by));
	jset_str(ev.data, "end", run_state_name(RUN_SUPERSEDED));
	jset_str(ev.data, "class", "superseded");
	json_object_set_new(ev.data, "text",
		json_sprintf("run %" PRIu64 " of the same ref is newer", by));
	crash_point("dispatch.supersede");
	core_event(l, &ev);
	core_want_dispatch(l->core);
}

static bool
is_older_twin(const struct run *old, const struct run *fresh)
{
	return old->id < fresh->id && old->state == RUN_BLOCKED &&
	       !old->cancel_wanted &&
	       str_eq(old->push.repository, fresh->push.repository) &&
	       str_eq(old->push.ref, fresh->push.ref) &&
	       str_eq(old->push.event, fresh->push.event) &&
	       (!old->planned || str_eq(old->workflow, fresh->workflow));
}

void
blocked_supersede(struct live *fresh)
{
	for (struct live *l = fresh->core->lives; l; l = l->next)
		if (is_older_twin(l->run, fresh->run))
			supersede(l, fresh->id);
}

struct twin {
	const struct run *run;
	uint64_t newer; /* 0: none */
};

static int
look_at_row(uint64_t id, const char *json, size_t len, void *arg, struct err *e)
{
	struct twin *t = arg;
	AUTO(json_decrefp) json_t *row = NULL;

	if (id <= t->run->id || t->newer)
		return 0;
	row = json_parse(json, len, e);
	if (row && str_eq(jget_str(row, "workflow"), t->run->workflow) &&
		str_eq(jget_str(row, "event"), t->run->push.event))
		t->newer = id;
	return row ? 0 : -1;
}

/* The newest of the last runs of its ref that overtook it while it was at
 * work; 0: none.  What a person has retried is not overtaken. */
static uint64_t
newer_twin(const struct live *l)
{
	const struct push *p = &l->run->push;
	const struct journal_filter f = { .repository = p->repository,
		.ref = p->ref,
		.limit = TWINS_LOOKED_AT };
	struct twin t = { .run = l->run };
	struct err e;

	if (l->run->attempt > 1)
		return 0;
	if (journal_list(l->core->journal, &f, look_at_row, &t, &e) < 0)
		log_line(LOG_ERROR, "run %" PRIu64 ": %s", l->id, e.msg);
	return t.newer;
}

/* ---- waiting and blocked ---- */

/* An event with the job's reason, about the whole run. */
static void
say_reason(struct live *l, enum event_kind kind, const struct run_job *j)
{
	struct event ev;

	event_init(&ev, kind);
	if (kind == EV_WAITING)
		jset_str(ev.data, "for", j->wait_for);
	reason_put(ev.data, &j->reason);
	crash_point("dispatch.settle");
	if (core_event(l, &ev) == 0 && kind == EV_BLOCKED)
		notify_state(l);
}

static bool
reason_is(const struct reason *a, const struct reason *b)
{
	return str_eq(a->class, b->class) && str_eq(a->text, b->text);
}

/* No job is at work and not all have ended. */
static void
settle_open(struct live *l)
{
	const struct run *r = l->run;
	const struct run_job *waits = NULL, *blocked = NULL;
	uint64_t newer;

	for (size_t i = 0; i < r->njobs; i++) {
		const struct run_job *j = &r->jobs[i];

		if (j->state == RUN_QUEUED && dispatch_is_ready(l, j))
			return; /* it will start when there is a slot */
		if (j->state == RUN_WAITING && !waits)
			waits = j;
		if (j->state == RUN_BLOCKED && !blocked)
			blocked = j;
	}
	if (waits && (r->state != RUN_WAITING ||
			     !reason_is(&r->reason, &waits->reason)))
		say_reason(l, EV_WAITING, waits);
	if (waits || !blocked || r->state == RUN_BLOCKED)
		return;
	newer = newer_twin(l);
	if (newer)
		supersede(l, newer);
	else
		say_reason(l, EV_BLOCKED, blocked);
}

void
blocked_look(struct live *l)
{
	struct core *c = l->core;
	struct event ev;

	if (l->run->cancel_wanted)
		return;
	if (clock_wall_ms() - l->run->blocked_ms >= BLOCKED_MOST_MS) {
		event_init(&ev, EV_CANCELED);
		jset_str(ev.data, "by", "the agent");
		jset_str(ev.data, "end", run_state_name(RUN_FAILED));
		reason_put(ev.data, &l->run->reason);
		core_event(l, &ev);
		core_want_dispatch(c);
		return;
	}
	if (!c->blocked_timer.armed)
		loop_timer_set(c->loop, &c->blocked_timer, BLOCKED_LOOK_MS,
			core_wake, c);
}

/* ---- undo ---- */

/* An undo that failed is tried again a little later. */
void
undo_ended(struct live *l, int job)
{
	const struct run_job *j = &l->run->jobs[job];
	int tries = j->undo_lost;

	for (size_t i = 0; i < j->nsteps; i++)
		if (run_step_is_undoable(&j->steps[i]))
			tries = MAX(tries, j->steps[i].undo.tries);
	if (!tries)
		return;
	l->retry_at_ms =
		clock_boot_ms() + ((int64_t)UNDO_FIRST_MS << MIN(tries - 1, 6));
	dispatch_delayed(l);
}

/* True while there is something to take back. */
static bool
undo_next(struct live *l, struct slots *s)
{
	int job = run_next_undo(l->run);
	struct err e = { 0 };

	if (job < 0)
		return false;
	if (s->jobs <= 0 || dispatch_delayed(l) || clean_holds(l->core, l->id))
		return true;
	if (attempt_start(l, job, NULL, &e) == 0) {
		s->jobs--;
		return true;
	}
	dispatch_start_failed(l, job, &e);
	return true;
}

void
settle_run(struct live *l, struct slots *s)
{
	const struct run *r = l->run;
	const struct reason *why;
	enum run_state to;

	if (l->attempts)
		return;
	to = run_verdict(r, &why);
	if (to == RUN_BAD_MOVE) {
		settle_open(l);
		return;
	}
	if (to != RUN_PASSED && to != RUN_SKIPPED && undo_next(l, s))
		return;
	if (r->cancel_wanted && to != RUN_PASSED && to != RUN_ERROR) {
		to = r->end_state;
		if (to != RUN_CANCELED)
			why = &r->reason;
	}
	settle_finish(l, to, why);
}
