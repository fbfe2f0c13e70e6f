/* SPDX-License-Identifier: MIT */
/* See sys.h. */
#include "base/base.h"
#include "box/sys.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

pid_t
sys_clone(uint64_t flags, int *ret_pidfd, int cgroup)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
	};

	if (ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	}
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int
sys_pidfd_signal(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

void
sys_close_except(const int *keep, size_t n)
{
	unsigned int from = 0;

	for (;;) {
		unsigned int next = ~0U;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned int)keep[i] >= from)
				next = MIN(next, (unsigned int)keep[i]);
		if (next > from)
			syscall(SYS_close_range, from,
				next == ~0U ? ~0U : next - 1, 0);
		if (next == ~0U)
			return;
		from = next + 1;
	}
}

int
sys_put(int dirfd, const char *name, const char *text, struct err *e)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int sys;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	n = write(fd, text, strlen(text));
	sys = errno;
	close(fd);
	errno = sys;
	if (n < 0)
		return err_sys(e, "write '%s'", name);
	return 0;
}

ssize_t
sys_get(int dirfd, const char *name, char *out, size_t n)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	while (len < n - 1 && (got = read(fd, out + len, n - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	close(fd);
	return (ssize_t)len;
}

int
sys_map_ids(
	uid_t in_uid, uid_t out_uid, gid_t in_gid, gid_t out_gid, struct err *e)
{
	char line[64];

	/* Without "deny" an ordinary user may not map a group at all. */
	if (sys_put(AT_FDCWD, "/proc/self/setgroups", "deny", e) < 0)
		return -1;
	snprintf(line, sizeof(line), "%u %u 1\n", in_uid, out_uid);
	if (sys_put(AT_FDCWD, "/proc/self/uid_map", line, e) < 0)
		return -1;
	snprintf(line, sizeof(line), "%u %u 1\n", in_gid, out_gid);
	return sys_put(AT_FDCWD, "/proc/self/gid_map", line, e);
}

void
sys_reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
