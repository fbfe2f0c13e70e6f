/* SPDX-License-Identifier: MIT */
/*
 * The Nth call that makes data durable fails.  This program's own
 * fdatasync, pwrite and writev are what LMDB calls; after each failure the
 * journal must hold exactly what was acknowledged (or, where the outcome is
 * unknown by nature, one commit more after it was opened again).
 */
#include "base/base.h"
#include "base/buf.h"
#include "store/journal_priv.h"

#include "journal_util.h"

#include <sys/syscall.h>
#include <sys/uio.h>

enum call {
	CALL_NONE,
	CALL_SYNC,
	CALL_WRITE,
};

static enum call fail_call;
static int fail_in;    /* counts down to the call that fails */
static int fail_errno; /* 0: write half of it */

static bool
fails_now(enum call call)
{
	return fail_call == call && --fail_in == 0;
}

int
fdatasync(int fd)
{
	if (fails_now(CALL_SYNC)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (fails_now(CALL_WRITE)) {
		if (fail_errno) {
			errno = fail_errno;
			return -1;
		}
		n /= 2;
	}
	return syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	if (fails_now(CALL_WRITE)) {
		if (fail_errno) {
			errno = fail_errno;
			return -1;
		}
		n = MAX(n / 2, 1);
	}
	return syscall(SYS_writev, fd, v, n);
}

static int
commit_one(struct journal *j, uint64_t run, struct err *e)
{
	uint64_t id;

	if (journal_begin(j, e) < 0)
		return -1;
	if (append(j, run, 1, "x", e) < 0 ||
		put_row(j, run, "demo", "sha", "ref", "queued", true, e) < 0 ||
		journal_outbox_add(j, "{}", 2, &id, e) < 0) {
		journal_abort(j);
		return -1;
	}
	return journal_commit(j, e);
}

struct result {
	int failed, reopened, wrong, unclear;
};

/* The runs that are there must be 1..acked, or 1..acked+1 when unknown. */
static void
verdict(struct journal *j, uint64_t acked, bool unknown, struct result *r)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct journal_stats st;
	struct err e;

	if (journal_check(j, &out, &e) < 0 || journal_stats(j, &st, &e) < 0) {
		r->wrong++;
		return;
	}
	r->wrong += st.runs != st.events || st.runs != st.outbox;
	r->wrong += st.runs != acked && !(unknown && st.runs == acked + 1);
	if (acked)
		r->wrong += journal_get_row(j, acked, &json, &e) < 0;
}

static void
one(enum call call, int nth, int sys, struct result *r)
{
	struct journal *j;
	bool unknown = false;
	struct err e = { 0 };
	uint64_t acked = 0;

	path_clear(path);
	j = open_at(path);
	/* Past the zeros that the first turns write ahead. */
	for (int i = 0; i < 5; i++)
		acked += commit_one(j, acked + 1, &e) == 0;
	fail_call = call;
	fail_in = nth;
	fail_errno = sys;
	while (fail_in > 0 && commit_one(j, acked + 1, &e) == 0)
		acked++;
	fail_call = CALL_NONE;
	r->failed += e.code != ERR_NONE;
	r->unclear += e.code != ERR_TEMP;
	if (commit_one(j, acked + 1, &e) == 0) {
		acked++;
	} else {
		/* The journal asks for it: see MDB_PANIC. */
		r->unclear +=
			e.code != ERR_PERM || !strstr(e.msg, "opened again");
		journal_close(j);
		j = open_at(path);
		r->reopened++;
		unknown = true;
	}
	verdict(j, acked, unknown, r);
	journal_close(j);
}

static void
sync_fails(void)
{
	struct result r = { 0 };

	for (int nth = 1; nth <= 8; nth++)
		one(CALL_SYNC, nth, EIO, &r);
	is_int(r.failed, 8, "a sync that fails is a commit that fails");
	is_int(r.unclear, 0, "with an error that may pass");
	is_int(r.wrong, 0, "and nothing of it is there, all else is");
	is_int(r.reopened, 0, "and the journal goes on");
}

static void
write_fails(int sys, const char *what)
{
	struct result r = { 0 };

	for (int nth = 1; nth <= 12; nth++)
		one(CALL_WRITE, nth, sys, &r);
	ok(r.failed == 12, "%s: the commit fails", what);
	ok(r.unclear == 0, "%s: the error says what to do", what);
	ok(r.wrong == 0, "%s: what was acknowledged is there, no more", what);
	ok(r.reopened > 0 && r.reopened < 12,
		"%s: only after the meta page it has to be opened again", what);
}

int
main(void)
{
	top_make();
	sync_fails();
	write_fails(EIO, "a failed write");
	write_fails(ENOSPC, "no space left");
	write_fails(0, "a short write");
	path_clear(top);
	return tap_done();
}
