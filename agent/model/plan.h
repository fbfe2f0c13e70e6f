/* SPDX-License-Identifier: MIT */
/*
 * From a workflow (workflow.h) and a push (push.h) to what will be run.
 * Pure: the files and the changed paths come in as data.
 *
 * The plan is JSON (the worker writes it as runs/RUN/plan.json, tellusd
 * only reads it, so that no YAML is parsed there):
 *
 * {"version":1, "sha":"...", "tree":"...",
 *  "commit":{"subject","author","email","time"},
 *  "workflows":[{"file":".tellus.yml","name":"ci",
 *     "skipped":"why it does not apply" (absent when it does),
 *     "env":{"K":"text with ${{ }}"},
 *     "jobs":[{"id","name","needs":["id"],"if":"expression" or null,
 *       "env":{},"timeout_ms":N,"continue_on_error":bool,
 *       "network":"none"|"outbound"|"host" or null (the default),
 *       "limits":{"memory":bytes,"cpu":thousandths of a core,"pids":N,
 *                 "disk":bytes,"output":bytes} (absent: the default),
 *       "outputs":{"name":"text with ${{ }}"},
 *       "steps":[{"id":"..." or null,"name":"shown","run":"script",
 *         "shell":"..." or null,"working-directory":"..." or null,
 *         "env":{},"if":"expression" or null,"timeout_ms":N or 0,
 *         "continue_on_error":bool,"on_crash":"rerun"|"ask"|"fail" or null,
 *         "undo":"script" or null,
 *         "retry":{"max":N,"on":["code"]} (absent: the defaults)}]}]}]}
 *
 * Expressions that need only github and env (names, for instance) are
 * evaluated here; those that need steps, needs or job stay text and are
 * evaluated where they run.
 */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/push.h"
#include "model/workflow.h"

/* Does "on" select this push?  changed may be NULL (unknown: paths filters
 * then match).  When not, *ret_why is a heap sentence. */
bool plan_applies(const struct workflow *w, const struct push *p,
	const struct strv *changed, char **ret_why);

/* One entry of "workflows".  Errors carry file, line and column. */
int plan_workflow(const struct workflow *w, const struct push *p,
	const struct strv *changed, json_t **ret, struct err *e);

/* The "github" context of a push; run and attempt number go in as well. */
json_t *plan_github_context(const struct push *p, uint64_t run, int attempt,
	const char *workflow, const char *job);

#endif
