/* SPDX-License-Identifier: MIT */
/*
 * The turn of the core's loop: one transaction for all that it brings, and
 * what depends on its commit only after it.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "core/rows.h"

#define RETRY_MS 1000 /* after a commit that failed */
#define ROUNDS_MAX 64 /* of dispatch and commit within one turn */

bool
core_begin(struct core *c)
{
	struct err e = { 0 };

	if (c->failed)
		return false;
	if (journal_is_open_txn(c->journal))
		return true;
	if (journal_begin(c->journal, &e) == 0)
		return true;
	core_fail(c, &e);
	return false;
}

void
core_fail(struct core *c, const struct err *e)
{
	if (!c->failed)
		log_line(LOG_ERROR, "journal: %s", e->msg);
	c->failed = true;
}

void
core_defer(struct core *c, defer_fn *fn, void *arg)
{
	c->defers =
		grow(c->defers, c->ndefers, &c->defers_cap, sizeof(*c->defers));
	c->defers[c->ndefers++] = (struct deferred){ fn, arg };
}

static void
refuse(struct live *l, const struct event *ev, const struct err *why)
{
	AUTO(buf_release) struct buf text = BUF_INIT, json = BUF_INIT;
	struct json_out o;
	struct err e = { 0 };

	event_to_json(ev, &text);
	jout_start(&o, &json);
	jout_obj(&o, NULL);
	jout_str(&o, "why", why->msg);
	jout_int(&o, "run", (int64_t)l->id);
	jout_rawn(&o, "event", text.data, text.len);
	jout_end(&o);
	log_line(LOG_WARN, "run %" PRIu64 ": refused: %s", l->id, why->msg);
	if (journal_refuse(l->core->journal, l->id, json.data, json.len, &e) <
		0)
		core_fail(l->core, &e);
}

int
core_event(struct live *l, struct event *ev)
{
	struct core *c = l->core;
	struct err e = { 0 };
	int rc = -1;

	if (!core_begin(c))
		goto out;
	ev->seq = l->run->next_seq;
	if (run_apply(l->run, ev, &e) < 0) {
		refuse(l, ev, &e);
		goto out;
	}
	if (journal_append(c->journal, l->id, ev, &e) < 0) {
		core_fail(c, &e);
		l->dirty = true; /* so that it is reloaded */
		goto out;
	}
	l->dirty = l->touched = true;
	rc = 0;
out:
	event_release(ev);
	return rc;
}

void
core_want_dispatch(struct core *c)
{
	c->want_dispatch = true;
}

static void
put_rows(struct core *c)
{
	for (struct live *l = c->lives; l && !c->failed; l = l->next) {
		struct err e = { 0 };

		if (l->dirty && row_put(c->journal, l->run, &e) < 0)
			core_fail(c, &e);
	}
}

static bool
commit(struct core *c)
{
	struct err e = { 0 };

	if (!journal_is_open_txn(c->journal))
		return !c->failed;
	if (!c->failed) {
		crash_point("journal.before-commit");
		if (journal_commit(c->journal, &e) == 0) {
			crash_point("journal.committed");
			return true;
		}
		core_fail(c, &e);
		if (e.code == ERR_PERM) {
			/* LMDB must be reopened: a supervisor starts us
			 * again, and the workers go on meanwhile. */
			c->fatal = e;
			loop_stop(c->loop);
		}
	} else {
		journal_abort(c->journal);
	}
	return false;
}

static void
retry_turn(void *arg)
{
	struct core *c = arg;

	core_want_dispatch(c);
	for (struct live *l = c->lives; l; l = l->next)
		for (struct attempt *a = l->attempts, *next; a; a = next) {
			next = a->next;
			attempt_check(a);
		}
}

static void
run_deferred(struct core *c, bool committed)
{
	struct deferred *list = STEAL(c->defers);
	size_t n = c->ndefers;

	c->ndefers = c->defers_cap = 0;
	for (size_t i = 0; i < n; i++)
		list[i].fn(c, committed, list[i].arg);
	free(list);
}

static void
tell_all(struct core *c)
{
	for (struct live *l = c->lives; l; l = l->next) {
		if (!l->touched || l->dirty)
			continue; /* what is not committed is not told */
		watchers_tell(c, l);
		l->touched = false;
	}
}

static void
one_round(struct core *c)
{
	bool good;

	put_rows(c);
	good = commit(c);
	if (!good) {
		lives_reload(c);
		loop_timer_set(
			c->loop, &c->retry_timer, RETRY_MS, retry_turn, c);
	}
	c->failed = false;
	for (struct live *l = c->lives; l; l = l->next)
		l->dirty = false;
	run_deferred(c, good);
	tell_all(c);
	lives_sweep(c);
}

static bool
has_writes(const struct core *c)
{
	return journal_is_open_txn(c->journal) || c->failed || c->ndefers;
}

static bool
may_dispatch(const struct core *c)
{
	return c->want_dispatch && !c->stopping;
}

static void
go_on(void *arg UNUSED)
{
}

void
core_turn(void *arg)
{
	struct core *c = arg;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		/* What arrived is committed and answered first; what follows
		 * from it is the next round's. */
		if (has_writes(c)) {
			one_round(c);
		} else if (may_dispatch(c)) {
			c->want_dispatch = false;
			dispatch(c);
		} else {
			break;
		}
	}
	/* Others get their turn; the rest of this one follows at once. */
	if (has_writes(c) || may_dispatch(c))
		loop_timer_set(c->loop, &c->turn_timer, 0, go_on, c);
	tell_all(c);
	watchers_new(c);
}
