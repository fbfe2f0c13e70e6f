/* SPDX-License-Identifier: MIT */
/* See clock.h. */
#include "base/base.h"
#include "base/clock.h"

static int64_t
read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t
clock_boot_ms(void)
{
	return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t
clock_boot_ns(void)
{
	return read_ns(CLOCK_BOOTTIME);
}

void
clock_iso(int64_t wall_ms, char out[CLOCK_ISO_MAX])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	out[0] = '\0';
	if (wall_ms && gmtime_r(&t, &tm))
		strftime(out, CLOCK_ISO_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void
clock_addspan(struct buf *b, int64_t ms)
{
	int64_t s = ms / 1000;

	if (ms < 0)
		ms = 0;
	if (ms < 1000)
		buf_addf(b, "%" PRId64 " ms", ms);
	else if (s < 60)
		buf_addf(b, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
	else if (s < 3600)
		buf_addf(b, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else
		buf_addf(b, "%" PRId64 " h %" PRId64 " min", s / 3600,
			s % 3600 / 60);
}
