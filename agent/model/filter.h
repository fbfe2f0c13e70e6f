/* SPDX-License-Identifier: MIT */
/*
 * Patterns for branches, tags and paths, as in GitHub's "filter pattern
 * cheat sheet": "*" is anything but "/", "**" anything at all, "?" and "+"
 * repeat the character before them, [a-z] is one of a set, "\" takes what
 * follows as it is, and a "!" in front takes away what matched before.
 */
#ifndef MODEL_FILTER_H
#define MODEL_FILTER_H

#include "base/base.h"
#include "base/err.h"
#include "base/strv.h"

#define FILTER_MAX 1000 /* bytes of a pattern */

/* Is it a pattern?  The message does not repeat it. */
int filter_check(const char *pattern, struct err *e);

/* One pattern, without regard to a leading "!".  The time it takes is
 * bounded by the product of both lengths.  False for what is no pattern. */
bool filter_match(const char *pattern, const char *text);

/* All of them in order: the last that matches decides. */
bool filter_list(const struct strv *patterns, const char *text);

#endif
