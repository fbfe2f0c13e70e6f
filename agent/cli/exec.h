/* SPDX-License-Identifier: MIT */
/* Running another program and waiting for it. */
#ifndef CLI_EXEC_H
#define CLI_EXEC_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

/* Looks name up in $PATH when it has no slash; our environment; standard
 * error is ours.  With out its standard output is kept (at most 1 MiB),
 * else it is ours.  Returns the exit status (128 + signal), -1 when it
 * could not be started. */
int exec_wait(const char *const *argv, struct buf *out, struct err *e);

/* The path of a program in $PATH, or NULL. */
char *exec_find(const char *name);

#endif
