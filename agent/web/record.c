/* SPDX-License-Identifier: MIT */
/*
 * A run as records, one JSON object each: the whole story so far, then what
 * is new, each thing once.  Lines for programs, server-sent events for
 * pages.
 */
#include "base/base.h"
#include "base/enc.h"
#include "base/json.h"
#include "web/access.h"
#include "web/live.h"

#define OUTPUT_PIECE ((size_t)16 << 10)

void
record_release(struct stream *s)
{
	for (size_t i = 0; i < s->njobs; i++)
		free(s->jobs[i].steps);
	free(s->jobs);
	s->jobs = NULL;
	s->njobs = 0;
}

static void
begin(struct stream *s, struct json_out *o, const char *type)
{
	if (s->sse)
		buf_addf(&s->out,
			"id: %" PRIu64 "\nevent: %s\ndata: ", ++s->position,
			type);
	jout_start(o, &s->out);
	jout_obj(o, NULL);
	jout_str(o, "type", type);
}

static void
end(struct stream *s, struct json_out *o)
{
	jout_end(o);
	buf_addz(&s->out, s->sse ? "\n\n" : "\n");
}

static void
put_reason(struct json_out *o, const struct reason *r)
{
	jout_opt(o, "class", r->class);
	jout_opt(o, "text", r->text);
	jout_opt(o, "suggestion", r->suggestion);
}

static void
tell_run(struct stream *s, const struct run *r)
{
	const char *base = s->req->conf->conf.url;
	struct json_out o;

	if (s->told_run && s->told_state == (int)r->state &&
		s->njobs == r->njobs)
		return;
	s->told_run = true;
	s->told_state = (int)r->state;
	begin(s, &o, "run");
	jout_int(&o, "run", (int64_t)r->id);
	jout_str(&o, "state", run_state_name(r->state));
	jout_str(&o, "workflow", r->workflow);
	jout_str(&o, "repository", r->push.repository);
	jout_str(&o, "ref", r->push.ref);
	jout_str(&o, "sha", sha_is_zero(r->push.sha) ? NULL : r->push.sha);
	jout_opt(&o, "subject", r->subject);
	if (base) {
		AUTO(freep)
		char *url = xasprintf("%s/runs/%" PRIu64, base, r->id);

		jout_str(&o, "url", url);
	}
	jout_int(&o, "attempt", r->attempt);
	/* Later its jobs say what they wait for. */
	if (r->state == RUN_WAITING && !r->njobs)
		put_reason(&o, &r->reason);
	jout_arr(&o, "jobs");
	for (size_t i = 0; i < r->njobs; i++)
		jout_str(&o, NULL, r->jobs[i].name);
	jout_end(&o);
	end(s, &o);
}

/* Room for what is told of each job and step. */
static void
match_jobs(struct stream *s, const struct run *r)
{
	if (s->njobs == r->njobs)
		return;
	record_release(s);
	s->jobs = xcalloc(r->njobs, sizeof(*s->jobs));
	s->njobs = r->njobs;
	for (size_t i = 0; i < r->njobs; i++) {
		struct told_job *t = &s->jobs[i];

		t->state = -1;
		t->nsteps = 2 * r->jobs[i].nsteps;
		t->steps = xcalloc(t->nsteps, sizeof(*t->steps));
		for (size_t k = 0; k < t->nsteps; k++)
			t->steps[k].state = -1;
	}
}

static void
tell_job(struct stream *s, const struct run *r, size_t i)
{
	const struct run_job *j = &r->jobs[i];
	struct told_job *t = &s->jobs[i];
	const char *why = j->state == RUN_WAITING ? j->reason.text : NULL;
	uint32_t text = why ? crc32c(0, why, strlen(why)) : 0;
	struct json_out o;

	/* Of a job that still waits it is told when the reason changes. */
	if (t->state == (int)j->state && t->attempt == j->attempt &&
		t->text == text)
		return;
	t->text = text;
	t->state = (int)j->state;
	t->attempt = j->attempt;
	begin(s, &o, "job");
	jout_int(&o, "job", (int64_t)i);
	jout_str(&o, "name", j->name);
	jout_str(&o, "state", run_state_name(j->state));
	jout_int(&o, "attempt", j->attempt);
	if (j->state != RUN_RUNNING)
		put_reason(&o, &j->reason);
	if (j->state == RUN_WAITING)
		jout_opt(&o, "waits_for", j->wait_for);
	end(s, &o);
}

static void
tell_step(struct stream *s, const struct run *r, size_t i, size_t k,
	enum run_state state)
{
	const struct run_step *step = &r->jobs[i].steps[k];
	struct json_out o;

	s->jobs[i].steps[k].state = (int)state;
	begin(s, &o, "step");
	jout_int(&o, "job", (int64_t)i);
	jout_int(&o, "step", (int64_t)k);
	jout_str(&o, "name", step->name);
	jout_str(&o, "state", run_state_name(state));
	jout_int(&o, "attempt", step->tries ? step->tries : 1);
	if (state == RUN_QUEUED)
		jout_bool(&o, "again", true);
	if (run_state_is_final(state) || state == RUN_QUEUED) {
		if (step->has_exit)
			jout_int(&o, "exit", step->exit_code);
		if (step->signal)
			jout_int(&o, "signal", step->signal);
		if (step->ignored)
			jout_bool(&o, "ignored", true);
		jout_int(
			&o, "ms", MAX(step->finished_ms - step->started_ms, 0));
		put_reason(&o, &step->reason);
	}
	end(s, &o);
}

/* Bytes at the end that may be the first part of a character. */
static size_t
cut_tail(const char *p, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++)
		if (((unsigned char)p[n - back] & 0xc0) == 0xc0)
			return utf8_len(p + n - back, back) < 0 ? back : 0;
	return 0;
}

/* Readers of JSON in C stop at a NUL: they are told its picture.  A page
 * is not, which has to see it within an escape sequence. */
static void
put_text(const struct stream *st, struct json_out *o, const char *s, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (st->sse || !memchr(s, 0, n)) {
		jout_strn(o, "text", s, n);
		return;
	}
	while (n) {
		size_t plain = strnlen(s, n);

		buf_add(&b, s, plain);
		if (plain == n)
			break;
		buf_addz(&b, "\xe2\x90\x80");
		s += plain + 1;
		n -= plain + 1;
	}
	jout_strn(o, "text", b.data, b.len);
}

/* Output since the last time; true when there is more of it at once. */
static bool
tell_output(struct stream *s, const struct run *r, size_t i, size_t k,
	int64_t length)
{
	const struct run_job *j = &r->jobs[i];
	struct told_step *t = &s->jobs[i].steps[k];
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;
	size_t n = log_read(s->web, r, i, k, t->offset, OUTPUT_PIECE, &b);

	/* Unless nothing can follow that would complete it. */
	if (length < 0 || t->offset + (int64_t)n < length)
		n -= cut_tail(b.data, n);
	if (!n)
		return false;
	t->offset += (int64_t)n;
	begin(s, &o, "output");
	jout_int(&o, "job", (int64_t)i);
	jout_int(&o, "step", (int64_t)log_step(j, k));
	if (log_is_undo(j, k))
		jout_bool(&o, "undo", true);
	put_text(s, &o, b.data, n);
	end(s, &o);
	return true;
}

/* True: come back, the chunk is full. */
static bool
make_step(struct stream *s, const struct run *r, size_t i, size_t k)
{
	const struct run_step *step = &r->jobs[i].steps[k];
	struct told_step *t = &s->jobs[i].steps[k];
	bool ran = step->started_ms && step->attempt;

	/* A retry begins its story anew. */
	if (t->state >= 0 && t->attempt != step->attempt && ran) {
		t->state = -1;
		t->offset = 0;
	}
	if (run_state_is_final((enum run_state)t->state) && t->state >= 0)
		return false;
	/* Queued again: it is told how the try ended. */
	if (step->state == RUN_QUEUED &&
		(t->state != RUN_RUNNING || !step->finished_ms))
		return false;
	if (t->state < 0 && ran && step->state != RUN_SKIPPED) {
		t->attempt = step->attempt;
		tell_step(s, r, i, k, RUN_RUNNING);
	}
	while (tell_output(s, r, i, k, step->length))
		if (s->out.len >= LIVE_CHUNK)
			return true;
	if (run_state_is_final(step->state) || step->state == RUN_QUEUED) {
		t->attempt = step->attempt;
		tell_step(s, r, i, k, step->state);
	}
	return false;
}

static void
tell_undo(struct stream *s, const struct run *r, size_t i, size_t part,
	enum run_state state)
{
	const struct run_step *step =
		&r->jobs[i].steps[log_step(&r->jobs[i], part)];
	const struct run_undo *u = &step->undo;
	struct json_out o;

	s->jobs[i].steps[part].state = (int)state;
	begin(s, &o, "undo");
	jout_int(&o, "job", (int64_t)i);
	jout_int(&o, "step", (int64_t)log_step(&r->jobs[i], part));
	jout_str(&o, "name", step->name);
	jout_str(&o, "state", run_state_name(state));
	jout_int(&o, "attempt", MAX(u->tries, 1));
	if (state != RUN_RUNNING) {
		if (u->has_exit)
			jout_int(&o, "exit", u->exit_code);
		if (u->signal)
			jout_int(&o, "signal", u->signal);
		jout_int(&o, "ms", MAX(u->finished_ms - u->started_ms, 0));
		put_reason(&o, &u->reason);
	}
	end(s, &o);
}

/* The same for an undo; queued: it is tried again. */
static bool
make_undo(struct stream *s, const struct run *r, size_t i, size_t part)
{
	const struct run_job *j = &r->jobs[i];
	const struct run_undo *u = &j->steps[log_step(j, part)].undo;
	struct told_step *t = &s->jobs[i].steps[part];

	if (!u->registered || !u->tries)
		return false;
	if (t->attempt != u->attempt) {
		t->state = -1;
		t->offset = 0;
		t->attempt = u->attempt;
		tell_undo(s, r, i, part, RUN_RUNNING);
	}
	if (t->state == (int)u->state)
		return false;
	while (tell_output(s, r, i, part, u->length))
		if (s->out.len >= LIVE_CHUNK)
			return true;
	tell_undo(s, r, i, part, u->state);
	return false;
}

static void
tell_end(struct stream *s, const struct run *r)
{
	struct json_out o;

	begin(s, &o, "end");
	jout_int(&o, "run", (int64_t)r->id);
	jout_str(&o, "state", run_state_name(r->state));
	put_reason(&o, &r->reason);
	jout_opt(&o, "step", r->reason.step);
	if (r->finished_ms && r->started_ms)
		jout_int(&o, "ms", MAX(r->finished_ms - r->started_ms, 0));
	end(s, &o);
	s->finished = true;
}

void
record_make(struct stream *s)
{
	const struct run *r = s->view->run;

	tell_run(s, r);
	match_jobs(s, r);
	for (size_t i = 0; i < r->njobs; i++) {
		if (!run_state_is_final(r->jobs[i].state))
			tell_job(s, r, i);
		for (size_t k = 0; k < r->jobs[i].nsteps; k++)
			if (make_step(s, r, i, k))
				return;
		tell_job(s, r, i);
	}
	for (size_t n = 0; n < r->njobs; n++) {
		size_t i = log_undo_job(r, n);

		for (size_t k = r->jobs[i].nsteps; k < 2 * r->jobs[i].nsteps;
			k++)
			if (make_undo(s, r, i, k))
				return;
	}
	if (run_state_is_final(r->state) || r->state == RUN_BLOCKED)
		tell_end(s, r);
}

void
record_make_all(struct stream *s)
{
	for (size_t i = 0; i < s->nnews; i++) {
		const struct run *r = s->news[i]->run;
		AUTO(buf_release) struct buf row = BUF_INIT;
		struct json_out o;

		if (access_may_read(s->req, r->push.repository)) {
			run_to_json(r, false, &row);
			begin(s, &o, "run");
			/* The row's members, behind the type. */
			buf_addc(&s->out, ',');
			buf_add(&s->out, row.data + 1, row.len - 2);
			end(s, &o);
		}
		run_view_unref(s->news[i]);
	}
	s->nnews = 0;
}
