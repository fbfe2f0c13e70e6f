/* SPDX-License-Identifier: MIT */
/*
 * What comes in: deliveries become runs, once each; hooks that found no
 * agent have left files.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "core/submit.h"
#include "os/fd.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#define RUNS_PER_DELIVERY 1000
#define INCOMING_MAX (1 << 20)
#define INCOMING_FIRST_MS 5000
#define INCOMING_MOST_MS 300000

static void
give_runs(struct ask *a, const uint64_t *runs, size_t n)
{
	a->runs = xcalloc(n, sizeof(*runs));
	if (n)
		memcpy(a->runs, runs, n * sizeof(*runs));
	a->nruns = n;
	a->ok = true;
}

/* 1: known, answered with the first delivery's runs. */
static int
is_repeat(struct core *c, struct ask *a)
{
	uint64_t runs[RUNS_PER_DELIVERY];

	for (size_t i = 0; i < a->keys.len; i++) {
		size_t n = 0;
		int rc = journal_dedupe_get(c->journal, a->keys.v[i],
			strlen(a->keys.v[i]), runs, ARRAY_LEN(runs), &n,
			&a->err);

		if (rc < 0)
			return -1;
		if (rc) {
			a->duplicate = true;
			give_runs(a, runs, n);
			return 1;
		}
	}
	return 0;
}

/* Somebody else's change runs when somebody of ours has looked at it. */
static void
ask_approval(struct live *l)
{
	struct event ev;

	event_init(&ev, EV_BLOCKED);
	jset_str(ev.data, "class", "approval");
	jset_str(ev.data, "text",
		"a pull request from a fork waits for approval");
	json_object_set_new(ev.data, "suggestion",
		json_sprintf(
			"look at the change, then: tellus approve %" PRIu64,
			l->id));
	crash_point("admit.approval");
	if (core_event(l, &ev) == 0) {
		notify_state(l);
		blocked_supersede(l);
	}
}

int
admit_one(struct core *c, const struct push *p, uint64_t *ret, struct err *e)
{
	struct event ev;
	struct live *l;

	if (journal_next_run(c->journal, ret, e) < 0)
		return -1;
	l = live_add(c, run_new(*ret));
	/* So that a failed commit takes it away again. */
	l->dirty = true;
	event_init(&ev, EV_RECEIVED);
	json_decref(ev.data);
	ev.data = push_to_json(p);
	if (core_event(l, &ev) < 0)
		return err_set(e, ERR_TEMP, "the push could not be recorded");
	if (missed_note(c, p, *ret, e) < 0)
		return -1;
	if (p->fork)
		ask_approval(l);
	return 0;
}

/* Each push becomes a run, unless it was found before it was told of. */
static int
admit_all(struct core *c, struct ask *a, uint64_t *runs)
{
	for (size_t i = 0; i < a->npushes; i++) {
		int rc = missed_found(c, &a->pushes[i], &runs[i], &a->err);

		if (rc < 0 || (!rc && admit_one(c, &a->pushes[i], &runs[i],
					      &a->err) < 0))
			return -1;
	}
	for (size_t i = 0; i < a->nseen; i++)
		if (missed_seen(c, &a->seen[i], &a->err) < 0)
			return -1;
	return 0;
}

void
admit_deliver(struct core *c, struct ask *a)
{
	uint64_t runs[RUNS_PER_DELIVERY];
	int64_t now = clock_wall_ms();

	if (c->stopping) {
		err_set(&a->err, ERR_TEMP, "the agent is stopping");
		return;
	}
	if (a->npushes > ARRAY_LEN(runs)) {
		err_set(&a->err, ERR_PERM, "more than %zu refs in one push",
			ARRAY_LEN(runs));
		return;
	}
	if (!core_begin(c)) {
		err_set(&a->err, ERR_TEMP, "the journal cannot be written");
		return;
	}
	if (!journal_has_room(c->journal)) {
		err_set(&a->err, ERR_TEMP,
			"there is no room for the journal; new work is "
			"refused until there is");
		return;
	}
	if (is_repeat(c, a) != 0)
		return;
	if (admit_all(c, a, runs) < 0)
		goto failed;
	crash_point("admit.received");
	for (size_t i = 0; i < a->keys.len; i++)
		if (journal_dedupe_put(c->journal, a->keys.v[i],
			    strlen(a->keys.v[i]), runs, a->npushes, now,
			    &a->err) < 0)
			goto failed;
	give_runs(a, runs, a->npushes);
	core_want_dispatch(c);
	return;
failed:
	core_fail(c, &a->err);
	a->err.code = ERR_TEMP;
}

/* ---- what hooks left while the agent was down ---- */

/* A repository's owner is not always ours, so that nothing below it is
 * reached through a link or taken for more than it is. */
static const char *const incoming_folders[] = {
	"tellus/incoming",
	".git/tellus/incoming",
};

/* The folder of a repository, or -1. */
static int
open_incoming(const char *repo, size_t which)
{
	struct err ignored;
	AUTO(fd_closep) int top = path_open_dir(AT_FDCWD, repo, &ignored);

	if (top < 0)
		return -1;
	return path_open_beneath(top, incoming_folders[which],
		O_RDONLY | O_DIRECTORY, 0, &ignored);
}

struct incoming {
	struct ask ask;
	char *repo, *name; /* removed after the commit */
	size_t which;
};

static void
incoming_done(struct ask *a)
{
	struct incoming *in = a->arg;
	AUTO(fd_closep) int dir = -1;

	crash_point("incoming.before-remove");
	if (a->ok) {
		dir = open_incoming(in->repo, in->which);
		if (dir < 0 || unlinkat(dir, in->name, 0) < 0)
			log_line(LOG_WARN, "remove '%s/%s/%s': %s", in->repo,
				incoming_folders[in->which], in->name,
				strerror(errno));
	} else {
		log_line(LOG_ERROR, "'%s/%s/%s': %s", in->repo,
			incoming_folders[in->which], in->name, a->err.msg);
	}
	for (size_t i = 0; i < a->npushes; i++)
		push_release(&a->pushes[i]);
	for (size_t i = 0; i < a->nseen; i++)
		push_release(&a->seen[i]);
	free(a->pushes);
	free(a->seen);
	free(a->runs);
	strv_release(&a->keys);
	free(in->repo);
	free(in->name);
	free(in);
}

/* A plain file of at most INCOMING_MAX bytes; a pipe would hold us up. */
static int
read_incoming(int dir, const char *name, char **ret, size_t *len, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep)
	int fd = path_open_beneath(dir, name, O_RDONLY | O_NONBLOCK, 0, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_PERM, "it is not a plain file");
	if (fd_slurp(fd, INCOMING_MAX, &b, e) < 0)
		return -1;
	*len = b.len;
	*ret = buf_take(&b);
	return 0;
}

static int
parse_incoming(struct core *c, const struct repo_conf *repo, int dir,
	const char *name, struct submit *s, struct err *e)
{
	AUTO(freep) char *text = NULL;
	size_t len = 0;

	if (read_incoming(dir, name, &text, &len, e) < 0 ||
		submit_parse(&c->conf->conf, text, len, s, e) < 0)
		return -1;
	/* Who may write here may push here, and nowhere else. */
	if (!str_eq(s->repo->path, repo->path))
		return err_set(e, ERR_PERM,
			"it names the repository '%s', which is another one",
			s->repo->name);
	return 0;
}

static void
take_incoming(struct core *c, const struct repo_conf *repo, size_t which,
	int dir, const char *name)
{
	AUTO(submit_release) struct submit s = { 0 };
	struct incoming *in;
	struct err e = { 0 };

	if (parse_incoming(c, repo, dir, name, &s, &e) < 0) {
		AUTO(freep) char *bad = xasprintf("%s.bad", name);
		bool kept = e.code == ERR_PERM &&
			    renameat(dir, name, dir, bad) == 0;

		log_line(LOG_ERROR, "'%s/%s/%s' is not a push: %s%s",
			repo->path, incoming_folders[which], name, e.msg,
			kept ? "; it is now called .bad" : "");
		return;
	}
	in = xcalloc(1, sizeof(*in));
	in->repo = xstrdup(repo->path);
	in->name = xstrdup(name);
	in->which = which;
	in->ask.kind = ASK_DELIVER;
	in->ask.pushes = STEAL(s.pushes);
	in->ask.npushes = s.npushes;
	in->ask.seen = STEAL(s.seen);
	in->ask.nseen = s.nseen;
	s.npushes = s.nseen = 0;
	in->ask.keys = s.keys;
	s.keys = (struct strv)STRV_INIT;
	in->ask.done = incoming_done;
	in->ask.arg = in;
	core_ask(c, &in->ask);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
scan_incoming(struct core *c, const struct repo_conf *repo, size_t which)
{
	AUTO(strv_release) struct strv names = STRV_INIT;
	AUTO(fd_closep) int fd = open_incoming(repo->path, which);
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && !strchr(d->d_name, '.'))
			strv_add(&names, d->d_name);
	if (names.len)
		qsort(names.v, names.len, sizeof(*names.v), by_name);
	for (size_t k = 0; k < names.len; k++)
		take_incoming(c, repo, which, fd, names.v[k]);
	closedir(dir);
	fd = -1; /* closed with it */
}

void
admit_incoming(struct core *c)
{
	const struct config *conf = &c->conf->conf;

	for (size_t i = 0; i < conf->nrepos; i++)
		for (size_t k = 0;
			conf->repos[i].path && k < ARRAY_LEN(incoming_folders);
			k++)
			scan_incoming(c, &conf->repos[i], k);
}

static void
incoming_again(void *arg)
{
	admit_incoming(arg);
}

void
admit_put_off(struct core *c)
{
	int64_t wait = c->incoming_wait_ms;

	if (c->stopping || c->incoming_timer.armed)
		return;
	wait = wait ? MIN(wait * 2, (int64_t)INCOMING_MOST_MS)
		    : INCOMING_FIRST_MS;
	c->incoming_wait_ms = wait;
	loop_timer_set(c->loop, &c->incoming_timer, wait, incoming_again, c);
}

void
admit_taken(struct core *c)
{
	c->incoming_wait_ms = 0;
}
