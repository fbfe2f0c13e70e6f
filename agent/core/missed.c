/* SPDX-License-Identifier: MIT */
/*
 * Pushes that nobody told us of: what is not where it was last heard of runs,
 * once.  That record is written in the transaction of the run, whoever told
 * of the push.  What a push changes while a list is under way is left to
 * that push.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/poll.h"

#define PART 1000 /* refs in one transaction */

/* ---- what became of each ref ---- */

static int
run_missed(
	struct core *c, const struct head *h, const char *before, struct err *e)
{
	AUTO(push_release)
	struct push push = {
		.repository = xstrdup(c->poller->repository),
		.event = xstrdup("push"),
		.ref = xstrdup(h->ref),
		.before = xstrdup(before),
		.sha = xstrdup(h->sha),
		.source = xstrdup(PUSH_FOUND),
	};
	uint64_t run = 0;

	if (admit_one(c, &push, &run, e) < 0)
		return -1;
	log_line(LOG_NOTICE,
		"'%s': %s is at %.12s, which nobody told of; run %" PRIu64,
		push.repository, h->ref, h->sha, run);
	crash_point("missed.admitted");
	return 0;
}

static int
take_head(struct core *c, const struct head *h, struct err *e)
{
	struct poller *p = c->poller;
	struct journal_head known = { .sha = SHA_ZERO, .before = SHA_ZERO };
	int rc = journal_head_get(c->journal, p->repository, h->ref, &known, e);

	if (rc < 0)
		return -1;
	/* Forges tell of a tag object or of its commit. */
	if (rc && (str_eq(known.sha, h->sha) || str_eq(known.sha, h->commit)))
		return 0;
	if (strv_has(&p->touched, h->ref))
		return 0;
	if (rc || !p->first)
		return run_missed(c, h, known.sha, e);
	memcpy(known.sha, h->sha, sizeof(known.sha));
	known.found = true;
	return journal_head_put(c->journal, p->repository, h->ref, &known, e);
}

struct gone {
	struct poller *p;
	struct strv refs;
};

static int
note_gone(const char *ref, const struct journal_head *known UNUSED, void *arg,
	struct err *e UNUSED)
{
	struct gone *g = arg;

	if (!poll_find(g->p, ref) && !strv_has(&g->p->touched, ref))
		strv_add(&g->refs, ref);
	return 0;
}

/* Forgets what is no longer there, and notes that this was a whole look. */
static int
take_end(struct core *c, struct err *e)
{
	struct poller *p = c->poller;
	const struct journal_head seen = { .sha = SHA_ZERO,
		.before = SHA_ZERO };
	struct gone g = { p, STRV_INIT };
	int rc =
		journal_heads_each(c->journal, p->repository, note_gone, &g, e);

	for (size_t i = 0; rc == 0 && i < g.refs.len; i++)
		if (journal_head_del(
			    c->journal, p->repository, g.refs.v[i], e) < 0)
			rc = -1;
	strv_release(&g.refs);
	if (rc == 0 && p->first)
		rc = journal_head_put(c->journal, p->repository, "", &seen, e);
	return rc;
}

static void
part_done(struct core *c, bool committed, void *arg UNUSED)
{
	struct poller *p = c->poller;

	crash_point("missed.committed");
	if (!p->repository || c->stopping)
		return;
	if (!committed)
		poll_over(c, "the journal cannot be written");
	else if (p->at > p->nheads)
		poll_over(c, NULL);
	else
		loop_timer_set(c->loop, &p->timer, 0, missed_take, c);
}

static int
take_some(struct core *c, struct err *e)
{
	struct poller *p = c->poller;

	for (int i = 0; i < PART && p->at < p->nheads; i++, p->at++)
		if (take_head(c, &p->heads[p->at], e) < 0)
			return -1;
	if (p->at < p->nheads)
		return 0;
	p->at++;
	return take_end(c, e);
}

void
missed_take(void *arg)
{
	struct core *c = arg;
	struct err e = { 0 };

	if (!core_begin(c) || !journal_has_room(c->journal)) {
		poll_over(c, "there is no room for the journal");
		return;
	}
	crash_point("missed.part");
	if (take_some(c, &e) < 0)
		core_fail(c, &e);
	core_defer(c, part_done, NULL);
	core_want_dispatch(c);
}

/* ---- for the others ---- */

/* Is it of a branch or tag, as a forge or a hook has it? */
static bool
is_known_kind(const struct push *p)
{
	return str_eq(p->event, "push") && !str_eq(p->source, "run") &&
	       p->ref && (ref_is_branch(p->ref) || ref_is_tag(p->ref));
}

static bool
is_move(const struct push *p)
{
	return is_known_kind(p) && !sha_is_zero(p->sha);
}

/* The list that is under way may be older than what we were just told. */
static void
touch(struct core *c, const struct push *p)
{
	struct poller *look = c->poller;

	if (look && look->repository && str_eq(look->repository, p->repository))
		strv_add(&look->touched, p->ref);
}

int
missed_note(struct core *c, const struct push *p, uint64_t run, struct err *e)
{
	struct journal_head was, now = { .run = run };
	const char *before = p->before ? p->before : SHA_ZERO;
	int rc;

	if (!is_move(p))
		return 0;
	rc = journal_head_get(c->journal, p->repository, p->ref, &was, e);
	if (rc < 0)
		return -1;
	now.found = str_eq(p->source, PUSH_FOUND);
	if (!now.found)
		touch(c, p);
	/* It was overtaken by the push that followed it. */
	if (rc && str_eq(was.before, p->sha) && !str_eq(was.sha, before))
		return 0;
	snprintf(now.sha, sizeof(now.sha), "%s", p->sha);
	snprintf(now.before, sizeof(now.before), "%s", before);
	return journal_head_put(c->journal, p->repository, p->ref, &now, e);
}

int
missed_seen(struct core *c, const struct push *p, struct err *e)
{
	if (!is_known_kind(p) || !sha_is_zero(p->sha))
		return missed_note(c, p, 0, e);
	touch(c, p);
	return journal_head_del(c->journal, p->repository, p->ref, e) < 0 ? -1
									  : 0;
}

int
missed_found(struct core *c, const struct push *p, uint64_t *ret, struct err *e)
{
	struct journal_head was;
	int rc;

	if (!is_move(p))
		return 0;
	rc = journal_head_get(c->journal, p->repository, p->ref, &was, e);
	if (rc <= 0)
		return rc;
	if (!was.found || !was.run || !str_eq(was.sha, p->sha))
		return 0;
	*ret = was.run;
	return 1;
}
