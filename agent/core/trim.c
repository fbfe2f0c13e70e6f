/* SPDX-License-Identifier: MIT */
/*
 * The disk budget: a worker looks at the state folder now and then and
 * removes what has been unused for longest (work/trim.h), never what a run
 * needs that is not over.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/enc.h"
#include "base/log.h"
#include "core/inner.h"
#include "core/room.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#define EVERY_MS 300000  /* while runs end */
#define PRESSED_MS 30000 /* while a run waits for disk */
#define RESULT_MAX (8 << 20)
#define RESULT_FILE "trim.json"
#define BUDGET_PERCENT 80 /* of the file system, where none is set */

struct trimmer {
	struct child *child; /* the trim under way, or NULL */
	struct ask *asks;    /* wait for its result */
	struct ask *next;    /* wait for the next one */
	bool dry_run;        /* the one under way only looks */
	uint64_t below;      /* it leaves runs from here on ... */
	struct strv live;    /* ... and these */
	bool due;            /* something ended since the last one */
	int64_t last_ms;     /* boot clock; 0: never */
	struct loop_timer timer;
};

static void start_trim(struct core *c, bool dry_run);

static int64_t
budget_of(const struct core *c)
{
	int64_t budget = c->conf->conf.disk_budget;
	struct statvfs v;

	if (budget >= 0)
		return budget;
	if (fstatvfs(c->state_fd, &v) < 0)
		return 0;
	return (int64_t)v.f_blocks * (int64_t)v.f_frsize / 100 * BUDGET_PERCENT;
}

static void
add_live(const struct core *c, struct strv *argv)
{
	for (const struct live *l = c->lives; l; l = l->next) {
		if (run_state_is_final(l->run->state) && !l->attempts)
			continue;
		strv_addf(argv, "%" PRIu64, l->id);
		/* Its plan may be another run's. */
		if (l->run->plan_run != l->id)
			strv_addf(argv, "%" PRIu64, l->run->plan_run);
		if (l->run->tree)
			strv_addf(argv, "tree:%s", l->run->tree);
	}
}

/* ---- the result ---- */

static void
log_result(const json_t *o)
{
	AUTO(buf_release) struct buf used = BUF_INIT, freed = BUF_INIT;

	if (!jget_int(o, "freed", 0))
		return;
	size_add(&used, jget_int(o, "used", 0));
	size_add(&freed, jget_int(o, "freed", 0));
	log_line(LOG_NOTICE, "the state folder had %s; %s were freed",
		used.data, freed.data);
}

static void
answer_asks(struct core *c, struct ask **list, const char *text, size_t len,
	const struct err *why)
{
	while (*list) {
		struct ask *a = *list;

		*list = a->next;
		if (text) {
			buf_reset(&a->json);
			buf_add(&a->json, text, len);
			a->ok = true;
		} else {
			a->err = *why;
		}
		ask_answer(c, a);
	}
}

static void
trimmed(pid_t pid UNUSED, int wstatus, void *arg)
{
	struct core *c = arg;
	struct trimmer *t = c->trimmer;
	AUTO(json_decrefp) json_t *o = NULL;
	AUTO(freep) char *text = NULL;
	struct err e = { 0 };
	size_t len = 0;

	t->child = NULL;
	if (wstatus != 0)
		err_set(&e, ERR_TEMP,
			"the clean-up failed; the agent's log says why");
	else if (fd_slurp_at(c->state_fd, RESULT_FILE, RESULT_MAX, &text, &len,
			 &e) == 0)
		o = json_parse(text, len, &e);
	if (o && !t->dry_run)
		log_result(o);
	answer_asks(c, &t->asks, o ? text : NULL, len, &e);
	core_want_dispatch(c); /* there may be room now */
	if (t->next) {
		t->asks = STEAL(t->next);
		start_trim(c, jget_bool(t->asks->options, "dry_run", false));
	}
}

static void
make_argv(struct core *c, bool dry_run, struct strv *argv)
{
	strv_add(argv, "tellus-worker");
	strv_add(argv, "--trim");
	strv_add(argv, c->conf->conf.state);
	strv_addf(argv, "%" PRId64, budget_of(c));
	strv_addf(argv, "%" PRId64, room_disk_floor(c));
	strv_addf(argv, "%" PRId64, c->conf->conf.keep_ms / 1000);
	strv_add(argv, dry_run ? "yes" : "no");
	strv_addf(argv, "%" PRIu64, c->trimmer->below);
	strv_copy(argv, &c->trimmer->live);
}

static void
start_trim(struct core *c, bool dry_run)
{
	AUTO(freep) char *prog = xasprintf("%s/tellus-worker", c->libexecdir);
	AUTO(strv_release) struct strv argv = STRV_INIT, env = STRV_INIT;
	AUTO(fd_closep)
	int out = openat(c->state_fd, RESULT_FILE,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct spawn s = { .path = prog, .fd = { -1, out, 2 }, .nfds = 3 };
	struct trimmer *t = c->trimmer;
	struct err e = { 0 };
	int pidfd = -1;
	pid_t pid;

	t->dry_run = dry_run;
	if (!dry_run) {
		t->due = false;
		t->last_ms = clock_boot_ms();
	}
	t->below = clean_next_id(c);
	strv_release(&t->live);
	add_live(c, &t->live);
	make_argv(c, dry_run, &argv);
	worker_env(&env);
	s.argv = argv.v;
	s.envp = env.v;
	crash_point("trim.spawn");
	if (out < 0)
		err_sys(&e, "create '%s'", RESULT_FILE);
	else if (spawn_run(&s, &pid, &pidfd, &e) == 0)
		t->child = child_watch(c->loop, pid, pidfd, trimmed, c, &e);
	if (t->child)
		return;
	log_line(LOG_WARN, "trim: %s", e.msg);
	answer_asks(c, &t->asks, NULL, 0, &e);
}

/* ---- when ---- */

static void
timer_is_up(void *arg)
{
	struct core *c = arg;

	if (!c->trimmer->child && !c->stopping && c->trimmer->due)
		start_trim(c, false);
}

static void
want_trim(struct core *c, int64_t every_ms)
{
	struct trimmer *t = c->trimmer;
	int64_t wait = t->last_ms ? t->last_ms + every_ms - clock_boot_ms() : 0;

	t->due = true;
	if (!t->timer.armed || t->timer.at_ms > clock_boot_ms() + wait)
		loop_timer_set(
			c->loop, &t->timer, MAX(wait, 0), timer_is_up, c);
}

void
trim_after_run(struct core *c)
{
	want_trim(c, EVERY_MS);
}

void
trim_pressed(struct core *c)
{
	want_trim(c, PRESSED_MS);
}

void
trim_ask(struct core *c, struct ask *a)
{
	struct trimmer *t = c->trimmer;

	a->later = true;
	if (t->child) {
		a->next = t->next;
		t->next = a;
		return;
	}
	a->next = NULL;
	t->asks = a;
	start_trim(c, jget_bool(a->options, "dry_run", false));
}

bool
trim_holds(const struct core *c, uint64_t id)
{
	const struct trimmer *t = c->trimmer;
	char name[24];

	if (!t->child || t->dry_run || id >= t->below)
		return false;
	snprintf(name, sizeof(name), "%" PRIu64, id);
	return !strv_has(&t->live, name);
}

void
trim_init(struct core *c)
{
	c->trimmer = xcalloc(1, sizeof(*c->trimmer));
}

static void
refuse_asks(struct ask **list)
{
	while (*list) {
		struct ask *a = *list;

		*list = a->next;
		ask_refuse(a);
	}
}

void
trim_close(struct core *c)
{
	refuse_asks(&c->trimmer->asks);
	refuse_asks(&c->trimmer->next);
}

void
trim_free(struct core *c)
{
	if (!c->trimmer)
		return;
	child_forget(c->trimmer->child);
	strv_release(&c->trimmer->live);
	free(STEAL(c->trimmer));
}
