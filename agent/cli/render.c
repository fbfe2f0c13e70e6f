/* SPDX-License-Identifier: MIT */
/* See render.h; the live lines are in live.c. */
#include "base/base.h"
#include "cli/render.h"
#include "cli/render_priv.h"

#include "base/clock.h"
#include "cli/term.h"
#include "os/fd.h"

struct render *
render_new(const struct render_opts *o, int64_t run)
{
	struct render *r = xcalloc(1, sizeof(*r));

	r->o = *o;
	r->run = run;
	buf_init(&r->out);
	return r;
}

static void
step_release(struct step_view *s)
{
	free(s->name);
	buf_release(&s->line);
	for (size_t i = 0; i < LIVE_TAIL; i++)
		free(s->tail[i]);
}

void
render_free(struct render *r)
{
	if (!r)
		return;
	for (size_t j = 0; j < r->njobs; j++) {
		for (size_t i = 0; i < r->jobs[j].nsteps; i++)
			step_release(&r->jobs[j].steps[i]);
		free(r->jobs[j].steps);
		free(r->jobs[j].name);
	}
	free(r->jobs);
	free(r->state);
	free(r->link);
	buf_release(&r->out);
	free(r);
}

void
render_freep(struct render **r)
{
	render_free(*r);
}

static struct job_view *
job_at(struct render *r, int64_t job)
{
	if (job < 0 || job >= RENDER_JOBS_MAX)
		return NULL;
	while (r->njobs <= (size_t)job) {
		r->jobs =
			grow(r->jobs, r->njobs, &r->jobs_cap, sizeof(*r->jobs));
		r->jobs[r->njobs++] = (struct job_view){ 0 };
	}
	return &r->jobs[job];
}

static struct step_view *
step_at(struct job_view *j, int64_t step)
{
	if (!j || step < 0 || step >= RENDER_STEPS_MAX)
		return NULL;
	while (j->nsteps <= (size_t)step) {
		j->steps = grow(
			j->steps, j->nsteps, &j->steps_cap, sizeof(*j->steps));
		j->steps[j->nsteps] = (struct step_view){ 0 };
		buf_init(&j->steps[j->nsteps++].line);
	}
	return &j->steps[step];
}

static void
set_name(char **name, const char *value)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (!value)
		return;
	term_cleanz(&b, value);
	free(*name);
	*name = buf_take(&b);
}

/* Everything goes out in whole lines with one write, so that lines of two
 * writers never mix. */
static void
flush(struct render *r)
{
	struct err e;

	if (r->out.len && !r->broken &&
		fd_write_all(r->o.fd, r->out.data, r->out.len, &e) < 0)
		r->broken = true;
	buf_reset(&r->out);
}

static void
add_part(struct render *r, const char *text)
{
	if (!text || !*text)
		return;
	buf_addz(&r->out, "  ");
	term_cleanz(&r->out, text);
}

void
render_head(struct render *r, const json_t *run)
{
	const char *ref = jget_str(run, "ref"), *sha = jget_str(run, "sha");
	const char *subject = jget_str(run, "subject");

	if (r->head)
		return;
	r->head = true;
	live_erase(r);
	buf_addf(&r->out, "run %" PRId64, r->run);
	if (str_starts(ref ? ref : "", "refs/heads/"))
		ref += strlen("refs/heads/");
	else if (str_starts(ref ? ref : "", "refs/tags/"))
		ref += strlen("refs/tags/");
	add_part(r, ref);
	if (sha && strspn(sha, "0") != strlen(sha)) {
		buf_addz(&r->out, ref && *ref ? " " : "  ");
		term_clean(&r->out, sha, MIN(strlen(sha), 7));
	}
	if (jget_bool(run, "dirty", false))
		buf_addz(&r->out, " with uncommitted changes");
	add_part(r, subject ? subject : jget_str(run, "title"));
	buf_addc(&r->out, '\n');
	live_draw(r);
	flush(r);
}

bool
render_has_head(const struct render *r)
{
	return r->head;
}

bool
render_wants_head(const json_t *record)
{
	const char *type = jget_str(record, "type");
	const json_t *jobs = jget_arr(record, "jobs");

	if (str_eq(type, "run"))
		return json_array_size(jobs) > 0;
	return type != NULL;
}

/* One line of a step's output, without its end. */
static void
put_line(struct render *r, struct job_view *j, struct step_view *s,
	const char *p, size_t n)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	const char *cr;

	while (n && p[n - 1] == '\r')
		n--;
	/* A progress bar writes over its line: the last state is the line. */
	cr = memrchr(p, '\r', n);
	if (cr) {
		n -= (size_t)(cr + 1 - p);
		p = cr + 1;
	}
	term_clean(&clean, p, n);
	if (r->o.live) {
		live_keep(s, clean.data);
		return;
	}
	buf_addz(&r->out, "    ");
	if (r->njobs > 1)
		buf_addf(&r->out, "[%s] ", j->name ? j->name : "?");
	buf_add(&r->out, clean.data, clean.len);
	buf_addc(&r->out, '\n');
}

static void
put_rest(struct render *r, struct job_view *j, struct step_view *s)
{
	if (s->line.len)
		put_line(r, j, s, s->line.data, s->line.len);
	buf_reset(&s->line);
}

static void
on_output(struct render *r, const json_t *o)
{
	struct job_view *j = job_at(r, jget_int(o, "job", -1));
	struct step_view *s = step_at(j, jget_int(o, "step", -1));
	const json_t *v = json_object_get(o, "text");
	const char *p = json_string_value(v);
	size_t n = json_string_length(v);

	if (!s || !p)
		return;
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t take = nl ? (size_t)(nl - p) : n;

		take = MIN(take, RENDER_LINE_MAX - s->line.len);
		buf_add(&s->line, p, take);
		p += take, n -= take;
		if (n && *p == '\n')
			p++, n--;
		else if (s->line.len < RENDER_LINE_MAX)
			break;
		put_line(r, j, s, s->line.data, s->line.len);
		buf_reset(&s->line);
	}
}

static void
add_result(struct render *r, const json_t *o, const char *state)
{
	int64_t ms = jget_int(o, "ms", -1), n = jget_int(o, "exit", -1);

	if (ms >= 0) {
		buf_addz(&r->out, "  ");
		clock_addspan(&r->out, ms);
	}
	if (str_eq(state, "passed"))
		return;
	if (n > 0)
		buf_addf(&r->out, "  exit %" PRId64, n);
	else if (str_eq(state, "failed"))
		add_part(r, jget_str(o, "text"));
	else
		add_part(r, state);
	if (jget_bool(o, "ignored", false))
		buf_addz(&r->out, "  (does not count)");
}

/* "✗ build / test  0.3 s  exit 2", or "build / undo of test" */
static void
put_step(struct render *r, const struct job_view *j, const struct step_view *s,
	const json_t *o, const char *state)
{
	const char *what =
		str_eq(jget_str(o, "type"), "undo") ? "undo of " : "";

	buf_addf(&r->out, "%s%s%s %s / %s%s", state_color(state, r->o.color),
		state_mark(state), color_off(r->o.color),
		j->name ? j->name : "?", what, s->name ? s->name : "?");
	add_result(r, o, state);
	buf_addc(&r->out, '\n');
}

/* The step that a record is about, whose output is complete now; NULL when
 * it makes no sense. */
static struct step_view *
step_of(struct render *r, const json_t *o, struct job_view **ret_job)
{
	struct step_view *s;

	*ret_job = job_at(r, jget_int(o, "job", -1));
	s = step_at(*ret_job, jget_int(o, "step", -1));
	if (!s || !jget_str(o, "state"))
		return NULL;
	set_name(&s->name, jget_str(o, "name"));
	put_rest(r, *ret_job, s);
	return s;
}

static void
on_step(struct render *r, const json_t *o)
{
	const char *state = jget_str(o, "state");
	struct job_view *j;
	struct step_view *s = step_of(r, o, &j);

	if (!s)
		return;
	s->running = str_eq(state, "running");
	s->failed = str_eq(state, "failed") && !jget_bool(o, "ignored", false);
	if (s->running) {
		s->since_ms = clock_boot_ms();
		live_forget(s);
	} else if (state_is_settled(state)) {
		put_step(r, j, s, o, state);
	} else if (str_eq(state, "queued")) {
		/* It failed, and is tried again. */
		put_step(r, j, s, o, "failed");
	}
}

static void
on_undo(struct render *r, const json_t *o)
{
	const char *state = jget_str(o, "state");
	struct job_view *j;
	struct step_view *s = step_of(r, o, &j);

	if (s && !str_eq(state, "running"))
		put_step(
			r, j, s, o, str_eq(state, "passed") ? state : "failed");
}

static void
on_run(struct render *r, const json_t *o)
{
	const json_t *jobs = jget_arr(o, "jobs");
	const char *state = jget_str(o, "state");
	size_t n = json_array_size(jobs);

	for (size_t i = 0; i < n; i++) {
		struct job_view *j = job_at(r, (int64_t)i);

		if (j)
			set_name(&j->name,
				json_string_value(json_array_get(jobs, i)));
	}
	if (str_eq(state, "waiting") && jget_str(o, "text")) {
		buf_addf(&r->out, "run %" PRId64 " waits", r->run);
		add_part(r, jget_str(o, "text"));
		buf_addc(&r->out, '\n');
	}
}

/* A job that ended without a step to show for it: skipped, or it never
 * came to run. */
static void
on_job(struct render *r, const json_t *o)
{
	struct job_view *j = job_at(r, jget_int(o, "job", -1));
	const char *state = jget_str(o, "state");

	if (!j || !state)
		return;
	set_name(&j->name, jget_str(o, "name"));
	if (str_eq(state, "waiting") && jget_str(o, "text")) {
		buf_addf(&r->out, "%s waits", j->name ? j->name : "?");
		add_part(r, jget_str(o, "text"));
		buf_addc(&r->out, '\n');
	}
	if (!state_is_settled(state))
		return;
	if (j->nsteps && (state_is_good(state) || str_eq(state, "failed") ||
				 str_eq(state, "blocked")))
		return; /* its steps have said so */
	buf_addf(&r->out, "%s%s%s %s  %s", state_color(state, r->o.color),
		state_mark(state), color_off(r->o.color),
		j->name ? j->name : "?", state);
	add_part(r, jget_str(o, "text"));
	buf_addc(&r->out, '\n');
}

static void
put_rests(struct render *r)
{
	for (size_t i = 0; i < r->njobs; i++)
		for (size_t k = 0; k < r->jobs[i].nsteps; k++)
			put_rest(r, &r->jobs[i], &r->jobs[i].steps[k]);
}

static void
on_end(struct render *r, const json_t *o)
{
	const char *state = jget_str(o, "state");
	const char *text = jget_str(o, "text");
	const char *suggestion = jget_str(o, "suggestion");

	put_rests(r);
	set_name(&r->state, state ? state : "error");
	r->ended = true;
	buf_addf(&r->out, "run %" PRId64 " %s%s%s", r->run,
		state_color(r->state, r->o.color), r->state,
		color_off(r->o.color));
	if (text && *text) {
		buf_addz(&r->out, ": ");
		term_cleanz(&r->out, text);
	}
	buf_addc(&r->out, '\n');
	if (suggestion && *suggestion) {
		add_part(r, suggestion);
		buf_addc(&r->out, '\n');
	}
	if (r->link) {
		add_part(r, r->link);
		buf_addc(&r->out, '\n');
	}
}

static const struct {
	const char *type;
	void (*fn)(struct render *r, const json_t *o);
} records[] = {
	{ "run", on_run },
	{ "job", on_job },
	{ "step", on_step },
	{ "undo", on_undo },
	{ "output", on_output },
	{ "end", on_end },
};

void
render_record(struct render *r, const json_t *record)
{
	const char *type = jget_str(record, "type");

	live_erase(r);
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		if (str_eq(type, records[i].type))
			records[i].fn(r, record);
	if (!r->ended)
		live_draw(r);
	flush(r);
}

void
render_tick(struct render *r)
{
	live_erase(r);
	live_draw(r);
	flush(r);
}

void
render_pause(struct render *r)
{
	live_erase(r);
	flush(r);
}

void
render_set_link(struct render *r, const char *url)
{
	set_name(&r->link, url);
}

const char *
render_state(const struct render *r)
{
	return r->state;
}

int
render_status(const struct render *r)
{
	return r->broken ? -1 : 0;
}

void
render_failed_steps(const struct render *r, render_step_fn *fn, void *arg)
{
	for (size_t i = 0; i < r->njobs; i++) {
		const struct job_view *j = &r->jobs[i];

		for (size_t k = 0; k < j->nsteps; k++)
			if (j->steps[k].failed)
				fn((int)i, (int)k, j->name, j->steps[k].name,
					arg);
	}
}
