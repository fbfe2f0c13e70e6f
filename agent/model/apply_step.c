/* SPDX-License-Identifier: MIT */
/* What workers tell of steps and of their undos; see apply.c. */
#include "base/base.h"
#include "model/apply_int.h"

static struct run_step *
live_step(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_live_job(r, ev, e);

	if (!j)
		return NULL;
	if (ev->step < 0 || (size_t)ev->step >= j->nsteps) {
		err_set(e, ERR_PERM, "job %d has no step %d", ev->job,
			ev->step);
		return NULL;
	}
	if (j->undoing || run_state_is_final(j->steps[ev->step].state)) {
		err_set(e, ERR_PERM, "step %d of job %d is finished", ev->step,
			ev->job);
		return NULL;
	}
	return &j->steps[ev->step];
}

int
apply_step_started(struct run *r, const struct event *ev, struct err *e)
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
	reason_release(&s->undo.reason);
	s->undo = (struct run_undo){
		.registered = jget_bool(ev->data, "undo", false),
		.state = RUN_QUEUED,
	};
	if (jget_str(ev->data, "name"))
		str_set(&s->name, jget_str(ev->data, "name"));
	return 0;
}

int
apply_step_finished(struct run *r, const struct event *ev, struct err *e)
{
	struct run_step *s = live_step(r, ev, e);
	enum run_state to = run_state_from_name(jget_str(ev->data, "state"));
	enum retry_kind again;

	if (!s)
		return -1;
	if (!run_state_is_final(to) && to != RUN_BLOCKED)
		return err_set(e, ERR_PERM, "a step cannot end like that");
	again = retry_kind_from_name(jget_str(ev->data, "again"));
	s->state = to;
	s->attempt = ev->attempt;
	s->finished_ms = ev->time_ms;
	if (!s->started_ms)
		s->started_ms = ev->time_ms;
	s->has_exit = json_is_integer(json_object_get(ev->data, "exit"));
	s->exit_code = (int)jget_int(ev->data, "exit", 0);
	s->signal = (int)jget_int(ev->data, "signal", 0);
	s->ignored = jget_bool(ev->data, "ignored", false);
	s->own_limit = jget_bool(ev->data, "own_limit", false);
	s->output = jget_int(ev->data, "output", s->output);
	s->length = jget_int(ev->data, "length", 0);
	s->memory = jget_int(ev->data, "memory", -1);
	s->cpu_ms = jget_int(ev->data, "cpu_ms", -1);
	s->synced = jget_bool(ev->data, "synced", false);
	str_set(&s->layer, jget_str(ev->data, "layer"));
	str_set(&s->record, jget_str(ev->data, "record"));
	s->record_crc = jget_int(ev->data, "record_crc", 0);
	apply_reason(&s->reason, ev->data);
	if (again != RETRY_NONE) {
		s->state = RUN_QUEUED;
		s->used[again]++;
	}
	return 0;
}

void
apply_step_reset(struct run_step *s)
{
	struct run_step fresh = {
		.name = STEAL(s->name),
		.id = STEAL(s->id),
		.on_crash = STEAL(s->on_crash),
		.state = RUN_QUEUED,
		.tries = s->tries,
	};

	run_step_release(s);
	*s = fresh;
}

/* ---- undo ---- */

bool
run_step_is_undoable(const struct run_step *s)
{
	return s->undo.registered &&
	       (s->undo.state == RUN_QUEUED || s->undo.state == RUN_RUNNING);
}

int
apply_undoing(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_job(r, ev, e);

	if (!j)
		return -1;
	if (ev->attempt <= j->attempt || !run_state_is_final(j->state) ||
		j->undoing)
		return err_set(e, ERR_PERM, "fenced: job %d attempt %d",
			ev->job, ev->attempt);
	j->attempt = ev->attempt;
	j->undoing = true;
	apply_worker(&j->nonce, &j->boot, &j->pid, &j->start_time, ev->data);
	return 0;
}

/* The step whose undo the event is about. */
static struct run_step *
undo_step(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_live_job(r, ev, e);

	if (!j)
		return NULL;
	if (j->undoing && ev->step >= 0 && (size_t)ev->step < j->nsteps &&
		run_step_is_undoable(&j->steps[ev->step]))
		return &j->steps[ev->step];
	err_set(e, ERR_PERM, "fenced: undo of step %d of job %d", ev->step,
		ev->job);
	return NULL;
}

int
apply_undo_started(struct run *r, const struct event *ev, struct err *e)
{
	struct run_step *s = undo_step(r, ev, e);

	if (!s)
		return -1;
	s->undo.state = RUN_RUNNING;
	s->undo.tries++;
	s->undo.attempt = ev->attempt;
	s->undo.started_ms = ev->time_ms;
	s->undo.finished_ms = 0;
	s->undo.output = jget_int(ev->data, "output", 0);
	s->undo.length = -1;
	return 0;
}

int
apply_undo_finished(struct run *r, const struct event *ev, struct err *e)
{
	struct run_step *s = undo_step(r, ev, e);
	struct run_undo *u;

	if (!s)
		return -1;
	u = &s->undo;
	u->state = run_state_from_name(jget_str(ev->data, "state"));
	if (u->state != RUN_PASSED)
		u->state =
			u->tries < RUN_UNDO_TRIES && jget_str(ev->data, "again")
				? RUN_QUEUED
				: RUN_FAILED;
	u->attempt = ev->attempt;
	u->finished_ms = ev->time_ms;
	u->has_exit = json_is_integer(json_object_get(ev->data, "exit"));
	u->exit_code = (int)jget_int(ev->data, "exit", 0);
	u->signal = (int)jget_int(ev->data, "signal", 0);
	u->output = jget_int(ev->data, "output", u->output);
	u->length = jget_int(ev->data, "length", 0);
	apply_reason(&u->reason, ev->data);
	return 0;
}

int
apply_undone(struct run *r, const struct event *ev, struct err *e)
{
	struct run_job *j = apply_live_job(r, ev, e);

	if (!j)
		return -1;
	if (!j->undoing)
		return err_set(
			e, ERR_PERM, "fenced: job %d does not undo", ev->job);
	j->undoing = false;
	str_set(&j->nonce, NULL);
	j->undo_lost += jget_str(ev->data, "text") != NULL;
	/* What the worker left out is not tried for ever. */
	for (size_t i = 0; i < j->nsteps; i++)
		if (j->steps[i].undo.state == RUN_RUNNING)
			j->steps[i].undo.state = RUN_FAILED;
	return 0;
}

static bool
job_has_undos(const struct run_job *j)
{
	for (size_t i = 0; i < j->nsteps; i++)
		if (run_step_is_undoable(&j->steps[i]))
			return j->undo_lost < RUN_UNDO_TRIES;
	return false;
}

static bool
is_bad(enum run_state s)
{
	return s == RUN_FAILED || s == RUN_ERROR || s == RUN_CANCELED ||
	       s == RUN_BLOCKED;
}

/* A job is undone when it, or what builds upon it, has not come to a good
 * end; and whatever was done of a run that is canceled. */
static bool
wants_undo(const struct run *r, size_t at)
{
	if (r->cancel_wanted || is_bad(r->jobs[at].state))
		return true;
	for (size_t i = 0; i < r->njobs; i++)
		if (is_bad(r->jobs[i].state) && run_job_needs(r, i, at))
			return true;
	return false;
}

int
run_next_undo(const struct run *r)
{
	int last = -1;

	for (size_t i = 0; i < r->njobs; i++)
		if (job_has_undos(&r->jobs[i]) && wants_undo(r, i) &&
			(last < 0 || r->jobs[i].finished_ms >=
					     r->jobs[last].finished_ms))
			last = (int)i;
	return last;
}

static bool
is_left(const struct run *r, size_t job, const struct run_step *s)
{
	if (!s->undo.registered)
		return false;
	return s->undo.state == RUN_FAILED ||
	       (run_state_is_final(r->state) && run_step_is_undoable(s) &&
		       wants_undo(r, job));
}

bool
run_undo_is_incomplete(const struct run *r)
{
	for (size_t i = 0; i < r->njobs; i++)
		for (size_t k = 0; k < r->jobs[i].nsteps; k++)
			if (is_left(r, i, &r->jobs[i].steps[k]))
				return true;
	return false;
}
