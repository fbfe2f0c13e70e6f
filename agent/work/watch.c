/* SPDX-License-Identifier: MIT */
/*
 * While a step runs: its output goes to the log, cancel and deadlines end
 * it (TERM, ten seconds, KILL), and when its main process is gone
 * everything it left behind goes too.
 */
#include "base/base.h"
#include "base/clock.h"
#include "os/fd.h"
#include "work/step.h"

#include <fcntl.h>
#include <poll.h>

#define GRACE_MS 10000
#define PIPE_BYTES (1 << 20)
#define READ_BYTES (64 << 10)

struct watch {
	struct step *step;
	struct box *box;
	int out_fd;      /* the pipe's read end, -1 after its end */
	int64_t kill_ms; /* when TERM becomes KILL; 0: not stopped */
	bool killed;
};

/* One read; false when there is nothing (more) at the moment. */
static bool
copy_output(struct watch *w)
{
	static char bytes[READ_BYTES];
	ssize_t n = read(w->out_fd, bytes, sizeof(bytes));
	struct err e;

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		fd_closep(&w->out_fd);
		return false;
	}
	/* A full disk must not stop the step from being watched: it is
	 * remembered, and the output goes on being read. */
	if (outlog_write(w->step->job->out, bytes, (size_t)n, &e) < 0)
		w->step->disk_full |= e.sys == ENOSPC || e.sys == EDQUOT;
	return true;
}

static void
stop(struct watch *w, enum step_stop why)
{
	if (w->step->stop == STEP_NOT_STOPPED)
		w->step->stop = why;
	w->kill_ms = clock_boot_ms() + GRACE_MS;
	box_term(w->box);
}

static void
kill_now(struct watch *w)
{
	w->killed = true;
	box_kill(w->box);
}

/* A first request to stop is a TERM, a second one the end. */
static void
mind_cancel(struct watch *w)
{
	struct job *j = w->step->job;
	unsigned int before = w->step->terms;

	if (worker_terms(j->w) == before)
		return;
	w->step->terms = j->w->terms;
	job_is_canceled(j);
	if (!w->kill_ms)
		stop(w, STEP_CANCELED);
	else if (!w->killed)
		kill_now(w);
}

static void
sooner(int64_t *at, int64_t other)
{
	if (other && (!*at || other < *at))
		*at = other;
}

static int64_t
step_deadline(const struct step *s)
{
	return s->timeout_ms ? s->started_ms + s->timeout_ms : 0;
}

/* Acts on what is due; returns how long poll may wait. */
static int
mind_time(struct watch *w)
{
	struct job *j = w->step->job;
	int64_t now = clock_boot_ms(), next = 0;
	int64_t mine = step_deadline(w->step), jobs = job_deadline(j);

	if (w->kill_ms && !w->killed && now >= w->kill_ms)
		kill_now(w);
	if (!w->kill_ms && mine && now >= mine) {
		stop(w, STEP_TIMED_OUT);
	} else if (!w->kill_ms && jobs && now >= jobs) {
		j->timed_out = true;
		stop(w, STEP_JOB_TIMED_OUT);
	}
	if (w->killed)
		return -1;
	if (w->kill_ms) {
		next = w->kill_ms;
	} else {
		sooner(&next, mine);
		sooner(&next, jobs);
	}
	if (!next)
		return -1;
	return (int)MIN(MAX(next - now, 0) + 1, INT_MAX);
}

/* Until the main process has ended. */
static int
follow(struct watch *w, struct err *e)
{
	for (;;) {
		struct pollfd p[3] = {
			{ .fd = box_fd(w->box), .events = POLLIN },
			{ .fd = w->step->job->w->signal_fd, .events = POLLIN },
			{ .fd = w->out_fd, .events = POLLIN },
		};
		int wait_ms = mind_time(w);

		if (poll(p, 3, wait_ms) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "poll");
		}
		if (p[2].revents)
			copy_output(w);
		if (p[1].revents)
			mind_cancel(w);
		if (p[0].revents)
			return 0;
	}
}

static int
open_pipe(int ret[2], struct err *e)
{
	if (fd_pipe(ret, e) < 0)
		return -1;
	/* A larger pipe spares switches; where it is refused the default
	 * does. */
	if (fcntl(ret[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		errno = 0;
	return fd_nonblock(ret[0], e);
}

static const char **
list_expose(const struct worker *w)
{
	const json_t *list = jget_arr(jget_obj(w->spec.json, "host"), "expose");
	const char **v = xcalloc(json_array_size(list) + 1, sizeof(*v));
	const json_t *path;
	size_t i, n = 0;

	json_array_foreach(list, i, path) if (json_is_string(path)) v[n++] =
		json_string_value(path);
	return v;
}

static int
open_box(struct watch *w, int out_fd, struct err *e)
{
	struct step *s = w->step;
	struct worker *wk = s->job->w;
	const json_t *limits = jget_obj(wk->spec.json, "limits");
	AUTO(strv_release) struct strv lower = STRV_INIT;
	AUTO(buf_release) struct buf name = BUF_INIT;
	AUTO(freep) char *work = xasprintf("%s/" WORK_FOLDER, wk->attempt_path);
	AUTO(freep) const char **expose = list_expose(wk);
	struct box_spec b = {
		.state_fd = wk->state_fd,
		.upper = s->layer,
		.work = work,
		.plain = !wk->host.overlay,
		.objects = s->job->objects,
		.objects_is = &s->job->objects_is,
		.expose = expose,
		.cwd = s->cwd,
		.argv = s->argv.v,
		.envp = s->env.v,
		.out_fd = out_fd,
		.net = s->job->net,
		.limits = { .memory_bytes = jget_int(limits, "memory", 0),
			.pids = jget_int(limits, "pids", 0),
			.cpu_milli = jget_int(limits, "cpu", 0),
			.file_bytes = jget_int(limits, "disk", 0) },
	};

	if (worker_box_name(wk, wk->spec.attempt, (size_t)s->index, &name, e) <
		0)
		return -1;
	b.name = name.data;
	layer_lower(s->job, &lower);
	b.lower = (const char *const *)lower.v;
	b.nlower = lower.len;
	return box_open(&w->box, &wk->host, &b, e);
}

int
watch_run(struct step *s, struct err *e)
{
	struct watch w = { .step = s, .out_fd = -1 };
	struct err close_err;
	int p[2], rc;

	if (open_pipe(p, e) < 0)
		return -1;
	w.out_fd = p[0];
	rc = open_box(&w, p[1], e);
	close(p[1]);
	if (rc < 0) {
		fd_closep(&w.out_fd);
		return -1;
	}
	s->opened = true;
	rc = follow(&w, e);
	if (rc < 0)
		box_kill(w.box);
	if (box_close(w.box, &s->box, &close_err) < 0 && rc == 0) {
		*e = close_err;
		rc = -1;
	}
	/* Nobody is left who could write: what is in the pipe is all. */
	while (w.out_fd >= 0 && copy_output(&w))
		;
	fd_closep(&w.out_fd);
	return rc;
}
