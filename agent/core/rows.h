/* SPDX-License-Identifier: MIT */
/* The summary row of a run, as the journal's lists have it. */
#ifndef CORE_ROWS_H
#define CORE_ROWS_H

#include "base/base.h"
#include "base/err.h"
#include "model/run.h"
#include "store/journal.h"

/* Puts (or replaces) it within the open transaction. */
int row_put(struct journal *j, const struct run *r, struct err *e);

#endif
