/* SPDX-License-Identifier: MIT */
/*
 * The core's life: the state folder and its lock, the journal, the loop,
 * signals and the configuration.  What is decided stands in the other
 * files of this folder.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/enc.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#define MAP_FIRST ((int64_t)64 << 20)
#define MAP_MOST ((int64_t)4 << 30)
#define DEDUPE_KEEP_MS ((int64_t)30 * 86400000)
#define DEDUPE_EVERY_MS 3600000
#define DEDUPE_BATCH 1000
#define LOCK_TRIES 100
#define LOCK_AGAIN_US 20000

/* ---- configuration ---- */

struct config_ref *
core_config(struct core *c)
{
	struct config_ref *r;

	pthread_mutex_lock(&c->mutex);
	r = c->conf;
	__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&c->mutex);
	return r;
}

void
config_unref(struct config_ref *r)
{
	if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL))
		return;
	config_release(&r->conf);
	free(r);
}

static void
reload(struct core *c)
{
	struct config_ref *fresh = xcalloc(1, sizeof(*fresh)), *old;
	struct err e = { 0 };

	fresh->refs = 1;
	if (!c->config_path) {
		config_unref(fresh);
		return;
	}
	config_init(&fresh->conf);
	if (config_load(&fresh->conf, c->config_path, &e) < 0) {
		log_line(LOG_ERROR, "%s; the configuration in force stays",
			e.msg);
		config_unref(fresh);
		return;
	}
	/* The folder that is open and locked is the state folder until the
	 * end, whether the command line named it or the file did. */
	str_set(&fresh->conf.state, c->conf->conf.state);
	pthread_mutex_lock(&c->mutex);
	old = c->conf;
	c->conf = fresh;
	pthread_mutex_unlock(&c->mutex);
	config_unref(old);
	log_set_level((enum log_level)fresh->conf.log_level);
	log_line(
		LOG_NOTICE, "configuration read again from %s", c->config_path);
	admit_incoming(c);
	poll_plan(c);
	core_want_dispatch(c);
}

static void
on_signal(int signo, void *arg)
{
	struct core *c = arg;

	if (signo == SIGHUP) {
		reload(c);
		return;
	}
	log_line(LOG_NOTICE, "stopping; running jobs go on");
	c->stopping = true;
	loop_stop(c->loop);
}

void
core_stop(struct core *c)
{
	c->stopping = true;
	loop_stop(c->loop);
	eventfd_write(c->wake_fd, 1);
}

/* ---- life ---- */

static void
expire_dedupe(void *arg)
{
	struct core *c = arg;
	struct err e = { 0 };
	int n = 0;

	if (core_begin(c))
		n = journal_dedupe_expire(c->journal,
			clock_wall_ms() - DEDUPE_KEEP_MS, DEDUPE_BATCH, &e);
	if (n < 0)
		core_fail(c, &e);
	loop_timer_set(c->loop, &c->dedupe_timer,
		n == DEDUPE_BATCH ? 0 : DEDUPE_EVERY_MS, expire_dedupe, c);
}

static void
idle_check(void *arg)
{
	struct core *c = arg;
	int64_t limit = c->conf->conf.idle_exit_ms;
	int64_t quiet = clock_boot_ms() - c->last_busy_ms;

	if (c->lives || c->nwatchers || notify_waiting(c))
		quiet = 0;
	if (quiet >= limit) {
		c->stopping = true;
		loop_stop(c->loop);
		return;
	}
	loop_timer_set(c->loop, &c->idle_timer, limit - quiet, idle_check, c);
}

/* Does the process live that the lock's text names? */
static bool
holder_lives(const char *text)
{
	int64_t pid;

	return text && num_parse(text, 1, INT32_MAX, &pid) == 0 &&
	       (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

/* A tellusd that was killed while it started a worker leaves the lock to
 * that worker until it has come to its exec(2). */
static int
take_lock(struct core *c, struct err *e)
{
	const char *path = c->conf->conf.state;

	for (int i = 0;; i++) {
		AUTO(freep) char *text = NULL;
		int rc = fd_lock(c->lock_fd, e);

		if (rc <= 0)
			return rc < 0 ? err_wrap(e, "'%s/lock'", path) : 0;
		fd_slurp_at(c->state_fd, "lock", 32, &text, NULL, e);
		if (i == LOCK_TRIES || holder_lives(text))
			return err_set(e, ERR_TEMP,
				"the state folder '%s' is in use: tellusd is "
				"already running as pid %s",
				path, text ? text : "?");
		usleep(LOCK_AGAIN_US);
	}
}

/* The state folder, its lock and its sub-folders. */
static int
open_state(struct core *c, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {
		{ "journal", 0700 },
		{ "mirrors", 0711 },
		{ "trees", 0711 },
		{ "runs", 0711 },
	};
	const char *path = c->conf->conf.state;

	if (mkdir(path, 0711) < 0 && errno != EEXIST)
		return err_sys(e, "make the state folder '%s'", path);
	c->state_fd = path_open_dir(AT_FDCWD, path, e);
	if (c->state_fd < 0)
		return err_wrap(e, "state folder");
	c->lock_fd = openat(c->state_fd, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return err_sys(e, "open '%s/lock'", path);
	if (take_lock(c, e) < 0)
		return -1;
	if (ftruncate(c->lock_fd, 0) < 0 ||
		dprintf(c->lock_fd, "%d", (int)getpid()) < 0)
		return err_sys(e, "write '%s/lock'", path);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (mkdirat(c->state_fd, folders[i].name, folders[i].mode) <
				0 &&
			errno != EEXIST)
			return err_sys(
				e, "mkdir '%s/%s'", path, folders[i].name);
	return 0;
}

static int
open_journal(struct core *c, struct err *e)
{
	const struct journal_opts o = {
		.map_bytes = MAP_FIRST,
		.map_max_bytes = MAP_MOST,
	};
	AUTO(freep) char *path = xasprintf("%s/journal", c->conf->conf.state);

	crash_point("core.locked");
	if (journal_open(&c->journal, path, &o, e) < 0)
		return -1;
	if (journal_begin(c->journal, e) < 0)
		return -1;
	crash_point("core.epoch");
	if (journal_raise_epoch(c->journal, &c->epoch, e) < 0) {
		journal_abort(c->journal);
		return -1;
	}
	return journal_commit(c->journal, e);
}

static int
open_loop(struct core *c, struct err *e)
{
	sigset_t set;

	c->loop = loop_new(e);
	if (!c->loop)
		return -1;
	c->watches = watch_set_new(c->loop, e);
	if (!c->watches)
		return -1;
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0)
		return err_sys(e, "eventfd");
	if (loop_add(c->loop, c->wake_fd, EPOLLIN, ask_woken, c, e) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	loop_on_turn(c->loop, core_turn, c);
	return loop_signals(c->loop, &set, on_signal, c, e);
}

int
core_new(struct core **ret, struct config *take, const struct core_opts *o,
	struct err *e)
{
	struct core *c = xcalloc(1, sizeof(*c));

	c->conf = xcalloc(1, sizeof(*c->conf));
	c->conf->conf = *take;
	c->conf->refs = 1;
	memset(take, 0, sizeof(*take));
	c->opts = *o;
	c->config_path = xstrdup0(o->config_path);
	c->libexecdir = xstrdup(o->libexecdir);
	c->state_fd = c->lock_fd = c->wake_fd = -1;
	c->asks_tail = &c->asks;
	c->started_ms = c->last_busy_ms = clock_boot_ms();
	pthread_mutex_init(&c->mutex, NULL);
	if (proc_boot_id(c->boot, e) < 0 || open_state(c, e) < 0 ||
		marker_open(c, e) < 0 || open_journal(c, e) < 0 ||
		open_loop(c, e) < 0 || notify_init(c, e) < 0 ||
		lives_load(c, e) < 0) {
		core_free(c);
		return -1;
	}
	clean_init(c);
	trim_init(c);
	poll_init(c);
	core_want_dispatch(c);
	*ret = c;
	return 0;
}

int
core_run(struct core *c, struct err *e)
{
	int rc;

	loop_timer_set(
		c->loop, &c->dedupe_timer, DEDUPE_EVERY_MS, expire_dedupe, c);
	if (c->conf->conf.idle_exit_ms)
		loop_timer_set(c->loop, &c->idle_timer,
			c->conf->conf.idle_exit_ms, idle_check, c);
	admit_incoming(c);
	clean_start(c);
	trim_after_run(c);
	poll_plan(c);
	eventfd_write(c->wake_fd, 1);
	rc = loop_run(c->loop, e);
	trim_close(c);
	ask_close(c);
	if (rc == 0 && c->fatal.code) {
		*e = c->fatal;
		e->code = ERR_TEMP; /* a new start may mend it */
		rc = -1;
	}
	return rc;
}

void
core_free(struct core *c)
{
	if (!c)
		return;
	lives_free(c);
	nears_free(c);
	workers_free(c);
	clean_free(c);
	trim_free(c);
	poll_free(c);
	marker_close(c);
	notify_free(c);
	free(c->defers);
	journal_close(c->journal);
	watch_set_free(c->watches);
	loop_free(c->loop);
	config_unref(c->conf);
	fd_closep(&c->wake_fd);
	fd_closep(&c->lock_fd);
	fd_closep(&c->state_fd);
	pthread_mutex_destroy(&c->mutex);
	free(c->config_path);
	free(c->libexecdir);
	free(c);
}
