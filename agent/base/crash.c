/* SPDX-License-Identifier: MIT */
/* See crash.h. */
#include "base/base.h"
#include "base/crash.h"

#ifdef ENABLE_CRASH_POINTS

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/stat.h>

#define PATH_ROOM 4096
#define TEXT_ROOM 1024

static void
add_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return;
	fchmod(fd, 0666); /* for workers of another user */
	dprintf(fd, "%s\n", line);
	close(fd);
}

/* Which pass this is: of the process, or by a byte in the shared file. */
static int
next_pass(const char *name)
{
	static int passes;
	const char *base = getenv("TELLUS_CRASH_COUNT");
	char path[PATH_ROOM];
	off_t at;
	int fd;

	passes++;
	if (!base)
		return passes;
	snprintf(path, sizeof(path), "%s.%s", base, name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	fchmod(fd, 0666);
	if (write(fd, "+", 1) != 1) {
		close(fd);
		return -1;
	}
	at = lseek(fd, 0, SEEK_CUR);
	close(fd);
	return (int)at;
}

/* The number behind key in a small file; 0: there is none. */
static pid_t
number_in(const char *path, const char *key)
{
	char text[TEXT_ROOM];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *at;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	return at ? (pid_t)strtol(at + strlen(key), NULL, 10) : 0;
}

/* Only what is still that program. */
static void
kill_program(pid_t pid, const char *name)
{
	char path[64], text[64] = "";
	int fd;

	if (pid <= 1 || pid == getpid())
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 &&
		!strncmp(text, name, strlen(name)))
		kill(pid, SIGKILL);
	close(fd);
}

static void
kill_others(const char *state, bool tellusd, bool worker)
{
	char path[PATH_ROOM];
	glob_t found;

	if (tellusd) {
		snprintf(path, sizeof(path), "%s/lock", state);
		kill_program(number_in(path, ""), "tellusd");
	}
	snprintf(path, sizeof(path), "%s/runs/*/*/identity", state);
	if (!worker || glob(path, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		kill_program(number_in(found.gl_pathv[i], "\"pid\":"),
			"tellus-worker");
	globfree(&found);
}

static bool
word_is(const char *word, size_t n, const char *name)
{
	return strlen(name) == n && !strncmp(word, name, n);
}

static void
die_at(const char *name, const char *who)
{
	const char *state = getenv("TELLUS_CRASH_STATE");
	const char *count = getenv("TELLUS_CRASH_COUNT");
	size_t n = strcspn(who, " ");
	bool both = word_is(who, n, "both");
	bool tellusd = both || word_is(who, n, "tellusd");
	bool worker = both || word_is(who, n, "worker");
	bool is_tellusd = !strcmp(program_invocation_short_name, "tellusd");
	char path[PATH_ROOM];

	if (count) {
		snprintf(path, sizeof(path), "%s.kills", count);
		add_line(path, name);
	}
	if (state)
		kill_others(state, tellusd, worker);
	if ((!tellusd && !worker) || (is_tellusd ? tellusd : worker))
		raise(SIGKILL);
}

void
crash_point(const char *name)
{
	const char *want = getenv("TELLUS_CRASH");
	const char *path = getenv("TELLUS_CRASH_LOG");
	size_t n = strlen(name);

	if (path)
		add_line(path, name);
	while (want && *want) {
		char *end;

		if (!strncmp(want, name, n) && want[n] == ':' &&
			next_pass(name) ==
				(int)strtol(want + n + 1, &end, 10)) {
			die_at(name, *end == ':' ? end + 1 : "");
			return;
		}
		want += strcspn(want, " ");
		want += strspn(want, " ");
	}
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
