/* SPDX-License-Identifier: MIT */
/* A run's memory: made, copied, released.  See run.h. */
#include "base/base.h"
#include "base/enc.h"
#include "model/run.h"

void
reason_release(struct reason *r)
{
	free(r->class);
	free(r->text);
	free(r->suggestion);
	free(r->step);
	memset(r, 0, sizeof(*r));
}

void
reason_copy(struct reason *to, const struct reason *from)
{
	to->class = xstrdup0(from->class);
	to->text = xstrdup0(from->text);
	to->suggestion = xstrdup0(from->suggestion);
	to->step = xstrdup0(from->step);
}

void
reason_put(json_t *o, const struct reason *r)
{
	jset_str(o, "class", r->class);
	jset_str(o, "text", r->text);
	jset_str(o, "suggestion", r->suggestion);
	jset_str(o, "step", r->step);
}

void
reason_unknown(struct reason *r, uint64_t run, const char *step)
{
	AUTO(freep) char *name = shell_quote(step);

	reason_release(r);
	r->class = xstrdup("infra.unknown");
	r->text = xasprintf("step '%s' was interrupted: it may or may not have "
			    "happened",
		step);
	r->suggestion = xasprintf(
		"tellus retry %" PRIu64 " --from %s to run it again, tellus "
		"retry %" PRIu64 " --skip %s to go on after it, or tellus "
		"cancel %" PRIu64,
		run, name, run, name, run);
	r->step = xstrdup(step);
}

void
run_step_release(struct run_step *s)
{
	free(s->name);
	free(s->id);
	free(s->on_crash);
	free(s->layer);
	free(s->record);
	reason_release(&s->reason);
	reason_release(&s->undo.reason);
}

void
run_job_release(struct run_job *j)
{
	for (size_t i = 0; i < j->nsteps; i++)
		run_step_release(&j->steps[i]);
	free(j->steps);
	free(j->id);
	free(j->name);
	free(j->needs);
	free(j->cond);
	free(j->nonce);
	free(j->boot);
	free(j->cgroup);
	free(j->wait_for);
	free(j->wait_boot);
	json_decref(j->outputs);
	reason_release(&j->reason);
}

void
run_jobs_release(struct run *r)
{
	for (size_t i = 0; i < r->njobs; i++)
		run_job_release(&r->jobs[i]);
	free(r->jobs);
	r->jobs = NULL;
	r->njobs = 0;
}

struct run *
run_new(uint64_t id)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->id = id;
	r->attempt = 1;
	r->end_state = RUN_CANCELED;
	r->plan_run = id;
	return r;
}

void
run_free(struct run *r)
{
	if (!r)
		return;
	run_jobs_release(r);
	push_release(&r->push);
	reason_release(&r->reason);
	free(r->workflow);
	free(r->file);
	free(r->tree);
	free(r->subject);
	free(r->commit_author);
	free(r->cancel_by);
	free(r->nonce);
	free(r->boot);
	json_decref(r->set);
	json_decref(r->limits);
	free(r);
}

void
run_freep(struct run **r)
{
	run_free(*r);
	*r = NULL;
}

static void
step_copy(struct run_step *to, const struct run_step *from)
{
	*to = *from;
	to->name = xstrdup0(from->name);
	to->id = xstrdup0(from->id);
	to->on_crash = xstrdup0(from->on_crash);
	to->layer = xstrdup0(from->layer);
	to->record = xstrdup0(from->record);
	reason_copy(&to->reason, &from->reason);
	reason_copy(&to->undo.reason, &from->undo.reason);
}

static void
job_copy(struct run_job *to, const struct run_job *from)
{
	*to = *from;
	to->id = xstrdup0(from->id);
	to->name = xstrdup0(from->name);
	to->cond = xstrdup0(from->cond);
	to->nonce = xstrdup0(from->nonce);
	to->boot = xstrdup0(from->boot);
	to->cgroup = xstrdup0(from->cgroup);
	to->wait_for = xstrdup0(from->wait_for);
	to->wait_boot = xstrdup0(from->wait_boot);
	to->outputs = json_deep_copy(from->outputs);
	reason_copy(&to->reason, &from->reason);
	to->needs = xcalloc(from->nneeds, sizeof(*to->needs));
	if (from->nneeds)
		memcpy(to->needs, from->needs,
			from->nneeds * sizeof(*to->needs));
	to->steps = xcalloc(from->nsteps, sizeof(*to->steps));
	for (size_t i = 0; i < from->nsteps; i++)
		step_copy(&to->steps[i], &from->steps[i]);
}

struct run *
run_clone(const struct run *r)
{
	struct run *c = xmalloc(sizeof(*c));

	*c = *r;
	push_copy(&c->push, &r->push);
	reason_copy(&c->reason, &r->reason);
	c->workflow = xstrdup0(r->workflow);
	c->file = xstrdup0(r->file);
	c->tree = xstrdup0(r->tree);
	c->subject = xstrdup0(r->subject);
	c->commit_author = xstrdup0(r->commit_author);
	c->cancel_by = xstrdup0(r->cancel_by);
	c->nonce = xstrdup0(r->nonce);
	c->boot = xstrdup0(r->boot);
	c->set = json_deep_copy(r->set);
	c->limits = json_deep_copy(r->limits);
	c->jobs = xcalloc(r->njobs, sizeof(*c->jobs));
	for (size_t i = 0; i < r->njobs; i++)
		job_copy(&c->jobs[i], &r->jobs[i]);
	return c;
}
