/* SPDX-License-Identifier: MIT */
/*
 * The worker's events file: records that are complete or not there.  Each
 * is a 12-byte head (magic, length, CRC32C, little-endian) and one event as
 * JSON (model/event.h).  The worker appends; tellusd reads and remembers
 * how far it got in the journal.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "base/base.h"
#include "base/err.h"
#include "model/event.h"

#define SPOOL_RECORD_MAX (1 << 20)

/* Appends one event; when sync is set, returns after fdatasync. */
int spool_append(int fd, const struct event *ev, bool sync, struct err *e);

typedef int spool_fn(
	const struct event *ev, int64_t end_offset, void *arg, struct err *e);

/* Calls fn for each complete record from *offset on and moves *offset past
 * it.  An incomplete tail is left for the next call; a record whose
 * checksum is wrong is ERR_PERM ("damaged at ..."). */
int spool_read(int fd, int64_t *offset, spool_fn *fn, void *arg, struct err *e);

#endif
