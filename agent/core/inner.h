/* SPDX-License-Identifier: MIT */
/*
 * What the files of core/ share.  Everything here is touched by the core
 * thread alone, except what says otherwise.
 *
 * A turn: callbacks and asks change runs by core_event(), which writes into
 * the one open transaction; at the turn's end the summaries are put, the
 * transaction is committed, and only then what depends on it is done
 * (core_defer): answers, go bytes, requests to forges.
 */
#ifndef CORE_INNER_H
#define CORE_INNER_H

#include "base/base.h"
#include "core/core.h"
#include "forge/post.h"
#include "os/child.h"
#include "os/loop.h"
#include "os/watch.h"
#include "store/journal.h"

#include <pthread.h>

/* A process of tellus-worker: new, at work, or waiting for one more job. */
struct worker {
	struct core *core;
	struct worker *next; /* of all, so that none is forgotten */
	pid_t pid;
	uint64_t start_time;
	struct child *child;     /* NULL once it has ended */
	int control;             /* our end of its socket; -1 after a restart */
	struct attempt *attempt; /* what it works on, or NULL */
};

enum attempt_phase {
	ATTEMPT_STARTING, /* assigned; "ready" has not come */
	ATTEMPT_READY,    /* its start is being committed */
	ATTEMPT_GOING,
	ATTEMPT_FINISHED, /* its last event is in the journal */
};

/* One planning or job attempt that has, or had, a worker. */
struct attempt {
	struct core *core;
	struct live *live;
	int job; /* -1: planning */
	int number;
	char nonce[33];
	enum attempt_phase phase;
	struct worker *worker; /* NULL: gone */
	int spool;      /* descriptor of "events", -1 until it is there */
	int64_t offset; /* read and journalled so far */
	int watch_events, watch_output; /* ids, -1: none */
	int output; /* descriptor, while somebody follows; else -1 */
	bool term_sent, output_grew;
	bool pending;  /* its start or its end is in this turn's commit */
	bool undone;   /* the commit of its start failed: no fault of it */
	bool rebooted; /* since it ran: what was not synced may be gone */
	bool undo;     /* it runs the undos of a job that is over */
	struct loop_timer timer; /* start deadline, then kill, then lease */
	struct attempt *next;    /* of the same run */
};

/* A run that is not final, or has workers or a failed commit to undo. */
struct live {
	struct core *core;
	uint64_t id;
	struct run *run;
	bool dirty;   /* its row must be put in this turn */
	bool touched; /* its watchers must be told */
	struct attempt *attempts;
	struct worker *idle; /* the planner's, waiting for a job */
	json_t *plan;        /* plan.json, read when first needed */
	int64_t retry_at_ms; /* boot clock: do not start before */
	int start_failures;
	bool ran; /* a worker has been at it: there is something to clean */
	struct live *prev, *next;
};

typedef void defer_fn(struct core *c, bool committed, void *arg);

struct deferred {
	defer_fn *fn;
	void *arg;
};

struct watcher {
	uint64_t id, run;
	core_watch_fn *fn;
	void *arg;
	bool told;
	struct watcher *next;
};

struct outbox;  /* notify.c */
struct poller;  /* missed.c */
struct marker;  /* marker.c */
struct near;    /* spec.c */
struct cleaner; /* clean.c */
struct trimmer; /* trim.c */

struct core {
	struct loop *loop;
	struct watch_set *watches;
	struct journal *journal;
	struct core_opts opts;
	char *config_path, *libexecdir;
	struct config_ref *conf; /* under mutex for other threads */
	int state_fd, lock_fd;
	uint64_t epoch;
	char boot[BOOT_ID_MAX];
	int64_t started_ms;

	struct live *lives, *last_live; /* by increasing id */
	struct near *nears;             /* each repository's last tree */
	struct worker *workers;
	bool want_dispatch;
	bool short_of_disk; /* it was logged */
	bool failed;        /* a write of this turn failed */
	bool stopping;
	struct deferred *defers;
	size_t ndefers, defers_cap;
	struct loop_timer retry_timer, queue_timer, idle_timer, dedupe_timer;
	struct loop_timer output_timer, turn_timer, incoming_timer;
	struct loop_timer waits_timer, blocked_timer;
	int64_t incoming_wait_ms; /* 0: nothing was put off */
	struct err fatal;         /* why the loop was stopped, if by an error */
	int64_t last_busy_ms;

	pthread_mutex_t mutex; /* conf, closed, asks, watchers */
	bool closed;
	struct ask *asks, **asks_tail;
	int wake_fd;
	struct watcher *watchers;
	uint64_t next_watcher;
	size_t nwatchers;

	struct outbox *outbox;
	struct poller *poller;
	struct marker *marker;
	struct cleaner *cleaner;
	struct trimmer *trimmer;
};

/* ---- turn.c ---- */

/* Opens the turn's transaction when it is not open; false (and the turn
 * fails) when that cannot be. */
bool core_begin(struct core *c);
/* Marks the turn as failed: nothing of it will be committed. */
void core_fail(struct core *c, const struct err *e);
void core_defer(struct core *c, defer_fn *fn, void *arg);
/* Appends ev to the run: folds it in, journals it, marks the run.  Takes
 * the event's memory.  -1: refused (logged and listed) or failed. */
int core_event(struct live *l, struct event *take);
void core_want_dispatch(struct core *c);
/* The same, as a timer's callback. */
void core_wake(void *core);
loop_turn_fn core_turn;

/* ---- ask.c ---- */

loop_fd_fn ask_woken;
/* Answers after the turn's commit. */
void ask_answer(struct core *c, struct ask *a);
/* Answers it at once: the agent is stopping. */
void ask_refuse(struct ask *a);
/* The same for all that wait, and from now on. */
void ask_close(struct core *c);

/* ---- lives.c ---- */

struct live *live_find(struct core *c, uint64_t id);
struct live *live_add(struct core *c, struct run *take);
/* Frees those that are final and have nothing left to do. */
void lives_sweep(struct core *c);
void lives_free(struct core *c);
/* After a failed commit: what is in memory is what the journal has. */
void lives_reload(struct core *c);
/* Folds a run from its events; ERR_ABSENT. */
int run_load(struct core *c, uint64_t id, struct run **ret, struct err *e);
int lives_load(struct core *c, struct err *e);

/* ---- admit.c ---- */

void admit_deliver(struct core *c, struct ask *a);
/* A run of its own for a push; a fork's waits for approval. */
int admit_one(
	struct core *c, const struct push *p, uint64_t *ret, struct err *e);
/* Reads REPO/tellus/incoming of every local repository. */
void admit_incoming(struct core *c);
/* A delivery was put off (ERR_TEMP) or taken: after one that was put off,
 * whose hook has left a file by then, the folders are read again by
 * themselves, less and less often. */
void admit_put_off(struct core *c);
void admit_taken(struct core *c);

/* ---- marker.c ---- */

/* Maps the marker file and counts the crash that it tells of, if any. */
int marker_open(struct core *c, struct err *e);
void marker_close(struct core *c);
/* The run that is in hand from now on (0: none); returns the one that was,
 * to be set again afterwards. */
uint64_t marker_set(struct core *c, uint64_t run);
/* Was it in hand in too many crashes?  Then its workers are killed, it is
 * ended, and nobody may work on it. */
bool marker_quarantine(struct live *l);

/* ---- missed.c ---- */

#define PUSH_FOUND "poll" /* push.source of what was found by looking */

/* A push became a run: that is where its ref is now. */
int missed_note(
	struct core *c, const struct push *p, uint64_t run, struct err *e);
/* A push that starts nothing, so that it is not found later on; its ref is
 * gone where the sha is all zeros. */
int missed_seen(struct core *c, const struct push *p, struct err *e);
/* 1: that push was found by looking before it was told of, and *ret is its
 * run; 0: no. */
int missed_found(
	struct core *c, const struct push *p, uint64_t *ret, struct err *e);

/* ---- poll.c ---- */

void poll_init(struct core *c);
/* Looks at repositories that are new in the configuration, and from then on
 * as often as it says. */
void poll_plan(struct core *c);
void poll_free(struct core *c);

/* ---- hand.c ---- */

void hand_retry(struct core *c, struct ask *a);
void hand_cancel(struct core *c, struct ask *a);
void hand_approve(struct core *c, struct ask *a);

/* ---- dispatch.c ---- */

/* Starts whatever may start now. */
void dispatch(struct core *c);
/* A start failed: later again, or the job (-1: the run) is an error. */
void dispatch_start_failed(struct live *l, int job, const struct err *e);
/* Looks at the queue again when the run's delay is over; false: it has
 * none. */
bool dispatch_delayed(struct live *l);
/* May the job start, but for a slot: have those ended that it needs? */
bool dispatch_is_ready(struct live *l, const struct run_job *j);

/* ---- settle.c ---- */

struct slots {
	int64_t jobs, planners;
};

/* The run's last event, with why where it has a reason. */
void settle_finish(
	struct live *l, enum run_state state, const struct reason *why);
/* A canceled run that never came to have jobs ends. */
void settle_unplanned(struct live *l);
/* When nothing of the run is at work: says that it waits or is blocked,
 * starts its undos, or ends it. */
void settle_run(struct live *l, struct slots *s);
/* Nobody looked at a blocked run for a week: it has failed. */
void blocked_look(struct live *l);
/* Ends what is blocked of the same ref and workflow. */
void blocked_supersede(struct live *fresh);
/* An attempt at the job's undos is over. */
void undo_ended(struct live *l, int job);

/* ---- waits.c ---- */

/* The job waits: for "time" (ms), "memory" or "disk", and why.  What it
 * waits for is looked at again by dispatch(). */
int live_wait(struct live *l, int job, const char *what, int64_t ms,
	const struct reason *why);
/* The job is stopped until a person has mended something and retries. */
int live_block(struct live *l, int job, const struct reason *why);
/* A worker gave a step back that is to be tried again. */
void waits_yielded(struct live *l, int job, enum retry_kind kind);
/* Does it wait still?  Then a timer looks again. */
bool live_job_waits(struct live *l, int job);
/* Some job waits for disk: room is made, and a timer looks again. */
void waits_look_again(struct core *c);
/* Is the disk's floor kept?  Otherwise a timer looks again. */
bool waits_have_disk(struct core *c);

/* ---- worker.c ---- */

/* What workers get of our environment. */
void worker_env(struct strv *env);
/* Starts tellus-worker; path goes into its argv. */
int worker_spawn(
	struct core *c, const char *path, struct worker **ret, struct err *e);
/* One of an earlier tellusd, watched by pidfd (taken). */
struct worker *worker_found(struct core *c, pid_t pid, uint64_t start_time,
	int pidfd, struct err *e);
/* Closes our end of its socket. */
void worker_drop_control(struct worker *w);
/* Nobody waits for it any more; it exits and is reaped. */
void worker_release(struct worker *w);
void workers_free(struct core *c); /* forgets all; they go on */

/* ---- attempt.c ---- */

/* Assigns the next attempt of a job (-1: planning) to w, or to a new
 * worker when w is NULL. */
int attempt_start(struct live *l, int job, struct worker *w, struct err *e);
/* Finds the worker of a journalled attempt again, or declares it lost. */
void attempt_recover(struct live *l, int job);
void attempt_free(struct attempt *a);
void attempt_cancel(struct attempt *a);
/* Its spool told of its end; what follows is done after the commit. */
void attempt_done(struct attempt *a);
/* Reads its spool; without a worker and an end it is lost. */
void attempt_check(struct attempt *a);
struct attempt *attempt_find(struct live *l, int job);
/* Calls fn after the commit, if the attempt is still there then. */
void attempt_defer(
	struct attempt *a, void (*fn)(struct attempt *a, bool committed));
/* For reattach.c. */
struct attempt *attempt_new(struct live *l, int job, int number);
void attempt_limit_time(struct attempt *a);
/* Its worker cannot be watched: its lease is looked at now and then. */
bool attempt_is_polled(const struct attempt *a);
/* Followers came: watch the output file too. */
void attempt_watch_output(struct attempt *a);
/* Its worker said "ready", or has ended (a->worker is NULL then). */
void attempt_ready(struct attempt *a);
void attempt_worker_ended(struct attempt *a);

/* ---- lost.c ---- */

/* Its worker is gone and there is no end in its spool. */
void attempt_lost(struct attempt *a);

/* ---- tail.c ---- */

/* Copies what is new in the spool into the journal. */
void tail_read(struct attempt *a);
void tail_open(struct attempt *a);
/* After a failed commit: how far the journal says we got. */
void tail_reload(struct attempt *a);

/* ---- spec.c ---- */

/* spec.json of an attempt as text. */
int spec_write(const struct attempt *a, struct buf *out, struct err *e);
/* poll/spec.json for work/heads.h. */
void spec_heads(struct core *c, const struct repo_conf *repo, struct buf *out);
/* The run's plan.json; borrowed.  NULL and *e when it cannot be read. */
json_t *live_plan(struct live *l, struct err *e);
/* How long a job may take, by its plan or the configuration; 0: for ever. */
int64_t job_timeout(struct live *l, int job);
/* The tree that was last planned of a repository: new ones are made upon
 * it. */
void near_note(struct core *c, const char *repository, const char *tree);
void nears_free(struct core *c);
/* One of its limits: a person's with a retry, the workflow's, dflt. */
int64_t job_limit(struct live *l, int job, const char *name, int64_t dflt);
/* The contexts github and needs for a job's "if". */
json_t *job_contexts(struct live *l, const struct run_job *j);

/* ---- notify.c ---- */

int notify_init(struct core *c, struct err *e);
void notify_free(struct core *c);
/* Puts an intent into the outbox; it is sent after the commit. */
void notify_put(struct core *c, json_t *take);
size_t notify_waiting(const struct core *c);

/* ---- intent.c ---- */

/* Puts the outbox row that the run's state asks for, if any. */
void notify_state(struct live *l);
/* The run has a plan: if an earlier attempt failed for want of one, which
 * the forge was told without a workflow's name, that is mended now. */
void notify_planned(struct live *l);

/* ---- clean.c ---- */

void clean_init(struct core *c);
void clean_start(struct core *c); /* what an earlier tellusd left */
/* The run is final and its workers are gone: unless it failed, and may be
 * retried from one of its steps, its layers may go. */
void clean_run(struct core *c, const struct run *r);
/* Is a clean-up at work on that run, so that it must not start again yet?
 * One that only waits is forgotten: the run will be final again. */
bool clean_holds(struct core *c, uint64_t id);
/* The number of the next run; 1 when the journal cannot tell. */
uint64_t clean_next_id(struct core *c);
void clean_free(struct core *c);

/* ---- story.c ---- */

void story_ask(struct core *c, struct ask *a);

/* ---- trim.c ---- */

void trim_init(struct core *c);
/* A run is over: there may be something to remove. */
void trim_after_run(struct core *c);
/* A run waits for room on the disk. */
void trim_pressed(struct core *c);
/* tellus gc: trims now; json gets work/trim.h's result. */
void trim_ask(struct core *c, struct ask *a);
/* Is a trim at work that does not know of the run? */
bool trim_holds(const struct core *c, uint64_t id);
void trim_close(struct core *c); /* answers those who wait */
void trim_free(struct core *c);

/* ---- watchers.c ---- */

void watchers_tell(struct core *c, struct live *l);
void watchers_new(struct core *c); /* tells those that were just added */
bool watchers_any(struct core *c, uint64_t run);

#endif
