/* SPDX-License-Identifier: MIT */
/*
 * What the files of the web layer share about the server and its
 * connections.  All of it belongs to the web thread.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include "base/base.h"
#include "core/core.h"
#include "os/loop.h"
#include "web/mail.h"
#include "web/web.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

/* Limits.  Those without a configuration key protect the agent itself. */
#define WEB_CONNECTIONS 1024 /* of one listener */
#define WEB_PER_ADDRESS 64   /* loopback is exempt: there proxies are */
#define WEB_MEMORY ((size_t)32 << 10) /* a connection's pool in MHD */
#define WEB_HEAD_MS 5000  /* from the first byte to the end of headers */
#define WEB_IDLE_MS 15000 /* between requests of a kept connection */
#define WEB_BODY_MS 10000 /* for the body, and ... */
#define WEB_BODY_STEP ((int64_t)256 << 10) /* ... a second more for each */
#define WEB_STALL_S 30                 /* no progress while an answer is sent */
#define WEB_BODIES ((size_t)192 << 20) /* of all requests together */
#define WEB_URL 2048
#define WEB_FDS_RESERVED 64 /* descriptors left for the rest of the agent */
#define WEB_STOP_MS 1000    /* to flush answers at the end */

#define LISTENERS 3
struct listener {
	struct MHD_Daemon *daemon;
	struct web *web;
	char *path; /* of a unix socket, removed at the end; else NULL */
	int epfd;   /* MHD's */
};

struct conn {
	struct web *web;
	struct listener *listener;
	struct MHD_Connection *mc;
	struct request *req; /* the one under way, or NULL */
	int fd;
	bool is_unix, is_loopback;
	uid_t uid; /* is_unix */
	gid_t gid;
	char addr[INET6_ADDRSTRLEN]; /* "unix" for a unix socket */
	int64_t deadline_ms;         /* boot time; INT64_MAX: none */
	struct conn *prev, *next;
};

struct live_all;
struct assets;
struct penalty;

struct web {
	struct core *core;
	struct mail *mail;
	struct loop *loop;
	struct listener listeners[LISTENERS];
	size_t nlisteners;
	int port;
	int state_fd;
	pthread_t thread;
	bool has_thread, is_stopping; /* is_stopping: atomic */
	struct conn *conns;
	size_t nconns;
	size_t suspended; /* connections that wait for the core */
	size_t body_bytes;
	struct loop_timer watchdog, mhd_timer;
	struct live_all *live;
	struct assets *assets;
	char *templates; /* the folder */
	struct penalty *penalty;
	struct linger_sock *lingers;
	size_t nlingers;
};

/* Moves the connection's deadline; INT64_MAX takes it away. */
void conn_deadline(struct conn *c, int64_t at_ms);

/* The address of a peer as text, and whether it is this machine's. */
void conn_addr(struct conn *c, const struct sockaddr *sa);

#endif
