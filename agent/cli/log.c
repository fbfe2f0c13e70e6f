/* SPDX-License-Identifier: MIT */
/*
 * tellus log: the output of a run's steps.  Raw bytes where nobody looks at
 * them; on a terminal only what cannot harm it.
 */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/term.h"

#include "base/enc.h"
#include "os/fd.h"

struct log_out {
	bool filter;
	struct term_filter term;
	bool gone; /* nobody reads us any more */
};

static int
on_bytes(const char *p, size_t n, void *arg)
{
	struct log_out *o = arg;
	AUTO(buf_release) struct buf clean = BUF_INIT;
	struct err e;
	int rc;

	if (o->filter) {
		term_filter(&o->term, &clean, p, n);
		p = clean.data;
		n = clean.len;
	}
	rc = fd_write_all(STDOUT_FILENO, p, n, &e);
	o->gone = rc < 0;
	return rc < 0;
}

static void
log_path(const struct cli *c, int64_t run, struct buf *path)
{
	const struct log_opts *o = c->opts;
	char sep = '?';

	buf_addf(path, "/api/v1/runs/%" PRId64 "/log", run);
	if (c->nargs > 1) {
		buf_addf(path, "%cjob=", sep);
		percent_put(path, c->args[1]);
		sep = '&';
	}
	if (c->nargs > 2) {
		buf_addf(path, "%cstep=", sep);
		percent_put(path, c->args[2]);
	}
	if (o->follow)
		buf_addf(path, "%cfollow=1", sep);
}

/* What log -f exits with once the output has ended. */
static int
run_outcome(struct cli *c, int64_t run)
{
	AUTO(freep) char *path = xasprintf("/api/v1/runs/%" PRId64, run);
	json_t *o = NULL;
	const char *state;
	int rc = agent_call(c, "GET", path, NULL, &o);

	if (rc != CLI_OK)
		return rc;
	state = jget_str(o, "state");
	/* A job or a step may end long before its run. */
	rc = state && state_is_settled(state) && !state_is_good(state)
		     ? CLI_FAILED
		     : CLI_OK;
	json_decref(o);
	return rc;
}

static int
print_log(struct cli *c, const char *path)
{
	AUTO(http_answer_release) struct http_answer a;
	AUTO(freep) char *socket = NULL;
	struct log_out out = { .filter = c->tty,
		.term = { .keep_colors = c->color } };
	struct http_call q = {
		.method = "GET", .path = path, .on_body = on_bytes, .arg = &out
	};
	struct err e;
	int rc;

	http_answer_init(&a);
	if (agent_socket(c, &socket, &e) < 0)
		return cli_fail(CLI_USAGE, "%s", e.msg);
	q.socket = socket;
	rc = http_call(&q, &a, &e);
	if (out.term.colored)
		fputs("\033[0m", stdout);
	if (rc == 1 && out.gone)
		return -1;
	if (rc < 0 && !a.status)
		return agent_unreached(socket, e.msg);
	if (rc < 0)
		return cli_fail(CLI_AGENT,
			"connection to the agent lost: %s; the run goes on",
			e.msg);
	return a.status / 100 == 2 ? CLI_OK : agent_refused(&a);
}

int
cmd_log(struct cli *c)
{
	const struct log_opts *o = c->opts;
	AUTO(buf_release) struct buf path = BUF_INIT;
	int64_t run;
	int rc = cli_run_number(c->args[0], &run);

	if (rc != CLI_OK)
		return rc;
	log_path(c, run, &path);
	rc = print_log(c, path.data);
	if (rc < 0)
		return CLI_OK;
	return rc == CLI_OK && o->follow ? run_outcome(c, run) : rc;
}
