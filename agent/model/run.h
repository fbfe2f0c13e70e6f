/* SPDX-License-Identifier: MIT */
/*
 * A run as its events tell it: run_apply() is the only thing that changes
 * one, so that what the journal holds and what is shown cannot differ.
 * Pure: no I/O, no clock.
 */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "model/event.h"
#include "model/push.h"
#include "model/retry.h"

enum run_state {
	RUN_RECEIVED,
	RUN_PLANNING,
	RUN_QUEUED,
	RUN_RUNNING,
	RUN_WAITING, /* for a resource or the forge */
	RUN_BLOCKED, /* for a person */
	RUN_PASSED,
	RUN_FAILED,
	RUN_CANCELED,
	RUN_ERROR, /* the workflow or the agent, not the code */
	RUN_SKIPPED,
	RUN_SUPERSEDED,
	RUN_STATE_COUNT,
	RUN_BAD_MOVE = -1,
};

const char *run_state_name(enum run_state s);
enum run_state run_state_from_name(const char *name); /* RUN_BAD_MOVE */
bool run_state_is_final(enum run_state s);
/* The state after an event of that kind (for EV_FINISHED the target is in
 * the event: pass it as to), or RUN_BAD_MOVE. */
enum run_state run_next(
	enum run_state from, enum event_kind ev, enum run_state to);

/* Why something failed (recovery.md, section 5). */
struct reason {
	char *class;      /* "code" "config" "timeout" "resource.memory" ... */
	char *text;       /* one sentence, lower case, no full stop */
	char *suggestion; /* what to do, may name a command */
	char *step;       /* the step's name */
};
void reason_release(struct reason *r);
void reason_copy(struct reason *to, const struct reason *from);
/* Its members into an event's data; those that are NULL are left out. */
void reason_put(json_t *o, const struct reason *r);
/* The member "reason" of the public JSON; nothing when there is none. */
void reason_to_json(struct json_out *o, const struct reason *r);
/* Of a step that was interrupted and says "on-crash: ask". */
void reason_unknown(struct reason *r, uint64_t run, const char *step);

/* Tries of one undo; then it is given up. */
#define RUN_UNDO_TRIES 5

/* What takes a step back. */
struct run_undo {
	bool registered;      /* the step has one, and has begun */
	enum run_state state; /* QUEUED RUNNING PASSED, FAILED: given up */
	int tries;
	int attempt; /* the rest as of a step */
	int64_t output, length, started_ms, finished_ms;
	bool has_exit;
	int exit_code, signal;
	struct reason reason;
};

/* Steps and jobs use the run's states: QUEUED RUNNING PASSED FAILED
 * CANCELED SKIPPED BLOCKED (and ERROR, WAITING for jobs).  A blocked step
 * may or may not have had its effect. */
struct run_step {
	char *name, *id, *on_crash; /* NULL: none, the default */
	enum run_state state;
	bool has_exit, ignored;
	int exit_code, signal;
	int attempt; /* the job attempt whose folder holds its output */
	int tries;   /* how often it was started */
	int64_t started_ms, finished_ms;
	int64_t output, length; /* in that attempt's output file; length -1
				 * while it runs */
	int64_t live; /* while it runs: how much of it is there; for those
		       * who follow, no event tells it */
	int64_t memory, cpu_ms;
	char *layer, *record; /* paths below the state folder */
	int64_t record_crc;
	bool synced;
	bool own_limit;             /* it failed at a limit of its own */
	bool waived;                /* a person said to go on without it */
	int used[RETRY_KIND_COUNT]; /* retries so far, by kind */
	struct reason reason;
	struct run_undo undo;
};

struct run_job {
	char *id, *name;
	enum run_state state;
	int attempt; /* the last started one; 0: none yet */
	int lost;    /* workers lost in this attempt of the run */
	int idle;    /* those of them that had not begun anything */
	int *needs;  /* indexes into the run's jobs */
	size_t nneeds;
	char *cond; /* its "if", or NULL */
	struct run_step *steps;
	size_t nsteps;
	int64_t started_ms, finished_ms;
	json_t *outputs;
	struct reason reason;
	/* While it waits: for what, and "time" until when by whose clock. */
	char *wait_for, *wait_boot;
	int64_t wait_until_ms;
	int used[RETRY_KIND_COUNT]; /* retries before its first step */
	bool undoing;               /* an attempt runs its undos */
	int undo_lost;              /* such attempts that came to nothing */
	/* The live or last worker, from started/planning/undoing. */
	char *nonce, *boot, *cgroup;
	int64_t pid, start_time;
};

struct run {
	uint64_t id;
	enum run_state state;
	struct push push;
	char *workflow, *file; /* name and file of the workflow */
	char *tree, *subject, *commit_author;
	int workflow_index; /* in plan.json */
	uint64_t plan_run;  /* the run whose folder has plan.json */
	int attempt;        /* of the run: 1, and one more per retry */
	int plan_attempt;
	int plan_lost; /* planning workers that were lost */
	bool planned, cancel_wanted, approved;
	char *cancel_by;
	enum run_state end_state; /* how a canceled run ends */
	int64_t created_ms, started_ms, finished_ms, blocked_ms;
	json_t *set, *limits; /* what a person gave with a retry, or NULL */
	struct reason reason;
	struct run_job *jobs;
	size_t njobs;
	uint32_t next_seq;
	/* The live or last planning worker. */
	char *nonce, *boot;
	int64_t pid, start_time;
};

struct run *run_new(uint64_t id);
void run_free(struct run *r);
void run_freep(struct run **r); /* for AUTO */
struct run *run_clone(const struct run *r);
/* What is inside, for apply.c. */
void run_step_release(struct run_step *s);
void run_job_release(struct run_job *j);
void run_jobs_release(struct run *r);

/* Folds one event in.  An event that is not legal in this state leaves the
 * run as it was and returns -1 (ERR_PERM) with the reason; the caller logs
 * it.  Events of a stale attempt or nonce are refused with "fenced". */
int run_apply(struct run *r, const struct event *ev, struct err *e);

/* The public JSON shape (design.md section 6): with jobs for show, without
 * for list. */
void run_to_json(const struct run *r, bool with_jobs, struct buf *out);

/* Does job a need job b, directly or not? */
bool run_job_needs(const struct run *r, size_t a, size_t b);

/* The job whose undos are to run next, when all jobs are final: the last
 * finished first.  -1: none (left). */
int run_next_undo(const struct run *r);
/* Has an undo been given up, or left out at the end? */
bool run_undo_is_incomplete(const struct run *r);
/* Must that step's undo still be run? */
bool run_step_is_undoable(const struct run_step *s);

/* passed, failed, ... of all jobs that are final; RUN_BAD_MOVE while some
 * are not.  ret_reason borrows the first failure's. */
enum run_state run_verdict(
	const struct run *r, const struct reason **ret_reason);

#endif
