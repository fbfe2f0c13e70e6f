/* SPDX-License-Identifier: MIT */
/* See watch.h. */
#include "base/base.h"
#include "os/fd.h"
#include "os/watch.h"

struct entry {
	int id;
	watch_fn *fn;
	void *arg;
};

struct watch_set {
	struct loop *loop;
	int fd;
	struct entry *e;
	size_t len, cap;
};

static struct entry *
find(struct watch_set *ws, int id)
{
	for (size_t i = 0; i < ws->len; i++)
		if (ws->e[i].id == id)
			return &ws->e[i];
	return NULL;
}

static void
overflowed(struct watch_set *ws)
{
	AUTO(freep) int *ids = xcalloc(ws->len, sizeof(*ids));
	size_t n = ws->len;

	for (size_t i = 0; i < n; i++)
		ids[i] = ws->e[i].id;
	for (size_t i = 0; i < n; i++) {
		struct entry *en = find(ws, ids[i]);

		if (en)
			en->fn(IN_Q_OVERFLOW, NULL, en->arg);
	}
}

static void
readable(int fd, uint32_t events UNUSED, void *arg)
{
	_Alignas(struct inotify_event) char room[8192];
	struct watch_set *ws = arg;
	ssize_t n = read(fd, room, sizeof(room));

	for (char *at = room; n > 0 && at < room + n;) {
		struct inotify_event *ev = (void *)at;
		struct entry *en;

		at += sizeof(*ev) + ev->len;
		if (ev->mask & IN_Q_OVERFLOW) {
			overflowed(ws);
			continue;
		}
		en = find(ws, ev->wd);
		if (en && !(ev->mask & IN_IGNORED))
			en->fn(ev->mask, ev->len ? ev->name : NULL, en->arg);
	}
}

struct watch_set *
watch_set_new(struct loop *l, struct err *e)
{
	struct watch_set *ws = xcalloc(1, sizeof(*ws));

	ws->loop = l;
	ws->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (ws->fd < 0) {
		err_sys(e, "inotify");
		free(ws);
		return NULL;
	}
	if (loop_add(l, ws->fd, EPOLLIN, readable, ws, e) < 0) {
		watch_set_free(ws);
		return NULL;
	}
	return ws;
}

void
watch_set_free(struct watch_set *ws)
{
	if (!ws)
		return;
	loop_del(ws->loop, ws->fd);
	fd_closep(&ws->fd);
	free(ws->e);
	free(ws);
}

int
watch_add(struct watch_set *ws, const char *path, uint32_t mask, watch_fn *fn,
	void *arg, struct err *e)
{
	int id = inotify_add_watch(ws->fd, path, mask | IN_MASK_CREATE);

	if (id < 0)
		return err_sys(e, "watch '%s'", path);
	ws->e = grow(ws->e, ws->len, &ws->cap, sizeof(*ws->e));
	ws->e[ws->len++] = (struct entry){ id, fn, arg };
	return id;
}

void
watch_del(struct watch_set *ws, int id)
{
	struct entry *en = find(ws, id);

	if (!en)
		return;
	inotify_rm_watch(ws->fd, id);
	*en = ws->e[--ws->len];
}
