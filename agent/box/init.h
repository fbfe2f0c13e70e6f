/* SPDX-License-Identifier: MIT */
/*
 * The first two processes of a box.  init is process 1 of the pid
 * namespace: it builds the root, starts the step, reaps what the step leaves
 * to it, passes TERM on, and ends with the step, which makes the kernel kill
 * the rest.
 */
#ifndef BOX_INIT_H
#define BOX_INIT_H

#include "base/base.h"
#include "box/plan.h"

void init_run(const struct plan *p) __attribute__((noreturn));

/* The step's own process, from fork to exec. */
void step_run(const struct plan *p, int proc) __attribute__((noreturn));

#endif
