/* SPDX-License-Identifier: MIT */
/*
 * pasta(1) for one box.  A runner of ours is its parent: it dies when we
 * do, and takes pasta with it (pasta itself changes its rights, which makes
 * the kernel forget such a promise).  See net.h.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "box/drop.h"
#include "box/mounts.h"
#include "box/net.h"
#include "box/sys.h"
#include "os/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define START_MS 3000
#define STOP_MS 1000
#define TUN "/dev/net/tun"
#define TUN_MAJOR 10
#define TUN_MINOR 200
#define TEXT_MAX 65536

/* What the runner inherits. */
struct job {
	const struct box_host *host;
	const struct net *net;
	const char *pasta;
	int out; /* what pasta says, and its pid when it is up */
};

void
net_init(struct net *n)
{
	*n = (struct net){ -1, -1, -1, -1 };
}

static bool
wait_exit(const struct net *n, int64_t ms)
{
	struct pollfd p = { .fd = n->pidfd, .events = POLLIN };
	int64_t until = clock_boot_ms() + ms, left;

	while ((left = until - clock_boot_ms()) > 0)
		if (poll(&p, 1, (int)left) > 0)
			return true;
	return false;
}

void
net_release(struct net *n)
{
	if (n->runner > 0) {
		sys_pidfd_signal(n->pidfd, SIGTERM);
		if (!wait_exit(n, STOP_MS))
			sys_pidfd_signal(n->pidfd, SIGKILL);
		while (waitpid(n->runner, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_closep(&n->pidfd);
	fd_closep(&n->userns);
	fd_closep(&n->netns);
	n->runner = -1;
}

/*
 * Root shows pasta, which is no root, a tun device of its own: the host's
 * may be root's alone.
 */
static int
show_tun(struct err *e)
{
	static const char *const options[] = { "mode", "0755", NULL };
	struct mount_attr none = { .attr_set = MOUNT_ATTR_NOSUID };
	int fs, node;

	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make a mount namespace");
	fs = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID, e);
	if (fs < 0 || mount_attach(fs, AT_FDCWD, "/dev/shm", e) < 0)
		return -1;
	if (mknodat(fs, "tun", S_IFCHR | 0666, makedev(TUN_MAJOR, TUN_MINOR)) <
			0 ||
		fchmodat(fs, "tun", 0666, 0) < 0)
		return err_sys(e, "make a tun device");
	node = open_tree(fs, "tun", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (node < 0 ||
		mount_setattr(node, "", AT_EMPTY_PATH, &none, sizeof(none)) < 0)
		return err_sys(e, "take the tun device");
	return mount_attach(node, AT_FDCWD, TUN, e);
}

static void
become_pasta(const struct job *j)
{
	/* It may close every descriptor but the first three, so these are
	 * its namespaces and the way back to us. */
	static const char *const argv[] = { "pasta", "--foreground", "--quiet",
		"--config-net", "--no-map-gw", "--tcp-ports", "none",
		"--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
		"--dns-forward", NET_DNS, "--userns", "/proc/self/fd/0",
		"--netns", "/proc/self/fd/1", "--pid", "/proc/self/fd/2",
		NULL };
	char *const envp[] = { NULL };
	int fd[3] = { fcntl(j->net->userns, F_DUPFD, 3),
		fcntl(j->net->netns, F_DUPFD, 3), fcntl(j->out, F_DUPFD, 3) };
	struct err e;

	for (int i = 0; i < 3; i++)
		if (fd[i] < 0 || dup2(fd[i], i) < 0)
			_exit(125);
	syscall(SYS_close_range, 3U, ~0U, 0);
	if (j->host->root &&
		drop_user(j->host->build_uid, j->host->build_gid, &e) < 0)
		_exit(125);
	sys_reset_signals();
	/* execve(2) does not write to its arguments. */
	execve(j->pasta, (char *const *)(uintptr_t)argv, envp);
	_exit(127);
}

/* The runner: ends when pasta does, or on TERM, never before pasta. */
static void
run(const struct job *j)
{
	int keep[] = { j->net->userns, j->net->netns, j->out };
	sigset_t set;
	struct err e;
	int signo;
	pid_t pid;

	sys_close_except(keep, ARRAY_LEN(keep));
	sys_reset_signals();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	prctl(PR_SET_NAME, "tellus-net", 0, 0, 0);
	setpgid(0, 0);
	if (j->host->root && show_tun(&e) < 0) {
		dprintf(j->out, "%s\n", e.msg);
		_exit(125);
	}
	pid = sys_clone(0, NULL, -1);
	if (!pid)
		become_pasta(j);
	sys_close_except(NULL, 0);
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0)
		if (sigwait(&set, &signo) == 0 && signo == SIGTERM)
			kill(pid, SIGKILL);
	_exit(0);
}

/* A line that is a number is the pid: the network is there. */
static bool
is_up(const char *text)
{
	for (const char *at = text; *at;) {
		size_t n = strspn(at, "0123456789");

		if (n && at[n] == '\n')
			return true;
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return false;
}

/* Reads until pasta is up (0), gives up, or the time is over (-1). */
static int
wait_ready(int fd, struct buf *said)
{
	int64_t until = clock_boot_ms() + START_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while ((left = until - clock_boot_ms()) > 0 && said->len < TEXT_MAX) {
		ssize_t n;

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf_room(said, 1024), 1024);
		if (n <= 0)
			return -1;
		buf_grown(said, (size_t)n);
		if (is_up(said->data))
			return 0;
	}
	return -1;
}

/* The last line that pasta said itself. */
static int
explain(const char *pasta, struct buf *said, struct err *e)
{
	char *at = said->data, *line;
	const char *last = "";

	while (said->len && (line = strsep(&at, "\n")))
		if (*line && !strstr(line, "to syslog"))
			last = line;
	return err_set(e, ERR_PERM,
		"'%s' did not connect the box within %d s%s%.300s; see that "
		"the agent's user may open %s, or set agent.network = host",
		pasta, START_MS / 1000, *last ? ": " : "", last, TUN);
}

static int
start_runner(
	struct net *n, const struct box_host *h, struct job *j, struct err *e)
{
	/* As root in a pid namespace of its own: when the runner is killed,
	 * pasta is. */
	n->runner = sys_clone(h->root ? CLONE_NEWPID : 0, &n->pidfd, -1);
	if (n->runner < 0) {
		n->pidfd = -1;
		return err_sys(e, "start a process");
	}
	if (!n->runner)
		run(j);
	return 0;
}

int
net_connect(struct net *n, const struct box_host *h, const char *pasta,
	struct err *e)
{
	AUTO(buf_release) struct buf said = BUF_INIT;
	AUTO(fd_closep) int in = -1;
	AUTO(fd_closep) int out = -1;
	struct job j = { .host = h, .net = n, .pasta = pasta };
	int pair[2];

	if (fd_pipe(pair, e) < 0)
		return -1;
	in = pair[0];
	j.out = out = pair[1];
	/* pasta opens it again by name, as the build user. */
	if (h->root && fchown(out, h->build_uid, h->build_gid) < 0)
		return err_sys(e, "hand a pipe over");
	if (start_runner(n, h, &j, e) < 0)
		return -1;
	fd_closep(&out);
	return wait_ready(in, &said) == 0 ? 0 : explain(pasta, &said, e);
}

static const char *const places[] = {
	"/usr/bin/pasta",
	"/usr/local/bin/pasta",
	"/bin/pasta",
};

int
box_probe_net(struct box_host *h, struct err *e)
{
	AUTO(net_release) struct net n;
	const char *path = NULL;

	net_init(&n);
	h->pasta[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places) && !path; i++)
		if (access(places[i], X_OK) == 0)
			path = places[i];
	if (!path)
		return err_set(e, ERR_PERM,
			"pasta is not installed (apt-get install passt), so "
			"a box has no way out; or set agent.network = host");
	if (net_make(&n, h, e) < 0 || net_connect(&n, h, path, e) < 0)
		return -1;
	snprintf(h->pasta, sizeof(h->pasta), "%s", path);
	return 0;
}
