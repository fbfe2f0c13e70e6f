/* SPDX-License-Identifier: MIT */
/*
 * Is there room for one more?  Memory is promised to attempts before they
 * start, so that all of them together stay within agent.memory-budget; and
 * below agent.disk-floor nothing new starts.  Nothing is kept here: what is
 * promised is what the attempts at work were given.
 */
#ifndef CORE_ROOM_H
#define CORE_ROOM_H

#include "core/inner.h"

enum room {
	ROOM_FITS,
	ROOM_WAITS, /* for others to end, or for room to be made */
	ROOM_NEVER, /* it asks for more than there is */
};

/* The pure decision: want of a budget of which held is promised. */
enum room room_decide(int64_t want, int64_t held, int64_t budget);
/* The floor where the configuration has none: 5 % of a file system of that
 * size, 512M at most. */
int64_t room_default_floor(int64_t total);
/* What the machine, or the agent's own memory cgroup, has free without
 * swapping, in bytes; -1: it does not say. */
int64_t room_memory_available(void);
/* How much all jobs together may be promised, in bytes; 0: without bound. */
int64_t room_memory_budget(const struct config *conf);

struct room_why {
	const char *what; /* "memory" or "disk" */
	struct err text;  /* with the figures */
	int64_t most;     /* bytes that a job can have at all */
};

/* May that job of the run start?  why is of use unless it fits. */
enum room room_for_job(struct live *l, int job, struct room_why *why);
/* How much of the disk is to be left free, in bytes. */
int64_t room_disk_floor(const struct core *c);
/* Is the disk's floor kept?  Otherwise why has the figures. */
bool room_on_disk(const struct core *c, struct err *why);

#endif
