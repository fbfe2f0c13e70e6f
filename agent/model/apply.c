/* SPDX-License-Identifier: MIT */
/*
 * How each event changes a run; see run.h.  Everything is checked before
 * the first change, so that a refused event leaves the run as it was.
 */
#include "base/base.h"
#include "model/run.h"

#define JOBS_MAX 256
#define STEPS_MAX 200

/* Class, text, suggestion and step of an event's data, where present. */
static void
reason_set(struct reason *r, const json_t *o)
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

/* What "planning" and "started" say of the process. */
static void
set_worker(char **nonce, char **boot, int64_t *pid, int64_t *start,
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
	set_worker(&r->nonce, &r->boot, &r->pid, &r->start_time, ev->data);
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
		const char *name = jget_str(json_array_get(steps, i), "name");

		j->steps[i].name = xstrdup(name ? name : "step");
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

static struct run_job *
job_at(struct run *r, const struct event *ev, struct err *e)
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
	struct run_job *j = job_at(r, ev, e);

	if (!j)
		return -1;
	if (ev->attempt <= j->attempt || j->state != RUN_QUEUED)
		return err_set(e, ERR_PERM, "fenced: job %d attempt %d",
			ev->job, ev->attempt);
	j->attempt = ev->attempt;
	j->state = RUN_RUNNING;
	reason_release(&j->reason);
	set_worker(&j->nonce, &j->boot, &j->pid, &j->start_time, ev->data);
	str_set(&j->cgroup, jget_str(ev->data, "cgroup"));
	if (!j->started_ms)
		j->started_ms = ev->time_ms;
	if (!r->started_ms)
		r->started_ms = ev->time_ms;
	return 0;
}

/* The job that a worker's event is about, if that worker is the one. */
static struct run_job *
live_job(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = job_at(r, ev, e);

	if (!j)
		return NULL;
	if (j->state == RUN_RUNNING && j->attempt == ev->attempt &&
		str_eq(j->nonce, ev->nonce))
		return j;
	err_set(e, ERR_PERM, "fenced: %s of job %d attempt %d",
		event_kind_name(ev->kind), ev->job, ev->attempt);
	return NULL;
}

static struct run_step *
live_step(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = live_job(r, ev, e);

	if (!j)
		return NULL;
	if (ev->step < 0 || (size_t)ev->step >= j->nsteps) {
		err_set(e, ERR_PERM, "job %d has no step %d", ev->job,
			ev->step);
		return NULL;
	}
	if (run_state_is_final(j->steps[ev->step].state)) {
		err_set(e, ERR_PERM, "step %d of job %d is finished", ev->step,
			ev->job);
		return NULL;
	}
	return &j->steps[ev->step];
}

static int
on_step_started(struct run *r, const struct event *ev, struct err *e)
{
	struct run_step *s = live_step(r, ev, e);

	if (!s)
		return -1;
	s->state = RUN_RUNNING;
	s->attempt = ev->attempt;
	s->tries++;
	s->started_ms = ev->time_ms;
	s->finished_ms = 0;
	s->output = jget_int(ev->data, "output", 0);
	s->length = -1;
	s->live = 0;
	str_set(&s->layer, jget_str(ev->data, "layer"));
	if (jget_str(ev->data, "name"))
		str_set(&s->name, jget_str(ev->data, "name"));
	return 0;
}

static int
on_step_finished(struct run *r, const struct event *ev, struct err *e)
{
	struct run_step *s = live_step(r, ev, e);
	enum run_state to = run_state_from_name(jget_str(ev->data, "state"));

	if (!s)
		return -1;
	if (!run_state_is_final(to))
		return err_set(e, ERR_PERM, "a step cannot end like that");
	s->state = to;
	s->attempt = ev->attempt;
	s->finished_ms = ev->time_ms;
	if (!s->started_ms)
		s->started_ms = ev->time_ms;
	s->has_exit = json_is_integer(json_object_get(ev->data, "exit"));
	s->exit_code = (int)jget_int(ev->data, "exit", 0);
	s->signal = (int)jget_int(ev->data, "signal", 0);
	s->ignored = jget_bool(ev->data, "ignored", false);
	s->output = jget_int(ev->data, "output", s->output);
	s->length = jget_int(ev->data, "length", 0);
	s->memory = jget_int(ev->data, "memory", -1);
	s->cpu_ms = jget_int(ev->data, "cpu_ms", -1);
	s->synced = jget_bool(ev->data, "synced", false);
	str_set(&s->layer, jget_str(ev->data, "layer"));
	str_set(&s->record, jget_str(ev->data, "record"));
	s->record_crc = jget_int(ev->data, "record_crc", 0);
	reason_set(&s->reason, ev->data);
	return 0;
}

static int
on_job_finished(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = ev->attempt ? live_job(r, ev, e) : job_at(r, ev, e);
	enum run_state to = run_state_from_name(jget_str(ev->data, "state"));

	if (!j)
		return -1;
	if (!run_state_is_final(to) && to != RUN_BLOCKED)
		return err_set(e, ERR_PERM, "a job cannot end like that");
	if (run_state_is_final(j->state))
		return err_set(
			e, ERR_PERM, "fenced: job %d is finished", ev->job);
	j->state = to;
	j->finished_ms = ev->time_ms;
	json_decref(j->outputs);
	j->outputs = json_deep_copy(jget_obj(ev->data, "outputs"));
	reason_set(&j->reason, jget_obj(ev->data, "reason"));
	str_set(&j->nonce, NULL);
	for (size_t i = 0; i < j->nsteps; i++)
		if (!run_state_is_final(j->steps[i].state)) {
			j->steps[i].state =
				to == RUN_CANCELED ? RUN_CANCELED : RUN_SKIPPED;
			if (j->steps[i].length < 0)
				j->steps[i].length = 0;
		}
	return 0;
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
	j = job_at(r, ev, e);
	if (!j)
		return -1;
	if (j->attempt != ev->attempt || j->state != RUN_RUNNING)
		return err_set(e, ERR_PERM, "fenced: lost job %d attempt %d",
			ev->job, ev->attempt);
	j->state = RUN_QUEUED;
	j->lost++;
	str_set(&j->nonce, NULL);
	from = jget_int(ev->data, "from", (int64_t)j->nsteps);
	for (size_t i = 0; i < j->nsteps; i++)
		if (j->steps[i].state == RUN_RUNNING || (int64_t)i >= from)
			j->steps[i].state = RUN_QUEUED;
	return 0;
}

static void
job_reset(struct run_job *j)
{
	j->state = RUN_QUEUED;
	j->started_ms = j->finished_ms = 0;
	j->lost = 0;
	json_decref(j->outputs);
	j->outputs = NULL;
	reason_release(&j->reason);
	for (size_t i = 0; i < j->nsteps; i++) {
		struct run_step *s = &j->steps[i];
		struct run_step fresh = {
			.name = STEAL(s->name),
			.state = RUN_QUEUED,
			.tries = s->tries,
		};

		run_step_release(s);
		*s = fresh;
	}
}

/* Does job a need job b, directly or not?  Plans have no cycles. */
static bool
needs(const struct run *r, size_t a, size_t b)
{
	for (size_t i = 0; i < r->jobs[a].nneeds; i++) {
		size_t n = (size_t)r->jobs[a].needs[i];

		if (n == b || needs(r, n, b))
			return true;
	}
	return false;
}

/* The named job and what needs it, or every job that did not pass. */
static int
on_retried(struct run *r, const struct event *ev, struct err *e)
{
	const char *name = jget_str(ev->data, "job");
	size_t at = r->njobs;

	for (size_t i = 0; name && i < r->njobs; i++)
		if (str_eq(r->jobs[i].id, name) ||
			str_eq(r->jobs[i].name, name))
			at = i;
	if (name && at == r->njobs)
		return err_set(e, ERR_ABSENT, "run %" PRIu64 " has no job '%s'",
			r->id, name);
	for (size_t i = 0; i < r->njobs; i++)
		if (name ? i == at || needs(r, i, at)
			 : r->jobs[i].state != RUN_PASSED ||
					r->state == RUN_PASSED)
			job_reset(&r->jobs[i]);
	r->attempt++;
	r->finished_ms = 0;
	r->plan_lost = 0;
	str_set(&r->nonce, NULL);
	r->cancel_wanted = false;
	str_set(&r->cancel_by, NULL);
	reason_release(&r->reason);
	return 0;
}

static int
on_canceled(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	r->cancel_wanted = true;
	str_set(&r->cancel_by, jget_str(ev->data, "by"));
	return 0;
}

static int
on_reason(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	reason_set(&r->reason, ev->data);
	return 0;
}

static int
on_plan_failed(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	reason_set(&r->reason, ev->data);
	str_set(&r->nonce, NULL);
	return 0;
}

static int
on_finished(struct run *r, const struct event *ev, struct err *e UNUSED)
{
	reason_set(&r->reason, ev->data);
	r->finished_ms = ev->time_ms;
	return 0;
}

static int
on_nothing(struct run *r UNUSED, const struct event *ev UNUSED,
	struct err *e UNUSED)
{
	return 0;
}

typedef int apply_fn(struct run *r, const struct event *ev, struct err *e);

static apply_fn *const apply[EV_KIND_COUNT] = {
	[EV_RECEIVED] = on_received,
	[EV_PLANNING] = on_planning,
	[EV_PLANNED] = on_planned,
	[EV_PLAN_FAILED] = on_plan_failed,
	[EV_QUEUED] = on_nothing,
	[EV_STARTED] = on_started,
	[EV_STEP_STARTED] = on_step_started,
	[EV_STEP_FINISHED] = on_step_finished,
	[EV_JOB_FINISHED] = on_job_finished,
	[EV_LOST] = on_lost,
	[EV_CANCELED] = on_canceled,
	[EV_RETRIED] = on_retried,
	[EV_WAITING] = on_reason,
	[EV_RESUMED] = on_nothing,
	[EV_BLOCKED] = on_reason,
	[EV_FINISHED] = on_finished,
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
