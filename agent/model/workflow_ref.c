/* SPDX-License-Identifier: MIT */
/*
 * See workflow_int.h: expressions that name a job or step which is not
 * there.  They are worth nothing when they run, as on GitHub, so this is a
 * warning and no error.
 */
#include "base/base.h"
#include "model/expr.h"
#include "model/workflow_int.h"

struct ref_check {
	struct wreader *r;
	const struct wjob *job;
	size_t step; /* how many steps are before the text's own */
	const struct ynode *text;
};

static bool
has_need(const struct wjob *job, const char *id)
{
	for (size_t i = 0; i < job->nneeds; i++)
		if (!strcasecmp(job->needs[i]->text, id))
			return true;
	return false;
}

static bool
has_step(const struct wjob *job, size_t before, const char *id)
{
	for (size_t i = 0; i < before; i++)
		if (job->steps[i].id && !strcasecmp(job->steps[i].id->text, id))
			return true;
	return false;
}

static void
warn_at(const struct ref_check *c, size_t at, const char *text)
{
	struct ynode place = *c->text;

	ydoc_place(c->r->w->doc, c->text, at, &place.line, &place.col);
	wread_warn(c->r, &place, "%s", text);
}

static void
check_ref(const char *context, const char *member, size_t at, void *arg)
{
	const struct ref_check *c = arg;
	AUTO(freep) char *text = NULL;

	/* Finding a place takes time: only for what will be shown. */
	if (c->r->w->warnings.len >= WORKFLOW_MAX_WARNINGS)
		return;
	if (!strcasecmp(context, "needs") && !has_need(c->job, member))
		text = xasprintf("\"needs.%.60s\" is empty: job \"%s\" does "
				 "not name \"%.60s\" in its \"needs\"",
			member, c->job->key->text, member);
	if (!strcasecmp(context, "steps") && !has_step(c->job, c->step, member))
		text = xasprintf("\"steps.%.60s\" is empty: no step before "
				 "has this id",
			member);
	if (text)
		warn_at(c, at, text);
}

static void
check_text(struct ref_check *c, const struct ynode *n, bool is_cond)
{
	if (!n)
		return;
	c->text = n;
	expr_refs(n->text, is_cond, check_ref, c);
}

static void
check_map(struct ref_check *c, const struct wmap *m)
{
	for (size_t i = 0; i < m->n; i++)
		check_text(c, m->v[i].value, false);
}

static void
check_job(struct wreader *r, const struct wjob *job)
{
	struct ref_check c = { .r = r, .job = job };

	check_text(&c, job->cond, true);
	check_map(&c, &job->env);
	for (size_t i = 0; i < job->nsteps; i++) {
		const struct wstep *s = &job->steps[i];

		c.step = i;
		check_text(&c, s->name, false);
		check_text(&c, s->cond, true);
		check_map(&c, &s->env);
		check_text(&c, s->run, false);
		check_text(&c, s->dir, false);
		/* An undo may use what its own step gave out. */
		c.step = i + 1;
		check_text(&c, s->undo, false);
	}
	c.step = job->nsteps;
	check_map(&c, &job->outputs);
}

void
wread_refs(struct wreader *r)
{
	for (size_t i = 0; i < r->w->njobs; i++)
		check_job(r, &r->w->jobs[i]);
}
