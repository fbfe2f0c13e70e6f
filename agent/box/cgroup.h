/* SPDX-License-Identifier: MIT */
/*
 * Control groups, version 1 and 2: one group per box below a subtree that
 * is ours; limits, counters, and the certainty that nothing is left.
 */
#ifndef BOX_CGROUP_H
#define BOX_CGROUP_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "box/box.h"

/*
 * Finds our subtree and fills the cgroup members of h; what is missing, and
 * the remedy, is added to why.  With change, makes the subtree usable: on
 * v2 that moves the processes of our own group into a leaf of it, since a
 * group with processes can not give its controllers on.
 */
void cgroup_probe(struct box_host *h, bool change, struct buf *why);

/* The groups of one box. */
struct cgroup {
	int dir[BOX_CG_KINDS]; /* of the box's own folders, or -1 */
	char *name;
};

void cgroup_init(struct cgroup *g);
void cgroup_release(struct cgroup *g);

/* Makes the groups and writes the limits; what a box of the same name left
 * behind is swept first. */
int cgroup_make(struct cgroup *g, const struct box_host *h, const char *name,
	const struct box_limits *l, struct err *e);

/* For clone3: the unified group, or -1. */
int cgroup_clone_fd(const struct cgroup *g);

/* Puts a process into those groups that clone3 can not. */
int cgroup_join(const struct cgroup *g, pid_t pid, struct err *e);

/* Fills what the groups know. */
void cgroup_count(const struct cgroup *g, struct box_result *ret);

/* Waits until no process is left, then removes the groups. */
int cgroup_remove(struct cgroup *g, const struct box_host *h, struct err *e);

#endif
