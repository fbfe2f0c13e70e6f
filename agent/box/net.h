/* SPDX-License-Identifier: MIT */
/*
 * The box's network: the loopback of its own namespace, and pasta(1), which
 * carries its connections out as ordinary sockets of an ordinary user.
 * pasta never reaches the host's own loopback, and opens no port there.
 */
#ifndef BOX_NET_H
#define BOX_NET_H

#include "base/base.h"
#include "base/err.h"
#include "box/box.h"

/* The name server inside; pasta hands its queries to the host's. */
#define NET_RESOLV "nameserver 169.254.1.1\n"
#define NET_DNS "169.254.1.1"

struct net {
	int userns, netns; /* what pasta is to enter, or -1 */
	pid_t runner;      /* pasta's parent, a child of ours, or -1 */
	int pidfd;         /* of it */
};

void net_init(struct net *n);
void net_release(struct net *n); /* stops pasta; also for AUTO */

/* In a network namespace that is ours: sets "lo" up. */
int net_loopback_up(struct err *e);

/* Makes a network namespace that belongs to a user namespace of the build
 * user's, so that pasta needs no rights of root. */
int net_make(struct net *n, const struct box_host *h, struct err *e);

/* Takes the namespaces of a process of ours. */
int net_take(struct net *n, pid_t pid, struct err *e);

/* Starts pasta for them; returns when the network is there, or after 3 s
 * with an error. */
int net_connect(struct net *n, const struct box_host *h, const char *pasta,
	struct err *e);

#endif
