/* SPDX-License-Identifier: MIT */
/*
 * The box's root folder: a read-only tmpfs with a few pieces of the host,
 * private /dev and /proc, and the layered tree.
 */
#ifndef BOX_ROOT_H
#define BOX_ROOT_H

#include "base/base.h"
#include "base/err.h"
#include "box/plan.h"

/* Builds the root and moves into it, in a mount namespace of our own with
 * all rights over it; the host's tree is gone after that.  *ret_proc is a
 * descriptor of a /proc without the masks that the box has. */
int root_enter(const struct plan *p, int *ret_proc, struct err *e);

#endif
