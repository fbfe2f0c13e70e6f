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

int
cmd_retry(struct cli *c)
{
	const struct retry_opts *o = c->opts;
	AUTO(buf_release) struct buf body = BUF_INIT;
	AUTO(freep) char *path = NULL;
	struct json_out j;
	json_t *run = NULL;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	jout_start(&j, &body);
	jout_obj(&j, NULL);
	if (o->job)
		jout_str(&j, "job", o->job);
	else
		jout_null(&j, "job");
	jout_end(&j);
	path = xasprintf("/api/v1/runs/%" PRId64 "/retry", n);
	rc = agent_call(c, "POST", path, body.data, &run);
	if (rc != CLI_OK)
		return rc;
	if (!o->follow)
		printf("run %" PRId64 " runs again, attempt %" PRId64 "\n", n,
			jget_int(run, "attempt", 1));
	json_decref(run);
	return o->follow ? follow(c, n) : CLI_OK;
}
