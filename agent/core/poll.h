/* SPDX-License-Identifier: MIT */
/*
 * What missed.c and poll.c share: the list of a repository's branches and
 * tags that a worker made, and how far it was gone through.
 */
#ifndef CORE_POLL_H
#define CORE_POLL_H

#include "core/inner.h"

struct polled;

/* A line of the answer, cut into its three words. */
struct head {
	const char *sha, *commit, *ref;
};

struct poller {
	struct polled *list;
	size_t n, cap;
	struct loop_timer timer, deadline;
	struct child *child;
	char *repository;    /* looked at now, or NULL */
	struct strv touched; /* its refs that were heard of meanwhile */
	char *text;          /* the answer, while it is gone through */
	struct head *heads;  /* by ref */
	size_t nheads, at;
	bool first; /* never looked at before: nothing runs */
};

/* The head of that ref in the answer, or NULL. */
const struct head *poll_find(const struct poller *p, const char *ref);
/* The look is over; why is NULL when it was good. */
void poll_over(struct core *c, const char *why);
/* missed.c: goes through the answer, a part in each turn. */
void missed_take(void *core);

#endif
