/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer that is always NUL-terminated.  BUF_INIT allocates
 * nothing; the data pointer is valid as a string at any time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"

struct buf {
	char *data; /* never NULL after BUF_INIT; data[len] is NUL */
	size_t len, cap;
};

extern char buf_empty[];
#define BUF_INIT                                                               \
	{                                                                      \
		buf_empty, 0, 0                                                \
	}

void buf_init(struct buf *b);
void buf_release(struct buf *b); /* also for AUTO(buf_release) */
void buf_reset(struct buf *b);   /* len = 0, keeps the memory */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_addz(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);

/* Room for n more bytes at the returned place; buf_grown() says how many
 * were written there. */
char *buf_room(struct buf *b, size_t n);
void buf_grown(struct buf *b, size_t n);

/* Drops n bytes from the front (n <= len). */
void buf_drop(struct buf *b, size_t n);

/* Hands the memory over as a heap string; the buffer is empty after it. */
char *buf_take(struct buf *b);

#endif
