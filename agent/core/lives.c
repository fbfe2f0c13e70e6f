/* SPDX-License-Identifier: MIT */
/*
 * The runs in memory: those that are not final.  All others are folded
 * from their events when somebody asks.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"

struct live *
live_find(struct core *c, uint64_t id)
{
	for (struct live *l = c->lives; l; l = l->next)
		if (l->id == id)
			return l;
	return NULL;
}

struct live *
live_add(struct core *c, struct run *take)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->core = c;
	l->id = take->id;
	l->run = take;
	/* New runs have the highest number; only a retried one walks. */
	l->prev = c->last_live;
	while (l->prev && l->prev->id > l->id)
		l->prev = l->prev->prev;
	l->next = l->prev ? l->prev->next : c->lives;
	if (l->prev)
		l->prev->next = l;
	else
		c->lives = l;
	if (l->next)
		l->next->prev = l;
	else
		c->last_live = l;
	return l;
}

static void
live_free(struct live *l)
{
	struct core *c = l->core;

	if (l->prev)
		l->prev->next = l->next;
	else
		c->lives = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		c->last_live = l->prev;
	while (l->attempts)
		attempt_free(l->attempts);
	worker_release(l->idle);
	json_decref(l->plan);
	run_free(l->run);
	free(l);
}

void
lives_free(struct core *c)
{
	while (c->lives)
		live_free(c->lives);
}

void
lives_sweep(struct core *c)
{
	for (struct live *l = c->lives, *next; l; l = next) {
		next = l->next;
		if (l->run && (!run_state_is_final(l->run->state) ||
				      l->attempts || l->touched || l->dirty))
			continue;
		if (l->run && l->ran)
			clean_run(c, l->run);
		live_free(l);
	}
}

static int
fold(const struct event *ev, void *arg, struct err *e)
{
	struct run *r = arg;
	struct err why = { 0 };

	(void)e;
	/* What was legal when it was written is legal now; a record that is
	 * not is shown, and the rest of the run still stands. */
	if (run_apply(r, ev, &why) < 0)
		log_line(LOG_ERROR, "run %" PRIu64 ": event %u: %s", r->id,
			ev->seq, why.msg);
	return 0;
}

int
run_load(struct core *c, uint64_t id, struct run **ret, struct err *e)
{
	AUTO(run_freep) struct run *r = run_new(id);

	if (journal_events(c->journal, id, 0, fold, r, e) < 0)
		return -1;
	if (!r->next_seq)
		return err_set(e, ERR_ABSENT, "there is no run %" PRIu64, id);
	*ret = STEAL(r);
	return 0;
}

void
lives_reload(struct core *c)
{
	for (struct live *l = c->lives, *next; l; l = next) {
		struct run *fresh = NULL;
		struct err e = { 0 };

		next = l->next;
		if (!l->dirty)
			continue;
		l->touched = false;
		for (struct attempt *a = l->attempts; a; a = a->next)
			tail_reload(a);
		if (run_load(c, l->id, &fresh, &e) == 0) {
			run_free(l->run);
			l->run = fresh;
		} else if (e.code == ERR_ABSENT) {
			live_free(l);
		} else {
			log_line(
				LOG_ERROR, "run %" PRIu64 ": %s", l->id, e.msg);
		}
	}
}

static void
recover(struct live *l)
{
	if (l->run->nonce)
		attempt_recover(l, -1);
	for (size_t i = 0; i < l->run->njobs; i++)
		if (l->run->jobs[i].state == RUN_RUNNING ||
			l->run->jobs[i].undoing)
			attempt_recover(l, (int)i);
}

static int
load_one(uint64_t id, void *arg, struct err *e)
{
	struct core *c = arg;
	uint64_t was = marker_set(c, id);
	struct run *r = NULL;
	int rc = run_load(c, id, &r, e);

	marker_set(c, was);
	/* What workers of an earlier tellusd left is cleaned, too. */
	if (rc == 0)
		live_add(c, r)->ran = true;
	return rc;
}

int
lives_load(struct core *c, struct err *e)
{
	if (journal_active(c->journal, load_one, c, e) < 0)
		return -1;
	crash_point("lives.loaded");
	for (struct live *l = c->lives; l; l = l->next) {
		uint64_t was;

		if (marker_quarantine(l))
			continue;
		was = marker_set(c, l->id);
		recover(l);
		marker_set(c, was);
	}
	return 0;
}
