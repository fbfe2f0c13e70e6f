/* SPDX-License-Identifier: MIT */
/*
 * See outlog.h.  What is over the head's share of the limit goes round in
 * an unlinked file beside the output, so that memory stays small whatever
 * the limit; it reaches the output when the step ends.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"
#include "store/outlog.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BLOCK_BYTES 65536
#define INDEX_BYTES 16
#define TAIL_BYTES 8192 /* kept in memory, for diagnosis */
#define RING_NAME ".output.ring"

struct outlog {
	int dirfd, out, idx;
	int64_t offset; /* end of the output file */
	int64_t index_size;
	bool active;
	int64_t start; /* of the step */
	int64_t head_max, ring_max;
	uint32_t crc;       /* of what is in the file */
	char last;          /* the last byte that went to the file */
	int ring;           /* -1 until it is needed */
	int64_t ring_total; /* bytes that ever went into it */
	char tail[TAIL_BYTES];
	size_t tail_len, tail_at; /* tail_at: where the next byte goes */
};

static int
open_append(int dirfd, const char *name, int64_t *ret_size, struct err *e)
{
	struct stat st;
	int fd = path_open_beneath(dirfd, name,
		O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0600, e);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || fchmod(fd, 0600) < 0) {
		err_sys(e, "'%s'", name);
		close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_PERM, "'%s' is not a plain file", name);
	}
	*ret_size = st.st_size;
	return fd;
}

int
outlog_open(struct outlog **ret, int dirfd, struct err *e)
{
	struct outlog *o = xcalloc(1, sizeof(*o));

	o->out = o->idx = o->ring = -1;
	o->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (o->dirfd < 0) {
		err_sys(e, "the attempt's folder");
		goto fail;
	}
	o->out = open_append(dirfd, "output", &o->offset, e);
	if (o->out < 0)
		goto fail;
	o->idx = open_append(dirfd, "output.idx", &o->index_size, e);
	if (o->idx < 0)
		goto fail;
	/* A torn index record would shift all that follow. */
	o->index_size -= o->index_size % INDEX_BYTES;
	if (ftruncate(o->idx, o->index_size) < 0) {
		err_sys(e, "cut 'output.idx' back");
		goto fail;
	}
	o->last = '\n';
	*ret = o;
	return 0;
fail:
	outlog_close(o);
	return -1;
}

void
outlog_close(struct outlog *o)
{
	if (!o)
		return;
	fd_closep(&o->ring);
	fd_closep(&o->idx);
	fd_closep(&o->out);
	fd_closep(&o->dirfd);
	free(o);
}

int
outlog_begin(struct outlog *o, int64_t max_bytes, struct err *e)
{
	if (o->active)
		return err_set(e, ERR_PERM, "the last step has not ended");
	if (max_bytes < 0)
		return err_set(e, ERR_PERM,
			"an output limit of %" PRId64 " bytes can not be",
			max_bytes);
	if (!max_bytes)
		max_bytes = OUTLOG_MAX_DEFAULT;
	o->active = true;
	o->start = o->offset;
	o->ring_max = max_bytes / 4;
	o->head_max = max_bytes - o->ring_max;
	o->ring_total = 0;
	o->crc = 0;
	o->last = '\n';
	o->tail_len = o->tail_at = 0;
	return 0;
}

static void
put_le64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		p[i] = (unsigned char)v;
}

/* To the output file, with its index record.  What is there only in part
 * is cut off again: the file never holds more than we count. */
static int
put(struct outlog *o, const char *p, size_t n, bool index, struct err *e)
{
	unsigned char rec[INDEX_BYTES];

	if (!n)
		return 0;
	put_le64(rec, (uint64_t)o->offset);
	put_le64(rec + 8, (uint64_t)clock_wall_ms());
	if (fd_write_all(o->out, p, n, e) < 0) {
		err_wrap(e, "'output'");
		goto fail;
	}
	if (index && fd_write_all(o->idx, rec, sizeof(rec), e) < 0) {
		err_wrap(e, "'output.idx'");
		goto fail;
	}
	o->index_size += index ? INDEX_BYTES : 0;
	o->offset += (int64_t)n;
	o->crc = crc32c(o->crc, p, n);
	o->last = p[n - 1];
	return 0;
fail:
	if (ftruncate(o->out, o->offset) < 0 ||
		ftruncate(o->idx, o->index_size) < 0)
		return err_wrap(e, "and it could not be cut back (%s)",
			strerror(errno));
	return -1;
}

static int
open_ring(struct outlog *o, struct err *e)
{
	o->ring = openat(o->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (o->ring >= 0)
		return 0;
	/* Not every file system knows files without a name. */
	if (unlinkat(o->dirfd, RING_NAME, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '" RING_NAME "'");
	o->ring = openat(o->dirfd, RING_NAME,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (o->ring < 0)
		return err_sys(e, "create '" RING_NAME "'");
	unlinkat(o->dirfd, RING_NAME, 0);
	return 0;
}

static int
put_ring(struct outlog *o, const char *p, size_t n, struct err *e)
{
	if (!o->ring_max) {
		o->ring_total += (int64_t)n;
		return 0;
	}
	if (o->ring < 0 && open_ring(o, e) < 0)
		return -1;
	/* Only what can survive this very call need be written. */
	if ((int64_t)n > o->ring_max) {
		size_t over = n - (size_t)o->ring_max;

		o->ring_total += (int64_t)over;
		p += over;
		n -= over;
	}
	while (n) {
		int64_t at = o->ring_total % o->ring_max;
		size_t k = (size_t)MIN((int64_t)n, o->ring_max - at);

		if (fd_pwrite_all(o->ring, p, k, at, e) < 0)
			return err_wrap(e, "the output's last part");
		o->ring_total += (int64_t)k;
		p += k;
		n -= k;
	}
	return 0;
}

static void
keep_tail(struct outlog *o, const char *p, size_t n)
{
	if (n > TAIL_BYTES) {
		p += n - TAIL_BYTES;
		n = TAIL_BYTES;
	}
	o->tail_len = MIN(o->tail_len + n, (size_t)TAIL_BYTES);
	while (n) {
		size_t k = MIN(n, TAIL_BYTES - o->tail_at);

		memcpy(o->tail + o->tail_at, p, k);
		o->tail_at = (o->tail_at + k) % TAIL_BYTES;
		p += k;
		n -= k;
	}
}

int
outlog_write(struct outlog *o, const void *p, size_t n, struct err *e)
{
	int64_t room = o->head_max - (o->offset - o->start);
	size_t head = room > 0 ? (size_t)MIN((int64_t)n, room) : 0;
	const char *s = p;

	if (!o->active)
		return err_set(e, ERR_PERM, "output without a step");
	/* A byte goes to the file only while none went round before it. */
	if (o->ring_total)
		head = 0;
	if (put(o, s, head, true, e) < 0 ||
		(n > head && put_ring(o, s + head, n - head, e) < 0))
		return -1;
	keep_tail(o, s, n);
	return 0;
}

/* The oldest byte that is left comes first. */
static int
put_from_ring(struct outlog *o, int64_t kept, struct err *e)
{
	AUTO(freep) char *block = xmalloc(BLOCK_BYTES);
	int64_t at = o->ring_total - kept;

	for (bool first = true; at < o->ring_total; first = false) {
		int64_t in = at % o->ring_max;
		int64_t want = MIN(o->ring_total - at, o->ring_max - in);
		ssize_t n;

		n = pread(o->ring, block,
			(size_t)MIN(want, (int64_t)BLOCK_BYTES), in);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the output's last part");
		if (!n)
			return err_set(
				e, ERR_TEMP, "the output's last part is gone");
		if (put(o, block, (size_t)n, first, e) < 0)
			return -1;
		at += n;
	}
	return 0;
}

static int
put_rest(struct outlog *o, int64_t *ret_dropped, struct err *e)
{
	AUTO(buf_release) struct buf note = BUF_INIT;
	int64_t kept = MIN(o->ring_total, o->ring_max);

	*ret_dropped = o->ring_total - kept;
	if (*ret_dropped)
		buf_addf(&note, "%s[... %" PRId64 " bytes were left out ...]\n",
			o->last == '\n' ? "" : "\n", *ret_dropped);
	if (put(o, note.data, note.len, true, e) < 0)
		return -1;
	return kept ? put_from_ring(o, kept, e) : 0;
}

int
outlog_end(struct outlog *o, int64_t *ret_offset, int64_t *ret_length,
	uint32_t *ret_crc, int64_t *ret_dropped, struct err *e)
{
	int64_t dropped = 0;
	int rc;

	if (!o->active)
		return err_set(e, ERR_PERM, "no step to end");
	rc = put_rest(o, &dropped, e);
	o->active = false;
	if (o->ring >= 0)
		fd_closep(&o->ring);
	*ret_offset = o->start;
	*ret_length = o->offset - o->start;
	*ret_crc = o->crc;
	*ret_dropped = dropped;
	return rc;
}

int
outlog_sync(struct outlog *o, struct err *e)
{
	if (fdatasync(o->out) < 0)
		return err_sys(e, "sync 'output'");
	return 0;
}

int64_t
outlog_offset(const struct outlog *o)
{
	return o->offset;
}

size_t
outlog_tail(const struct outlog *o, char *to, size_t n)
{
	size_t have = MIN(n, o->tail_len);
	size_t from = (o->tail_at + TAIL_BYTES - have) % TAIL_BYTES;

	for (size_t i = 0; i < have; i++)
		to[i] = o->tail[(from + i) % TAIL_BYTES];
	return have;
}
