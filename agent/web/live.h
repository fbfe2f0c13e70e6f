/* SPDX-License-Identifier: MIT */
/*
 * Answers that go on: a run's records, its output, the changes of all runs.
 * Each is a stream: what it has to say is made when libmicrohttpd asks for
 * more, and its connection is suspended while there is nothing.
 */
#ifndef WEB_LIVE_H
#define WEB_LIVE_H

#include "base/base.h"
#include "base/buf.h"
#include "core/core.h"
#include "web/request.h"

#define LIVE_STREAMS 512    /* at once; beyond it 503 */
#define LIVE_PER_ADDRESS 64 /* loopback is exempt */
#define LIVE_HEARTBEAT_MS 15000
#define LIVE_CHUNK ((size_t)64 << 10) /* made at a time */

struct live_all; /* all streams of the server */

struct live_all *live_new(struct web *w);
void live_free(struct live_all *l);
/* Every stream ends at its next chance. */
void live_end_all(struct web *w);
size_t live_count(const struct web *w);

/* What was told of a step, so that only news is told. */
struct told_step { /* or its undo */
	int state; /* -1: nothing */
	int attempt;
	int64_t offset; /* of its output */
};

struct told_job {
	int state, attempt;
	uint32_t text; /* checksum of why it waits */
	struct told_step *steps; /* two parts for each step, see log_step */
	size_t nsteps;
};

struct stream;
/* Appends at most about LIVE_CHUNK to s->out; sets s->finished when there
 * will be no more. */
typedef void stream_make_fn(struct stream *s);

struct stream {
	struct web *web;
	struct request *req;
	stream_make_fn *make;
	bool sse; /* else one JSON text a line */
	bool follow;
	bool is_suspended, finished, ending;
	struct buf out;
	size_t sent;            /* of out */
	uint64_t position;      /* of records, for "id:" */
	struct run_view *view;  /* the newest; NULL: none yet */
	struct run_view **news; /* watching all: those not told yet */
	size_t nnews, news_cap;
	/* For records. */
	bool told_run;
	int told_state;
	struct told_job *jobs;
	size_t njobs;
	/* For logs: what is asked for (-1: all), and where we are. */
	int job, step;
	size_t at_job, at_step;
	int64_t at_offset;
	/* From the core. */
	struct stream_box *box;
	uint64_t watch;
	struct loop_timer heartbeat;
	struct stream *prev, *next;
};

/* record.c */
void record_make(struct stream *s);
void record_make_all(struct stream *s); /* changes of any run */
void record_release(struct stream *s);

/* logs.c */
void log_make(struct stream *s);
/*
 * The output of a job has two parts for each step: what the step printed
 * (part 0 up to nsteps - 1), and after these, in the order in which they
 * run, what the undos did (up to 2 * nsteps - 1).
 */
bool log_is_undo(const struct run_job *j, size_t part);
size_t log_step(const struct run_job *j, size_t part);
/* The nth job (from 0) to be undone: the last finished first. */
size_t log_undo_job(const struct run *r, size_t nth);
/* Appends at most max bytes of a part from offset on; returns how many, 0
 * when there are no more for now. */
size_t log_read(struct web *w, const struct run *r, size_t job, size_t part,
	int64_t offset, size_t max, struct buf *out);
/* How many bytes of a part can be read now. */
int64_t log_length(struct web *w, const struct run *r, size_t job, size_t part);

#endif
