/* SPDX-License-Identifier: MIT */
/*
 * Events: the facts of a run, in order.  The journal stores them, the
 * worker writes its own into its spool, and run_apply() (run.h) folds them
 * into what is shown.
 *
 * As JSON: {"kind":"step-started","time":MS,"job":0,"step":1,"attempt":1,
 * "nonce":"...","data":{...}}.  job, step and attempt are left out where
 * they do not apply.  Members of "data" by kind ("?" may be absent):
 *
 * received       the push (push.h)
 * planning       nonce pid start boot epoch             (attempt)
 * planned        sha ref? dirty? tree subject author? time? file workflow
 *                index skipped?
 *                jobs:[{id name needs:[index] if? limits?
 *                steps:[{name id? on_crash?}]}]
 *                skipped: why no workflow of the commit applies
 * plan-failed    code text suggestion? file? line? column?    (attempt)
 * queued         -
 * started        nonce pid start boot epoch cgroup?       (job, attempt)
 * step-started   name key try output layer undo?  (job, attempt, step)
 *                output: offset in the attempt's output file; try: the
 *                step's attempt over all attempts of the job; layer: path;
 *                undo: true where the step has one to be run
 * step-finished  state exit? signal? class? text? suggestion? output length
 *                crc layer? synced? record? ignored? memory? cpu_ms? ms
 *                again? own_limit?
 *                output, length: the step's bytes in the output file; crc:
 *                crc32c of them; record: path of the 0600 JSON file with
 *                outputs/env/path, record_crc its crc32c; ignored: failed
 *                but continue-on-error; again: the kind (retry.h) of the
 *                retry that follows, the step is not over
 * job-finished   state reason? outputs?       (job, attempt; attempt 0 when
 *                the agent skipped it without a worker); "blocked": a
 *                person has to mend something first
 * yielded        class text suggestion? step retry  (job, attempt): the
 *                attempt is over, the job is not: a step is tried again
 * lost           text from? idle? verdict? reason? length?
 *                (job or -1, attempt): the
 *                worker ended without job-finished; from: steps from this
 *                one on are done again (their layers did not survive);
 *                idle: no record of it was seen; verdict: "ask" or "fail",
 *                what becomes of the step that was interrupted, which
 *                printed length bytes, with the reason
 * canceled       by end?                      the run is to end, as
 *                "canceled" or as end says
 * retried        attempt by job? from? skip? set? limits?   the run's new
 *                attempt; job: id or name; from and skip (array): names or
 *                ids of its steps; set: environment; limits: as in a plan
 * approved       by                           a person let it run
 * waiting        for text suggestion? ms? boot? until?  (job or -1): for
 *                "time" (until: on the clock of that boot), "memory",
 *                "disk" or "forge"
 * resumed        -
 * blocked        class text suggestion        (job or -1)
 * undoing        as started                   (job, attempt): an attempt
 *                that runs the undos of a job that is over
 * undo-started   try output                   (job, attempt, step)
 * undo-finished  state exit? signal? class? text? output length crc again?
 * undone         -                            (job, attempt) its end
 * finished       state class? text? suggestion? step?
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"

enum event_kind {
	EV_NONE = 0,
	EV_RECEIVED,
	EV_PLANNING,
	EV_PLANNED,
	EV_PLAN_FAILED,
	EV_QUEUED,
	EV_STARTED,
	EV_STEP_STARTED,
	EV_STEP_FINISHED,
	EV_JOB_FINISHED,
	EV_LOST,
	EV_CANCELED,
	EV_RETRIED,
	EV_WAITING,
	EV_RESUMED,
	EV_BLOCKED,
	EV_FINISHED,
	EV_YIELDED,
	EV_APPROVED,
	EV_UNDOING,
	EV_UNDO_STARTED,
	EV_UNDO_FINISHED,
	EV_UNDONE,
	EV_KIND_COUNT,
};

struct event {
	enum event_kind kind;
	uint32_t seq;    /* within the run; set by the journal */
	int64_t time_ms; /* wall clock */
	int job, step;   /* -1: none */
	int attempt;     /* of the job or of planning; 0: none */
	char *nonce;     /* the attempt's, on what a worker wrote */
	json_t *data;    /* an object, or NULL */
};

/* job and step -1, time now, data an empty object. */
void event_init(struct event *ev, enum event_kind kind);
void event_release(struct event *ev);

const char *event_kind_name(enum event_kind kind);
enum event_kind event_kind_from_name(const char *name);

void event_to_json(const struct event *ev, struct buf *out);
/* Overwrites ret, which must hold nothing. */
int event_from_json(
	struct event *ev, const char *text, size_t len, struct err *e);

#endif
