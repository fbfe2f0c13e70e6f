/* SPDX-License-Identifier: MIT */
/*
 * GET /api/v1/runs/N/journal: the events of a run.  GET /api/v1/runs/N/why:
 * the one failure that decided, with all that one needs to understand it,
 * or what the run waits for.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "os/fd.h"
#include "web/access.h"
#include "web/api.h"
#include "web/live.h"
#include "web/routes.h"

#define TAIL_LINES 12
#define TAIL_BYTES 4096
#define LINE_CHARS 300
#define SPEC_MAX (8 << 20)

/* ---- the journal ---- */

static const json_t *
events_of(const json_t *story)
{
	return jget_arr(story, "events");
}

/* The story, when it may be read; else it is answered. */
static json_t *
take_story(struct request *r, struct ask *a)
{
	struct err e;
	json_t *story;

	if (!a->ok) {
		reply_err(r, &a->err);
		return NULL;
	}
	if (!a->view || !access_may_read(r, a->view->run->push.repository)) {
		reply_problem(r, 404, "there is no run %" PRIu64, r->id);
		return NULL;
	}
	story = json_parse(a->json.data, a->json.len, &e);
	if (!story)
		reply_err(r, &e);
	return story;
}

static void
journal_answered(struct request *r, struct ask *a)
{
	AUTO(json_decrefp) json_t *story = take_story(r, a);
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	if (!story)
		return;
	jout_start(&o, &b);
	jout_value(&o, NULL, events_of(story));
	reply_json(r, 200, &b);
}

static void
ask_story(struct request *r, void (*fn)(struct request *r, struct ask *a))
{
	struct ask *a = request_new_ask(r, ASK_STORY);

	a->run = r->id;
	request_ask(r, a, fn);
}

void
api_journal(struct request *r)
{
	ask_story(r, journal_answered);
}

/* ---- what decided ---- */

struct cause {
	const struct run *run;
	size_t job, step; /* njobs, nsteps: none */
};

static bool
is_bad(enum run_state s)
{
	return s == RUN_FAILED || s == RUN_ERROR || s == RUN_BLOCKED ||
	       s == RUN_WAITING;
}

static size_t
bad_step(const struct run_job *j)
{
	size_t i = 0;

	while (i < j->nsteps &&
		!((j->steps[i].state == RUN_FAILED && !j->steps[i].ignored) ||
			j->steps[i].state == RUN_BLOCKED ||
			(j->steps[i].state == RUN_QUEUED &&
				j->steps[i].reason.class)))
		i++;
	return i;
}

static struct cause
find_cause(const struct run *r)
{
	struct cause c = { r, r->njobs, 0 };

	for (size_t i = 0; i < r->njobs && c.job == r->njobs; i++)
		if (is_bad(r->jobs[i].state))
			c.job = i;
	/* The job that the run's reason is from, where that is known. */
	for (size_t i = 0; i < r->njobs; i++)
		if (r->reason.text &&
			str_eq(r->jobs[i].reason.text, r->reason.text))
			c.job = i;
	if (c.job < r->njobs)
		c.step = bad_step(&r->jobs[c.job]);
	return c;
}

static const struct run_step *
cause_step(const struct cause *c)
{
	const struct run_job *j;

	if (c->job == c->run->njobs)
		return NULL;
	j = &c->run->jobs[c->job];
	return c->step < j->nsteps ? &j->steps[c->step] : NULL;
}

/* ---- the last lines ---- */

/* The beginning of the last max lines. */
static const char *
last_lines(const char *p, size_t n, int max)
{
	const char *at = p + n;

	if (n && at[-1] == '\n')
		at--;
	while (at > p) {
		if (at[-1] == '\n' && --max == 0)
			break;
		at--;
	}
	return at;
}

static void
put_tail(struct request *r, struct json_out *o, const struct cause *c)
{
	const struct run_step *s = cause_step(c);
	AUTO(buf_release) struct buf text = BUF_INIT;
	int64_t length;
	const char *p, *end;

	if (!s || !s->attempt)
		return;
	length = log_length(r->web, c->run, c->job, c->step);
	log_read(r->web, c->run, c->job, c->step, MAX(length - TAIL_BYTES, 0),
		TAIL_BYTES, &text);
	end = text.data + text.len;
	jout_arr(o, "output");
	for (p = last_lines(text.data, text.len, TAIL_LINES); p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		AUTO(freep) char *line = xstrndup(p, n);
		AUTO(buf_release) struct buf clean = BUF_INIT;

		utf8_addcut_chars(&clean, line, LINE_CHARS);
		jout_str(o, NULL, clean.data ? clean.data : "");
		p += n + 1;
	}
	jout_end(o);
}

/* ---- limits and what was given ---- */

static void
put_limits(struct request *r, struct json_out *o, const struct cause *c)
{
	const struct run_step *s = cause_step(c);
	AUTO(buf_release) struct buf path = BUF_INIT;
	AUTO(json_decrefp) json_t *spec = NULL;
	AUTO(freep) char *text = NULL;
	struct err e;
	size_t len;

	if (!s || !s->attempt)
		return;
	core_attempt_path(c->run->id, (int)c->job, s->attempt, &path);
	buf_addz(&path, "/spec.json");
	if (fd_slurp_at(
		    r->web->state_fd, path.data, SPEC_MAX, &text, &len, &e) < 0)
		return;
	spec = json_parse(text, len, &e);
	if (!spec)
		return;
	if (jget_obj(spec, "limits"))
		jout_value(o, "limits", jget_obj(spec, "limits"));
	jout_opt(o, "network", jget_str(spec, "network"));
}

static void
put_step(struct request *r, struct json_out *o, const struct cause *c)
{
	const struct run_step *s = cause_step(c);

	if (c->job < c->run->njobs)
		jout_str(o, "job", c->run->jobs[c->job].name);
	if (!s)
		return;
	jout_str(o, "step", s->name);
	if (s->has_exit)
		jout_int(o, "exit", s->exit_code);
	if (s->signal)
		jout_int(o, "signal", s->signal);
	jout_int(o, "attempt", MAX(s->tries, 1));
	jout_time(o, "started", s->started_ms);
	jout_time(o, "finished", s->finished_ms);
	if (s->finished_ms)
		jout_int(o, "ms", MAX(s->finished_ms - s->started_ms, 0));
	if (s->memory > 0)
		jout_int(o, "memory", s->memory);
	if (s->cpu_ms >= 0 && s->finished_ms)
		jout_int(o, "cpu_ms", s->cpu_ms);
	put_limits(r, o, c);
	put_tail(r, o, c);
}

/* ---- what the agent did by itself ---- */

static const struct {
	const char *kind, *text;
} told[] = {
	{ "waiting", "waited" },
	{ "lost", "found the worker gone, and took the job up again" },
	{ "undoing", "took back what had been done" },
	{ "blocked", "stopped for a person" },
};

static bool
is_for_forge(const json_t *ev)
{
	return str_eq(jget_str(jget_obj(ev, "data"), "for"), "forge");
}

static void
put_did(struct json_out *o, const json_t *events)
{
	const json_t *ev;
	size_t i;

	jout_arr(o, "did");
	json_array_foreach(events, i, ev)
	{
		const char *kind = jget_str(ev, "kind");

		for (size_t k = 0; k < ARRAY_LEN(told); k++) {
			/* That a job waits is told of the run again. */
			if (!str_eq(told[k].kind, kind) ||
				(str_eq(kind, "waiting") &&
					jget_int(ev, "job", -1) < 0 &&
					!is_for_forge(ev)))
				continue;
			jout_obj(o, NULL);
			jout_time(o, "time", jget_int(ev, "time", 0));
			jout_str(o, "what", told[k].text);
			jout_opt(o, "why",
				jget_str(jget_obj(ev, "data"), "text"));
			jout_end(o);
		}
	}
	jout_end(o);
}

/* ---- what it waits for ---- */

static void
add_runs(struct buf *b, const json_t *runs)
{
	const json_t *one;
	size_t i;

	json_array_foreach(runs, i, one) buf_addf(b, "%s%" PRId64,
		i ? ", " : "", (int64_t)json_integer_value(one));
}

static void
put_waits(struct json_out *o, const struct run *r, const json_t *story)
{
	const json_t *busy = jget_arr(story, "busy");
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (r->state == RUN_RECEIVED || r->state == RUN_PLANNING) {
		buf_addz(&b, "its commit is fetched and its workflow is read");
	} else if (r->state == RUN_QUEUED) {
		buf_addf(&b, "a job slot: agent.jobs is %" PRId64,
			jget_int(story, "slots", 0));
		if (json_array_size(busy)) {
			buf_addz(&b, ", in use by run ");
			add_runs(&b, busy);
		}
	} else if (r->state == RUN_WAITING && r->reason.text) {
		buf_addz(&b, r->reason.text);
	} else {
		return;
	}
	jout_str(o, "waits", b.data);
}

static void
why_answered(struct request *r, struct ask *a)
{
	AUTO(json_decrefp) json_t *story = take_story(r, a);
	AUTO(buf_release) struct buf b = BUF_INIT;
	const struct run *run;
	struct cause c;
	struct json_out o;

	if (!story)
		return;
	run = a->view->run;
	c = find_cause(run);
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_int(&o, "run", (int64_t)run->id);
	jout_str(&o, "state", run_state_name(run->state));
	reason_to_json(&o, &run->reason);
	put_step(r, &o, &c);
	jout_str(&o, "event", run->push.event);
	jout_str(&o, "ref", run->push.ref);
	jout_int(&o, "run_attempt", run->attempt);
	if (run->push.fork)
		jout_bool(&o, "fork", true);
	put_waits(&o, run, story);
	put_did(&o, events_of(story));
	jout_end(&o);
	reply_json(r, 200, &b);
}

void
api_why(struct request *r)
{
	ask_story(r, why_answered);
}
