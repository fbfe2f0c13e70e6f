/* SPDX-License-Identifier: MIT */
/* See exec.h. */
#include "base/base.h"
#include "cli/exec.h"

#include "os/child.h"
#include "os/fd.h"

#include <sys/wait.h>

#define OUT_MAX (1024 * 1024)

char *
exec_find(const char *name)
{
	const char *path = getenv("PATH");
	AUTO(freep) char *copy = xstrdup(path ? path : "/usr/bin:/bin");
	char *rest = copy, *folder;

	if (strchr(name, '/'))
		return xstrdup(name);
	while ((folder = strsep(&rest, ":")) != NULL) {
		char *full = xasprintf("%s/%s", *folder ? folder : ".", name);

		if (access(full, X_OK) == 0)
			return full;
		free(full);
	}
	return NULL;
}

static int
wait_status(pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for process %d", (int)pid);
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

int
exec_wait(const char *const *argv, struct buf *out, struct err *e)
{
	AUTO(freep) char *path = exec_find(argv[0]);
	AUTO(fd_closep) int pidfd = -1;
	int p[2] = { -1, -1 };
	struct spawn s = { .path = path,
		.argv = (char *const *)argv,
		.envp = environ,
		.nfds = 3,
		.fd = { -1, STDOUT_FILENO, STDERR_FILENO } };
	pid_t pid;
	int rc, slurp = 0;

	if (!path)
		return err_set(e, ERR_ABSENT, "'%s' is not installed", argv[0]);
	fflush(stdout);
	if (out && fd_pipe(p, e) < 0)
		return -1;
	if (out)
		s.fd[1] = p[1];
	rc = spawn_run(&s, &pid, &pidfd, e);
	fd_closep(&p[1]);
	if (rc == 0 && out)
		slurp = fd_slurp(p[0], OUT_MAX, out, e);
	fd_closep(&p[0]);
	if (rc < 0)
		return -1;
	rc = wait_status(pid, e);
	return slurp < 0 ? -1 : rc;
}
