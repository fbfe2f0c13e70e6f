/* SPDX-License-Identifier: MIT */
/* tellus approve: lets a pull request from a fork run. */
#include "base/base.h"
#include "cli/agent.h"

int
cmd_approve(struct cli *c)
{
	AUTO(freep) char *path = NULL;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64 "/approve", n);
	rc = agent_call(c, "POST", path, NULL, NULL);
	if (rc == CLI_OK)
		printf("run %" PRId64 " is approved\n", n);
	return rc;
}
