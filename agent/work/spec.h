/* SPDX-License-Identifier: MIT */
/*
 * What tellusd tells a worker: spec.json in the attempt's folder, and the
 * few messages on the control socket (descriptor 3, SOCK_SEQPACKET).
 *
 * Messages to the worker: first an assignment, "STATE-FOLDER\nATTEMPT-PATH"
 * (the attempt's path is relative: "runs/42/0.1"), with the lease's
 * descriptor beside it; the worker writes "identity" into the attempt's
 * folder and answers "ready"; then "go".  The end of the stream instead of
 * "go": nothing may run, the worker exits 0.  After a planning attempt that
 * planned something, the worker waits (at most 10 s) for one more
 * assignment, a job of that run; after a job it exits.  SIGTERM: cancel
 * (the steps get TERM, 10 s later KILL; "always" steps still run).
 *
 * spec.json, both kinds:
 * {"version":1,"kind":"plan"|"job","run":42,"attempt":1,"nonce":"32 hex",
 *  "epoch":7,
 *  "repository":{"name","url"|null,"path"|null,"kind":"github"|...,
 *     "token_file"|null},
 *  "push":{...push.h...},
 *  "host":{"build_user"|null,"sandbox":"strict"|"weak","expose":[paths],
 *     "host_network":bool},
 *  "near":"tree id to build upon"|null}
 *
 * kind "job" has also:
 *  "job":0 (index),"run_attempt":1,
 *  "plan_run":N (the run whose folder has plan.json and, of a snapshot, the
 *     objects; default: run),
 *  "commit":{...plan.json's...},"tree":"...","sha":"...",
 *  "workflow":{"file","name","env":{}},
 *  "plan":JOB (plan.json's, verbatim),
 *  "needs":{"ID":{"result":"success","outputs":{}}},
 *  "network":"none"|"outbound"|"host",
 *  "limits":{"memory","cpu","pids","disk","output"} (all set; 0: none),
 *  "timeout_ms":N,
 *  "set":{environment that a person gave, above the file's}|absent,
 *  "tries":[starts so far, per step],
 *  "used":[{"transient":N}: retries so far by kind, per step],
 *  "job_used":{the same of the job's preparation},
 *  "done":[{"step":0,"state":"passed","exit":0,"ignored":false,
 *     "layer":"runs/42/0.1/layers/0"|null,"record":path|null,
 *     "record_crc":N,"reason":{"class","text","suggestion"}|absent,
 *     "blocks":bool: its failure is for a person to mend}],
 *  "undo":[{"step":N,"tries":N}]: only their undos are run, in this order
 *
 * A step's record file: {"outputs":{},"env":{},"path":[],"summary":"..."}.
 *
 * The worker writes below its attempt's folder: identity, events, output,
 * output.idx, layers/N (N = step index; the git folder's layer is
 * layers/git), records/N.json; a planning attempt also writes
 * runs/RUN/plan.json (synced before "planned").
 *
 * identity: {"boot","pid","start","nonce"}.
 */
#ifndef WORK_SPEC_H
#define WORK_SPEC_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "model/push.h"

struct spec {
	json_t *json; /* the whole, checked */
	bool is_plan;
	uint64_t run;
	int job, attempt;
	const char *nonce; /* borrowed from json */
	struct push push;
};

/* Reads and checks spec.json of an attempt's folder. */
int spec_load(struct spec *s, int attempt_fd, struct err *e);
void spec_release(struct spec *s);

#endif
