/* SPDX-License-Identifier: MIT */
/* See crash.h. */
#include "base/base.h"
#include "base/crash.h"

#ifdef ENABLE_CRASH_POINTS

#include <fcntl.h>
#include <signal.h>

/* Which pass this is: of the process, or by a byte in the shared file. */
static int
next_pass(void)
{
	static int passes;
	const char *path = getenv("TELLUS_CRASH_COUNT");
	off_t at;
	int fd;

	passes++;
	if (!path)
		return passes;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, "+", 1) != 1)
		return -1;
	at = lseek(fd, 0, SEEK_CUR);
	close(fd);
	return (int)at;
}

void
crash_point(const char *name)
{
	const char *want = getenv("TELLUS_CRASH");
	const char *path = getenv("TELLUS_CRASH_LOG");
	size_t n = strlen(name);

	if (path) {
		int fd = open(
			path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

		if (fd >= 0) {
			dprintf(fd, "%s\n", name);
			close(fd);
		}
	}
	if (!want || strncmp(want, name, n) || want[n] != ':')
		return;
	if (next_pass() == (int)strtol(want + n + 1, NULL, 10))
		raise(SIGKILL);
}

bool
fail_point(const char *name)
{
	const char *want = getenv("TELLUS_FAIL");
	size_t n = strlen(name);
	static int passes;

	if (!want || strncmp(want, name, n) || want[n] != ':')
		return false;
	return ++passes == (int)strtol(want + n + 1, NULL, 10);
}

int64_t
test_delay_ms(int64_t ms)
{
	const char *percent = getenv("TELLUS_DELAYS");

	return percent ? ms * strtol(percent, NULL, 10) / 100 : ms;
}

#else
typedef int crash_points_are_off;
#endif
