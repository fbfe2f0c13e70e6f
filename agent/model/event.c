/* SPDX-License-Identifier: MIT */
/* See event.h. */
#include "base/base.h"
#include "base/clock.h"
#include "model/event.h"

static const struct {
	enum event_kind kind;
	const char *name;
} kinds[] = {
	{ EV_RECEIVED, "received" },
	{ EV_PLANNING, "planning" },
	{ EV_PLANNED, "planned" },
	{ EV_PLAN_FAILED, "plan-failed" },
	{ EV_QUEUED, "queued" },
	{ EV_STARTED, "started" },
	{ EV_STEP_STARTED, "step-started" },
	{ EV_STEP_FINISHED, "step-finished" },
	{ EV_JOB_FINISHED, "job-finished" },
	{ EV_LOST, "lost" },
	{ EV_CANCELED, "canceled" },
	{ EV_RETRIED, "retried" },
	{ EV_WAITING, "waiting" },
	{ EV_RESUMED, "resumed" },
	{ EV_BLOCKED, "blocked" },
	{ EV_FINISHED, "finished" },
	{ EV_YIELDED, "yielded" },
	{ EV_APPROVED, "approved" },
	{ EV_UNDOING, "undoing" },
	{ EV_UNDO_STARTED, "undo-started" },
	{ EV_UNDO_FINISHED, "undo-finished" },
	{ EV_UNDONE, "undone" },
};

_Static_assert(ARRAY_LEN(kinds) == EV_KIND_COUNT - 1, "a kind has no name");

void
event_init(struct event *ev, enum event_kind kind)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->time_ms = clock_wall_ms();
	ev->job = ev->step = -1;
	ev->data = json_object();
}

void
event_release(struct event *ev)
{
	json_decref(ev->data);
	free(ev->nonce);
	memset(ev, 0, sizeof(*ev));
}

const char *
event_kind_name(enum event_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "none";
}

enum event_kind
event_kind_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kinds[i].name, name))
			return kinds[i].kind;
	return EV_NONE;
}

void
event_to_json(const struct event *ev, struct buf *out)
{
	struct json_out o;

	jout_start(&o, out);
	jout_obj(&o, NULL);
	jout_str(&o, "kind", event_kind_name(ev->kind));
	jout_int(&o, "time", ev->time_ms);
	if (ev->job >= 0)
		jout_int(&o, "job", ev->job);
	if (ev->step >= 0)
		jout_int(&o, "step", ev->step);
	if (ev->attempt)
		jout_int(&o, "attempt", ev->attempt);
	jout_opt(&o, "nonce", ev->nonce);
	if (ev->data && json_object_size(ev->data))
		jout_value(&o, "data", ev->data);
	jout_end(&o);
}

static int
small_int(const json_t *o, const char *key, int dflt, int *ret)
{
	int64_t v = jget_int(o, key, dflt);

	if (v < dflt || v > 1000000)
		return -1;
	*ret = (int)v;
	return 0;
}

int
event_from_json(struct event *ret, const char *text, size_t len, struct err *e)
{
	json_t *o = json_parse(text, len, e);
	const char *nonce;
	struct event ev;

	if (!o)
		return err_wrap(e, "event");
	event_init(&ev, event_kind_from_name(jget_str(o, "kind")));
	ev.time_ms = jget_int(o, "time", 0);
	nonce = jget_str(o, "nonce");
	if (nonce)
		ev.nonce = xstrdup(nonce);
	if (jget_obj(o, "data")) {
		json_decref(ev.data);
		ev.data = json_incref(jget_obj(o, "data"));
	}
	if (ev.kind == EV_NONE || small_int(o, "job", -1, &ev.job) < 0 ||
		small_int(o, "step", -1, &ev.step) < 0 ||
		small_int(o, "attempt", 0, &ev.attempt) < 0) {
		json_decref(o);
		event_release(&ev);
		return err_set(e, ERR_PERM, "event: unknown kind or number");
	}
	json_decref(o);
	*ret = ev;
	return 0;
}
