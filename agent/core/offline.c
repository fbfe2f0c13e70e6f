/* SPDX-License-Identifier: MIT */
/* See offline.h. */
#include "base/base.h"
#include "core/offline.h"
#include "core/rows.h"
#include "model/run.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/path.h"
#include "store/journal.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define MAP_FIRST ((int64_t)64 << 20)
#define MAP_MOST ((int64_t)4 << 30)
#define DISK_FLOOR ((int64_t)1 << 30)

/* ---- the journal ---- */

static int
take_lock(const struct config *conf, int *ret_fd, struct err *e)
{
	AUTO(freep) char *path = xasprintf("%s/lock", conf->state);
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int rc;

	if (fd < 0)
		return err_sys(e, "state folder: open '%s'", path);
	rc = fd_lock(fd, e);
	if (rc < 0)
		return err_wrap(e, "'%s'", path);
	if (rc > 0)
		return err_set(e, ERR_TEMP,
			"the agent is running; stop it first ('%s' is locked)",
			path);
	*ret_fd = STEAL_FD(fd);
	return 0;
}

static int
fold(const struct event *ev, void *arg, struct err *e)
{
	struct run *r = arg;
	struct err why = { 0 };

	(void)e;
	if (run_apply(r, ev, &why) < 0)
		printf("run %" PRIu64 ": event %u left out: %s\n", r->id,
			ev->seq, why.msg);
	return 0;
}

static int
put_one(uint64_t id, void *arg, struct err *e)
{
	AUTO(run_freep) struct run *r = run_new(id);
	struct journal *j = arg;

	if (journal_events(j, id, 0, fold, r, e) < 0)
		return -1;
	if (!r->push.repository)
		return 0;
	return row_put(j, r, e);
}

static int
rebuild(struct journal *j, struct err *e)
{
	if (journal_begin(j, e) < 0)
		return -1;
	if (journal_drop_rows(j, e) < 0 ||
		journal_each_run(j, put_one, j, e) < 0) {
		journal_abort(j);
		return -1;
	}
	if (journal_commit(j, e) < 0)
		return -1;
	puts("the summaries were made anew from the events");
	return 0;
}

static int
check(const char *path, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = journal_verify(path, &text, e);

	fputs(text.data, stdout);
	return rc;
}

int
offline_journal(const struct config *conf, const char *verb, struct err *e)
{
	/* A damaged index must not keep a rebuild from opening it. */
	const struct journal_opts o = {
		.map_bytes = MAP_FIRST,
		.map_max_bytes = MAP_MOST,
		.repair = str_eq(verb, "rebuild"),
	};
	AUTO(freep) char *path = xasprintf("%s/journal", conf->state);
	AUTO(fd_closep) int lock = -1;
	struct journal *j;
	int rc;

	if (!str_eq(verb, "check") && !str_eq(verb, "rebuild") &&
		!str_eq(verb, "dump"))
		return err_set(e, ERR_PERM,
			"--journal takes check, rebuild or dump, not '%s'",
			verb);
	if (take_lock(conf, &lock, e) < 0)
		return -1;
	if (str_eq(verb, "check"))
		return check(path, e);
	if (journal_open(&j, path, &o, e) < 0)
		return -1;
	rc = str_eq(verb, "dump") ? offline_dump(j, e) : rebuild(j, e);
	journal_close(j);
	return rc;
}

/* ---- the machine ---- */

struct report {
	bool failed;
};

static void
fact(struct report *r, const char *level, const char *what, const char *text,
	const char *remedy)
{
	printf("%-4s  %s: %s\n", level, what, text);
	if (remedy && *remedy)
		printf("      %s\n", remedy);
	r->failed |= str_eq(level, "FAIL");
}

static void
state_facts(struct report *r, const char *state)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct statvfs v;
	int64_t room;

	if (statvfs(state, &v) < 0) {
		buf_addf(&text, "'%s' cannot be read: %s", state,
			strerror(errno));
		fact(r, "WARN", "state folder", text.data,
			"tellusd makes it at its first start");
		return;
	}
	room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	buf_addf(&text, "%s, %" PRId64 " MiB free", state, room >> 20);
	fact(r, room < DISK_FLOOR ? "WARN" : "OK", "state folder", text.data,
		room < DISK_FLOOR ? "make room: jobs need it" : NULL);
}

static void
box_facts_of(struct report *r, const char *libexecdir, const char *state)
{
	AUTO(freep) char *prog = xasprintf("%s/tellus-worker", libexecdir);
	char *argv[] = { (char *)"tellus-worker", (char *)"--doctor",
		(char *)(uintptr_t)state, NULL };
	struct spawn s = {
		.path = prog, .argv = argv, .fd = { -1, 1, 2 }, .nfds = 3
	};
	struct err e = { 0 };
	int pidfd, status;
	pid_t pid;

	fflush(stdout);
	if (spawn_run(&s, &pid, &pidfd, &e) < 0) {
		fact(r, "FAIL", "tellus-worker", e.msg,
			"install it, or set TELLUS_LIBEXECDIR");
		return;
	}
	close(pidfd);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
		WEXITSTATUS(status))
		r->failed = true;
}

int
offline_doctor(const char *config, const char *state, const char *libexecdir)
{
	AUTO(freep) char *path = NULL;
	struct report r = { false };
	struct config conf;
	struct err e = { 0 };

	config_init(&conf);
	if (config_find(config, &path) != 0)
		fact(&r, "WARN", "configuration", "none; the defaults hold",
			"write /etc/tellus/config, see tellus-config(5)");
	else if (config_load(&conf, path, &e) < 0)
		fact(&r, "FAIL", "configuration", e.msg, "correct that line");
	else
		fact(&r, "OK", "configuration", path, NULL);
	state_facts(&r, state ? state : conf.state);
	box_facts_of(&r, libexecdir, state ? state : conf.state);
	config_release(&conf);
	return r.failed ? 2 : 0;
}
