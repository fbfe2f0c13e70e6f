/* SPDX-License-Identifier: MIT */
/*
 * The system call filter of the box: everything is allowed but a list of
 * calls that have no place in a build and that sandboxes were broken with.
 */
#ifndef BOX_SECCOMP_H
#define BOX_SECCOMP_H

#include "base/base.h"
#include "base/err.h"

#include <linux/filter.h>

/* Compiled at the first call, then kept for the life of the process. */
const struct sock_fprog *seccomp_filter(struct err *e);

/* Puts the filter in force for good; needs no-new-privileges. */
int seccomp_enter(const struct sock_fprog *filter, struct err *e);

#endif
