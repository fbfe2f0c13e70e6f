/* SPDX-License-Identifier: MIT */
/*
 * firstline PATTERN COMMAND...: runs the command, prints the microseconds
 * from its start to the first line of its output (both streams) that holds
 * PATTERN, and waits for its end.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int
main(int argc, char **argv)
{
	static char text[1 << 16];
	int64_t start, seen = -1;
	size_t len = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (argc < 3 || pipe(fds) < 0)
		return 2;
	start = now_us();
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		if (seen < 0 && strstr(text, argv[1]))
			seen = now_us() - start;
		if (len > sizeof(text) / 2)
			len = 0;
	}
	if (waitpid(pid, &status, 0) < 0 || seen < 0)
		return 1;
	printf("%lld\n", (long long)seen);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
