/* SPDX-License-Identifier: MIT */
/* See loop.h. */
#include "base/base.h"
#include "base/clock.h"
#include "os/fd.h"
#include "os/loop.h"

#include <sys/signalfd.h>

#define EVENTS_PER_TURN 64

struct source {
	int fd;
	loop_fd_fn *fn;
	void *arg;
	bool dead; /* freed at the end of the turn */
	struct source *next;
};

struct loop {
	int epfd, sigfd;
	bool stop;
	struct source *sources;    /* by fd would be faster; there are few */
	struct loop_timer *timers; /* sorted by time */
	loop_turn_fn *turn_fn;
	void *turn_arg;
	loop_signal_fn *signal_fn;
	void *signal_arg;
	bool has_dead;
};

struct loop *
loop_new(struct err *e)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->sigfd = -1;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		err_sys(e, "epoll");
		free(l);
		return NULL;
	}
	return l;
}

static void
bury(struct loop *l, bool all)
{
	struct source **at = &l->sources;

	while (*at) {
		struct source *s = *at;

		if (s->dead || all) {
			*at = s->next;
			free(s);
		} else {
			at = &s->next;
		}
	}
	l->has_dead = false;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	bury(l, true);
	fd_closep(&l->sigfd);
	fd_closep(&l->epfd);
	free(l);
}

static struct source *
find(struct loop *l, int fd)
{
	for (struct source *s = l->sources; s; s = s->next)
		if (s->fd == fd && !s->dead)
			return s;
	return NULL;
}

int
loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
	struct err *e)
{
	struct source *s = xcalloc(1, sizeof(*s));
	struct epoll_event ev = { .events = events, .data = { .ptr = s } };

	s->fd = fd;
	s->fn = fn;
	s->arg = arg;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		free(s);
		return err_sys(e, "watch a descriptor");
	}
	s->next = l->sources;
	l->sources = s;
	return 0;
}

int
loop_mod(struct loop *l, int fd, uint32_t events, struct err *e)
{
	struct source *s = find(l, fd);
	struct epoll_event ev = { .events = events, .data = { .ptr = s } };

	if (!s || epoll_ctl(l->epfd, EPOLL_CTL_MOD, fd, &ev) < 0)
		return err_sys(e, "watch a descriptor");
	return 0;
}

void
loop_del(struct loop *l, int fd)
{
	struct source *s = find(l, fd);

	if (!s)
		return;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, fd, NULL);
	s->dead = true;
	l->has_dead = true;
}

void
loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	if (!t->armed)
		return;
	if (t->prev)
		t->prev->next = t->next;
	else
		l->timers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->armed = false;
	t->prev = t->next = NULL;
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ms,
	loop_timer_fn *fn, void *arg)
{
	struct loop_timer *at = l->timers, *before = NULL;

	if (t->armed) {
		loop_timer_cancel(l, t);
		at = l->timers;
	}
	t->at_ms = clock_boot_ms() + MAX(delay_ms, (int64_t)0);
	t->fn = fn;
	t->arg = arg;
	while (at && at->at_ms <= t->at_ms) {
		before = at;
		at = at->next;
	}
	t->prev = before;
	t->next = at;
	if (before)
		before->next = t;
	else
		l->timers = t;
	if (at)
		at->prev = t;
	t->armed = true;
}

void
loop_on_turn(struct loop *l, loop_turn_fn *fn, void *arg)
{
	l->turn_fn = fn;
	l->turn_arg = arg;
}

static void
read_signals(int fd, uint32_t events UNUSED, void *arg)
{
	struct loop *l = arg;
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		l->signal_fn((int)si.ssi_signo, l->signal_arg);
}

int
loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *arg,
	struct err *e)
{
	l->signal_fn = fn;
	l->signal_arg = arg;
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return err_sys(e, "block signals");
	l->sigfd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->sigfd < 0)
		return err_sys(e, "signalfd");
	return loop_add(l, l->sigfd, EPOLLIN, read_signals, l, e);
}

static int
wait_for(const struct loop *l, int wait_ms)
{
	int64_t left;

	if (!l->timers)
		return wait_ms;
	left = l->timers->at_ms - clock_boot_ms();
	left = MIN(MAX(left, (int64_t)0), (int64_t)INT_MAX);
	return wait_ms < 0 ? (int)left : MIN(wait_ms, (int)left);
}

int
loop_once(struct loop *l, int wait_ms, struct err *e)
{
	struct epoll_event ev[EVENTS_PER_TURN];
	int64_t now;
	int n = epoll_wait(l->epfd, ev, EVENTS_PER_TURN, wait_for(l, wait_ms));

	if (n < 0 && errno != EINTR)
		return err_sys(e, "epoll_wait");
	for (int i = 0; i < n; i++) {
		struct source *s = ev[i].data.ptr;

		if (!s->dead)
			s->fn(s->fd, ev[i].events, s->arg);
	}
	now = clock_boot_ms();
	while (l->timers && l->timers->at_ms <= now) {
		struct loop_timer *t = l->timers;

		loop_timer_cancel(l, t);
		t->fn(t->arg);
	}
	if (l->turn_fn)
		l->turn_fn(l->turn_arg);
	if (l->has_dead)
		bury(l, false);
	return 0;
}

int
loop_run(struct loop *l, struct err *e)
{
	while (!l->stop)
		if (loop_once(l, -1, e) < 0)
			return -1;
	return 0;
}

void
loop_stop(struct loop *l)
{
	l->stop = true;
}
