/* SPDX-License-Identifier: MIT */
/*
 * Words out of a program's output, for diagnose.c.  What is returned is the
 * caller's: one line of valid UTF-8 without controls, cut where it is long.
 */
#ifndef MODEL_WORDS_H
#define MODEL_WORDS_H

#include "base/base.h"

char *words_clean(const char *p, size_t n);
/* The line around at, without its end; borrowed. */
void words_line(
	const char *text, const char *at, const char **ret_from, size_t *ret_n);
/* The last place of a mark in the text, or NULL. */
const char *words_last(const char *text, const char *mark);
/* What stands before end in its line, back to one of the stops; a quote at
 * its end does not count. */
char *words_before(const char *text, const char *end, const char *stops);
/* What follows in the line, up to one of the stops. */
char *words_after(const char *at, const char *stops);

#endif
