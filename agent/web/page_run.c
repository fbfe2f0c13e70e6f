/* SPDX-License-Identifier: MIT */
/*
 * The page of one run: facts, jobs, steps, why something failed, and the
 * end of what each step printed.
 */
#include "base/base.h"
#include "web/pages.h"
#include "web/pages_priv.h"
#include "base/clock.h"
#include "base/enc.h"
#include "web/ansi.h"

#define SHA_SHOWN 12
/* Output that was cut begins at a line's start, if one is as near. */
#define CUT_LINE_MAX 4096
#define NOTE_SEP " \xc2\xb7 " /* middle dot */

struct run_page {
	const struct run *r;
	page_output_fn *fn;
	void *arg;
	size_t room; /* left of PAGE_OUTPUT_MAX */
};

/* ---- facts ---- */

static void
add_fact(json_t *facts, const char *label, const char *value)
{
	json_t *o;

	if (!value || !*value)
		return;
	o = json_object();
	jset_str(o, "label", label);
	page_put(o, "value", value, PAGE_NAME_MAX);
	json_array_append_new(facts, o);
}

static void
add_fact_time(json_t *facts, const char *label, int64_t ms)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char iso[CLOCK_ISO_MAX];
	json_t *o;

	if (!ms)
		return;
	clock_iso(ms, iso);
	page_add_time(&b, iso);
	o = json_object();
	jset_str(o, "label", label);
	page_put(o, "value", b.data, PAGE_NAME_MAX);
	page_put(o, "datetime", iso, PAGE_NAME_MAX);
	json_array_append_new(facts, o);
}

static void
add_fact_link(json_t *facts, const char *label, const char *url)
{
	json_t *o;

	if (!url)
		return;
	o = json_object();
	jset_str(o, "label", label);
	page_put(o, "value", url, PAGE_NAME_MAX);
	if (page_link_is_safe(url))
		page_put(o, "href", url, PAGE_TEXT_MAX);
	json_array_append_new(facts, o);
}

static void
add_span(struct buf *b, int64_t from_ms, int64_t to_ms)
{
	if (from_ms && to_ms)
		clock_addspan(b, MAX(to_ms - from_ms, 0));
}

static json_t *
run_facts(const struct run *r)
{
	const struct push *p = &r->push;
	json_t *facts = json_array();
	AUTO(buf_release) struct buf b = BUF_INIT;

	add_fact(facts, "Repository", p->repository);
	add_fact(facts, "Ref", p->ref ? ref_short(p->ref) : NULL);
	if (p->sha && !sha_is_zero(p->sha)) {
		buf_addf(&b, "%.*s%s", SHA_SHOWN, p->sha,
			p->dirty ? " and uncommitted changes" : "");
		add_fact(facts, "Commit", b.data);
	}
	add_fact(facts, "Author", r->commit_author);
	add_fact(facts, "Started by", p->actor);
	add_fact(facts, "Event", p->event);
	add_fact(facts, "Workflow", r->workflow);
	add_fact_link(facts, "Change", p->link);
	add_fact_time(facts, "Received", r->created_ms);
	buf_reset(&b);
	add_span(&b, r->started_ms, r->finished_ms);
	add_fact(facts, "Took", b.data);
	if (r->attempt > 1) {
		buf_reset(&b);
		buf_addf(&b, "%d", r->attempt);
		add_fact(facts, "Attempt", b.data);
	}
	if (run_undo_is_incomplete(r))
		add_fact(facts, "Undo", "not everything could be undone");
	return facts;
}

static void
put_reason(json_t *o, const struct reason *r)
{
	json_t *x;

	if (!r->text && !r->class)
		return;
	x = json_object();
	page_put(x, "text", r->text ? r->text : r->class, PAGE_TEXT_MAX);
	page_put(x, "suggestion", r->suggestion, PAGE_TEXT_MAX);
	json_object_set_new(o, "reason", x);
}

/* ---- output ---- */

static bool
is_interesting(const struct run_step *s)
{
	return s->state == RUN_RUNNING || s->state == RUN_FAILED ||
	       s->state == RUN_ERROR || s->state == RUN_BLOCKED;
}

static bool
has_output(const struct run_step *s)
{
	return s->attempt > 0 && (s->length > 0 || s->length < 0);
}

/* The rest of the line in which the cut is would be half a word, half a
 * character or half an escape sequence. */
static void
drop_half_line(struct buf *b, int64_t *skipped)
{
	const char *nl = memchr(b->data, '\n', MIN(b->len, CUT_LINE_MAX));

	if (!*skipped || !nl)
		return;
	*skipped += nl + 1 - b->data;
	buf_drop(b, (size_t)(nl + 1 - b->data));
}

static void
put_output(struct run_page *pg, size_t job, size_t step, json_t *o)
{
	AUTO(buf_release) struct buf raw = BUF_INIT;
	AUTO(buf_release) struct buf html = BUF_INIT;
	AUTO(buf_release) struct buf size = BUF_INIT;
	size_t max = MIN(PAGE_STEP_MAX, pg->room);
	int64_t skipped = 0;
	struct ansi a;

	if (!max || pg->fn(pg->r, job, step, max, &raw, &skipped, pg->arg) < 0)
		return;
	pg->room -= MIN(pg->room, raw.len);
	drop_half_line(&raw, &skipped);
	ansi_init(&a);
	ansi_add(&a, raw.data, raw.len, &html);
	ansi_end(&a, &html);
	json_object_set_new(o, "output", json_stringn(html.data, html.len));
	if (skipped > 0) {
		size_add(&size, skipped);
		page_put(o, "skipped", size.data, PAGE_NAME_MAX);
	}
}

/* ---- steps and jobs ---- */

static void
add_note(struct buf *b, const char *fmt, int64_t n)
{
	if (b->len)
		buf_addz(b, NOTE_SEP);
	buf_addz(b, fmt);
	if (n >= 0)
		buf_addf(b, " %" PRId64, n);
}

static void
step_note(const struct run_step *s, struct buf *b)
{
	if (s->signal)
		add_note(b, "signal", s->signal);
	else if (s->has_exit && (s->exit_code || s->state != RUN_PASSED))
		add_note(b, "exit", s->exit_code);
	if (s->started_ms && s->finished_ms) {
		add_note(b, "", -1);
		add_span(b, s->started_ms, s->finished_ms);
	}
	if (s->tries > 1)
		add_note(b, "attempt", s->tries);
	if (s->ignored)
		add_note(b, "failure ignored", -1);
	if (s->waived)
		add_note(b, "skipped by hand", -1);
	if (s->undo.registered && s->undo.state == RUN_PASSED)
		add_note(b, "undone", -1);
	else if (s->undo.registered && s->undo.state == RUN_FAILED)
		add_note(b, "undo failed", -1);
	else if (s->undo.registered && s->undo.tries)
		add_note(b, "undo tried", s->undo.tries);
}

static json_t *
step_context(struct run_page *pg, size_t job, size_t step)
{
	const struct run_step *s = &pg->r->jobs[job].steps[step];
	json_t *o = json_object();
	AUTO(buf_release) struct buf note = BUF_INIT;

	jset_int(o, "run", (int64_t)pg->r->id);
	jset_int(o, "job", (int64_t)job);
	jset_int(o, "step", (int64_t)step);
	page_put(o, "name", s->name, PAGE_NAME_MAX);
	page_put_state(o, s->state);
	step_note(s, &note);
	page_put(o, "note", note.data, PAGE_NAME_MAX);
	put_reason(o, &s->reason);
	page_put(o, "suggestion", s->reason.suggestion, PAGE_TEXT_MAX);
	if (is_interesting(s))
		json_object_set_new(o, "is_open", json_true());
	if (has_output(s))
		json_object_set_new(o, "has_output", json_true());
	/* Complete: live.js need not build it again. */
	if (run_state_is_final(s->state))
		jset_int(o, "attempt", MAX(s->tries, 1));
	return o;
}

static json_t *
job_context(struct run_page *pg, size_t job)
{
	const struct run_job *j = &pg->r->jobs[job];
	json_t *o = json_object(), *steps = json_array();
	AUTO(buf_release) struct buf note = BUF_INIT;

	jset_int(o, "job", (int64_t)job);
	page_put(o, "name", j->name ? j->name : j->id, PAGE_NAME_MAX);
	page_put_state(o, j->state);
	add_span(&note, j->started_ms, j->finished_ms);
	if (j->attempt > 1)
		add_note(&note, "attempt", j->attempt);
	page_put(o, "note", note.data, PAGE_NAME_MAX);
	put_reason(o, &j->reason);
	for (size_t i = 0; i < j->nsteps; i++)
		json_array_append_new(steps, step_context(pg, job, i));
	json_object_set_new(o, "steps", steps);
	return o;
}

/* What a person looks for gets the room first. */
static void
put_outputs(struct run_page *pg, json_t *jobs, bool interesting)
{
	const struct run *r = pg->r;

	for (size_t i = 0; i < r->njobs; i++) {
		json_t *steps = jget_arr(json_array_get(jobs, i), "steps");

		for (size_t k = 0; k < r->jobs[i].nsteps; k++) {
			const struct run_step *s = &r->jobs[i].steps[k];

			if (has_output(s) && is_interesting(s) == interesting)
				put_output(pg, i, k, json_array_get(steps, k));
		}
	}
}

static bool
is_settled(enum run_state s)
{
	return run_state_is_final(s) || s == RUN_BLOCKED;
}

static void
put_head(json_t *o, const struct run *r)
{
	AUTO(freep)
	char *title = xasprintf(
		"Run %" PRIu64 " %s - Tellus", r->id, run_state_name(r->state));

	jset_str(o, "title", title);
	jset_int(o, "run", (int64_t)r->id);
	page_put_state(o, r->state);
	page_put(o, "subject", r->subject, PAGE_NAME_MAX);
	json_object_set_new(o, "facts", run_facts(r));
	put_reason(o, &r->reason);
	if (!is_settled(r->state)) {
		AUTO(freep)
		char *live = xasprintf("/events?run=%" PRIu64, r->id);

		jset_str(o, "live", live);
	} else if (r->state != RUN_PASSED) {
		json_object_set_new(o, "hint", json_true());
	}
}

int
page_run(const char *templates_dir, const struct run *r, page_output_fn *fn,
	void *arg, struct buf *out, struct err *e)
{
	struct run_page pg = {
		.r = r, .fn = fn, .arg = arg, .room = PAGE_OUTPUT_MAX
	};
	json_t *o = json_object(), *jobs = json_array();
	int ret;

	put_head(o, r);
	for (size_t i = 0; i < r->njobs; i++)
		json_array_append_new(jobs, job_context(&pg, i));
	put_outputs(&pg, jobs, true);
	put_outputs(&pg, jobs, false);
	json_object_set_new(o, "jobs", jobs);
	ret = page_render(templates_dir, "run.html", o, out, e);
	json_decref(o);
	return ret;
}
