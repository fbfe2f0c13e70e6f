/* SPDX-License-Identifier: MIT */
/* tellus retry: a new attempt of a run that has ended. */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/stream.h"
#include "cli/term.h"

static int
follow(struct cli *c, int64_t run)
{
	AUTO(freep) char *socket = NULL, *state = NULL;
	struct follow f = { .run = run, .replay = true };
	struct err e;

	if (agent_socket(c, &socket, &e) < 0)
		return cli_fail(CLI_USAGE, "%s", e.msg);
	f.socket = socket;
	follow_to_stdout(c, &f);
	switch (follow_run(&f, &state, &e)) {
	case FOLLOW_ENDED:
		return state_is_good(state) ? CLI_OK : CLI_FAILED;
	case FOLLOW_LEFT:
		return CLI_FAILED;
	case FOLLOW_LOST:
		break;
	}
	return cli_fail(CLI_AGENT,
		"connection to the agent lost (%s); the run goes on: tellus "
		"log -f %" PRId64,
		e.msg, run);
}

/* NAME=VALUE of each into an object. */
static int
put_pairs(struct json_out *j, const char *member, const struct opt_list *list,
	const char *option)
{
	if (!list->n)
		return CLI_OK;
	jout_obj(j, member);
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');
		AUTO(freep) char *name = NULL;

		if (!eq || eq == list->v[i])
			return cli_fail(CLI_USAGE,
				"option --%s wants NAME=VALUE, not '%s'",
				option, list->v[i]);
		name = xstrndup(list->v[i], (size_t)(eq - list->v[i]));
		jout_str(j, name, eq + 1);
	}
	jout_end(j);
	return CLI_OK;
}

static int
make_body(const struct retry_opts *o, struct buf *body)
{
	struct json_out j;
	int rc;

	jout_start(&j, body);
	jout_obj(&j, NULL);
	jout_opt(&j, "job", o->job);
	jout_opt(&j, "from", o->from);
	jout_opt(&j, "ref", o->ref);
	if (o->skip.n) {
		jout_arr(&j, "skip");
		for (size_t i = 0; i < o->skip.n; i++)
			jout_str(&j, NULL, o->skip.v[i]);
		jout_end(&j);
	}
	rc = put_pairs(&j, "set", &o->set, "set");
	if (rc == CLI_OK)
		rc = put_pairs(&j, "limits", &o->limit, "limit");
	jout_end(&j);
	return rc;
}

static void
say_started(const struct retry_opts *o, int64_t n, const json_t *run)
{
	if (o->ref)
		printf("run %" PRId64 " of %s started\n", n, o->ref);
	else
		printf("run %" PRId64 " runs again, attempt %" PRId64 "\n", n,
			jget_int(run, "attempt", 1));
}

int
cmd_retry(struct cli *c)
{
	const struct retry_opts *o = c->opts;
	AUTO(buf_release) struct buf body = BUF_INIT;
	AUTO(freep) char *path = NULL;
	json_t *run = NULL;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc == CLI_OK)
		rc = make_body(o, &body);
	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64 "/retry", n);
	rc = agent_call(c, "POST", path, body.data, &run);
	if (rc != CLI_OK)
		return rc;
	if (o->ref)
		n = jget_int(run, "run", n);
	if (!o->follow)
		say_started(o, n, run);
	json_decref(run);
	return o->follow ? follow(c, n) : CLI_OK;
}
