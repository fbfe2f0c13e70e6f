/* SPDX-License-Identifier: MIT */
/*
 * The public shape of a run (the API, show --json, list --json).  Fields
 * are added, never renamed.
 */
#include "base/base.h"
#include "model/run.h"

void
reason_to_json(struct json_out *o, const struct reason *r)
{
	if (!r->class && !r->text)
		return;
	jout_obj(o, "reason");
	jout_opt(o, "class", r->class);
	jout_opt(o, "text", r->text);
	jout_opt(o, "suggestion", r->suggestion);
	jout_opt(o, "step", r->step);
	jout_end(o);
}

static void
put_undo(struct json_out *o, const struct run_undo *u)
{
	if (!u->registered)
		return;
	jout_obj(o, "undo");
	jout_str(o, "state", run_state_name(u->state));
	if (u->has_exit)
		jout_int(o, "exit", u->exit_code);
	if (u->signal)
		jout_int(o, "signal", u->signal);
	if (u->tries) {
		jout_int(o, "attempt", u->tries);
		jout_time(o, "started", u->started_ms);
		jout_time(o, "finished", u->finished_ms);
	}
	if (u->length > 0)
		jout_int(o, "length", u->length);
	reason_to_json(o, &u->reason);
	jout_end(o);
}

static void
put_step(struct json_out *o, const struct run_step *s)
{
	jout_obj(o, NULL);
	jout_str(o, "name", s->name);
	jout_str(o, "state", run_state_name(s->state));
	if (s->has_exit)
		jout_int(o, "exit", s->exit_code);
	if (s->signal)
		jout_int(o, "signal", s->signal);
	if (s->ignored)
		jout_bool(o, "ignored", true);
	jout_int(o, "attempt", s->tries ? s->tries : 1);
	jout_time(o, "started", s->started_ms);
	jout_time(o, "finished", s->finished_ms);
	if (s->finished_ms)
		jout_int(o, "ms", MAX(s->finished_ms - s->started_ms, 0));
	if (s->length > 0)
		jout_int(o, "length", s->length);
	if (s->finished_ms && s->memory > 0)
		jout_int(o, "memory", s->memory);
	if (s->waived)
		jout_bool(o, "waived", true);
	reason_to_json(o, &s->reason);
	put_undo(o, &s->undo);
	jout_end(o);
}

static void
put_job(struct json_out *o, const struct run *r, const struct run_job *j)
{
	jout_obj(o, NULL);
	jout_str(o, "id", j->id);
	jout_str(o, "name", j->name);
	jout_str(o, "state", run_state_name(j->state));
	jout_int(o, "attempt", j->attempt);
	jout_arr(o, "needs");
	for (size_t i = 0; i < j->nneeds; i++)
		jout_str(o, NULL, r->jobs[j->needs[i]].id);
	jout_end(o);
	jout_time(o, "started", j->started_ms);
	jout_time(o, "finished", j->finished_ms);
	if (j->finished_ms && j->started_ms)
		jout_int(o, "ms", MAX(j->finished_ms - j->started_ms, 0));
	jout_opt(o, "waits_for", j->state == RUN_WAITING ? j->wait_for : NULL);
	reason_to_json(o, &j->reason);
	jout_arr(o, "steps");
	for (size_t i = 0; i < j->nsteps; i++)
		put_step(o, &j->steps[i]);
	jout_end(o);
	jout_end(o);
}

static void
put_head(struct json_out *o, const struct run *r)
{
	const struct push *p = &r->push;

	jout_int(o, "run", (int64_t)r->id);
	jout_str(o, "state", run_state_name(r->state));
	jout_str(o, "repository", p->repository);
	jout_str(o, "event", p->event);
	jout_str(o, "ref", p->ref);
	jout_str(o, "sha", sha_is_zero(p->sha) ? NULL : p->sha);
	jout_str(o, "workflow", r->workflow);
	jout_opt(o, "file", r->file);
	jout_opt(o, "subject", r->subject);
	jout_opt(o, "author", r->commit_author);
	jout_opt(o, "actor", p->actor);
	jout_opt(o, "link", p->link);
	if (p->number)
		jout_int(o, "number", p->number);
	if (p->dirty)
		jout_bool(o, "dirty", true);
	if (r->cancel_wanted)
		jout_bool(o, "cancel", true);
	jout_time(o, "created", r->created_ms);
	jout_time(o, "started", r->started_ms);
	jout_time(o, "finished", r->finished_ms);
	if (r->finished_ms && r->started_ms)
		jout_int(o, "ms", MAX(r->finished_ms - r->started_ms, 0));
	jout_int(o, "attempt", r->attempt);
	jout_arr(o, "flags");
	if (run_undo_is_incomplete(r))
		jout_str(o, NULL, "undo-incomplete");
	jout_end(o);
	reason_to_json(o, &r->reason);
}

void
run_to_json(const struct run *r, bool with_jobs, struct buf *out)
{
	struct json_out o;

	jout_start(&o, out);
	jout_obj(&o, NULL);
	put_head(&o, r);
	if (with_jobs) {
		jout_arr(&o, "jobs");
		for (size_t i = 0; i < r->njobs; i++)
			put_job(&o, r, &r->jobs[i]);
		jout_end(&o);
	}
	jout_end(&o);
}
