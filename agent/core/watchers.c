/* SPDX-License-Identifier: MIT */
/*
 * Who follows a run.  The mutex is held while a watcher is called, so that
 * core_unwatch can promise that it is not called afterwards.
 */
#include "base/base.h"
#include "core/inner.h"

#include <sys/eventfd.h>

void
run_view_unref(struct run_view *v)
{
	if (!v || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL))
		return;
	run_free(v->run);
	free(v);
}

struct run_view *
run_view_ref(struct run_view *v)
{
	__atomic_add_fetch(&v->refs, 1, __ATOMIC_RELAXED);
	return v;
}

static struct run_view *
view_of(const struct run *r)
{
	struct run_view *v = xcalloc(1, sizeof(*v));

	v->run = run_clone(r);
	v->refs = 1;
	return v;
}

uint64_t
core_watch(struct core *c, uint64_t run, core_watch_fn *fn, void *arg)
{
	struct watcher *w = xcalloc(1, sizeof(*w));
	uint64_t id;

	w->run = run;
	w->fn = fn;
	w->arg = arg;
	w->told = !run; /* a watcher of all runs is told of changes only */
	pthread_mutex_lock(&c->mutex);
	id = w->id = ++c->next_watcher;
	w->next = c->watchers;
	c->watchers = w;
	c->nwatchers++;
	pthread_mutex_unlock(&c->mutex);
	eventfd_write(c->wake_fd, 1);
	return id;
}

void
core_unwatch(struct core *c, uint64_t id)
{
	struct watcher **at, *w = NULL;

	pthread_mutex_lock(&c->mutex);
	for (at = &c->watchers; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			w = *at;
			*at = w->next;
			c->nwatchers--;
			break;
		}
	pthread_mutex_unlock(&c->mutex);
	free(w);
}

void
watchers_tell(struct core *c, struct live *l)
{
	struct run_view *v = NULL;

	pthread_mutex_lock(&c->mutex);
	for (struct watcher *w = c->watchers; w; w = w->next) {
		if (w->run && w->run != l->id)
			continue;
		if (!v)
			v = view_of(l->run);
		w->told = true;
		w->fn(l->id, run_view_ref(v), w->arg);
	}
	pthread_mutex_unlock(&c->mutex);
	run_view_unref(v);
}

bool
watchers_any(struct core *c, uint64_t run)
{
	bool any = false;

	pthread_mutex_lock(&c->mutex);
	for (struct watcher *w = c->watchers; w && !any; w = w->next)
		any = w->run == run;
	pthread_mutex_unlock(&c->mutex);
	return any;
}

/* The current state for one that has just come; NULL: no such run. */
static struct run_view *
first_view(struct core *c, uint64_t id)
{
	struct live *l = live_find(c, id);
	struct run_view *v;
	struct err e;
	struct run *r;

	if (l) {
		for (struct attempt *a = l->attempts; a; a = a->next)
			attempt_watch_output(a);
		return view_of(l->run);
	}
	if (run_load(c, id, &r, &e) < 0)
		return NULL;
	v = xcalloc(1, sizeof(*v));
	v->run = r;
	v->refs = 1;
	return v;
}

void
watchers_new(struct core *c)
{
	pthread_mutex_lock(&c->mutex);
	for (struct watcher *w = c->watchers; w; w = w->next) {
		if (w->told)
			continue;
		w->told = true;
		w->fn(w->run, first_view(c, w->run), w->arg);
	}
	pthread_mutex_unlock(&c->mutex);
}
