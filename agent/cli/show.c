/* SPDX-License-Identifier: MIT */
/* tellus show: one run, its jobs and steps, and why it failed. */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/term.h"

#include "base/clock.h"

static void
field(const char *name, const char *value)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (!value || !*value)
		return;
	term_cleanz(&b, value);
	printf("  %-11s %s\n", name, b.data);
}

static void
time_field(const char *name, const char *iso)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	int64_t at = time_from_iso(iso);

	if (!at)
		return;
	time_local(&b, at);
	buf_addz(&b, " (");
	time_ago(&b, at, clock_wall_ms());
	buf_addc(&b, ')');
	field(name, b.data);
}

static void
add_span(struct buf *b, const json_t *o)
{
	int64_t from = time_from_iso(jget_str(o, "started"));
	int64_t to = time_from_iso(jget_str(o, "finished"));
	int64_t span;

	if (!from)
		return;
	/* Times are whole seconds; what is over says how long it took. */
	span = jget_int(o, "ms", MAX((to ? to : clock_wall_ms()) - from, 0));
	buf_addz(b, "  ");
	clock_addspan(b, span);
}

static void
print_reason(const json_t *o, const char *indent)
{
	const json_t *r = jget_obj(o, "reason");
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (jget_str(r, "text")) {
		buf_addz(&b, indent);
		term_cleanz(&b, jget_str(r, "text"));
		buf_addc(&b, '\n');
	}
	if (jget_str(r, "suggestion")) {
		buf_addz(&b, indent);
		term_cleanz(&b, jget_str(r, "suggestion"));
		buf_addc(&b, '\n');
	}
	fputs(b.data, stdout);
}

static void
print_line(const struct cli *c, const json_t *o, const char *indent,
	const char *name)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *state = jget_str(o, "state");
	int64_t n = jget_int(o, "exit", 0), tries = jget_int(o, "attempt", 1);

	if (!state)
		state = "queued";
	buf_addf(&b, "%s%s%s%s ", indent, state_color(state, c->color),
		state_mark(state), color_off(c->color));
	term_cleanz(&b, name);
	buf_addf(&b, "  %s", state);
	add_span(&b, o);
	if (n)
		buf_addf(&b, "  exit %" PRId64, n);
	if (tries > 1)
		buf_addf(&b, "  attempt %" PRId64, tries);
	if (jget_bool(o, "waived", false))
		buf_addz(&b, "  (by hand)");
	puts(b.data);
}

static const char *
name_of(const json_t *o)
{
	const char *name = jget_str(o, "name");

	return name ? name : "?";
}

static void
print_step(const struct cli *c, const json_t *step)
{
	const json_t *undo = jget_obj(step, "undo");

	print_line(c, step, "      ", name_of(step));
	/* Nothing is said of an undo that nobody wanted. */
	if (undo && !str_eq(jget_str(undo, "state"), "queued"))
		print_line(c, undo, "          ", "undo");
}

static void
print_job(const struct cli *c, const json_t *job)
{
	const json_t *steps = jget_arr(job, "steps");

	print_line(c, job, "  ", name_of(job));
	if (str_eq(jget_str(job, "state"), "waiting"))
		print_reason(job, "      ");
	for (size_t i = 0; i < json_array_size(steps); i++)
		print_step(c, json_array_get(steps, i));
}

static void
print_flags(const json_t *run)
{
	const json_t *flags = jget_arr(run, "flags"), *one;
	size_t i;

	json_array_foreach(flags, i, one)
	{
		if (str_eq(json_string_value(one), "undo-incomplete"))
			puts("  not everything could be undone: see the undos "
			     "that failed");
	}
}

static void
print_run(const struct cli *c, const json_t *run)
{
	const char *state = jget_str(run, "state");
	const json_t *jobs = jget_arr(run, "jobs");
	const char *subject = jget_str(run, "subject");

	printf("run %" PRId64 " %s%s%s\n", jget_int(run, "run", 0),
		state_color(state ? state : "", c->color),
		state ? state : "unknown", color_off(c->color));
	print_reason(run, "  ");
	print_flags(run);
	field("repository", jget_str(run, "repository"));
	field("ref", jget_str(run, "ref"));
	field("commit", jget_str(run, "sha"));
	field("subject", subject ? subject : jget_str(run, "title"));
	field("workflow", jget_str(run, "workflow"));
	field("event", jget_str(run, "event"));
	time_field("created", jget_str(run, "created"));
	time_field("finished", jget_str(run, "finished"));
	field("page", jget_str(run, "url"));
	for (size_t i = 0; i < json_array_size(jobs); i++)
		print_job(c, json_array_get(jobs, i));
}

int
cmd_show(struct cli *c)
{
	const struct show_opts *o = c->opts;
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(freep) char *path = NULL;
	json_t *run;
	int64_t n;
	struct err e;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64, n);
	rc = agent_text(c, "GET", path, NULL, &text);
	if (rc != CLI_OK)
		return rc;
	if (o->json) {
		fwrite(text.data, 1, text.len, stdout);
		if (text.len && text.data[text.len - 1] != '\n')
			putchar('\n');
		return CLI_OK;
	}
	run = json_parse(text.data, text.len, &e);
	if (!run)
		return cli_fail(CLI_AGENT,
			"the agent's answer cannot be read: %s", e.msg);
	print_run(c, run);
	json_decref(run);
	return CLI_OK;
}
