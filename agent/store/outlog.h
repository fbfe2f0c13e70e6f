/* SPDX-License-Identifier: MIT */
/*
 * A step's output as it comes: raw bytes in the attempt's "output" file and
 * beside it "output.idx", one 16-byte record (offset, wall milliseconds;
 * little-endian) per write.  Bounded per step: the first 3/4 of the limit
 * and the last 1/4 are kept, a line in between says how much was dropped.
 */
#ifndef STORE_OUTLOG_H
#define STORE_OUTLOG_H

#include "base/base.h"
#include "base/err.h"

struct outlog;

#define OUTLOG_MAX_DEFAULT ((int64_t)64 << 20) /* per step */

/* Opens dirfd/output and output.idx for appending (0600). */
int outlog_open(struct outlog **ret, int dirfd, struct err *e);
void outlog_close(struct outlog *o);

/* Begins a step; max_bytes as above, 0 for the default. */
int outlog_begin(struct outlog *o, int64_t max_bytes, struct err *e);
int outlog_write(struct outlog *o, const void *p, size_t n, struct err *e);
/* Ends it: where its bytes are, and their CRC32C.  The results are set even
 * when the last part could not be written: they say what is there. */
int outlog_end(struct outlog *o, int64_t *ret_offset, int64_t *ret_length,
	uint32_t *ret_crc, int64_t *ret_dropped, struct err *e);
/* Returns when the output is on disk: before an event names its length. */
int outlog_sync(struct outlog *o, struct err *e);
int64_t outlog_offset(const struct outlog *o); /* where the next byte goes */
/* The last bytes of the current or last step, at most n, for diagnosis. */
size_t outlog_tail(const struct outlog *o, char *to, size_t n);

#endif
