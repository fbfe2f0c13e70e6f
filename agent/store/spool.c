/* SPDX-License-Identifier: MIT */
/*
 * See spool.h.  The checksum covers the length too, so that a record whose
 * length was damaged is never taken for a shorter one.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/crash.h"
#include "base/enc.h"
#include "os/fd.h"
#include "store/spool.h"

#define SPOOL_MAGIC 0x31505354u /* "TSP1" */
#define HEAD_BYTES 12
#define BLOCK_BYTES 65536

static void
put_le32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++, v >>= 8)
		p[i] = (unsigned char)v;
}

static uint32_t
get_le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint32_t
record_crc(const unsigned char *head, size_t len)
{
	return crc32c(crc32c(0, head + 4, 4), head + HEAD_BYTES, len);
}

int
spool_append(int fd, const struct event *ev, bool sync, struct err *e)
{
	static const char head[HEAD_BYTES];
	AUTO(buf_release) struct buf b = BUF_INIT;
	unsigned char *p;
	off_t at;

	buf_add(&b, head, HEAD_BYTES);
	event_to_json(ev, &b);
	if (b.len - HEAD_BYTES > SPOOL_RECORD_MAX)
		return err_set(e, ERR_PERM,
			"event '%s' has %zu bytes, more than the limit of %d",
			event_kind_name(ev->kind), b.len - HEAD_BYTES,
			SPOOL_RECORD_MAX);
	p = (unsigned char *)b.data;
	put_le32(p, SPOOL_MAGIC);
	put_le32(p + 4, (uint32_t)(b.len - HEAD_BYTES));
	put_le32(p + 8, record_crc(p, b.len - HEAD_BYTES));
	at = lseek(fd, 0, SEEK_END);
	if (at < 0)
		return err_sys(e, "seek in the events file");
	crash_point("spool.before");
	if (fd_write_all(fd, b.data, b.len, e) < 0) {
		err_wrap(e, "events file");
		goto fail;
	}
	crash_point("spool.written");
	if (sync && fdatasync(fd) < 0) {
		err_sys(e, "sync the events file");
		goto fail;
	}
	return 0;
fail:
	/* A part of a record would hide all that is appended after it. */
	if (ftruncate(fd, at) < 0)
		return err_wrap(e, "and it could not be cut back (%s)",
			strerror(errno));
	return -1;
}

static int
damaged(int64_t at, const char *why, struct err *e)
{
	return err_set(e, ERR_PERM,
		"events file damaged at offset %" PRId64 ": %s", at, why);
}

/* A power cut may leave a length that was never filled: zeros to the end
 * are a record that is not there yet. */
static int
only_zeros(int fd, int64_t at, struct err *e)
{
	char block[4096];

	for (;;) {
		ssize_t n = pread(fd, block, sizeof(block), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the events file");
		if (!n)
			return 0;
		for (ssize_t i = 0; i < n; i++)
			if (block[i])
				return damaged(at + i,
					"the start of a record is missing", e);
		at += n;
	}
}

/* The length of the whole record at p; 0: not complete; -1: damaged. */
static ssize_t
record_len(const unsigned char *p, size_t n, int64_t at, struct err *e)
{
	uint32_t len;

	if (n < HEAD_BYTES)
		return 0;
	if (get_le32(p) != SPOOL_MAGIC)
		return damaged(at, "there is no record here", e);
	len = get_le32(p + 4);
	if (len > SPOOL_RECORD_MAX)
		return damaged(at, "the length is over the limit", e);
	if (n - HEAD_BYTES < len)
		return 0;
	if (get_le32(p + 8) != record_crc(p, len))
		return damaged(at, "the checksum is wrong", e);
	return HEAD_BYTES + (ssize_t)len;
}

static int
hand_over(const unsigned char *p, size_t len, int64_t at, spool_fn *fn,
	void *arg, struct err *e)
{
	AUTO(event_release) struct event ev = { 0 };

	if (event_from_json(
		    &ev, (const char *)p + HEAD_BYTES, len - HEAD_BYTES, e) < 0)
		return err_wrap(e, "events file, offset %" PRId64, at);
	return fn(&ev, at + (int64_t)len, arg, e);
}

/* All complete records in the buffer; the rest is kept in it. */
static int
take_records(
	struct buf *b, int64_t *offset, spool_fn *fn, void *arg, struct err *e)
{
	size_t done = 0;
	ssize_t n;

	for (;;) {
		const unsigned char *p = (const unsigned char *)b->data + done;

		n = record_len(p, b->len - done, *offset, e);
		if (n <= 0)
			break;
		if (hand_over(p, (size_t)n, *offset, fn, arg, e) < 0) {
			n = -1;
			break;
		}
		*offset += n;
		done += (size_t)n;
	}
	buf_drop(b, done);
	return n < 0 ? -1 : 0;
}

static bool
starts_with_zeros(const struct buf *b)
{
	static const char zeros[HEAD_BYTES];

	return b->len >= HEAD_BYTES && !memcmp(b->data, zeros, HEAD_BYTES);
}

int
spool_read(int fd, int64_t *offset, spool_fn *fn, void *arg, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	for (;;) {
		char *to = buf_room(&b, BLOCK_BYTES);
		ssize_t n =
			pread(fd, to, BLOCK_BYTES, *offset + (int64_t)b.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the events file");
		if (!n)
			return 0;
		buf_grown(&b, (size_t)n);
		if (take_records(&b, offset, fn, arg, e) < 0) {
			if (e->code == ERR_PERM && starts_with_zeros(&b))
				return only_zeros(fd, *offset, e);
			return -1;
		}
	}
}
