/* SPDX-License-Identifier: MIT */
/*
 * Which deliveries are known, and which runs they became.  A second table
 * orders the keys by age, so that forgetting reads only what it forgets.
 */
#include "base/base.h"
#include "base/enc.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#define AGE_KEY_BYTES (8 + HASH_BYTES)

static void
age_key(unsigned char to[AGE_KEY_BYTES], uint64_t wall_ms,
	const unsigned char hash[HASH_BYTES])
{
	db_put64(to, wall_ms);
	memcpy(to + 8, hash, HASH_BYTES);
}

static void
hash_key(unsigned char to[HASH_BYTES], const void *key, size_t len)
{
	struct hash_part part = { key, len };

	journal_hash(to, &part, 1);
}

/* 1 with a value of the time and any number of runs, 0, or -1. */
static int
get(struct journal *j, const unsigned char hash[HASH_BYTES], struct buf *val,
	struct err *e)
{
	struct db_rec rec = { .key = hash, .klen = HASH_BYTES };
	int rc = db_get(j->db, T_DEDUPE, hash, HASH_BYTES, val, e);

	if (rc > 0 && (val->len < 8 || val->len % 8))
		return journal_bad(j, T_DEDUPE, &rec, e);
	return rc;
}

int
journal_dedupe_get(struct journal *j, const void *key, size_t len,
	uint64_t *ret_runs, size_t max_runs, size_t *ret_n, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	unsigned char hash[HASH_BYTES];
	int rc;

	hash_key(hash, key, len);
	rc = get(j, hash, &val, e);
	*ret_n = 0;
	if (rc <= 0)
		return rc;
	for (size_t at = 8; at < val.len && *ret_n < max_runs; at += 8)
		ret_runs[(*ret_n)++] =
			db_get64((const unsigned char *)val.data + at);
	return 1;
}

int
journal_dedupe_put(struct journal *j, const void *key, size_t len,
	const uint64_t *runs, size_t n, int64_t wall_ms, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	unsigned char hash[HASH_BYTES], age[AGE_KEY_BYTES], be[8];
	uint64_t time = wall_ms > 0 ? (uint64_t)wall_ms : 0;
	int rc;

	hash_key(hash, key, len);
	rc = get(j, hash, &val, e);
	if (rc < 0)
		return -1;
	if (rc) {
		age_key(age, db_get64((const unsigned char *)val.data), hash);
		if (db_del(j->db, T_AGES, age, sizeof(age), e) < 0)
			return -1;
	}
	buf_reset(&val);
	db_put64(be, time);
	buf_add(&val, be, sizeof(be));
	for (size_t i = 0; i < n; i++) {
		db_put64(be, runs[i]);
		buf_add(&val, be, sizeof(be));
	}
	age_key(age, time, hash);
	if (db_put(j->db, T_AGES, age, sizeof(age), NULL, 0, e) < 0)
		return -1;
	return db_put(j->db, T_DEDUPE, hash, HASH_BYTES, val.data, val.len, e);
}

int
journal_dedupe_expire(
	struct journal *j, int64_t older_than_ms, size_t max, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	struct db_rec rec;
	size_t n = 0;
	int rc = 1;

	if (older_than_ms <= 0)
		return 0;
	max = MIN(max, (size_t)INT_MAX);
	db_iter_init(&it, j->db, T_AGES, NULL, 0, false);
	while (n < max && (rc = db_iter_next(&it, &rec, e)) > 0) {
		if (rec.klen != AGE_KEY_BYTES)
			return journal_bad(j, T_AGES, &rec, e);
		if (db_get64(rec.key) >= (uint64_t)older_than_ms)
			break;
		if (db_del(j->db, T_DEDUPE, rec.key + 8, HASH_BYTES, e) < 0 ||
			db_del(j->db, T_AGES, rec.key, rec.klen, e) < 0)
			return -1;
		n++;
	}
	return rc < 0 ? -1 : (int)n;
}

static int
give(struct journal *j, const struct db_rec *rec, journal_dedupe_fn *fn,
	void *arg, struct err *e)
{
	AUTO(freep) uint64_t *runs = NULL;
	char hash[2 * HASH_BYTES + 1];
	size_t n = rec->vlen / 8;

	if (rec->klen != HASH_BYTES || !n || rec->vlen % 8)
		return journal_bad(j, T_DEDUPE, rec, e);
	hex_put(hash, rec->key, HASH_BYTES);
	runs = xcalloc(n, sizeof(*runs)); /* the first is the time */
	for (size_t i = 0; i < n; i++)
		runs[i] = db_get64((const unsigned char *)rec->val + 8 * i);
	return fn(hash, (int64_t)runs[0], runs + 1, n - 1, arg, e);
}

int
journal_dedupe_each(
	struct journal *j, journal_dedupe_fn *fn, void *arg, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	struct db_rec rec;
	int rc;

	db_iter_init(&it, j->db, T_DEDUPE, NULL, 0, false);
	while ((rc = db_iter_next(&it, &rec, e)) > 0)
		if (give(j, &rec, fn, arg, e) < 0)
			return -1;
	return rc;
}
