/* SPDX-License-Identifier: MIT */
/*
 * What is to be told to others (outbox), what could not be told (dead
 * letters), and what was refused.  Ids rise and are never used again, so
 * that their order is the order in which things were decided.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/journal.h"
#include "store/journal_priv.h"

static int
each(struct journal *j, int table, journal_outbox_fn *fn, void *arg,
	struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	struct db_rec rec;
	int rc;

	db_iter_init(&it, j->db, table, NULL, 0, false);
	while ((rc = db_iter_next(&it, &rec, e)) > 0) {
		if (rec.klen != 8)
			return journal_bad(j, table, &rec, e);
		if (fn(db_get64(rec.key), rec.val, rec.vlen, arg, e) < 0)
			return -1;
	}
	return rc;
}

/* Adds under a new id; the oldest go when there are more than max. */
static int
add(struct journal *j, int table, uint64_t id, const struct buf *val,
	uint64_t max, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	unsigned char key[8];
	struct db_rec rec;
	uint64_t n;
	int rc = 0;

	db_put64(key, id);
	if (db_put(j->db, table, key, sizeof(key), val->data, val->len, e) <
			0 ||
		db_count(j->db, table, &n, e) < 0)
		return -1;
	db_iter_init(&it, j->db, table, NULL, 0, false);
	for (; n > max && (rc = db_iter_next(&it, &rec, e)) > 0; n--)
		if (db_del(j->db, table, rec.key, rec.klen, e) < 0)
			return -1;
	return rc < 0 ? -1 : 0;
}

int
journal_outbox_add(struct journal *j, const char *json, size_t len,
	uint64_t *ret_id, struct err *e)
{
	unsigned char key[8];
	uint64_t id;

	if (journal_meta_bump(j, "outbox", &id, e) < 0)
		return -1;
	db_put64(key, id);
	if (db_put(j->db, T_OUTBOX, key, sizeof(key), json, len, e) < 0)
		return -1;
	*ret_id = id;
	return 0;
}

static int
absent(uint64_t id, struct err *e)
{
	return err_set(e, ERR_ABSENT, "the outbox has no intent %" PRIu64, id);
}

int
journal_outbox_set(struct journal *j, uint64_t id, const char *json, size_t len,
	struct err *e)
{
	unsigned char key[8];
	int rc;

	db_put64(key, id);
	rc = db_get(j->db, T_OUTBOX, key, sizeof(key), NULL, e);
	if (rc <= 0)
		return rc < 0 ? -1 : absent(id, e);
	return db_put(j->db, T_OUTBOX, key, sizeof(key), json, len, e);
}

int
journal_outbox_del(struct journal *j, uint64_t id, struct err *e)
{
	unsigned char key[8];
	int rc;

	db_put64(key, id);
	rc = db_del(j->db, T_OUTBOX, key, sizeof(key), e);
	if (rc <= 0)
		return rc < 0 ? -1 : absent(id, e);
	return 0;
}

int
journal_outbox_bury(
	struct journal *j, uint64_t id, const char *why, struct err *e)
{
	AUTO(buf_release) struct buf intent = BUF_INIT;
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;
	unsigned char key[8];
	int rc;

	db_put64(key, id);
	rc = db_get(j->db, T_OUTBOX, key, sizeof(key), &intent, e);
	if (rc <= 0)
		return rc < 0 ? -1 : absent(id, e);
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_int(&o, "id", (int64_t)id);
	jout_time(&o, "time", clock_wall_ms());
	jout_str(&o, "why", why);
	jout_rawn(&o, "intent", intent.data, intent.len);
	jout_end(&o);
	if (db_del(j->db, T_OUTBOX, key, sizeof(key), e) < 0)
		return -1;
	return add(j, T_DEAD, id, &b, JOURNAL_DEAD_MAX, e);
}

int
journal_refuse(struct journal *j, uint64_t run, const char *json, size_t len,
	struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;
	uint64_t id;

	if (journal_meta_bump(j, "refused", &id, e) < 0)
		return -1;
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_int(&o, "run", (int64_t)run);
	jout_time(&o, "time", clock_wall_ms());
	jout_rawn(&o, "record", json, len);
	jout_end(&o);
	return add(j, T_REFUSED, id, &b, JOURNAL_REFUSED_MAX, e);
}

int
journal_outbox_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e)
{
	return each(j, T_OUTBOX, fn, arg, e);
}

int
journal_dead_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e)
{
	return each(j, T_DEAD, fn, arg, e);
}

int
journal_refused_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e)
{
	return each(j, T_REFUSED, fn, arg, e);
}
