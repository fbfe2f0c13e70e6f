/* SPDX-License-Identifier: MIT */
/*
 * How each event changes a run; see run.h.  Everything is checked before
 * the first change, so that a refused event leaves the run as it was.
 */
#include "base/base.h"
#include "model/apply_int.h"

#define JOBS_MAX 256
#define STEPS_MAX 200

void
apply_reason(struct reason *r, const json_t *o)
{
	reason_release(r);
	r->class = xstrdup0(jget_str(o, "class"));
	r->text = xstrdup0(jget_str(o, "text"));
	r->suggestion = xstrdup0(jget_str(o, "suggestion"));
	r->step = xstrdup0(jget_str(o, "step"));
}

static int
on_received(struct run *r, const struct event *ev, struct err *e)
{
	struct push p = { 0 };

	if (push_from_json(&p, ev->data, e) < 0)
		return -1;
	push_release(&r->push);
	r->push = p;
	str_set(&r->subject, p.title);
	str_set(&r->commit_author, p.author);
	r->created_ms = ev->time_ms;
	return 0;
}

void
apply_worker(char **nonce, char **boot, int64_t *pid, int64_t *start,
	const json_t *o)
{
	str_set(nonce, jget_str(o, "nonce"));
	str_set(boot, jget_str(o, "boot"));
	*pid = jget_int(o, "pid", 0);
	*start = jget_int(o, "start", 0);
}

static int
on_planning(struct run *r, const struct event *ev, struct err *e)
{
	if (ev->attempt <= r->plan_attempt)
		return err_set(e, ERR_PERM, "fenced: planning attempt %d",
			ev->attempt);
	r->plan_attempt = ev->attempt;
	apply_worker(&r->nonce, &r->boot, &r->pid, &r->start_time, ev->data);
	if (!r->started_ms)
		r->started_ms = ev->time_ms;
	return 0;
}

static int
job_from_plan(struct run_job *j, const json_t *o, size_t njobs)
{
	json_t *needs = jget_arr(o, "needs"), *steps = jget_arr(o, "steps");
	size_t nsteps = json_array_size(steps);

	if (!jget_str(o, "id") || nsteps > STEPS_MAX)
		return -1;
	j->state = RUN_QUEUED;
	j->id = xstrdup0(jget_str(o, "id"));
	j->name = xstrdup0(jget_str(o, "name") ? jget_str(o, "name") : j->id);
	j->cond = xstrdup0(jget_str(o, "if"));
	j->needs = xcalloc(json_array_size(needs), sizeof(*j->needs));
	for (size_t i = 0; i < json_array_size(needs); i++) {
		json_int_t at = json_integer_value(json_array_get(needs, i));

		if (at < 0 || (size_t)at >= njobs)
			return -1;
		j->needs[j->nneeds++] = (int)at;
	}
	j->steps = xcalloc(nsteps, sizeof(*j->steps));
	for (size_t i = 0; i < nsteps; i++) {
		const json_t *step = json_array_get(steps, i);
		const char *name = jget_str(step, "name");

		j->steps[i].name = xstrdup(name ? name : "step");
		j->steps[i].id = xstrdup0(jget_str(step, "id"));
		j->steps[i].on_crash = xstrdup0(jget_str(step, "on_crash"));
		j->steps[i].state = RUN_QUEUED;
		j->nsteps = i + 1;
	}
	return 0;
}

static int
on_planned(struct run *r, const struct event *ev, struct err *e)
{
	json_t *jobs = jget_arr(ev->data, "jobs");
	size_t n = json_array_size(jobs);
	const char *sha = jget_str(ev->data, "sha");
	struct run_job *made;
	bool bad = n > JOBS_MAX || (sha && !sha_is_valid(sha));

	made = xcalloc(n, sizeof(*made));
	for (size_t i = 0; i < n && !bad; i++)
		bad = job_from_plan(&made[i], json_array_get(jobs, i), n) < 0;
	if (bad) {
		for (size_t i = 0; i < n; i++)
			run_job_release(&made[i]);
		free(made);
		return err_set(e, ERR_PERM, "the plan is malformed");
	}
	run_jobs_release(r);
	r->jobs = made;
	r->njobs = n;
	r->planned = true;
	if (sha)
		str_set(&r->push.sha, sha);
	if (jget_str(ev->data, "ref"))
		str_set(&r->push.ref, jget_str(ev->data, "ref"));
	r->push.dirty = jget_bool(ev->data, "dirty", r->push.dirty);
	str_set(&r->tree, jget_str(ev->data, "tree"));
	if (jget_str(ev->data, "subject"))
		str_set(&r->subject, jget_str(ev->data, "subject"));
	if (jget_str(ev->data, "author"))
		str_set(&r->commit_author, jget_str(ev->data, "author"));
	str_set(&r->file, jget_str(ev->data, "file"));
	str_set(&r->workflow, jget_str(ev->data, "workflow"));
	r->workflow_index = (int)jget_int(ev->data, "index", 0);
	r->plan_run = (uint64_t)jget_int(ev->data, "plan_run", (int64_t)r->id);
	str_set(&r->nonce, NULL);
	return 0;
}

struct run_job *
apply_job(struct run *r, const struct event *ev, struct err *e)
{
	if (ev->job < 0 || (size_t)ev->job >= r->njobs) {
		err_set(e, ERR_PERM, "there is no job %d", ev->job);
		return NULL;
	}
	return &r->jobs[ev->job];
}

static int
on_started(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_job(r, ev, e);

	if (!j)
		return -1;
	if (ev->attempt <= j->attempt ||
		(j->state != RUN_QUEUED && j->state != RUN_WAITING))
		return err_set(e, ERR_PERM, "fenced: job %d attempt %d",
			ev->job, ev->attempt);
	j->attempt = ev->attempt;
	j->state = RUN_RUNNING;
	str_set(&j->wait_for, NULL);
	reason_release(&j->reason);
	if (r->state == RUN_WAITING)
		reason_release(&r->reason);
	apply_worker(&j->nonce, &j->boot, &j->pid, &j->start_time, ev->data);
	str_set(&j->cgroup, jget_str(ev->data, "cgroup"));
	if (!j->started_ms)
		j->started_ms = ev->time_ms;
	if (!r->started_ms)
		r->started_ms = ev->time_ms;
	return 0;
}

struct run_job *
apply_live_job(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_job(r, ev, e);

	if (!j)
		return NULL;
	if ((j->state == RUN_RUNNING || j->undoing) &&
		j->attempt == ev->attempt && str_eq(j->nonce, ev->nonce))
		return j;
	err_set(e, ERR_PERM, "fenced: %s of job %d attempt %d",
		event_kind_name(ev->kind), ev->job, ev->attempt);
	return NULL;
}

static void
end_step(struct run_step *s, enum run_state job)
{
	/* Nobody knows what became of a blocked one: so it stays. */
	if (run_state_is_final(s->state) || s->state == RUN_BLOCKED)
		return;
	s->state = job == RUN_CANCELED ? RUN_CANCELED : RUN_SKIPPED;
	s->length = MAX(s->length, 0);
}

static int
on_job_finished(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j =
		ev->attempt ? apply_live_job(r, ev, e) : apply_job(r, ev, e);
	enum run_state to = run_state_from_name(jget_str(ev->data, "state"));

	if (!j)
		return -1;
	if (!run_state_is_final(to) && to != RUN_BLOCKED)
		return err_set(e, ERR_PERM, "a job cannot end like that");
	if (run_state_is_final(j->state) || j->undoing)
		return err_set(
			e, ERR_PERM, "fenced: job %d is finished", ev->job);
	j->state = to;
	j->finished_ms = ev->time_ms;
	json_decref(j->outputs);
	j->outputs = json_deep_copy(jget_obj(ev->data, "outputs"));
	apply_reason(&j->reason, jget_obj(ev->data, "reason"));
	str_set(&j->nonce, NULL);
	for (size_t i = 0; i < j->nsteps; i++)
		end_step(&j->steps[i], to);
	return 0;
}

/* Nobody works on the job now. */
static void
leave(struct run_job *j, enum run_state state)
{
	j->state = state;
	str_set(&j->nonce, NULL);
	str_set(&j->wait_for, NULL);
}

/* Its attempt is over, the job is not: a step is tried again. */
static int
on_yielded(struct run *r, const struct event *ev, struct err *e)
{
	enum retry_kind kind =
		retry_kind_from_name(jget_str(ev->data, "retry"));
	struct run_job *j = apply_live_job(r, ev, e);

	if (!j)
		return -1;
	leave(j, RUN_WAITING);
	apply_reason(&j->reason, ev->data);
	if (kind != RETRY_NONE && !j->reason.step)
		j->used[kind]++;
	return 0;
}

static int
wait_job(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_job(r, ev, e);

	if (!j)
		return -1;
	if (j->state != RUN_QUEUED && j->state != RUN_WAITING)
		return err_set(e, ERR_PERM, "job %d cannot wait while it is %s",
			ev->job, run_state_name(j->state));
	leave(j, RUN_WAITING);
	j->wait_for = xstrdup0(jget_str(ev->data, "for"));
	str_set(&j->wait_boot, jget_str(ev->data, "boot"));
	j->wait_until_ms = jget_int(ev->data, "until", 0);
	if (jget_str(ev->data, "text"))
		apply_reason(&j->reason, ev->data);
	return 0;
}

static int
on_waiting(struct run *r, const struct event *ev, struct err *e)
{
	if (ev->job >= 0)
		return wait_job(r, ev, e);
	apply_reason(&r->reason, ev->data);
	return 0;
}

static int
on_blocked(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j;

	if (ev->job < 0) {
		apply_reason(&r->reason, ev->data);
		r->blocked_ms = ev->time_ms;
		str_set(&r->nonce, NULL);
		return 0;
	}
	j = apply_job(r, ev, e);
	if (!j)
		return -1;
	if (j->state != RUN_QUEUED && j->state != RUN_WAITING)
		return err_set(e, ERR_PERM, "job %d is %s, it is not stopped",
			ev->job, run_state_name(j->state));
	leave(j, RUN_BLOCKED);
	apply_reason(&j->reason, ev->data);
	return 0;
}

static int
on_approved(struct run *r, const struct event *ev UNUSED, struct err *e UNUSED)
{
	r->approved = true;
	reason_release(&r->reason);
	return 0;
}

/* The step was under way.  Without a verdict it starts again. */
static void
lose_step(struct run_step *s, const struct event *ev)
{
	const char *verdict = jget_str(ev->data, "verdict");

	s->state = RUN_QUEUED;
	if (!verdict)
		return;
	s->state = str_eq(verdict, "ask") ? RUN_BLOCKED : RUN_FAILED;
	s->finished_ms = ev->time_ms;
	s->length = jget_int(ev->data, "length", 0);
	str_set(&s->layer, NULL); /* it is thrown away */
	apply_reason(&s->reason, jget_obj(ev->data, "reason"));
}

/* A worker that was killed in an undo has tried it. */
static void
lose_undo(struct run_job *j)
{
	j->undoing = false;
	j->undo_lost++;
	for (size_t i = 0; i < j->nsteps; i++) {
		struct run_undo *u = &j->steps[i].undo;

		if (u->state == RUN_RUNNING)
			u->state = u->tries < RUN_UNDO_TRIES ? RUN_QUEUED
							     : RUN_FAILED;
	}
}

static int
on_lost(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j;
	int64_t from;

	if (ev->job < 0) {
		if (ev->attempt != r->plan_attempt)
			return err_set(e, ERR_PERM, "fenced: lost planning");
		str_set(&r->nonce, NULL);
		r->plan_lost++;
		return 0;
	}
	j = apply_job(r, ev, e);
	if (!j)
		return -1;
	if (j->attempt != ev->attempt ||
		(j->state != RUN_RUNNING && !j->undoing))
		return err_set(e, ERR_PERM, "fenced: lost job %d attempt %d",
			ev->job, ev->attempt);
	str_set(&j->nonce, NULL);
	if (j->undoing) {
		lose_undo(j);
		return 0;
	}
	j->state = RUN_QUEUED;
	j->lost++;
	j->idle += jget_bool(ev->data, "idle", false);
	from = jget_int(ev->data, "from", (int64_t)j->nsteps);
	for (size_t i = 0; i < j->nsteps; i++) {
		if (j->steps[i].state == RUN_RUNNING)
			lose_step(&j->steps[i], ev);
		if ((int64_t)i >= from)
			j->steps[i].state = RUN_QUEUED;
	}
	return 0;
}

static int
on_canceled(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	const char *end = jget_str(ev->data, "end");

	r->cancel_wanted = true;
	str_set(&r->cancel_by, jget_str(ev->data, "by"));
	r->end_state = RUN_CANCELED;
	if (end && run_state_is_final(run_state_from_name(end)))
		r->end_state = run_state_from_name(end);
	if (end)
		apply_reason(&r->reason, ev->data);
	return 0;
}

static int
on_plan_failed(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	apply_reason(&r->reason, ev->data);
	str_set(&r->nonce, NULL);
	return 0;
}

static int
on_finished(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	apply_reason(&r->reason, ev->data);
	r->finished_ms = ev->time_ms;
	return 0;
}

static int
on_nothing(struct run *r UNUSED, const struct event *ev UNUSED,
	struct err *e UNUSED)
{
	return 0;
}

static apply_fn *const apply[EV_KIND_COUNT] = {
	[EV_RECEIVED] = on_received,
	[EV_PLANNING] = on_planning,
	[EV_PLANNED] = on_planned,
	[EV_PLAN_FAILED] = on_plan_failed,
	[EV_QUEUED] = on_nothing,
	[EV_STARTED] = on_started,
	[EV_STEP_STARTED] = apply_step_started,
	[EV_STEP_FINISHED] = apply_step_finished,
	[EV_JOB_FINISHED] = on_job_finished,
	[EV_LOST] = on_lost,
	[EV_CANCELED] = on_canceled,
	[EV_RETRIED] = apply_retried,
	[EV_WAITING] = on_waiting,
	[EV_RESUMED] = on_nothing,
	[EV_BLOCKED] = on_blocked,
	[EV_FINISHED] = on_finished,
	[EV_YIELDED] = on_yielded,
	[EV_APPROVED] = on_approved,
	[EV_UNDOING] = apply_undoing,
	[EV_UNDO_STARTED] = apply_undo_started,
	[EV_UNDO_FINISHED] = apply_undo_finished,
	[EV_UNDONE] = apply_undone,
};

static enum run_state
target_of(const struct run *r, const struct event *ev)
{
	if (ev->kind == EV_FINISHED)
		return run_state_from_name(jget_str(ev->data, "state"));
	return r->planned ? RUN_QUEUED : RUN_RECEIVED;
}

int
run_apply(struct run *r, const struct event *ev, struct err *e)
{
	enum run_state to = r->state;

	if (ev->kind <= EV_NONE || ev->kind >= EV_KIND_COUNT)
		return err_set(e, ERR_PERM, "unknown event");
	/* The first event makes the run; it is no move. */
	if (ev->kind == EV_RECEIVED && r->next_seq)
		return err_set(e, ERR_PERM, "received twice");
	if (ev->kind != EV_RECEIVED && ev->kind != EV_QUEUED) {
		to = run_next(r->state, ev->kind, target_of(r, ev));
		/* That one job waits or is stopped moves no run. */
		if (to != RUN_BAD_MOVE && ev->job >= 0 &&
			(ev->kind == EV_WAITING || ev->kind == EV_BLOCKED))
			to = r->state;
		if (to == RUN_BAD_MOVE)
			return err_set(e, ERR_PERM,
				"%s is not legal while the run is %s",
				event_kind_name(ev->kind),
				run_state_name(r->state));
	}
	if (apply[ev->kind](r, ev, e) < 0)
		return -1;
	r->state = to;
	r->next_seq = MAX(r->next_seq, ev->seq + 1);
	return 0;
}

enum run_state
run_verdict(const struct run *r, const struct reason **ret_reason)
{
	enum run_state worst = RUN_PASSED;
	bool any_passed = false;

	*ret_reason = NULL;
	for (size_t i = 0; i < r->njobs; i++) {
		const struct run_job *j = &r->jobs[i];

		if (!run_state_is_final(j->state))
			return RUN_BAD_MOVE;
		any_passed |= j->state == RUN_PASSED;
		if (j->state == RUN_PASSED || j->state == RUN_SKIPPED)
			continue;
		if (worst == RUN_PASSED || j->state == RUN_FAILED ||
			(j->state == RUN_ERROR && worst == RUN_CANCELED)) {
			if (worst != j->state)
				*ret_reason = &j->reason;
			worst = j->state;
		}
	}
	return worst == RUN_PASSED && !any_passed ? RUN_SKIPPED : worst;
}
