/* SPDX-License-Identifier: MIT */
/*
 * A run's records (GET /api/v1/runs/N/stream) as text: plain lines for a
 * push and for files, or a terminal with live lines at its bottom.  No
 * network here: stream.c feeds it.
 */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include "base/base.h"
#include "base/json.h"

/* Longer lines of output are cut into pieces of this size. */
#define RENDER_LINE_MAX 4096
/* Jobs and steps beyond these are not shown live. */
#define RENDER_JOBS_MAX 1000
#define RENDER_STEPS_MAX 1000

struct render;

struct render_opts {
	int fd;    /* where to write */
	bool live; /* a terminal that can be redrawn */
	bool color;
};

struct render *render_new(const struct render_opts *o, int64_t run);
void render_free(struct render *r);
void render_freep(struct render **r);

/* "run 42  main 1a2b3c4  fix the parser", from the run's JSON; once. */
void render_head(struct render *r, const json_t *run);
bool render_has_head(const struct render *r);
/* Does this record say that the commit is known by now? */
bool render_wants_head(const json_t *record);

void render_record(struct render *r, const json_t *record);
/* Redraws the times of the live lines. */
void render_tick(struct render *r);
/* Takes the live lines away, so that something else can be printed. */
void render_pause(struct render *r);

/* The page's address for the last line; NULL: none. */
void render_set_link(struct render *r, const char *url);

/* The state of the "end" record, or NULL. */
const char *render_state(const struct render *r);
/* -1 after a write failed: whoever read it has gone. */
int render_status(const struct render *r);

/* Calls fn for each step that failed for good: its indexes and names. */
typedef void render_step_fn(int job, int step, const char *job_name,
	const char *step_name, void *arg);
void render_failed_steps(const struct render *r, render_step_fn *fn, void *arg);

#endif
