/* SPDX-License-Identifier: MIT */
/*
 * The worker as a process: what it was assigned, what it holds open, how it
 * is cancelled, and how it tells its story.  One attempt at a time.
 */
#ifndef WORK_WORKER_H
#define WORK_WORKER_H

#include "base/base.h"
#include "base/err.h"
#include "box/box.h"
#include "model/event.h"
#include "work/spec.h"

struct worker {
	int control_fd; /* the socket to tellusd */
	int signal_fd;  /* SIGTERM: cancel */
	/* The attempt; -1 and NULL while there is none. */
	int state_fd, attempt_fd, lease_fd, events_fd;
	char *state_path;   /* absolute */
	char *attempt_path; /* below the state folder: "runs/42/0.1" */
	struct spec spec;
	struct box_host host;
	bool probed;        /* host is known */
	unsigned int terms; /* how often we were told to stop */
};

/* Runs the attempts that come in over control_fd; the exit status. */
int worker_main(int control_fd);

/* ---- control.c ---- */

/*
 * Waits for an assignment (at most timeout_ms, -1: for ever), opens its
 * folders, reads the spec, writes "identity", answers "ready" and waits for
 * "go".  1: go.  0: there is nothing to do and nothing ran.
 */
int control_accept(struct worker *w, int timeout_ms, struct err *e);

/* Closes everything of the attempt, the lease last. */
void worker_release(struct worker *w);

/* Takes pending signals; returns how often we have been told to stop. */
unsigned int worker_terms(struct worker *w);

/* Appends to the attempt's events, with its attempt, job and nonce filled
 * in.  Takes the reference to data. */
int worker_emit(struct worker *w, enum event_kind kind, int step, json_t *data,
	bool sync, struct err *e);

/* Opens the events file and probes the sandbox: once per attempt. */
int worker_prepare(struct worker *w, struct err *e);

/* The name of a step's box, as no other agent on this host has it: it begins
 * with the device and inode of the state folder ("stat -c %D-%i"). */
int worker_box_name(const struct worker *w, int attempt, size_t step,
	struct buf *out, struct err *e);

/* "root" or "user": which overlay attributes trees and layers carry. */
const char *worker_kind(const struct worker *w);

/* Gives a file or folder to the build user, where that is another one. */
int worker_give(
	const struct worker *w, int dirfd, const char *name, struct err *e);

/* A folder below dirfd, made when absent, of exactly that mode and owned by
 * uid:gid where we are root; an open descriptor. */
int worker_folder(const struct worker *w, int dirfd, const char *name,
	mode_t mode, uid_t uid, gid_t gid, struct err *e);

/* ---- child.c ---- */

/*
 * A piece of work for a child process.  What it needs from the worker is in
 * arg (the child is a fork); *ret is a JSON value or NULL.  progress writes
 * a byte that keeps the child's idle deadline away.
 */
typedef int work_child_fn(
	void *arg, int progress_fd, json_t **ret, struct err *e);

/* Runs fn in a box_help child; the child's error becomes ours.  ret may be
 * NULL.  cancel and lease descriptors are filled in here. */
int work_in_child(struct worker *w, const struct box_helper *conf,
	work_child_fn *fn, void *arg, json_t **ret, struct err *e);
void work_progress(int progress_fd);

/* ---- plan_attempt.c and job.c: the two stories ---- */

/* *ret_planned: something was planned, a job may follow.  -1 only where the
 * attempt could not even be recorded. */
int plan_attempt(struct worker *w, bool *ret_planned, struct err *e);
int job_attempt(struct worker *w, struct err *e);

#endif
