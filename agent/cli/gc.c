/* SPDX-License-Identifier: MIT */
/* tellus gc: has the agent keep its disk budget now. */
#include "base/base.h"
#include "base/enc.h"
#include "cli/agent.h"
#include "cli/opts.h"

static void
print_result(const json_t *o, bool dry_run)
{
	AUTO(buf_release) struct buf used = BUF_INIT, freed = BUF_INIT;
	const json_t *list = jget_arr(o, "removed"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		AUTO(buf_release) struct buf size = BUF_INIT;

		size_add(&size, jget_int(one, "bytes", 0));
		printf("%s %s  %s\n", dry_run ? "would remove" : "removed",
			jget_str(one, "what"), size.data);
	}
	size_add(&used, jget_int(o, "used", 0));
	size_add(&freed, jget_int(o, "freed", 0));
	printf("%s in use, %s %s\n", used.data, freed.data,
		dry_run ? "would be freed" : "freed");
}

int
cmd_gc(struct cli *c)
{
	const struct gc_opts *o = c->opts;
	json_t *result = NULL;
	int rc = agent_call(c, "POST", "/api/v1/gc",
		o->dry_run ? "{\"dry_run\":true}" : "{}", &result);

	if (rc != CLI_OK)
		return rc;
	if (o->json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		printf("\n");
	} else {
		print_result(result, o->dry_run);
	}
	json_decref(result);
	return CLI_OK;
}
