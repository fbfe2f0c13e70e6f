/* SPDX-License-Identifier: MIT */
/* What the files that fold events share; see run.h. */
#ifndef MODEL_APPLY_INT_H
#define MODEL_APPLY_INT_H

#include "model/run.h"

typedef int apply_fn(struct run *r, const struct event *ev, struct err *e);

/* Class, text, suggestion and step of an event's data, where present. */
void apply_reason(struct reason *r, const json_t *o);
/* What "planning", "started" and "undoing" say of the process. */
void apply_worker(char **nonce, char **boot, int64_t *pid, int64_t *start,
	const json_t *o);
/* The job that an event names. */
struct run_job *apply_job(struct run *r, const struct event *ev, struct err *e);
/* The same for a worker's event, if that worker is the one. */
struct run_job *apply_live_job(
	struct run *r, const struct event *ev, struct err *e);
/* Back to before its first attempt, but for what numbers its attempts. */
void apply_step_reset(struct run_step *s);

/* apply_step.c */
apply_fn apply_step_started, apply_step_finished;
apply_fn apply_undoing, apply_undo_started, apply_undo_finished, apply_undone;
/* retried.c */
apply_fn apply_retried;

#endif
