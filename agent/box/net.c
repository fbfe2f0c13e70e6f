/* SPDX-License-Identifier: MIT */
/* The network namespaces; pasta.c has what connects them.  See net.h. */
#include "base/base.h"
#include "box/drop.h"
#include "box/net.h"
#include "box/sys.h"
#include "os/fd.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

int
net_loopback_up(struct err *e)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return err_sys(e, "make a socket");
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	r = ioctl(fd, SIOCSIFFLAGS, &req);
	if (r < 0)
		err_sys(e, "set the loopback interface up");
	close(fd);
	return r < 0 ? -1 : 0;
}

static int
open_ns(pid_t pid, const char *kind, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err_sys(e, "open '%s'", path);
	return fd;
}

int
net_take(struct net *n, pid_t pid, struct err *e)
{
	n->userns = open_ns(pid, "user", e);
	n->netns = open_ns(pid, "net", e);
	return n->userns < 0 || n->netns < 0 ? -1 : 0;
}

/* The namespaces need a process to be born in; it waits until they have
 * been opened. */
static void
hold(const struct box_host *h, int sock)
{
	int keep[] = { sock };
	struct err e = { 0 };
	char c;

	sys_close_except(keep, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (h->root && drop_user(h->build_uid, h->build_gid, &e) < 0)
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
		sys_map_ids(BOX_UID, h->build_uid, BOX_UID, h->build_gid, &e) <
			0 ||
		send(sock, "r", 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	/* The end of the stream is the leave to go. */
	recv(sock, &c, 1, 0);
	_exit(0);
}

int
net_make(struct net *n, const struct box_host *h, struct err *e)
{
	int pair[2], r = -1;
	char ready;
	pid_t pid;

	if (fd_socketpair(pair, e) < 0)
		return -1;
	pid = sys_clone(0, NULL, -1);
	if (!pid)
		hold(h, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		err_sys(e, "start a process");
		close(pair[0]);
		return -1;
	}
	if (recv(pair[0], &ready, 1, 0) == 1)
		r = net_take(n, pid, e);
	else
		err_set(e, ERR_PERM, "a network namespace could not be made");
	close(pair[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
