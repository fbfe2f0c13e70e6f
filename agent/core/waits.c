/* SPDX-License-Identifier: MIT */
/*
 * Jobs that wait, for a time or for what the machine is short of, and jobs
 * that a person has to look at.  What became of them is in the journal, so
 * that a restart goes on waiting where it was.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "core/room.h"

#define LOOK_MS 3000 /* at what the machine has, while a job waits for it */
#define MEMORY_LEAST ((int64_t)64 << 20)

int
live_wait(struct live *l, int job, const char *what, int64_t ms,
	const struct reason *why)
{
	struct event ev;

	event_init(&ev, EV_WAITING);
	ev.job = job;
	jset_str(ev.data, "for", what);
	if (str_eq(what, "time")) {
		jset_int(ev.data, "ms", ms);
		jset_str(ev.data, "boot", l->core->boot);
		jset_int(ev.data, "until", clock_boot_ms() + ms);
	}
	reason_put(ev.data, why);
	crash_point("waits.wait");
	return core_event(l, &ev);
}

int
live_block(struct live *l, int job, const struct reason *why)
{
	struct event ev;

	event_init(&ev, EV_BLOCKED);
	ev.job = job;
	reason_put(ev.data, why);
	crash_point("waits.block");
	return core_event(l, &ev);
}

/* ---- after an attempt that gave a step back ---- */

static void
say_how_long(
	struct buf *out, const char *text, enum retry_kind kind, int64_t ms)
{
	AUTO(buf_release) struct buf span = BUF_INIT;

	buf_addz(out, text ? text : "it failed");
	clock_addspan(&span, ms);
	if (str_eq(retry_waits_for(kind), "memory"))
		buf_addz(out, "; it is tried again when there is memory");
	else if (str_eq(retry_waits_for(kind), "disk"))
		buf_addz(out, "; it is tried again when there is room");
	else
		buf_addf(out, "; it is tried again in %s", span.data);
}

/* How often the kind was used: by the step that the reason names, or by
 * the job before its first step. */
static int
times_used(const struct run_job *j, const char *step, enum retry_kind kind)
{
	int n = j->used[kind];

	for (size_t i = 0; step && i < j->nsteps; i++)
		if (j->steps[i].state == RUN_QUEUED &&
			str_eq(j->steps[i].name, step))
			n = MAX(n, j->steps[i].used[kind]);
	return MAX(n, 1);
}

void
waits_yielded(struct live *l, int job, enum retry_kind kind)
{
	const struct run_job *j = &l->run->jobs[job];
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct reason why = { 0 };
	int64_t ms;
	int n;

	if (kind == RETRY_NONE)
		kind = RETRY_RESOURCE;
	n = times_used(j, j->reason.step, kind);
	ms = test_delay_ms(
		retry_delay_ms(kind, n, l->id * 257 + (uint64_t)job));
	say_how_long(&text, j->reason.text, kind, ms);
	reason_copy(&why, &j->reason);
	str_set(&why.text, text.data);
	str_set(&why.suggestion, "nothing: it is tried again by itself");
	live_wait(l, job, retry_waits_for(kind), ms, &why);
	reason_release(&why);
}

/* ---- is it over? ---- */

static void
look_later(struct core *c, int64_t ms)
{
	struct loop_timer *t = &c->waits_timer;
	int64_t at = clock_boot_ms() + ms;

	if (!t->armed || t->at_ms > at)
		loop_timer_set(c->loop, t, ms, core_wake, c);
}

static bool
has_memory(struct live *l, int job)
{
	const struct run_job *j = &l->run->jobs[job];
	int64_t free_now = room_memory_available(), want = MEMORY_LEAST;

	/* As much as the step had when it was killed. */
	for (size_t i = 0; i < j->nsteps; i++)
		if (j->steps[i].state == RUN_QUEUED)
			want = MAX(want, j->steps[i].memory);
	return free_now < 0 || free_now >= want;
}

void
waits_look_again(struct core *c)
{
	trim_pressed(c);
	look_later(c, LOOK_MS);
}

bool
waits_have_disk(struct core *c)
{
	struct err why;

	if (room_on_disk(c, &why)) {
		c->short_of_disk = false;
		return true;
	}
	if (!c->short_of_disk)
		log_line(LOG_WARN, "%s", why.msg);
	c->short_of_disk = true;
	waits_look_again(c);
	return false;
}

bool
live_job_waits(struct live *l, int job)
{
	const struct run_job *j = &l->run->jobs[job];
	int64_t left;

	if (j->state != RUN_WAITING || l->run->cancel_wanted)
		return false;
	if (str_eq(j->wait_for, "time")) {
		left = j->wait_until_ms - clock_boot_ms();
		if (!str_eq(j->wait_boot, l->core->boot) || left <= 0)
			return false;
		look_later(l->core, left);
		return true;
	}
	if (str_eq(j->wait_for, "memory") ? has_memory(l, job)
					  : waits_have_disk(l->core))
		return false;
	look_later(l->core, LOOK_MS);
	return true;
}
