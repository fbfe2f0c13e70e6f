/* SPDX-License-Identifier: MIT */
/*
 * Steps over several attempts: whether a failed one is tried again, what
 * an earlier attempt left, and the undo of one that is over.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "os/path.h"
#include "work/step.h"

#include <fcntl.h>

#define UNDO_TIMEOUT_MS 600000 /* of a step without a limit of its own */

void
step_decide(struct step *s)
{
	struct job *j = s->job;
	const json_t *used = json_array_get(
		jget_arr(j->w->spec.json, "used"), (size_t)s->index);
	struct retry_facts f = {
		.class = s->reason.class,
		.own_limit = s->own_limit,
		.on_crash = jget_str(s->plan, "on_crash"),
		.rule = jget_obj(s->plan, "retry"),
	};
	enum retry_what what;

	if (s->state != RUN_FAILED)
		return;
	retry_used_from_json(used, f.used);
	what = retry_decide(&f, &s->again);
	if (what == RETRY_AGAIN && !job_is_canceled(j))
		return;
	s->again = RETRY_NONE;
	s->ignored = jget_bool(s->plan, "continue_on_error", false);
	if (what != RETRY_BLOCK || s->ignored || j->failed)
		return;
	j->blocked = true;
	/* It was killed, and may have had its effect before. */
	if (str_eq(s->reason.class, "infra.killed")) {
		s->state = RUN_BLOCKED;
		reason_unknown(&s->reason, j->w->spec.run, s->name);
	}
}

void
step_yield(struct step *s)
{
	AUTO(freep) char *layer = xasprintf("layers/%d", s->index);
	struct job *j = s->job;
	struct err ignore;

	j->yield = s->again;
	reason_release(&j->reason);
	reason_copy(&j->reason, &s->reason);
	if (str_eq(j->layers.v[j->layers.len - 1], s->layer))
		free(STEAL(j->layers.v[--j->layers.len]));
	path_remove_tree(j->w->attempt_fd, layer, &ignore);
}

static int
resume_layer(struct job *j, const char *layer, struct err *e)
{
	int fd = path_open_beneath(
		j->w->state_fd, layer, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0)
		return -1;
	close(fd);
	strv_add(&j->layers, layer);
	return 0;
}

static const char *
name_of(const json_t *plan)
{
	const char *name = jget_str(plan, "name");

	return name ? name : "?";
}

/* A failure of an earlier attempt. */
static void
blame_earlier(struct job *j, const json_t *plan, const json_t *done)
{
	const json_t *why = jget_obj(done, "reason");
	struct reason r = { .class = xstrdup0(jget_str(why, "class")),
		.text = xstrdup0(jget_str(why, "text")),
		.suggestion = xstrdup0(jget_str(why, "suggestion")),
		.step = xstrdup(name_of(plan)) };

	if (!r.class)
		r.class = xstrdup("code");
	if (!r.text)
		r.text = xasprintf("step '%s' failed", r.step);
	job_blame(j, &r);
	reason_release(&r);
}

int
step_resume(struct job *j, const json_t *done, struct err *e)
{
	AUTO(json_decrefp) json_t *record = NULL;
	const char *state = jget_str(done, "state");
	const char *layer = jget_str(done, "layer");
	const char *path = jget_str(done, "record");
	int index = (int)jget_int(done, "step", -1);
	const json_t *plan =
		json_array_get(jget_arr(j->plan, "steps"), (size_t)index);

	if (!plan || !state || run_state_from_name(state) == RUN_BAD_MOVE)
		return err_set(e, ERR_PERM, "spec.json: 'done' is wrong");
	/* Undos do with what is left. */
	if (layer && resume_layer(j, layer, e) < 0 && !j->undoing)
		return err_wrap(e, "the layer of step '%s'", name_of(plan));
	if (path &&
		record_read(j, path, (uint32_t)jget_int(done, "record_crc", 0),
			&record, e) < 0)
		return err_wrap(e, "the record of step '%s'", name_of(plan));
	if ((str_eq(state, "failed") || str_eq(state, "blocked")) &&
		!jget_bool(done, "ignored", false)) {
		if (!j->failed)
			j->blocked = jget_bool(done, "blocks", false);
		blame_earlier(j, plan, done);
	}
	step_tell_job(j, jget_str(plan, "id"), run_state_from_name(state),
		jget_bool(done, "ignored", false), NULL, record);
	return 0;
}

/* ---- undo ---- */

static int
say_undo_started(struct step *s, struct err *e)
{
	json_t *data = json_object();

	jset_int(data, "try", s->try);
	jset_int(data, "output", outlog_offset(s->job->out));
	return worker_emit(s->job->w, EV_UNDO_STARTED, s->index, data, true, e);
}

static int
say_undo_finished(struct step *s, struct err *e)
{
	json_t *data = json_object();

	jset_str(data, "state", run_state_name(s->state));
	jset_int(data, "ms", s->ms);
	step_add_result(s, data);
	if (s->job->yield != RETRY_NONE)
		jset_str(data, "again", retry_kind_name(s->job->yield));
	jset_int(data, "output", s->out_offset);
	jset_int(data, "length", s->out_length);
	jset_int(data, "crc", s->out_crc);
	return worker_emit(
		s->job->w, EV_UNDO_FINISHED, s->index, data, true, e);
}

static void
str_prefix(char **text, const char *prefix)
{
	char *whole = xasprintf("%s%s", prefix, *text);

	free(*text);
	*text = whole;
}

static int
run_undo(struct step *s, struct err *e)
{
	struct job *j = s->job;
	const json_t *limits = jget_obj(j->w->spec.json, "limits");
	int64_t dropped;

	if (outlog_begin(j->out, jget_int(limits, "output", 0), e) < 0 ||
		say_undo_started(s, e) < 0)
		return -1;
	crash_point("work.undo-started");
	s->started_ms = clock_boot_ms();
	step_perform(s);
	if (outlog_end(j->out, &s->out_offset, &s->out_length, &s->out_crc,
		    &dropped, e) < 0)
		return -1;
	if (s->reason.text && str_starts(s->reason.text, "step "))
		str_prefix(&s->reason.text, "undo of ");
	if (s->state != RUN_PASSED && s->try < RUN_UNDO_TRIES)
		j->yield = RETRY_RULE;
	crash_point("work.undo-over");
	if (say_undo_finished(s, e) < 0)
		return -1;
	crash_point("work.undo-finished");
	return 0;
}

int
step_undo(struct job *j, int index, int tries, struct err *e)
{
	struct step s;
	int rc;

	if (!json_array_get(jget_arr(j->plan, "steps"), (size_t)index))
		return err_set(e, ERR_PERM, "spec.json: 'undo' is wrong");
	step_init(&s, j, index);
	s.is_undo = true;
	s.try = tries + 1;
	if (!s.timeout_ms)
		s.timeout_ms = UNDO_TIMEOUT_MS;
	free(s.layer);
	s.layer = xasprintf("%s/layers/undo-%d", j->w->attempt_path, index);
	free(s.key);
	s.key = xasprintf("run-%" PRIu64 ".%d.%d.undo", j->w->spec.run,
		j->w->spec.job, index);
	step_name(&s);
	rc = run_undo(&s, e);
	step_release(&s);
	return rc;
}
