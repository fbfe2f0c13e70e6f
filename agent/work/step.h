/* SPDX-License-Identifier: MIT */
/*
 * One step of a job attempt, from its condition to its "step-finished".
 */
#ifndef WORK_STEP_H
#define WORK_STEP_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"
#include "box/box.h"
#include "model/run.h"
#include "work/job.h"

enum step_stop {
	STEP_NOT_STOPPED,
	STEP_CANCELED,
	STEP_TIMED_OUT, /* its own limit */
	STEP_JOB_TIMED_OUT,
};

struct step {
	struct job *job;
	const json_t *plan; /* borrowed from the spec */
	int index, try;
	bool is_undo;    /* what runs is its undo */
	char *id, *name; /* id NULL: none */
	char *key;       /* the idempotency key */
	/* How it runs. */
	struct strv argv, env;
	json_t *env_before; /* the env context without the step's own */
	unsigned int terms; /* how often we had been told to stop before */
	char *cwd, *script;
	char *layer; /* path of the upper layer below the state folder */
	int layer_fd;
	/* How it went. */
	enum step_stop stop;
	bool opened;    /* the box was there */
	bool disk_full; /* the output or the layer met the end of the disk */
	struct box_result box;
	int exit_code, signal; /* exit_code -1: none */
	enum run_state state;
	bool ignored;          /* failed, but continue-on-error */
	bool own_limit;        /* ... at a limit of its own */
	enum retry_kind again; /* ... and is tried again */
	struct reason reason;
	int64_t timeout_ms, started_ms, ms;
	int64_t out_offset, out_length;
	uint32_t out_crc;
	json_t *record; /* outputs, env, path, summary */
	char *record_path;
	uint32_t record_crc;
	bool synced;
};

/* Runs step i of the job, or skips it.  -1 only where it could not be
 * recorded. */
int step_execute(struct job *j, int index, struct err *e);

/* For again.c: made, named, run in its box, forgotten. */
void step_init(struct step *s, struct job *j, int index);
void step_name(struct step *s);
void step_perform(struct step *s);
void step_release(struct step *s);
/* How it went, into the data of its last event. */
void step_add_result(const struct step *s, json_t *data);
/* What the job knows of a step that is over. */
void step_tell_job(struct job *j, const char *id, enum run_state state,
	bool ignored, const struct reason *why, const json_t *record);

/* ---- again.c ---- */

/* After a failure: sets again, ignored and the job's blocked, as
 * recovery.md's section 5 has it. */
void step_decide(struct step *s);
/* The attempt ends with this step, which is tried again; what it left is
 * thrown away. */
void step_yield(struct step *s);
/* Takes in a step that an earlier attempt finished (an entry of the spec's
 * "done"). */
int step_resume(struct job *j, const json_t *done, struct err *e);
/* Runs the undo of step i, which was tried so often before.  -1 only where
 * it could not be recorded. */
int step_undo(struct job *j, int index, int tries, struct err *e);

/* ---- shell.c: what is executed ---- */

/* Sets argv for the step's script with the shell that it names (NULL: bash
 * or sh). */
int shell_argv(struct strv *argv, const char *shell, struct err *e);
#define SHELL_SCRIPT "script.sh"

/* ---- env.c: with which environment ---- */

/* Evaluates the step's own env and makes the whole environment. */
int env_make(struct step *s, struct err *e);

/* ---- layers.c ---- */

/* The step's upper layer, empty but for its four folders and the files of
 * the command folder. */
int layer_make(struct step *s, struct err *e);
/* The lower layers for a box, topmost first, into out. */
void layer_lower(const struct job *j, struct strv *out);
/* After the step: makes what it left last. */
int layer_seal(struct step *s, struct err *e);

/* ---- watch.c: while it runs ---- */

/* Opens the box, copies its output, minds cancel and deadlines, closes the
 * box.  -1 when the box could not be opened (the reason is in e). */
int watch_run(struct step *s, struct err *e);

/* ---- files.c: GITHUB_OUTPUT and its like ---- */

/* Reads the command files of the step's layer into s->record. */
int files_read(struct step *s, struct err *e);
/* NAME=VALUE and NAME<<DELIMITER lines into an object.  Exported for
 * tests. */
int files_parse_pairs(const char *file, const char *text, size_t len,
	json_t *to, struct err *e);

/* ---- record.c ---- */

/* Writes s->record as records/N.json and remembers its CRC. */
int record_write(struct step *s, struct err *e);
/* Reads and checks the record of a done step. */
int record_read(const struct job *j, const char *path, uint32_t crc,
	json_t **ret, struct err *e);
/* Takes a record's env and path into the job, for the steps to come. */
void record_apply(struct job *j, const json_t *record);

/* ---- reason.c ---- */

/* Sets state, exit code, signal and reason of a step whose box was closed
 * (recovery.md, section 5). */
void reason_find(struct step *s);
/* The same for a box that could not be opened. */
void reason_from_box(struct step *s, const struct err *why);
void reason_set(struct step *s, const char *class, const char *suggestion,
	const char *fmt, ...) PRINTF(4, 5);

#endif
