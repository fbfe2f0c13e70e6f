/* SPDX-License-Identifier: MIT */
/*
 * How much a running step has printed, measured while somebody follows it.
 */
#include "base/base.h"
#include "core/inner.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#define OUTPUT_TELL_MS 5

/*
 * Measures the output before it reads the events: a step's end is written
 * before a byte of the next step, so what was measured belongs to the step
 * that runs after the events have been read.
 */
static void
measure_output(struct attempt *a)
{
	struct run_job *j;
	struct stat st;

	if (a->output < 0 || fstat(a->output, &st) < 0)
		return;
	tail_read(a);
	j = &a->live->run->jobs[a->job];
	for (size_t i = 0; i < j->nsteps; i++) {
		struct run_step *s = &j->steps[i];

		if (s->state != RUN_RUNNING || s->attempt != a->number)
			continue;
		s->live = MAX((int64_t)st.st_size - s->output, s->live);
		a->live->touched = true;
	}
}

/* When the last follower has gone, nobody is told any more. */
static void
mind_output(struct attempt *a)
{
	if (watchers_any(a->core, a->live->id)) {
		measure_output(a);
		return;
	}
	watch_del(a->core->watches, a->watch_output);
	a->watch_output = -1;
	fd_closep(&a->output);
}

static void
tell_output(void *arg)
{
	struct core *c = arg;

	for (struct live *l = c->lives; l; l = l->next)
		for (struct attempt *a = l->attempts; a; a = a->next)
			if (a->output_grew) {
				a->output_grew = false;
				mind_output(a);
			}
}

static void
output_grew(uint32_t mask UNUSED, const char *name UNUSED, void *arg)
{
	struct attempt *a = arg;

	a->output_grew = true;
	if (!a->core->output_timer.armed)
		loop_timer_set(a->core->loop, &a->core->output_timer,
			OUTPUT_TELL_MS, tell_output, a->core);
}

void
attempt_watch_output(struct attempt *a)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	AUTO(freep) char *whole = NULL;
	struct err e;

	if (a->watch_output >= 0 || a->job < 0)
		return;
	core_attempt_path(a->live->id, a->job, a->number, &path);
	buf_addz(&path, "/output");
	if (a->output < 0)
		a->output = path_open_beneath(
			a->core->state_fd, path.data, O_RDONLY, 0, &e);
	whole = xasprintf("%s/%s", a->core->conf->conf.state, path.data);
	a->watch_output = watch_add(
		a->core->watches, whole, IN_MODIFY, output_grew, a, &e);
	/* What was printed before anybody looked is told as well. */
	if (a->watch_output >= 0)
		output_grew(0, NULL, a);
}
