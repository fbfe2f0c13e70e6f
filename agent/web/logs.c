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

bool
log_is_undo(const struct run_job *j, size_t part)
{
	return part >= j->nsteps;
}

size_t
log_step(const struct run_job *j, size_t part)
{
	return part < j->nsteps ? part : 2 * j->nsteps - 1 - part;
}

/* Does job a come before b when a run is undone: see run_next_undo. */
static bool
is_before(const struct run *r, size_t a, size_t b)
{
	int64_t x = r->jobs[a].finished_ms, y = r->jobs[b].finished_ms;

	return x != y ? x > y : a > b;
}

size_t
log_undo_job(const struct run *r, size_t nth)
{
	for (size_t i = 0; i < r->njobs; i++) {
		size_t ahead = 0;

		for (size_t k = 0; k < r->njobs; k++)
			ahead += is_before(r, k, i);
		if (ahead == nth)
			return i;
	}
	return nth;
}

/* Where a part's bytes are. */
struct place {
	int attempt;
	int64_t output, length, live;
};

static struct place
place_of(const struct run_job *j, size_t part)
{
	const struct run_step *s = &j->steps[log_step(j, part)];
	const struct run_undo *u = &s->undo;

	if (log_is_undo(j, part))
		return (struct place){ u->attempt, u->output, u->length, 0 };
	return (struct place){ s->attempt, s->output, s->length, s->live };
}

static int
open_output(struct web *w, const struct run *r, size_t job, int attempt)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	struct err e;

	if (!attempt)
		return -1;
	core_attempt_path(r->id, (int)job, attempt, &path);
	buf_addz(&path, "/output");
	return path_open_beneath(w->state_fd, path.data, O_RDONLY, 0, &e);
}

int64_t
log_length(struct web *w, const struct run *r, size_t job, size_t part)
{
	struct place p = place_of(&r->jobs[job], part);
	AUTO(fd_closep) int fd = -1;
	struct stat st;

	if (p.length >= 0)
		return p.length;
	if (p.live > 0)
		return p.live;
	fd = open_output(w, r, job, p.attempt);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return MAX((int64_t)st.st_size - p.output, 0);
}

size_t
log_read(struct web *w, const struct run *r, size_t job, size_t part,
	int64_t offset, size_t max, struct buf *out)
{
	struct place p = place_of(&r->jobs[job], part);
	int64_t length = p.length >= 0 ? p.length : p.live;
	AUTO(fd_closep) int fd = -1;
	ssize_t n;

	if (offset >= length)
		return 0;
	fd = open_output(w, r, job, p.attempt);
	if (fd < 0)
		return 0;
	max = MIN(max, (size_t)(length - offset));
	n = pread(fd, buf_room(out, max), max, p.output + offset);
	if (n <= 0)
		return 0;
	buf_grown(out, (size_t)n);
	return (size_t)n;
}

static bool
is_settled(const struct run *r)
{
	return run_state_is_final(r->state) || r->state == RUN_BLOCKED;
}

/* Will nothing be added to that part? */
static bool
is_over(const struct run *r, const struct run_job *j, size_t part)
{
	const struct run_step *s = &j->steps[log_step(j, part)];

	if (is_settled(r))
		return true;
	if (log_is_undo(j, part))
		return !run_step_is_undoable(s) &&
		       (s->undo.registered || run_state_is_final(s->state));
	return run_state_is_final(s->state) || run_state_is_final(j->state);
}

/* Without a follower nobody measures a running step: take what is there. */
static void
measure(struct stream *s, struct run *r, size_t job, size_t part)
{
	struct run_job *j = &r->jobs[job];
	struct run_step *k = &j->steps[log_step(j, part)];

	if (!s->follow && !log_is_undo(j, part) && k->length < 0 && !k->live)
		k->live = log_length(s->web, r, job, part);
}

/* One piece of one part.  True: that is all for now. */
static bool
make_part(struct stream *s, struct run *r, size_t job, size_t part)
{
	const struct run_job *j = &r->jobs[job];
	size_t n;

	if (s->step >= 0 && (size_t)s->step != log_step(j, part))
		return false;
	measure(s, r, job, part);
	n = log_read(s->web, r, job, part, s->at_offset, LIVE_CHUNK, &s->out);
	s->at_offset += (int64_t)n;
	if (n)
		return true;
	/* An undo comes, if at all, when all is over. */
	return s->follow && !is_over(r, j, part);
}

/* The parts of a job from s->at_step on, up to end. */
static bool
make_job(struct stream *s, struct run *r, size_t job, size_t end)
{
	if (s->job >= 0 && (size_t)s->job != job)
		return false;
	for (; s->at_step < end; s->at_step++, s->at_offset = 0)
		if (make_part(s, r, job, s->at_step))
			return true;
	return false;
}

void
log_make(struct stream *s)
{
	struct run *r = s->view->run;

	/* First what the steps wrote, then what their undos did. */
	for (; s->at_job < r->njobs; s->at_job++, s->at_step = 0)
		if (make_job(s, r, s->at_job, r->jobs[s->at_job].nsteps))
			return;
	for (; s->at_job < 2 * r->njobs; s->at_job++, s->at_step = 0) {
		size_t job = log_undo_job(r, s->at_job - r->njobs);
		const struct run_job *j = &r->jobs[job];

		s->at_step = MAX(s->at_step, j->nsteps);
		if (make_job(s, r, job, 2 * j->nsteps))
			return;
	}
	/* A run that is being planned has no jobs yet. */
	if (s->follow && !r->njobs && !is_settled(r))
		return;
	s->finished = true;
}
