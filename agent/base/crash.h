/* SPDX-License-Identifier: MIT */
/*
 * Named places at which a test may end the process as kill -9 would.  They
 * exist only with --enable-crash-points; otherwise the call is nothing.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#include "base/base.h"

#ifdef ENABLE_CRASH_POINTS
/* TELLUS_CRASH="name:N[:WHO] ..." kills at the Nth pass through name; 
 * WHO is "self" (this process, the
 * default), "tellusd", "worker" (all workers of the agent) or "both"; those
 * are found by the lock and the identities in the state folder
 * TELLUS_CRASH_STATE, and this process goes on when it is not meant.
 * With TELLUS_CRASH_COUNT=FILE the passes of all processes count together
 * (FILE.name, a byte a pass), so that each kill happens once, and FILE.kills
 * gets a line for each.  TELLUS_CRASH_LOG=FILE gets one line per pass. */
void crash_point(const char *name);
/* TELLUS_FAIL="name:N": true at this process's Nth pass, for what cannot
 * be made to fail otherwise. */
bool fail_point(const char *name);
/* TELLUS_DELAYS=PERCENT makes what waits for nothing but time shorter. */
int64_t test_delay_ms(int64_t ms);
#else
static inline int64_t
test_delay_ms(int64_t ms)
{
	return ms;
}
static inline bool
fail_point(const char *name UNUSED)
{
	return false;
}
static inline void
crash_point(const char *name UNUSED)
{
}
#endif

#endif
