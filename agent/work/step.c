/* SPDX-License-Identifier: MIT */
/*
 * See step.h.  The order is the point: "step-started" is on disk before
 * anything can happen, and everything that the step leaves (its processes
 * dead, its layer, its record) is settled before "step-finished".
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crash.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/step.h"

#include <fcntl.h>

void
step_init(struct step *s, struct job *j, int index)
{
	const struct spec *spec = &j->w->spec;
	const json_t *tries = jget_arr(spec->json, "tries");

	memset(s, 0, sizeof(*s));
	s->job = j;
	s->index = index;
	s->plan = json_array_get(jget_arr(j->plan, "steps"), (size_t)index);
	s->layer_fd = -1;
	s->exit_code = -1;
	s->again = RETRY_NONE;
	s->try = (int)json_integer_value(json_array_get(tries, (size_t)index)) +
		 1;
	if (jget_str(s->plan, "id"))
		s->id = xstrdup(jget_str(s->plan, "id"));
	/* The same in every attempt: what the step does outside can be
	 * recognised as done. */
	s->key =
		xasprintf("run-%" PRIu64 ".%d.%d", spec->run, spec->job, index);
	s->layer = xasprintf("%s/layers/%d", j->w->attempt_path, index);
	s->timeout_ms = jget_int(s->plan, "timeout_ms", 0);
	s->terms = j->w->terms;
}

/* A step's own env is not its successors'. */
static void
restore_env(struct step *s)
{
	if (s->env_before)
		json_object_set_new(
			s->job->contexts, "env", STEAL(s->env_before));
}

void
step_release(struct step *s)
{
	freep(&s->id);
	freep(&s->name);
	freep(&s->key);
	freep(&s->cwd);
	freep(&s->script);
	freep(&s->layer);
	freep(&s->record_path);
	strv_release(&s->argv);
	strv_release(&s->env);
	fd_closep(&s->layer_fd);
	reason_release(&s->reason);
	if (s->record)
		json_decref(s->record);
	restore_env(s);
}

/* A member of the step, expanded; NULL when it has none. */
static int
expand(struct step *s, const char *member, char **ret, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *text = jget_str(s->plan, member);
	struct expr_env x = job_expr(s->job);

	if (!text)
		return 0;
	if (expr_expand(text, &x, &b, e) < 0)
		return err_wrap(e, "%s", member);
	*ret = buf_take(&b);
	return 0;
}

static int
find_cwd(struct step *s, struct err *e)
{
	AUTO(freep) char *dir = NULL;

	if (expand(s, "working-directory", &dir, e) < 0)
		return -1;
	if (!dir || !dir[0])
		s->cwd = xstrdup(BOX_WORKSPACE);
	else if (dir[0] == '/')
		s->cwd = STEAL(dir);
	else
		s->cwd = xasprintf(BOX_WORKSPACE "/%s", dir);
	return 0;
}

void
step_name(struct step *s)
{
	struct err ignore;

	if (expand(s, "name", &s->name, &ignore) == 0 && s->name)
		return;
	s->name = jget_str(s->plan, "name")
			  ? xstrdup(jget_str(s->plan, "name"))
			  : xasprintf("step %d", s->index + 1);
}

/* Everything that is text: env, script, shell, folder. */
static int
expand_all(struct step *s, struct err *e)
{
	if (env_make(s, e) < 0 ||
		expand(s, s->is_undo ? "undo" : "run", &s->script, e) < 0 ||
		find_cwd(s, e) < 0)
		return -1;
	if (!s->script)
		return err_set(e, ERR_PERM, "there is nothing to run");
	return shell_argv(&s->argv, jget_str(s->plan, "shell"), e);
}

static int
say_started(struct step *s, struct err *e)
{
	json_t *data = json_object();

	jset_str(data, "name", s->name);
	jset_str(data, "key", s->key);
	jset_int(data, "try", s->try);
	jset_int(data, "output", outlog_offset(s->job->out));
	jset_str(data, "layer", s->layer);
	if (jget_str(s->plan, "undo"))
		json_object_set_new(data, "undo", json_true());
	return worker_emit(s->job->w, EV_STEP_STARTED, s->index, data, true, e);
}

void
step_add_result(const struct step *s, json_t *data)
{
	if (s->exit_code >= 0)
		jset_int(data, "exit", s->exit_code);
	if (s->signal)
		jset_int(data, "signal", s->signal);
	jset_str(data, "class", s->reason.class);
	jset_str(data, "text", s->reason.text);
	jset_str(data, "suggestion", s->reason.suggestion);
	if (s->ignored)
		json_object_set_new(data, "ignored", json_true());
	if (s->own_limit)
		json_object_set_new(data, "own_limit", json_true());
	jset_str(data, "again", retry_kind_name(s->again));
	if (s->opened && s->box.memory_peak >= 0)
		jset_int(data, "memory", s->box.memory_peak);
	if (s->opened && s->box.cpu_ms >= 0)
		jset_int(data, "cpu_ms", s->box.cpu_ms);
}

static int
say_finished(struct step *s, struct err *e)
{
	json_t *data = json_object();

	jset_str(data, "state", run_state_name(s->state));
	jset_int(data, "ms", s->ms);
	if (s->state != RUN_SKIPPED) {
		step_add_result(s, data);
		jset_int(data, "output", s->out_offset);
		jset_int(data, "length", s->out_length);
		jset_int(data, "crc", s->out_crc);
	}
	if (s->layer_fd >= 0 && s->again == RETRY_NONE)
		jset_str(data, "layer", s->layer);
	if (s->synced)
		json_object_set_new(data, "synced", json_true());
	if (s->record_path) {
		jset_str(data, "record", s->record_path);
		jset_int(data, "record_crc", s->record_crc);
	}
	return worker_emit(s->job->w, EV_STEP_FINISHED, s->index, data,
		s->state != RUN_SKIPPED, e);
}

static const char *
outcome_name(enum run_state state, bool ignored)
{
	if (state == RUN_PASSED || ignored)
		return "success";
	if (state == RUN_SKIPPED)
		return "skipped";
	return state == RUN_CANCELED ? "cancelled" : "failure";
}

void
step_tell_job(struct job *j, const char *id, enum run_state state, bool ignored,
	const struct reason *why, const json_t *record)
{
	if ((state == RUN_FAILED || state == RUN_BLOCKED) && !ignored) {
		j->failed = true;
		if (why)
			job_blame(j, why);
	}
	context_step(j, id, outcome_name(state, false),
		outcome_name(state, ignored), jget_obj(record, "outputs"));
	if (record)
		record_apply(j, record);
}

static int
say_no_network(struct step *s, struct err *e)
{
	static const char line[] = "network off: install passt, or set "
				   "agent.network = host\n";

	if (!s->job->say_no_net)
		return 0;
	s->job->say_no_net = false;
	return outlog_write(s->job->out, line, sizeof(line) - 1, e);
}

/* What the step wrote for others, made last with its layer. */
static void
settle(struct step *s)
{
	struct err e;

	s->ms = clock_boot_ms() - s->started_ms;
	if (s->is_undo)
		return; /* it leaves nothing to be kept */
	if (files_read(s, &e) < 0 && s->state == RUN_PASSED) {
		s->state = RUN_FAILED;
		reason_set(s, "code", "see \"environment files\" in the manual",
			"step '%s': %s", s->name, e.msg);
	}
	crash_point("work.before-seal");
	if (layer_seal(s, &e) == 0) {
		crash_point("work.sealed");
		if (record_write(s, &e) == 0)
			return;
	}
	if (s->state != RUN_PASSED)
		return;
	s->state = RUN_FAILED;
	reason_set(s, e.code == ERR_TEMP ? "resource.disk" : "infra.state",
		"make room on the file system of the agent's state folder",
		"what step '%s' left could not be kept: %s", s->name, e.msg);
}

/* The failure is shown where people look first: in the step's output. */
static void
refuse(struct step *s, const char *class, const struct err *why)
{
	AUTO(freep) char *line = xasprintf("%s\n", why->msg);
	struct err ignore;

	s->state = RUN_FAILED;
	reason_set(s, class, NULL, "step '%s': %s", s->name, why->msg);
	if (outlog_write(s->job->out, line, strlen(line), &ignore) < 0)
		s->disk_full = true;
}

void
step_perform(struct step *s)
{
	struct job *j = s->job;
	struct err e;

	if (expand_all(s, &e) < 0) {
		refuse(s, "config", &e);
		return;
	}
	if (layer_make(s, &e) < 0) {
		refuse(s, e.code == ERR_TEMP ? "resource" : "infra.state", &e);
		return;
	}
	crash_point("work.before-box");
	if (watch_run(s, &e) == 0) {
		reason_find(s);
	} else if (s->opened) {
		refuse(s, "infra.sandbox", &e);
	} else {
		refuse(s, "config.sandbox", &e);
		reason_from_box(s, &e);
	}
	crash_point("work.after-box");
	settle(s);
	strv_add(&j->layers, s->layer);
}

static int
run_it(struct step *s, struct err *e)
{
	struct job *j = s->job;
	const json_t *limits = jget_obj(j->w->spec.json, "limits");
	int64_t dropped;

	if (outlog_begin(j->out, jget_int(limits, "output", 0), e) < 0 ||
		say_started(s, e) < 0 || say_no_network(s, e) < 0)
		return -1;
	crash_point("work.step-started");
	s->started_ms = clock_boot_ms();
	step_perform(s);
	restore_env(s);
	if (outlog_end(j->out, &s->out_offset, &s->out_length, &s->out_crc,
		    &dropped, e) < 0)
		return -1;
	step_decide(s);
	crash_point("work.output-written");
	if (say_finished(s, e) < 0)
		return -1;
	crash_point("work.step-finished");
	if (s->again != RETRY_NONE) {
		step_yield(s);
		return 0;
	}
	step_tell_job(j, s->id, s->state, s->ignored, &s->reason, s->record);
	return 0;
}

static int
skip_it(struct step *s, struct err *e)
{
	s->state = RUN_SKIPPED;
	if (say_finished(s, e) < 0)
		return -1;
	step_tell_job(s->job, s->id, RUN_SKIPPED, false, NULL, NULL);
	return 0;
}

/* A condition that cannot be evaluated is a failure of the step. */
static int
fail_it(struct step *s, const struct err *why, struct err *e)
{
	struct job *j = s->job;
	int64_t dropped;

	if (outlog_begin(j->out, 0, e) < 0 || say_started(s, e) < 0)
		return -1;
	refuse(s, "config", why);
	if (outlog_end(j->out, &s->out_offset, &s->out_length, &s->out_crc,
		    &dropped, e) < 0 ||
		say_finished(s, e) < 0)
		return -1;
	step_tell_job(j, s->id, s->state, false, &s->reason, NULL);
	return 0;
}

/* Once cancelled or out of time, cleaning up has its own, short time. */
static bool
time_is_up(struct job *j)
{
	int64_t at = job_deadline(j);

	return (j->canceled || j->timed_out) && at && clock_boot_ms() >= at;
}

static int
choose(struct step *s, struct err *e)
{
	struct job *j = s->job;
	struct expr_env x;
	struct err why;
	bool go;

	job_is_canceled(j);
	s->terms = j->w->terms;
	x = job_expr(j);
	step_name(s);
	if (expr_cond(jget_str(s->plan, "if"), &x, &go, &why) < 0) {
		err_wrap(&why, "if");
		return fail_it(s, &why, e);
	}
	return go && !time_is_up(j) ? run_it(s, e) : skip_it(s, e);
}

int
step_execute(struct job *j, int index, struct err *e)
{
	struct step s;
	int rc;

	step_init(&s, j, index);
	rc = choose(&s, e);
	step_release(&s);
	return rc;
}
