/* SPDX-License-Identifier: MIT */
/* tellus cancel: ends a run. */
#include "base/base.h"
#include "cli/agent.h"

int
cmd_cancel(struct cli *c)
{
	AUTO(freep) char *path = NULL;
	int64_t n;
	int rc = cli_run_number(c->args[0], &n);

	if (rc != CLI_OK)
		return rc;
	path = xasprintf("/api/v1/runs/%" PRId64 "/cancel", n);
	rc = agent_call(c, "POST", path, NULL, NULL);
	if (rc == CLI_OK)
		printf("run %" PRId64 " is being canceled\n", n);
	return rc;
}
