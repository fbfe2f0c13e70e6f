/* SPDX-License-Identifier: MIT */
/*
 * The web thread: libmicrohttpd's daemons driven from one loop of ours, the
 * deadlines that the library has no notion of, and an orderly end.  What is
 * said on a connection is request.c's.
 *
 * The loop polls each daemon's epoll descriptor and then calls MHD_run, so
 * that no number of ready connections can stall it.  Connections are
 * resumed only here, after a letter has been opened: no thread but this one
 * ever touches libmicrohttpd.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/log.h"
#include "os/fd.h"
#include "os/path.h"
#include "web/access.h"
#include "web/assets.h"
#include "web/linger.h"
#include "web/listen.h"
#include "web/pages.h"
#include "web/live.h"
#include "web/request.h"
#include "web/server.h"

#include <fcntl.h>
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define RUNS_PER_TURN 16

void
conn_addr(struct conn *c, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa && sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, c->addr, sizeof(c->addr));
		c->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	} else if (sa && sa->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, c->addr, sizeof(c->addr));
		c->is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	} else {
		snprintf(c->addr, sizeof(c->addr), "unix");
		c->is_loopback = true;
	}
}

/* ---- deadlines ---- */

static void
watchdog(void *arg)
{
	struct web *w = arg;
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (struct conn *c = w->conns; c; c = c->next) {
		if (c->deadline_ms <= now) {
			/* MHD sees the end of the stream and closes. */
			shutdown(c->fd, SHUT_RDWR);
			c->deadline_ms = INT64_MAX;
		}
		next = MIN(next, c->deadline_ms);
	}
	if (next != INT64_MAX)
		loop_timer_set(w->loop, &w->watchdog, next - now, watchdog, w);
}

void
conn_deadline(struct conn *c, int64_t at_ms)
{
	struct web *w = c->web;

	c->deadline_ms = at_ms;
	if (at_ms == INT64_MAX)
		return;
	if (!w->watchdog.armed || at_ms < w->watchdog.at_ms)
		loop_timer_set(w->loop, &w->watchdog, at_ms - clock_boot_ms(),
			watchdog, w);
}

/* ---- connections ---- */

static struct conn *
conn_new(struct listener *l, struct MHD_Connection *mc)
{
	struct web *w = l->web;
	struct conn *c = xcalloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *sa =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	c->web = w;
	c->listener = l;
	c->mc = mc;
	c->fd = fd ? fd->connect_fd : -1;
	c->is_unix = l->path != NULL;
	c->uid = (uid_t)-1;
	c->gid = (gid_t)-1;
	conn_addr(c, !c->is_unix && sa ? sa->client_addr : NULL);
	if (c->is_unix)
		access_peer(c);
	c->next = w->conns;
	if (c->next)
		c->next->prev = c;
	w->conns = c;
	w->nconns++;
	conn_deadline(c, clock_boot_ms() + WEB_HEAD_MS);
	return c;
}

static void
conn_free(struct conn *c)
{
	request_free(c->req);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->web->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->web->nconns--;
	free(c);
}

static void
on_connection(void *cls, struct MHD_Connection *mc, void **ctx,
	enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*ctx = conn_new(cls, mc);
	} else if (*ctx) {
		conn_free(*ctx);
		*ctx = NULL;
	}
}

/* Called before a connection is taken: one address may not have them all. */
static enum MHD_Result
on_accept(void *cls, const struct sockaddr *sa, socklen_t len UNUSED)
{
	struct listener *l = cls;
	struct conn peer = { .web = l->web };
	size_t n = 0;

	conn_addr(&peer, l->path ? NULL : sa);
	if (peer.is_loopback)
		return MHD_YES;
	for (struct conn *c = l->web->conns; c; c = c->next)
		n += str_eq(c->addr, peer.addr);
	return n < WEB_PER_ADDRESS ? MHD_YES : MHD_NO;
}

/* Paths and arguments are decoded by us, after they have been taken apart. */
static size_t
keep_escapes(void *cls UNUSED, struct MHD_Connection *mc UNUSED, char *s)
{
	return strlen(s);
}

static unsigned int
connection_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == RLIM_INFINITY)
		return WEB_CONNECTIONS;
	if (rl.rlim_cur <= 2 * WEB_FDS_RESERVED)
		return WEB_FDS_RESERVED;
	return (unsigned int)MIN(
		(rlim_t)WEB_CONNECTIONS, rl.rlim_cur - WEB_FDS_RESERVED);
}

static int
add_listener(struct web *w, int take_fd, const char *path, struct err *e)
{
	struct listener *l = &w->listeners[w->nlisteners];
	const union MHD_DaemonInfo *info;

	/* The daemon owns the socket, whether it starts or not. */
	l->web = w;
	l->path = path ? xstrdup(path) : NULL;
	l->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME,
		0, on_accept, l, request_handle, l, MHD_OPTION_LISTEN_SOCKET,
		take_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, l,
		MHD_OPTION_NOTIFY_COMPLETED, request_completed, l,
		MHD_OPTION_URI_LOG_CALLBACK, request_begin, l,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, WEB_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)WEB_STALL_S,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	w->nlisteners++;
	if (!l->daemon) {
		return err_set(e, ERR_TEMP,
			"could not start the web server "
			"on '%s'",
			path ? path : "the TCP port");
	}
	info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	l->epfd = info ? info->listen_fd : -1;
	return 0;
}

/* ---- the loop ---- */

static void
on_ready(int fd UNUSED, uint32_t events UNUSED, void *arg UNUSED)
{
	/* on_turn runs every daemon: there are three at most. */
}

static void
on_mail(int fd UNUSED, uint32_t events UNUSED, void *arg)
{
	struct web *w = arg;

	mail_open(w->mail);
}

static void
on_mhd_timer(void *arg UNUSED)
{
	/* As on_ready: the turn's end does the work. */
}

static void
on_turn(void *arg)
{
	struct web *w = arg;
	unsigned long long wait = ULLONG_MAX;

	for (int i = 0; i < RUNS_PER_TURN && (!i || !wait); i++) {
		wait = ULLONG_MAX;
		for (size_t k = 0; k < w->nlisteners; k++) {
			unsigned long long ms;

			MHD_run(w->listeners[k].daemon);
			if (MHD_get_timeout(w->listeners[k].daemon, &ms) ==
				MHD_YES)
				wait = MIN(wait, ms);
		}
	}
	if (wait == ULLONG_MAX)
		loop_timer_cancel(w->loop, &w->mhd_timer);
	else
		loop_timer_set(w->loop, &w->mhd_timer,
			(int64_t)MIN(wait, (unsigned long long)INT_MAX),
			on_mhd_timer, w);
}

/*
 * libmicrohttpd ends the process when it is stopped with a suspended
 * connection, so everything is resumed and flushed first.
 */
static void
wind_down(struct web *w)
{
	int64_t until = clock_boot_ms() + WEB_STOP_MS;
	struct err e;

	live_end_all(w);
	for (struct conn *c = w->conns; c; c = c->next)
		request_abandon(c->req);
	do {
		if (loop_once(w->loop, 20, &e) < 0)
			break;
	} while (live_count(w) && clock_boot_ms() < until);
	linger_end_all(w);
	for (size_t i = 0; i < w->nlisteners; i++) {
		loop_del(w->loop, w->listeners[i].epfd);
		MHD_stop_daemon(w->listeners[i].daemon);
		w->listeners[i].daemon = NULL;
	}
}

static void *
thread_main(void *arg)
{
	struct web *w = arg;
	struct err e;

	while (!__atomic_load_n(&w->is_stopping, __ATOMIC_ACQUIRE))
		if (loop_once(w->loop, -1, &e) < 0) {
			log_line(LOG_ERROR, "web: %s", e.msg);
			break;
		}
	__atomic_store_n(&w->is_stopping, true, __ATOMIC_RELEASE);
	wind_down(w);
	return NULL;
}

static int
watch_all(struct web *w, struct err *e)
{
	if (loop_add(w->loop, mail_fd(w->mail), EPOLLIN, on_mail, w, e) < 0)
		return -1;
	for (size_t i = 0; i < w->nlisteners; i++)
		if (loop_add(w->loop, w->listeners[i].epfd, EPOLLIN, on_ready,
			    w, e) < 0)
			return -1;
	loop_on_turn(w->loop, on_turn, w);
	return 0;
}

static int
listen_all(struct web *w, const struct config *conf, struct err *e)
{
	AUTO(freep) char *sock = xasprintf("%s/sock", conf->state);
	int fd;

	if (!listen_is_none(conf->listen)) {
		fd = listen_tcp(conf->listen, &w->port, e);
		if (fd < 0 || add_listener(w, fd, NULL, e) < 0)
			return -1;
	}
	fd = listen_unix(sock, e);
	if (fd < 0 || add_listener(w, fd, sock, e) < 0)
		return -1;
	if (!conf->socket || str_eq(conf->socket, sock))
		return 0;
	fd = listen_unix(conf->socket, e);
	if (fd < 0 || add_listener(w, fd, conf->socket, e) < 0)
		return -1;
	return 0;
}

static int
prepare(struct web *w, const struct config *conf, const char *templates,
	struct err *e)
{
	w->mail = mail_new(e);
	w->loop = w->mail ? loop_new(e) : NULL;
	if (!w->loop)
		return -1;
	w->state_fd = path_open_dir(AT_FDCWD, conf->state, e);
	if (w->state_fd < 0)
		return -1;
	w->templates = xstrdup(templates);
	if (page_check(templates, e) < 0)
		return err_wrap(e, "the templates folder");
	w->assets = assets_load(templates, e);
	if (!w->assets)
		return -1;
	w->live = live_new(w);
	w->penalty = penalty_new();
	return listen_all(w, conf, e) < 0 ? -1 : watch_all(w, e);
}

int
web_start(
	struct web **ret, struct core *c, const char *templates, struct err *e)
{
	struct web *w = xcalloc(1, sizeof(*w));
	struct config_ref *conf = core_config(c);
	int rc;

	w->core = c;
	w->state_fd = -1;
	rc = prepare(w, &conf->conf, templates, e);
	config_unref(conf);
	if (!rc) {
		rc = pthread_create(&w->thread, NULL, thread_main, w);
		w->has_thread = !rc;
		if (rc) {
			errno = rc;
			err_sys(e, "start the web thread");
		}
	}
	if (rc) {
		web_stop(w);
		return -1;
	}
	*ret = w;
	return 0;
}

int
web_port(const struct web *w)
{
	return w->port;
}

void
web_stop(struct web *w)
{
	if (!w)
		return;
	__atomic_store_n(&w->is_stopping, true, __ATOMIC_RELEASE);
	if (w->has_thread) {
		mail_wake(w->mail);
		pthread_join(w->thread, NULL);
	}
	for (size_t i = 0; i < w->nlisteners; i++) {
		struct listener *l = &w->listeners[i];

		if (l->daemon)
			MHD_stop_daemon(l->daemon);
		if (l->path)
			unlink(l->path);
		free(l->path);
	}
	live_free(w->live);
	assets_free(w->assets);
	free(w->templates);
	penalty_free(w->penalty);
	if (w->mail)
		mail_close(w->mail);
	mail_unref(w->mail);
	loop_free(w->loop);
	fd_closep(&w->state_fd);
	free(w);
}
