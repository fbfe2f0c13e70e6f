/* SPDX-License-Identifier: MIT */
/*
 * The event loop: epoll, timers on CLOCK_BOOTTIME, signals by signalfd, and
 * a hook at the end of each turn (where tellusd commits).  One thread; no
 * timer armed means no wake-up.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include "base/base.h"
#include "base/err.h"

#include <signal.h>
#include <sys/epoll.h>

struct loop;

typedef void loop_fd_fn(int fd, uint32_t events, void *arg);
typedef void loop_timer_fn(void *arg);
typedef void loop_turn_fn(void *arg);
typedef void loop_signal_fn(int signo, void *arg);

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l);

/* events: EPOLLIN and so on.  The loop borrows fd; take it out with
 * loop_del before closing it (allowed from any callback). */
int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
	struct err *e);
int loop_mod(struct loop *l, int fd, uint32_t events, struct err *e);
void loop_del(struct loop *l, int fd);

/* A timer lives in the caller's storage, zeroed at first. */
struct loop_timer {
	int64_t at_ms; /* CLOCK_BOOTTIME */
	loop_timer_fn *fn;
	void *arg;
	struct loop_timer *prev, *next;
	bool armed;
};

/* Fires once, delay_ms from now; arming again moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms,
	loop_timer_fn *fn, void *arg);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* Called at the end of every turn, after all callbacks of it. */
void loop_on_turn(struct loop *l, loop_turn_fn *fn, void *arg);

/* Blocks the signals of the set and has them delivered to fn. */
int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn,
	void *arg, struct err *e);

/* Runs until loop_stop. */
int loop_run(struct loop *l, struct err *e);
/* One turn, waiting at most wait_ms (-1: as long as it takes). */
int loop_once(struct loop *l, int wait_ms, struct err *e);
void loop_stop(struct loop *l);

#endif
