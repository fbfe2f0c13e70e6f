/* SPDX-License-Identifier: MIT */
/*
 * Where a repository's branches and tags stand now: an errand of the worker
 * beside its attempts, asked for by STATE/poll/spec.json:
 * {"version":1,"kind":"heads","repository":{...},"host":{...}} as in spec.h.
 *
 * The answer is STATE/poll/heads: the line "ok", then one line
 * "SHA COMMIT REF" for each, or the single line "error TEXT".  SHA is what
 * the ref points at, COMMIT the same or what a tag object leads to.
 */
#ifndef WORK_HEADS_H
#define WORK_HEADS_H

#include "base/base.h"
#include "base/err.h"

/* -1: not even an error could be written. */
int heads_answer(const char *state, struct err *e);

#endif
