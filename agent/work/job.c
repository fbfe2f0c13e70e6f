/* SPDX-License-Identifier: MIT */
/*
 * A job attempt: workspace, steps in order, result.  Steps that an earlier
 * attempt finished are taken as they are; the rest run.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/step.h"

/* Steps that clean up after a cancel or the job's deadline get this, all
 * together. */
#define CLEANUP_MS 300000
/* Boxes of this many earlier attempts are looked for. */
#define SWEEP_ATTEMPTS 8

struct expr_env
job_expr(const struct job *j)
{
	struct expr_env x = { j->contexts, j->failed, j->canceled };

	return x;
}

bool
job_is_canceled(struct job *j)
{
	if (worker_terms(j->w) && !j->canceled) {
		j->canceled = true;
		jset_str(jget_obj(j->contexts, "job"), "status", "cancelled");
	}
	return j->canceled;
}

int64_t
job_deadline(struct job *j)
{
	if (!j->canceled && !j->timed_out)
		return j->deadline_ms;
	if (!j->cleanup_ms)
		j->cleanup_ms = clock_boot_ms() + CLEANUP_MS;
	return j->cleanup_ms;
}

void
job_blame(struct job *j, const struct reason *why)
{
	if (!j->reason.class)
		reason_copy(&j->reason, why);
}

static void
blame_agent(struct job *j, const char *class, const char *suggestion,
	const char *text)
{
	struct reason r = { .class = xstrdup(class),
		.text = xstrdup(text),
		.suggestion = suggestion ? xstrdup(suggestion) : NULL };

	job_blame(j, &r);
	reason_release(&r);
}

static void
job_release(struct job *j)
{
	outlog_close(j->out);
	if (j->contexts)
		json_decref(j->contexts);
	if (j->path_added)
		json_decref(j->path_added);
	strv_release(&j->tree);
	strv_release(&j->layers);
	freep(&j->objects);
	fd_closep(&j->objects_fd);
	source_release(&j->source);
	reason_release(&j->reason);
}

/* A worker that was killed could not end its boxes. */
static int
sweep(struct job *j, struct err *e)
{
	const struct spec *s = &j->w->spec;
	size_t steps = json_array_size(jget_arr(j->plan, "steps"));
	int from = MAX(1, s->attempt - SWEEP_ATTEMPTS);

	for (int a = from; a < s->attempt; a++) {
		for (size_t i = 0; i < steps; i++) {
			AUTO(buf_release) struct buf name = BUF_INIT;

			if (worker_box_name(j->w, a, i, &name, e) < 0 ||
				box_sweep(&j->w->host, name.data, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int
choose_net(struct job *j, struct err *e)
{
	struct worker *w = j->w;
	const char *net = jget_str(w->spec.json, "network");
	struct err why;

	j->net = BOX_NET_NONE;
	if (str_eq(net, "host")) {
		if (!jget_bool(jget_obj(w->spec.json, "host"), "host_network",
			    false))
			return err_set(e, ERR_PERM,
				"network: host is not allowed here; only the "
				"administrator can, with agent.network = host");
		j->net = BOX_NET_HOST;
	} else if (str_eq(net, "outbound")) {
		if (box_probe_net(&w->host, &why) == 0 && w->host.pasta[0])
			j->net = BOX_NET_OUTBOUND;
		else
			j->say_no_net = true;
	}
	return 0;
}

static int
prepare(struct job *j, struct err *e)
{
	struct worker *w = j->w;
	int64_t timeout_ms = jget_int(w->spec.json, "timeout_ms", 0);
	const json_t *done;
	size_t i;

	if (timeout_ms > 0 && !j->undoing)
		j->deadline_ms = clock_boot_ms() + timeout_ms;
	if (worker_prepare(w, e) < 0 || sweep(j, e) < 0 || choose_net(j, e) < 0)
		return -1;
	if (layers_prepare(j, e) < 0 || context_make(j, e) < 0)
		return -1;
	json_array_foreach(jget_arr(w->spec.json, "done"), i,
		done) if (step_resume(j, done, e) < 0) return -1;
	return outlog_open(&j->out, w->attempt_fd, e);
}

static bool
is_done(const struct job *j, int index)
{
	const json_t *done;
	size_t i;

	json_array_foreach(jget_arr(j->w->spec.json, "done"), i,
		done) if (jget_int(done, "step", -1) == index) return true;
	return false;
}

static int
run_steps(struct job *j, struct err *e)
{
	size_t n = json_array_size(jget_arr(j->plan, "steps"));

	for (int i = 0; i < (int)n && j->yield == RETRY_NONE; i++)
		if (!is_done(j, i) && step_execute(j, i, e) < 0)
			return -1;
	return 0;
}

/* The undos that the agent asks for, in its order, until one is to be
 * tried again. */
static int
run_undos(struct job *j, struct err *e)
{
	const json_t *list = jget_arr(j->w->spec.json, "undo"), *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (step_undo(j, (int)jget_int(one, "step", -1),
			    (int)jget_int(one, "tries", 0), e) < 0)
			return -1;
		if (j->yield != RETRY_NONE)
			break;
	}
	return 0;
}

static void
set_reason(json_t *data, const struct reason *r)
{
	json_t *o;

	if (!r->class)
		return;
	o = json_object();
	reason_put(o, r);
	json_object_set_new(data, "reason", o);
}

/* Nothing more is done here: the agent takes the job up again. */
static int
say_yielded(struct job *j, struct err *e)
{
	json_t *data = json_object();

	reason_put(data, &j->reason);
	jset_str(data, "retry", retry_kind_name(j->yield));
	crash_point("work.before-yielded");
	return worker_emit(j->w, EV_YIELDED, -1, data, true, e);
}

static int
say_undone(struct job *j, const struct err *why, struct err *e)
{
	json_t *data = json_object();

	if (why)
		jset_str(data, "text", why->msg);
	crash_point("work.before-undone");
	return worker_emit(j->w, EV_UNDONE, -1, data, true, e);
}

static int
say_finished(struct job *j, enum run_state state, struct err *e)
{
	json_t *data = json_object(), *outputs = NULL;
	struct err why = { .code = ERR_NONE };

	if (state != RUN_ERROR && state != RUN_BLOCKED)
		outputs = context_outputs(j, &why);
	if (why.code && state == RUN_PASSED) {
		state = RUN_FAILED;
		blame_agent(j, "config", NULL, why.msg);
	}
	jset_str(data, "state", run_state_name(state));
	set_reason(data, &j->reason);
	if (outputs)
		json_object_set_new(data, "outputs", outputs);
	crash_point("work.before-job-finished");
	return worker_emit(j->w, EV_JOB_FINISHED, -1, data, true, e);
}

/* A job that did not get as far as its first step: what is missing now may
 * be there later, what is wrong a person has to mend. */
static int
say_unprepared(struct job *j, const struct err *why, struct err *e)
{
	struct retry_facts f = { .class = "resource" };

	if (j->undoing)
		return say_undone(j, why, e);
	if (why->code == ERR_CANCELED || worker_terms(j->w)) {
		blame_agent(j, "canceled", NULL, "the job was canceled");
		return say_finished(j, RUN_CANCELED, e);
	}
	if (why->code == ERR_TEMP) {
		blame_agent(j, "resource",
			"see what the machine is short of, then: tellus retry",
			why->msg);
		retry_used_from_json(
			jget_obj(j->w->spec.json, "job_used"), f.used);
		if (retry_decide(&f, &j->yield) == RETRY_AGAIN)
			return say_yielded(j, e);
		return say_finished(j, RUN_ERROR, e);
	}
	if (!j->w->probed)
		blame_agent(j, "config.sandbox",
			"run \"tellus doctor\" on the agent's machine",
			why->msg);
	else
		blame_agent(j, "config", NULL, why->msg);
	return say_finished(j, RUN_BLOCKED, e);
}

static int
finish(struct job *j, struct err *e)
{
	enum run_state state = RUN_PASSED;

	crash_point("work.before-unmount");
	if (path_remove_tree(j->w->attempt_fd, WORK_FOLDER, e) < 0)
		return -1;
	if (j->undoing)
		return say_undone(j, NULL, e);
	if (j->yield != RETRY_NONE)
		return say_yielded(j, e);
	if (j->failed)
		state = j->blocked ? RUN_BLOCKED : RUN_FAILED;
	if (job_is_canceled(j)) {
		state = RUN_CANCELED;
		blame_agent(j, "canceled", NULL, "the job was canceled");
	}
	return say_finished(j, state, e);
}

int
job_attempt(struct worker *w, struct err *e)
{
	struct job j = { .w = w,
		.source = { .snapshot_fd = -1, .dir_fd = -1 },
		.objects_fd = -1,
		.yield = RETRY_NONE };
	struct err why;
	int rc;

	j.plan = jget_obj(w->spec.json, "plan");
	j.path_added = json_array();
	j.undoing = jget_arr(w->spec.json, "undo") != NULL;
	if (prepare(&j, &why) < 0)
		rc = say_unprepared(&j, &why, e);
	else if ((j.undoing ? run_undos(&j, e) : run_steps(&j, e)) < 0)
		rc = -1;
	else
		rc = finish(&j, e);
	job_release(&j);
	return rc;
}
