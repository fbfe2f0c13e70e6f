/* SPDX-License-Identifier: MIT */
/*
 * Events under (run, sequence), and how far the spools were read.  What an
 * event means is not known here.
 */
#include "base/base.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#define EVENT_KEY_BYTES 12
#define SPOOL_KEY_BYTES 16

static void
event_key(unsigned char to[EVENT_KEY_BYTES], uint64_t run, uint32_t seq)
{
	db_put64(to, run);
	db_put32(to + 8, seq);
}

int
journal_append(
	struct journal *j, uint64_t run, const struct event *ev, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	unsigned char key[EVENT_KEY_BYTES];

	event_key(key, run, ev->seq);
	event_to_json(ev, &b);
	if (db_add(j->db, T_EVENTS, key, sizeof(key), b.data, b.len, e) < 0)
		return err_wrap(e, "run %" PRIu64 ", event %u (%s)", run,
			ev->seq, event_kind_name(ev->kind));
	return 0;
}

static int
give_event(struct journal *j, const struct db_rec *rec, journal_event_fn *fn,
	void *arg, struct err *e)
{
	AUTO(event_release) struct event ev = { 0 };

	if (rec->klen != EVENT_KEY_BYTES)
		return journal_bad(j, T_EVENTS, rec, e);
	if (event_from_json(&ev, rec->val, rec->vlen, e) < 0)
		return err_wrap(e, "run %" PRIu64 ", event %u",
			db_get64(rec->key), db_get32(rec->key + 8));
	ev.seq = db_get32(rec->key + 8);
	return fn(&ev, arg, e);
}

int
journal_events(struct journal *j, uint64_t run, uint32_t from_seq,
	journal_event_fn *fn, void *arg, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	unsigned char key[EVENT_KEY_BYTES];
	struct db_rec rec;
	int rc;

	event_key(key, run, from_seq);
	db_iter_init(&it, j->db, T_EVENTS, key, 8, false);
	db_iter_seek(&it, key, sizeof(key));
	while ((rc = db_iter_next(&it, &rec, e)) > 0)
		if (give_event(j, &rec, fn, arg, e) < 0)
			return -1;
	return rc;
}

/* The run after that one which has events. */
static int
next_run(struct journal *j, uint64_t after, uint64_t *ret, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	unsigned char key[EVENT_KEY_BYTES];
	struct db_rec rec;
	int rc;

	if (after == UINT64_MAX)
		return 0;
	event_key(key, after + 1, 0);
	db_iter_init(&it, j->db, T_EVENTS, NULL, 0, false);
	db_iter_seek(&it, key, sizeof(key));
	rc = db_iter_next(&it, &rec, e);
	if (rc <= 0)
		return rc;
	if (rec.klen != EVENT_KEY_BYTES)
		return journal_bad(j, T_EVENTS, &rec, e);
	*ret = db_get64(rec.key);
	return 1;
}

int
journal_each_run(
	struct journal *j, journal_each_run_fn *fn, void *arg, struct err *e)
{
	uint64_t run = 0;
	int rc;

	while ((rc = next_run(j, run, &run, e)) > 0)
		if (fn(run, arg, e) < 0)
			return -1;
	return rc;
}

/* Deletes all keys of that table that start with the run's number. */
static int
delete_all_of(struct journal *j, int table, uint64_t run, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	unsigned char key[8];
	struct db_rec rec;
	int rc, n = 0;

	db_put64(key, run);
	db_iter_init(&it, j->db, table, key, sizeof(key), false);
	/* A damaged record is deleted like any other. */
	while ((rc = db_iter_next(&it, &rec, e)) > 0 || it.damaged) {
		if (db_del(j->db, table, rec.key, rec.klen, e) < 0)
			return -1;
		n = 1;
	}
	return rc < 0 ? -1 : n;
}

int
journal_del_run(struct journal *j, uint64_t run, struct err *e)
{
	int events = delete_all_of(j, T_EVENTS, run, e), row;

	if (events < 0 || delete_all_of(j, T_SPOOLS, run, e) < 0)
		return -1;
	row = journal_row_delete(j, run, e);
	return row < 0 ? -1 : row | events;
}

static void
spool_key(unsigned char to[SPOOL_KEY_BYTES], uint64_t run, int job, int attempt)
{
	assert(job >= -1 && attempt >= 0);
	db_put64(to, run);
	db_put32(to + 8, (uint32_t)(job + 1));
	db_put32(to + 12, (uint32_t)attempt);
}

int
journal_spool_get(struct journal *j, uint64_t run, int job, int attempt,
	int64_t *ret_offset, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	unsigned char key[SPOOL_KEY_BYTES];
	struct db_rec rec = { .key = key, .klen = sizeof(key) };
	int rc;

	spool_key(key, run, job, attempt);
	rc = db_get(j->db, T_SPOOLS, key, sizeof(key), &b, e);
	if (rc < 0)
		return -1;
	if (rc && b.len != 8)
		return journal_bad(j, T_SPOOLS, &rec, e);
	*ret_offset = rc ? (int64_t)db_get64((const unsigned char *)b.data) : 0;
	return 0;
}

int
journal_spool_put(struct journal *j, uint64_t run, int job, int attempt,
	int64_t offset, struct err *e)
{
	unsigned char key[SPOOL_KEY_BYTES], val[8];

	spool_key(key, run, job, attempt);
	db_put64(val, (uint64_t)offset);
	return db_put(j->db, T_SPOOLS, key, sizeof(key), val, sizeof(val), e);
}

int
journal_spool_del(
	struct journal *j, uint64_t run, int job, int attempt, struct err *e)
{
	unsigned char key[SPOOL_KEY_BYTES];

	spool_key(key, run, job, attempt);
	return db_del(j->db, T_SPOOLS, key, sizeof(key), e) < 0 ? -1 : 0;
}
