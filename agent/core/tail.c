/* SPDX-License-Identifier: MIT */
/*
 * What workers wrote, copied into the journal: each event with the state
 * moves and outbox rows that it causes and the offset in the spool, in one
 * transaction.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/fd.h"
#include "store/spool.h"

#include <fcntl.h>

#define FETCH_RETRY_MS 5000
#define FETCH_MOST_MS 600000
#define FETCH_GIVE_UP_MS 86400000

static void
grown(uint32_t mask UNUSED, const char *name UNUSED, void *arg)
{
	tail_read(arg);
}

void
tail_open(struct attempt *a)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	struct err e = { 0 };

	buf_addf(&path, "%s/", a->core->conf->conf.state);
	core_attempt_path(a->live->id, a->job, a->number, &path);
	buf_addz(&path, "/events");
	if (a->spool < 0)
		a->spool = open(path.data, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (a->spool < 0)
		return; /* nothing was written: the caller finds it lost */
	if (a->watch_events < 0)
		a->watch_events = watch_add(
			a->core->watches, path.data, IN_MODIFY, grown, a, &e);
	if (a->watch_events < 0)
		log_line(LOG_ERROR, "run %" PRIu64 ": %s", a->live->id, e.msg);
}

void
tail_reload(struct attempt *a)
{
	struct err e = { 0 };

	if (journal_spool_get(a->core->journal, a->live->id, a->job, a->number,
		    &a->offset, &e) < 0)
		log_line(LOG_ERROR, "run %" PRIu64 ": %s", a->live->id, e.msg);
}

/* ---- planned ---- */

/* The flat event that the journal holds, from the worker's. */
static void
flat_planned(struct event *ev, const struct event *from, const json_t *w,
	uint64_t plan_run)
{
	static const char *const common[] = { "sha", "ref", "dirty", "tree",
		"subject", "author", "time" };
	static const char *const own[] = { "file", "workflow", "index",
		"jobs" };

	event_init(ev, EV_PLANNED);
	ev->time_ms = from->time_ms;
	for (size_t i = 0; i < ARRAY_LEN(common); i++) {
		json_t *v = json_object_get(from->data, common[i]);

		if (v)
			json_object_set(ev->data, common[i], v);
	}
	for (size_t i = 0; w && i < ARRAY_LEN(own); i++) {
		json_t *v = json_object_get(w, own[i]);

		if (v)
			json_object_set(ev->data, own[i], v);
	}
	jset_int(ev->data, "plan_run", (int64_t)plan_run);
}

/* The plan is not one that a run can have: that is its end, or it would be
 * planned for ever. */
static void
refuse_plan(struct live *l)
{
	struct reason why = {
		.class = (char *)"config",
		.text = (char *)"the plan was refused; the agent's log says "
				"why",
		.suggestion = (char *)"fewer jobs or steps, then push again",
	};

	if (!l->core->failed)
		settle_finish(l, RUN_ERROR, &why);
}

/* A further workflow of the same commit: a run of its own. */
static void
add_sibling(struct live *first, const struct event *from, const json_t *w)
{
	struct core *c = first->core;
	struct event ev;
	struct err e = { 0 };
	struct live *l;
	uint64_t id;

	if (!core_begin(c))
		return;
	if (journal_next_run(c->journal, &id, &e) < 0) {
		core_fail(c, &e);
		return;
	}
	l = live_add(c, run_new(id));
	l->dirty = true;
	event_init(&ev, EV_RECEIVED);
	json_decref(ev.data);
	ev.data = push_to_json(&first->run->push);
	core_event(l, &ev);
	crash_point("plan.sibling");
	flat_planned(&ev, from, w, first->id);
	if (core_event(l, &ev) == 0) {
		notify_state(l);
		blocked_supersede(l);
	} else {
		refuse_plan(l);
	}
}

static void
skip_run(struct live *l, const char *why)
{
	struct event ev;

	event_init(&ev, EV_FINISHED);
	jset_str(ev.data, "state", "skipped");
	jset_str(ev.data, "text", why ? why : "no workflow applies");
	core_event(l, &ev);
}

static void
on_planned(struct attempt *a, const struct event *from)
{
	json_t *list = jget_arr(from->data, "workflows");
	const char *why = jget_str(from->data, "skipped");
	struct live *l = a->live;
	bool first = true;
	struct event ev;

	notify_planned(l);
	near_note(
		l->core, l->run->push.repository, jget_str(from->data, "tree"));

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *w = json_array_get(list, i);

		if (jget_str(w, "skipped")) {
			why = why ? why : jget_str(w, "skipped");
			continue;
		}
		if (!first) {
			add_sibling(l, from, w);
			continue;
		}
		first = false;
		flat_planned(&ev, from, w, l->id);
		if (core_event(l, &ev) == 0) {
			notify_state(l);
			blocked_supersede(l);
		} else {
			refuse_plan(l);
		}
	}
	if (!first)
		return;
	flat_planned(&ev, from, NULL, l->id);
	if (core_event(l, &ev) == 0)
		skip_run(l, why);
}

static const struct {
	const char *class, *state;
} plan_ends[] = {
	{ "gone", "superseded" }, /* the ref has moved on */
	{ "canceled", "canceled" },
};

/* A wrong workflow or a commit that cannot be had: the run is an error. */
static void
end_unplanned(struct live *l, const json_t *why)
{
	static const char *const kept[] = { "class", "text", "suggestion" };
	const char *state = "error";
	struct event ev;

	for (size_t i = 0; i < ARRAY_LEN(plan_ends); i++)
		if (str_eq(plan_ends[i].class, jget_str(why, "class")))
			state = plan_ends[i].state;
	if (l->run->cancel_wanted)
		state = run_state_name(l->run->end_state);
	event_init(&ev, EV_FINISHED);
	jset_str(ev.data, "state", state);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		jset_str(ev.data, kept[i], jget_str(why, kept[i]));
	if (core_event(l, &ev) == 0)
		notify_state(l);
}

/* What an administrator can mend: the run stops until it is retried. */
static bool
is_for_a_person(const json_t *why)
{
	return str_eq(jget_str(why, "code"), "denied") ||
	       str_eq(jget_str(why, "class"), "config.sandbox");
}

static void
block_unplanned(struct live *l, const json_t *why)
{
	struct event ev;

	event_init(&ev, EV_BLOCKED);
	jset_str(ev.data, "class", jget_str(why, "class"));
	jset_str(ev.data, "text", jget_str(why, "text"));
	jset_str(ev.data, "suggestion", jget_str(why, "suggestion"));
	if (core_event(l, &ev) == 0)
		notify_state(l);
}

/* 5 s, 20 s, 80 s, ... 10 min, with a little jitter by the run's number,
 * so that a hundred runs do not ask at once. */
static int64_t
fetch_delay(const struct live *l)
{
	int64_t ms = FETCH_RETRY_MS;

	for (int i = 1; i < l->run->plan_attempt && ms < FETCH_MOST_MS; i++)
		ms *= 4;
	return MIN(ms, (int64_t)FETCH_MOST_MS) + (int64_t)(l->id % 16) * 64;
}

/* What may pass is waited for, up to a day. */
static void
wait_for_forge(struct live *l, const json_t *why)
{
	struct event ev;

	event_init(&ev, EV_WAITING);
	jset_str(ev.data, "for", "forge");
	jset_str(ev.data, "class", jget_str(why, "class"));
	jset_str(ev.data, "text", jget_str(why, "text"));
	jset_str(ev.data, "suggestion", "nothing: it is tried again by itself");
	l->retry_at_ms = clock_boot_ms() + fetch_delay(l);
	core_event(l, &ev);
}

static void
on_plan_failed(struct attempt *a, struct event *take)
{
	json_t *why = json_incref(take->data);
	struct live *l = a->live;

	if (core_event(l, take) == 0) {
		if (str_eq(jget_str(why, "code"), "temporary") &&
			!l->run->cancel_wanted &&
			clock_wall_ms() - l->run->created_ms < FETCH_GIVE_UP_MS)
			wait_for_forge(l, why);
		else if (is_for_a_person(why) && !l->run->cancel_wanted)
			block_unplanned(l, why);
		else
			end_unplanned(l, why);
	}
	json_decref(why);
}

/* ---- one record ---- */

static void
copy_event(struct event *to, const struct event *from)
{
	*to = *from;
	to->nonce = xstrdup0(from->nonce);
	to->data = json_incref(from->data);
}

static int
on_record(const struct event *from, int64_t end, void *arg, struct err *e)
{
	struct attempt *a = arg;
	struct core *c = a->core;
	enum retry_kind kind;
	struct event ev;

	if (!core_begin(c))
		return err_set(e, ERR_TEMP, "the journal cannot be written");
	/* A start that is not in the journal has no events to believe. */
	if (!str_eq(from->nonce, a->nonce) || from->attempt != a->number)
		return err_set(e, ERR_PERM,
			"fenced: a record of another "
			"attempt");
	a->live->dirty = true;
	copy_event(&ev, from);
	switch (from->kind) {
	case EV_PLANNED:
		on_planned(a, from);
		event_release(&ev);
		attempt_done(a);
		break;
	case EV_PLAN_FAILED:
		on_plan_failed(a, &ev);
		attempt_done(a);
		break;
	case EV_STEP_STARTED:
	case EV_STEP_FINISHED:
	case EV_UNDO_STARTED:
	case EV_UNDO_FINISHED:
		core_event(a->live, &ev);
		break;
	case EV_YIELDED:
		kind = retry_kind_from_name(jget_str(from->data, "retry"));
		if (core_event(a->live, &ev) == 0)
			waits_yielded(a->live, a->job, kind);
		attempt_done(a);
		break;
	case EV_UNDONE:
		if (core_event(a->live, &ev) == 0)
			undo_ended(a->live, a->job);
		attempt_done(a);
		break;
	case EV_JOB_FINISHED:
		core_event(a->live, &ev);
		attempt_done(a);
		break;
	default:
		event_release(&ev);
		break;
	}
	if (c->failed)
		return err_set(e, ERR_TEMP, "the journal cannot be written");
	crash_point("tail.record");
	if (journal_spool_put(
		    c->journal, a->live->id, a->job, a->number, end, e) < 0) {
		core_fail(c, e);
		return -1;
	}
	return 0;
}

void
tail_read(struct attempt *a)
{
	struct err e = { 0 };
	uint64_t was;
	int rc;

	/* Until the start is committed nothing is believed, and after the
	 * end nothing follows. */
	if (a->spool < 0 || a->phase != ATTEMPT_GOING)
		return;
	crash_point("tail.before");
	was = marker_set(a->core, a->live->id);
	rc = spool_read(a->spool, &a->offset, on_record, a, &e);
	marker_set(a->core, was);
	if (rc < 0 && !a->core->failed)
		log_line(LOG_ERROR, "run %" PRIu64 " job %d: events: %s",
			a->live->id, a->job, e.msg);
	if (a->core->failed)
		return;
	a->core->last_busy_ms = clock_boot_ms();
}
