/* SPDX-License-Identifier: MIT */
/* tellus cancel and tellus approve: one word to the agent about a run. */
#include "base/base.h"
#include "cli/agent.h"

static int
act(struct cli *c, const char *what, const char *done)
{
	AUTO(freep) char *path = NULL;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64 "/%s", n, what);
	rc = agent_call(c, "POST", path, NULL, NULL);
	if (rc == CLI_OK)
		printf("run %" PRId64 " %s\n", n, done);
	return rc;
}

int
cmd_cancel(struct cli *c)
{
	return act(c, "cancel", "is being canceled");
}

int
cmd_approve(struct cli *c)
{
	return act(c, "approve", "is approved");
}
