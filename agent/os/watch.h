/* SPDX-License-Identifier: MIT */
/* inotify in the loop: one descriptor, many watches. */
#ifndef OS_WATCH_H
#define OS_WATCH_H

#include "base/base.h"
#include "base/err.h"
#include "os/loop.h"

#include <sys/inotify.h>

struct watch_set;

/* name: the entry below a watched folder, or NULL for the thing itself.
 * mask has IN_Q_OVERFLOW when events were lost: look at everything. */
typedef void watch_fn(uint32_t mask, const char *name, void *arg);

struct watch_set *watch_set_new(struct loop *l, struct err *e);
void watch_set_free(struct watch_set *ws);

/* Returns an id for watch_del.  A path watched twice is an error. */
int watch_add(struct watch_set *ws, const char *path, uint32_t mask,
	watch_fn *fn, void *arg, struct err *e);
void watch_del(struct watch_set *ws, int id);

#endif
