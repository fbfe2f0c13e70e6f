/* SPDX-License-Identifier: MIT */
/* See linger.h. */
#include "base/base.h"
#include "web/linger.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/socket.h>

#define PIECE ((size_t)64 << 10)
#define PIECES_PER_TURN 16

struct linger_sock {
	struct web *web;
	int fd;
	size_t bytes;
	struct loop_timer timer;
	struct linger_sock *next;
};

static void
end(struct linger_sock *l)
{
	struct linger_sock **at = &l->web->lingers;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->web->nlingers--;
	loop_timer_cancel(l->web->loop, &l->timer);
	loop_del(l->web->loop, l->fd);
	fd_closep(&l->fd);
	free(l);
}

static void
on_time(void *arg)
{
	end(arg);
}

static void
on_bytes(int fd, uint32_t events UNUSED, void *arg)
{
	struct linger_sock *l = arg;
	char waste[PIECE];

	for (int i = 0; i < PIECES_PER_TURN; i++) {
		ssize_t n = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			l->bytes += (size_t)n;
		if (n <= 0 || l->bytes > LINGER_BYTES) {
			end(l);
			return;
		}
	}
}

void
linger_start(struct web *w, int fd)
{
	struct linger_sock *l;
	struct err e;
	int own;

	if (w->nlingers == LINGER_MAX)
		return;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return;
	l = xcalloc(1, sizeof(*l));
	l->web = w;
	l->fd = own;
	l->next = w->lingers;
	w->lingers = l;
	w->nlingers++;
	loop_timer_set(w->loop, &l->timer, LINGER_MS, on_time, l);
	if (loop_add(w->loop, own, EPOLLIN, on_bytes, l, &e) < 0)
		end(l);
}

void
linger_end_all(struct web *w)
{
	while (w->lingers)
		end(w->lingers);
}
