/* SPDX-License-Identifier: MIT */
/* tellus why and tellus journal: what happened to a run. */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/term.h"

/* One call for the run's path; text is as the agent wrote it. */
static int
get(struct cli *c, const char *what, struct buf *text, json_t **ret)
{
	AUTO(freep) char *path = NULL;
	struct err e;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64 "/%s", n, what);
	rc = agent_text(c, "GET", path, NULL, text);
	if (rc != CLI_OK)
		return rc;
	*ret = json_parse(text->data, text->len, &e);
	if (!*ret)
		return cli_fail(
			CLI_AGENT, "the agent's answer is no JSON: %s", e.msg);
	return CLI_OK;
}

static void
line(const char *name, const char *value)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (!value || !*value)
		return;
	term_cleanz(&b, value);
	printf("  %-10s %s\n", name, b.data);
}

static void
print_place(const json_t *o)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	int64_t n = jget_int(o, "exit", -1);

	if (!jget_str(o, "job"))
		return;
	buf_addz(&b, jget_str(o, "job"));
	if (jget_str(o, "step"))
		buf_addf(&b, " / %s", jget_str(o, "step"));
	if (n >= 0)
		buf_addf(&b, "  exit %" PRId64, n);
	n = jget_int(o, "signal", 0);
	if (n)
		buf_addf(&b, "  signal %" PRId64, n);
	n = jget_int(o, "attempt", 1);
	if (n > 1)
		buf_addf(&b, "  attempt %" PRId64, n);
	line("where", b.data);
}

static void
add_size(struct buf *b, const char *what, int64_t bytes)
{
	if (bytes <= 0)
		return;
	buf_addf(b, "%s%s ", b->len ? ", " : "", what);
	size_add(b, bytes);
}

static void
print_use(const json_t *o)
{
	const json_t *limits = jget_obj(o, "limits");
	AUTO(buf_release) struct buf use = BUF_INIT, most = BUF_INIT;
	int64_t n = jget_int(o, "cpu_ms", -1);

	add_size(&use, "memory", jget_int(o, "memory", 0));
	if (n >= 0) {
		buf_addz(&use, use.len ? ", processor " : "processor ");
		clock_addspan(&use, n);
	}
	line("used", use.data);
	add_size(&most, "memory", jget_int(limits, "memory", 0));
	add_size(&most, "disk", jget_int(limits, "disk", 0));
	add_size(&most, "output", jget_int(limits, "output", 0));
	n = jget_int(limits, "pids", 0);
	if (n > 0)
		buf_addf(&most, "%s%" PRId64 " processes", most.len ? ", " : "",
			n);
	line("limits", most.data);
}

static void
print_when(const json_t *o)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	int64_t at = time_from_iso(jget_str(o, "started"));

	if (!at)
		return;
	time_local(&b, at);
	if (jget_int(o, "ms", -1) >= 0) {
		buf_addz(&b, ", for ");
		clock_addspan(&b, jget_int(o, "ms", 0));
	}
	line("when", b.data);
}

static void
print_context(const json_t *o)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *network = jget_str(o, "network");

	buf_addf(&b, "%s of %s",
		jget_str(o, "event") ? jget_str(o, "event") : "?",
		jget_str(o, "ref") ? jget_str(o, "ref") : "?");
	if (jget_bool(o, "fork", false))
		buf_addz(&b, ", from a fork");
	if (network)
		buf_addf(&b, ", network %s", network);
	buf_addf(&b, ", attempt %" PRId64 " of the run",
		jget_int(o, "run_attempt", 1));
	line("context", b.data);
}

static void
print_did(const json_t *o)
{
	const json_t *list = jget_arr(o, "did"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		AUTO(buf_release) struct buf b = BUF_INIT;
		const char *why = jget_str(one, "why");

		buf_addz(
			&b, jget_str(one, "what") ? jget_str(one, "what") : "");
		if (why)
			buf_addf(&b, ": %s", why);
		line(i ? "" : "by itself", b.data);
	}
}

static void
print_output(const json_t *o)
{
	const json_t *list = jget_arr(o, "output"), *one;
	size_t i;

	if (!json_array_size(list))
		return;
	puts("  its last lines:");
	json_array_foreach(list, i, one)
	{
		AUTO(buf_release) struct buf b = BUF_INIT;

		term_cleanz(&b, json_string_value(one));
		printf("    %s\n", b.data ? b.data : "");
	}
}

int
cmd_why(struct cli *c)
{
	const struct show_opts *opts = c->opts;
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(json_decrefp) json_t *o = NULL;
	const json_t *reason;
	int rc = get(c, "why", &text, &o);

	if (rc != CLI_OK)
		return rc;
	if (opts->json) {
		fputs(text.data, stdout);
		return CLI_OK;
	}
	reason = jget_obj(o, "reason");
	printf("run %" PRId64 " %s\n", jget_int(o, "run", 0),
		jget_str(o, "state") ? jget_str(o, "state") : "?");
	line("reason", jget_str(reason, "text"));
	line("class", jget_str(reason, "class"));
	line("waits for", jget_str(o, "waits"));
	print_place(o);
	print_when(o);
	print_use(o);
	print_context(o);
	print_did(o);
	print_output(o);
	line("do this", jget_str(reason, "suggestion"));
	return CLI_OK;
}

/* ---- journal ---- */

static void
print_event(const json_t *ev)
{
	const json_t *data = jget_obj(ev, "data");
	AUTO(buf_release) struct buf b = BUF_INIT;
	static const char *const shown[] = { "name", "state", "text", "by" };
	int64_t n;

	time_local(&b, jget_int(ev, "time", 0));
	buf_addf(&b, "  %-14s",
		jget_str(ev, "kind") ? jget_str(ev, "kind") : "?");
	n = jget_int(ev, "job", -1);
	if (n >= 0)
		buf_addf(&b, " job %" PRId64, n);
	n = jget_int(ev, "step", -1);
	if (n >= 0)
		buf_addf(&b, " step %" PRId64, n);
	n = jget_int(ev, "attempt", 0);
	if (n > 0)
		buf_addf(&b, " attempt %" PRId64, n);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		if (!jget_str(data, shown[i]))
			continue;
		buf_addz(&b, "  ");
		term_cleanz(&b, jget_str(data, shown[i]));
	}
	puts(b.data);
}

int
cmd_journal(struct cli *c)
{
	const struct show_opts *opts = c->opts;
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(json_decrefp) json_t *list = NULL;
	const json_t *ev;
	size_t i;
	int rc = get(c, "journal", &text, &list);

	if (rc != CLI_OK)
		return rc;
	if (opts->json) {
		fputs(text.data, stdout);
		return CLI_OK;
	}
	json_array_foreach(list, i, ev) print_event(ev);
	return CLI_OK;
}
