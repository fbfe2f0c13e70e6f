/* SPDX-License-Identifier: MIT */
/*
 * An attempt whose worker ended without a result: what becomes of the step
 * that was under way, and of those whose layers did not survive
 * (recovery.md, section 3).
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

static void
lost_committed(struct attempt *a, bool committed)
{
	struct live *l = a->live;
	int job = a->job;
	bool undo = a->undo;

	if (!committed) {
		a->phase = ATTEMPT_GOING; /* retry_turn looks again */
		return;
	}
	attempt_free(a);
	if (undo)
		undo_ended(l, job);
}

static bool
may_rerun(const struct run_step *s)
{
	return !s->on_crash || str_eq(s->on_crash, "rerun");
}

/* After a reboot: the first step whose layer may not be on disk, or -1.  It
 * and what came after it are done again. */
static int64_t
first_unsynced(const struct run_job *j)
{
	for (size_t i = 0; i < j->nsteps; i++)
		if (j->steps[i].layer && !j->steps[i].synced)
			return (int64_t)i;
	return -1;
}

/* The first finished step from there on that must not run twice. */
static const struct run_step *
not_again(const struct run_job *j, int64_t from)
{
	for (size_t i = (size_t)from; i < j->nsteps; i++)
		if (run_state_is_final(j->steps[i].state) &&
			j->steps[i].state != RUN_SKIPPED &&
			!may_rerun(&j->steps[i]))
			return &j->steps[i];
	return NULL;
}

static const struct run_step *
running_step(const struct run_job *j)
{
	for (size_t i = 0; i < j->nsteps; i++)
		if (j->steps[i].state == RUN_RUNNING)
			return &j->steps[i];
	return NULL;
}

/* How much the step that was interrupted has printed. */
static int64_t
printed(const struct attempt *a, const struct run_step *s)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	struct stat st;

	core_attempt_path(a->live->id, a->job, a->number, &path);
	buf_addz(&path, "/output");
	if (fstatat(a->core->state_fd, path.data, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return MAX((int64_t)st.st_size - s->output, 0);
}

/* The interrupted step's own word on it. */
static void
add_verdict(const struct attempt *a, const struct run_step *s, json_t *data)
{
	struct reason why = { 0 };
	json_t *o;

	if (may_rerun(s) || a->live->run->cancel_wanted)
		return;
	if (str_eq(s->on_crash, "ask")) {
		reason_unknown(&why, a->live->id, s->name);
	} else {
		why.class = xstrdup("infra.killed");
		why.text = xasprintf("step '%s' was interrupted, and may not "
				     "run again (on-crash: fail)",
			s->name);
		why.step = xstrdup(s->name);
	}
	o = json_object();
	reason_put(o, &why);
	json_object_set_new(data, "reason", o);
	jset_str(data, "verdict", s->on_crash);
	jset_int(data, "length", printed(a, s));
	reason_release(&why);
}

/* Its work is gone and it may not run again: a person has to decide. */
static void
block_rebuild(struct live *l, int job, const struct run_step *s)
{
	struct reason why = {
		.class = (char *)"infra.lost",
		.step = s->name,
	};

	why.text = xasprintf("the machine went down before the files of step "
			     "'%s' were on its disk, and it may not run again "
			     "by itself (on-crash: %s)",
		s->name, s->on_crash);
	why.suggestion = xasprintf(
		"tellus retry %" PRIu64 " --job %s runs the job from its "
		"first step, tellus cancel %" PRIu64 " ends it",
		l->id, l->run->jobs[job].id, l->id);
	live_block(l, job, &why);
	free(why.text);
	free(why.suggestion);
}

static int
say_lost(struct attempt *a, const struct run_step **ret_not_again)
{
	const char *text = "the worker ended without a result";
	const struct run_step *now = NULL;
	int64_t from = -1;
	struct event ev;

	event_init(&ev, EV_LOST);
	ev.job = a->job;
	ev.attempt = a->number;
	jset_str(ev.data, "text", text);
	if (!a->offset)
		json_object_set_new(ev.data, "idle", json_true());
	if (a->job >= 0 && !a->undo) {
		const struct run_job *j = &a->live->run->jobs[a->job];

		now = running_step(j);
		from = a->rebooted ? first_unsynced(j) : -1;
		if (from >= 0)
			*ret_not_again = not_again(j, from);
	}
	if (now)
		add_verdict(a, now, ev.data);
	if (from >= 0 && !*ret_not_again)
		jset_int(ev.data, "from", from);
	crash_point("attempt.lost");
	return core_event(a->live, &ev);
}

void
attempt_lost(struct attempt *a)
{
	const struct run_step *stop = NULL;

	log_line(LOG_WARN,
		"run %" PRIu64 " job %d attempt %d: the worker ended without "
		"a result",
		a->live->id, a->job, a->number);
	a->phase = ATTEMPT_FINISHED;
	if (say_lost(a, &stop) < 0 && !a->core->failed) {
		attempt_free(a);
		return;
	}
	if (stop)
		block_rebuild(a->live, a->job, stop);
	attempt_defer(a, lost_committed);
}
