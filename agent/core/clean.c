/* SPDX-License-Identifier: MIT */
/*
 * Has workers clean up behind final runs, one process at a time: what the
 * core would have to wait for, it does not do itself.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"

#define FAILED_MOST 1000 /* of them the layers are kept over a restart */

struct cleaner {
	struct child *child; /* the sweep under way, or NULL */
	struct strv runs;    /* that wait for the next one */
	struct strv named;   /* in its command */
	uint64_t below;      /* it sweeps all below but those named; 0: those */
	bool first_done;     /* what an earlier tellusd left */
};

static void start_sweep(struct core *c);

static void
swept(pid_t pid UNUSED, int wstatus UNUSED, void *arg)
{
	struct core *c = arg;

	c->cleaner->child = NULL;
	start_sweep(c);
	core_want_dispatch(c); /* for a retry that waits for it */
}

static void
spawn_sweep(struct core *c, const char *how)
{
	AUTO(freep) char *prog = xasprintf("%s/tellus-worker", c->libexecdir);
	AUTO(strv_release) struct strv argv = STRV_INIT;
	struct spawn s = { .path = prog, .fd = { -1, 2, 2 }, .nfds = 3 };
	struct err e = { 0 };
	pid_t pid;
	int pidfd;

	strv_add(&argv, "tellus-worker");
	strv_add(&argv, how);
	strv_add(&argv, c->conf->conf.state);
	if (c->cleaner->below)
		strv_addf(&argv, "%" PRIu64, c->cleaner->below);
	strv_copy(&argv, &c->cleaner->named);
	s.argv = argv.v;
	crash_point("clean.spawn");
	if (spawn_run(&s, &pid, &pidfd, &e) < 0) {
		log_line(LOG_WARN, "clean up: %s", e.msg);
		return;
	}
	c->cleaner->child = child_watch(c->loop, pid, pidfd, swept, c, &e);
}

static int
take_id(uint64_t run, const char *json UNUSED, size_t len UNUSED, void *arg,
	struct err *e UNUSED)
{
	*(uint64_t *)arg = run + 1;
	return 0;
}

/* Runs from this one on came after the start; 1 (sweep nothing) when the
 * journal cannot tell. */
uint64_t
clean_next_id(struct core *c)
{
	const struct journal_filter newest = { .limit = 1 };
	uint64_t id = 1;
	struct err e;

	if (journal_list(c->journal, &newest, take_id, &id, &e) < 0)
		log_line(LOG_WARN, "clean up: %s", e.msg);
	return id;
}

static int
name_run(uint64_t run, const char *json UNUSED, size_t len UNUSED, void *arg,
	struct err *e UNUSED)
{
	strv_addf(arg, "%" PRIu64, run);
	return 0;
}

/* The layers of runs that failed are the budget's: trim.c. */
static void
name_failed(struct core *c, struct strv *names)
{
	static const char *const states[] = { "failed", "error" };

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		const struct journal_filter f = { .state = states[i],
			.limit = FAILED_MOST };
		struct err e;

		if (journal_list(c->journal, &f, name_run, names, &e) < 0)
			log_line(LOG_WARN, "clean up: %s", e.msg);
	}
}

static void
start_sweep(struct core *c)
{
	struct cleaner *k = c->cleaner;

	if (k->child || c->stopping)
		return;
	strv_release(&k->named);
	if (!k->first_done) {
		k->first_done = true;
		k->below = clean_next_id(c);
		for (struct live *l = c->lives; l; l = l->next)
			strv_addf(&k->named, "%" PRIu64, l->id);
		name_failed(c, &k->named);
		spawn_sweep(c, "--sweep-others");
		return;
	}
	k->below = 0;
	if (!k->runs.len)
		return;
	k->named = k->runs;
	k->runs = (struct strv)STRV_INIT;
	spawn_sweep(c, "--sweep");
}

void
clean_run(struct core *c, const struct run *r)
{
	trim_after_run(c);
	/* Unless they are what filled the disk. */
	if ((r->state == RUN_FAILED || r->state == RUN_ERROR) &&
		!str_eq(r->reason.class, "resource.disk"))
		return;
	strv_addf(&c->cleaner->runs, "%" PRIu64, r->id);
	start_sweep(c);
}

static void
forget(struct cleaner *k, const char *name)
{
	struct strv rest = STRV_INIT;

	for (size_t i = 0; i < k->runs.len; i++)
		if (!str_eq(k->runs.v[i], name))
			strv_add(&rest, k->runs.v[i]);
	strv_release(&k->runs);
	k->runs = rest;
}

bool
clean_holds(struct core *c, uint64_t id)
{
	struct cleaner *k = c->cleaner;
	bool named;
	char name[24];

	if (trim_holds(c, id))
		return true;
	snprintf(name, sizeof(name), "%" PRIu64, id);
	if (strv_has(&k->runs, name))
		forget(k, name);
	if (!k->child)
		return false;
	named = strv_has(&k->named, name);
	return k->below ? id < k->below && !named : named;
}

void
clean_init(struct core *c)
{
	c->cleaner = xcalloc(1, sizeof(*c->cleaner));
}

void
clean_start(struct core *c)
{
	start_sweep(c);
}

void
clean_free(struct core *c)
{
	if (!c->cleaner)
		return;
	child_forget(c->cleaner->child);
	strv_release(&c->cleaner->runs);
	strv_release(&c->cleaner->named);
	free(STEAL(c->cleaner));
}
