/* SPDX-License-Identifier: MIT */
/*
 * Times.  Wall time is for people and for forges; every timeout runs on
 * CLOCK_BOOTTIME, which no clock jump moves.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"
#include "base/buf.h"

int64_t clock_wall_ms(void); /* since 1970-01-01 UTC */
int64_t clock_boot_ms(void); /* since boot, suspended time included */
int64_t clock_boot_ns(void);

/* "2026-11-25T17:35:38Z"; "null"-like 0 becomes "". */
#define CLOCK_ISO_MAX 32
void clock_iso(int64_t wall_ms, char out[CLOCK_ISO_MAX]);

/* "230 ms", "4.2 s", "3 min 5 s", "2 h 10 min": for people. */
void clock_addspan(struct buf *b, int64_t ms);

#endif
