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
	flat_planned(&ev, from, w, first->id);
	if (core_event(l, &ev) == 0)
		notify_state(l);
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
		if (core_event(l, &ev) == 0)
			notify_state(l);
	}
	if (!first)
		return;
	flat_planned(&ev, from, NULL, l->id);
	if (core_event(l, &ev) == 0)
		skip_run(l, why);
}

/* A wrong workflow or a commit that cannot be had: the run is an error. */
static void
on_plan_failed(struct attempt *a, struct event *take)
{
	struct live *l = a->live;
	struct event ev;

	event_init(&ev, EV_FINISHED);
	jset_str(ev.data, "state",
		str_eq(jget_str(take->data, "class"), "gone") ? "superseded"
		: str_eq(jget_str(take->data, "class"), "canceled") ? "canceled"
								    : "error");
	jset_str(ev.data, "class", jget_str(take->data, "class"));
	jset_str(ev.data, "text", jget_str(take->data, "text"));
	jset_str(ev.data, "suggestion", jget_str(take->data, "suggestion"));
	if (core_event(l, take) < 0) {
		event_release(&ev);
		return;
	}
	if (core_event(l, &ev) == 0)
		notify_state(l);
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
		core_event(a->live, &ev);
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

	/* Until the start is committed nothing is believed, and after the
	 * end nothing follows. */
	if (a->spool < 0 || a->phase != ATTEMPT_GOING)
		return;
	crash_point("tail.before");
	if (spool_read(a->spool, &a->offset, on_record, a, &e) < 0 &&
		!a->core->failed)
		log_line(LOG_ERROR, "run %" PRIu64 " job %d: events: %s",
			a->live->id, a->job, e.msg);
	if (a->core->failed)
		return;
	a->core->last_busy_ms = clock_boot_ms();
}
