/* SPDX-License-Identifier: MIT */
/*
 * Has workers clean up behind final runs, one process at a time: what the
 * core would have to wait for, it does not do itself.
 */
#include "base/base.h"
#include "base/log.h"
#include "core/inner.h"

struct cleaner {
	struct child *child; /* the sweep under way, or NULL */
	struct strv runs;    /* that wait for the next one */
	bool first_done;     /* what an earlier tellusd left */
};

static void start_sweep(struct core *c);

static void
swept(pid_t pid UNUSED, int wstatus UNUSED, void *arg)
{
	struct core *c = arg;

	c->cleaner->child = NULL;
	start_sweep(c);
}

static void
spawn_sweep(struct core *c, const char *how, const struct strv *runs)
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
	strv_copy(&argv, runs);
	s.argv = argv.v;
	if (spawn_run(&s, &pid, &pidfd, &e) < 0) {
		log_line(LOG_WARN, "clean up: %s", e.msg);
		return;
	}
	c->cleaner->child = child_watch(c->loop, pid, pidfd, swept, c, &e);
}

static void
start_sweep(struct core *c)
{
	AUTO(strv_release) struct strv runs = STRV_INIT;
	struct cleaner *k = c->cleaner;

	if (k->child || c->stopping)
		return;
	if (!k->first_done) {
		k->first_done = true;
		for (struct live *l = c->lives; l; l = l->next)
			strv_addf(&runs, "%" PRIu64, l->id);
		spawn_sweep(c, "--sweep-others", &runs);
		return;
	}
	if (!k->runs.len)
		return;
	runs = k->runs;
	k->runs = (struct strv)STRV_INIT;
	spawn_sweep(c, "--sweep", &runs);
}

void
clean_run(struct core *c, uint64_t id)
{
	strv_addf(&c->cleaner->runs, "%" PRIu64, id);
	start_sweep(c);
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
	free(STEAL(c->cleaner));
}
