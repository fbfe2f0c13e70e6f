/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a workflow file: read, and planned where they are one.  What
 * is refused must be refused with a position.
 *   clang -DFUZZ=1 -fsanitize=fuzzer,address ...  (see replay.h)
 */
#include "base/base.h"
#include "base/json.h"
#include "model/plan.h"
#include "replay.h"

static void
plan_it(const struct workflow *w)
{
	static char repository[] = "a/b", event[] = "push", actor[] = "x";
	static char ref[] = "refs/heads/main", sha[] = SHA_ZERO;
	struct push p = {
		.repository = repository,
		.event = event,
		.actor = actor,
		.ref = ref,
		.sha = sha,
	};
	struct err e = { .code = ERR_NONE };
	json_t *plan = NULL;

	if (plan_workflow(w, &p, NULL, &plan, &e) < 0 &&
		!str_starts(e.msg, "f:"))
		abort();
	json_decref(plan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(workflow_freep) struct workflow *w = NULL;
	struct err e = { .code = ERR_NONE };

	if (workflow_parse(&w, "f", (const char *)data, size, &e) == 0)
		plan_it(w);
	else if (!str_starts(e.msg, "f:"))
		abort();
	return 0;
}

REPLAY_MAIN("workflow")
