/* SPDX-License-Identifier: MIT */
/*
 * Processes of tellus-worker: started, spoken to through a socket, reaped.
 * What they work on is attempt.c's.
 */
#include "base/base.h"
#include "core/inner.h"
#include "os/fd.h"

static struct worker *
worker_new(struct core *c, pid_t pid, uint64_t start_time)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->core = c;
	w->pid = pid;
	w->start_time = start_time;
	w->control = -1;
	w->next = c->workers;
	c->workers = w;
	return w;
}

static void
worker_free(struct worker *w)
{
	struct worker **at = &w->core->workers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	child_forget(w->child);
	if (w->control >= 0)
		loop_del(w->core->loop, w->control);
	fd_closep(&w->control);
	free(w);
}

void
workers_free(struct core *c)
{
	while (c->workers)
		worker_free(c->workers);
}

void
worker_drop_control(struct worker *w)
{
	if (w->control < 0)
		return;
	loop_del(w->core->loop, w->control);
	fd_closep(&w->control);
}

/* It is reaped when it ends; nobody waits for it any more. */
void
worker_release(struct worker *w)
{
	if (!w)
		return;
	w->attempt = NULL;
	worker_drop_control(w);
	if (!w->child)
		worker_free(w);
}

static void
worker_ended(pid_t pid UNUSED, int wstatus UNUSED, void *arg)
{
	struct worker *w = arg;
	struct attempt *a = w->attempt;

	w->child = NULL; /* it frees itself */
	if (a)
		a->worker = NULL;
	for (struct live *l = w->core->lives; l; l = l->next)
		if (l->idle == w)
			l->idle = NULL;
	worker_free(w);
	if (a)
		attempt_worker_ended(a);
}

static void
on_control(int fd, uint32_t events UNUSED, void *arg)
{
	struct worker *w = arg;
	struct attempt *a = w->attempt;
	struct err e = { 0 };
	char text[32];
	int got = -1;
	ssize_t n = fd_recv(fd, text, sizeof(text), &got, &e);

	fd_closep(&got);
	if (n == 5 && !memcmp(text, "ready", 5) && a &&
		a->phase == ATTEMPT_STARTING) {
		attempt_ready(a);
		return;
	}
	if (n > 0 || !a)
		return; /* a worker has nothing else to say */
	worker_drop_control(w);
}

void
worker_env(struct strv *env)
{
	static const char *const passed[] = { "PATH", "TELLUS_CRASH",
		"TELLUS_CRASH_LOG", "TELLUS_CRASH_COUNT", "TELLUS_CRASH_STATE",
		"TELLUS_BOOT_ID", "TELLUS_DELAYS", "TELLUS_NO_OVERLAY",
		"ASAN_OPTIONS" };

	for (size_t i = 0; i < ARRAY_LEN(passed); i++)
		if (getenv(passed[i]))
			strv_setenv(env, passed[i], getenv(passed[i]));
}

int
worker_spawn(
	struct core *c, const char *path, struct worker **ret, struct err *e)
{
	AUTO(freep) char *prog = xasprintf("%s/tellus-worker", c->libexecdir);
	AUTO(strv_release) struct strv env = STRV_INIT;
	char *argv[] = { (char *)"tellus-worker", (char *)(uintptr_t)path,
		NULL };
	AUTO(fd_closep) int theirs = -1;
	struct worker *w;
	int pair[2], pidfd;
	pid_t pid;

	worker_env(&env);
	if (fd_socketpair(pair, e) < 0)
		return -1;
	theirs = pair[1];
	struct spawn s = {
		.path = prog,
		.argv = argv,
		.envp = env.v,
		.fd = { -1, 2, 2, theirs },
		.nfds = 4,
		.new_session = true,
	};
	if (spawn_run(&s, &pid, &pidfd, e) < 0) {
		close(pair[0]);
		return -1;
	}
	w = worker_new(c, pid, 0);
	if (proc_start_time(pid, &w->start_time, e) < 0)
		w->start_time = 0; /* it has ended; the pidfd says so soon */
	w->child = child_watch(c->loop, pid, pidfd, worker_ended, w, e);
	if (!w->child ||
		loop_add(c->loop, pair[0], EPOLLIN, on_control, w, e) < 0) {
		close(pair[0]);
		worker_release(w);
		return -1;
	}
	w->control = pair[0];
	*ret = w;
	return 0;
}

struct worker *
worker_found(struct core *c, pid_t pid, uint64_t start_time, int pidfd,
	struct err *e)
{
	struct worker *w = worker_new(c, pid, start_time);

	w->child = child_watch_foreign(c->loop, pid, pidfd, worker_ended, w, e);
	if (!w->child) {
		worker_free(w);
		return NULL;
	}
	return w;
}
