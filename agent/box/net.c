/* SPDX-License-Identifier: MIT */
/* See net.h. */
#include "base/base.h"
#include "box/net.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

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
