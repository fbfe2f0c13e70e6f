/* SPDX-License-Identifier: MIT */
/*
 * The output of steps, read from the files that workers write.  Where a
 * step's bytes lie in them, its events say.
 */
#include "base/base.h"
#include "web/live.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

static int
open_output(struct web *w, const struct run *r, size_t job,
	const struct run_step *s)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	struct err e;

	if (!s->attempt)
		return -1;
	core_attempt_path(r->id, (int)job, s->attempt, &path);
	buf_addz(&path, "/output");
	return path_open_beneath(w->state_fd, path.data, O_RDONLY, 0, &e);
}

int64_t
log_length(struct web *w, const struct run *r, size_t job, size_t step)
{
	const struct run_step *s = &r->jobs[job].steps[step];
	AUTO(fd_closep) int fd = -1;
	struct stat st;

	if (s->length >= 0)
		return s->length;
	if (s->live > 0)
		return s->live;
	fd = open_output(w, r, job, s);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return MAX((int64_t)st.st_size - s->output, 0);
}

size_t
log_read(struct web *w, const struct run *r, size_t job, size_t step,
	int64_t offset, size_t max, struct buf *out)
{
	const struct run_step *s = &r->jobs[job].steps[step];
	int64_t length = s->length >= 0 ? s->length : s->live;
	AUTO(fd_closep) int fd = -1;
	ssize_t n;

	if (offset >= length)
		return 0;
	fd = open_output(w, r, job, s);
	if (fd < 0)
		return 0;
	max = MIN(max, (size_t)(length - offset));
	n = pread(fd, buf_room(out, max), max, s->output + offset);
	if (n <= 0)
		return 0;
	buf_grown(out, (size_t)n);
	return (size_t)n;
}

/* A job or step that nothing will be added to. */
static bool
is_over(const struct run *r, const struct run_job *j, const struct run_step *s)
{
	return run_state_is_final(s->state) || run_state_is_final(j->state) ||
	       run_state_is_final(r->state) || r->state == RUN_BLOCKED;
}

/* Without a follower nobody measures a running step: take what is there. */
static void
measure(struct stream *s, struct run *r, size_t job, size_t step)
{
	struct run_step *k = &r->jobs[job].steps[step];

	if (!s->follow && k->length < 0 && !k->live)
		k->live = log_length(s->web, r, job, step);
}

static void
next_step(struct stream *s)
{
	s->at_step++;
	s->at_offset = 0;
}

void
log_make(struct stream *s)
{
	struct run *r = s->view->run;

	for (; s->at_job < r->njobs; s->at_job++, s->at_step = 0) {
		struct run_job *j = &r->jobs[s->at_job];

		if (s->job >= 0 && (size_t)s->job != s->at_job)
			continue;
		while (s->at_step < j->nsteps) {
			struct run_step *k = &j->steps[s->at_step];
			size_t n;

			if (s->step >= 0 && (size_t)s->step != s->at_step) {
				next_step(s);
				continue;
			}
			measure(s, r, s->at_job, s->at_step);
			n = log_read(s->web, r, s->at_job, s->at_step,
				s->at_offset, LIVE_CHUNK, &s->out);
			s->at_offset += (int64_t)n;
			if (n)
				return;
			if (s->follow && !is_over(r, j, k))
				return; /* more will come */
			next_step(s);
		}
	}
	/* A run that is being planned has no jobs yet. */
	if (s->follow && !r->njobs && !run_state_is_final(r->state) &&
		r->state != RUN_BLOCKED)
		return;
	s->finished = true;
}
