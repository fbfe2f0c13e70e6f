/* SPDX-License-Identifier: MIT */
/*
 * Landlock, best effort by the kernel's ABI number: a second, independent
 * "no" to writing where nothing may be written, and to signals and abstract
 * sockets of processes outside.
 */
#ifndef BOX_LANDLOCK_H
#define BOX_LANDLOCK_H

#include "base/base.h"
#include "base/err.h"

int landlock_abi(void); /* 0: none */

/* Writing is left only below the paths of rw (NULL-terminated; those that
 * do not exist are skipped).  With ro given, reading and executing too is
 * left only below rw and ro.  Does nothing where abi is too old. */
int landlock_enter(
	int abi, const char *const *rw, const char *const *ro, struct err *e);

#endif
