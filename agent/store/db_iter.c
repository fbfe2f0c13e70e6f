/* SPDX-License-Identifier: MIT */
/*
 * Reading many records: iterators by copies in batches, the checking walk
 * over a table, the copy of everything, and counts.
 */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "store/db.h"
#include "store/db_priv.h"

#include <fcntl.h>
#include <sys/stat.h>

/* One batch: at most that many records, and no further one after so many
 * bytes. */
#define BATCH_RECORDS 64
#define BATCH_BYTES (256 << 10)

/* In a batch: this, the key, the value and a NUL. */
struct item {
	uint32_t klen, vlen;
	bool damaged; /* the value is the message then */
};

void
db_iter_init(struct db_iter *it, struct db *db, int table, const void *prefix,
	size_t plen, bool backward)
{
	assert(plen <= DB_KEY_MAX);
	memset(it, 0, sizeof(*it));
	it->db = db;
	it->table = table;
	it->backward = backward;
	it->inclusive = true;
	it->plen = plen;
	if (plen)
		memcpy(it->prefix, prefix, plen);
	buf_init(&it->bytes);
	/* Forwards: the prefix itself is the least; backwards: all ones. */
	memset(it->key, 0xff, sizeof(it->key));
	if (plen)
		memcpy(it->key, prefix, plen);
	it->klen = backward ? DB_KEY_MAX : plen;
}

void
db_iter_seek(struct db_iter *it, const void *key, size_t klen)
{
	assert(klen <= DB_KEY_MAX);
	memcpy(it->key, key, klen);
	it->klen = klen;
	it->inclusive = true;
	it->done = false;
	buf_reset(&it->bytes);
	it->at = 0;
}

void
db_iter_release(struct db_iter *it)
{
	buf_release(&it->bytes);
}

static bool
same_key(const struct db_iter *it, const MDB_val *k)
{
	return k->mv_size == it->klen && !memcmp(k->mv_data, it->key, it->klen);
}

/* To the first record of the batch; an LMDB code. */
static int
position(const struct db_iter *it, MDB_cursor *c, MDB_val *k, MDB_val *v)
{
	int rc;

	if (!it->klen)
		return mdb_cursor_get(c, k, v, MDB_FIRST);
	k->mv_size = it->klen;
	k->mv_data = (void *)(uintptr_t)it->key;
	rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
	if (!it->backward) {
		if (!rc && !it->inclusive && same_key(it, k))
			rc = mdb_cursor_get(c, k, v, MDB_NEXT);
		return rc;
	}
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(c, k, v, MDB_LAST);
	if (!rc && !(it->inclusive && same_key(it, k)))
		rc = mdb_cursor_get(c, k, v, MDB_PREV);
	return rc;
}

static bool
inside(const struct db_iter *it, const MDB_val *k)
{
	return k->mv_size <= DB_KEY_MAX && k->mv_size >= it->plen &&
	       !memcmp(k->mv_data, it->prefix, it->plen);
}

static void
keep(struct db_iter *it, const MDB_val *k, const MDB_val *v)
{
	struct item item = { .klen = (uint32_t)k->mv_size };
	const char *p;
	struct err e;
	size_t n;

	if (db_unframe(it->db, it->table, k, v, &p, &n, &e) < 0) {
		item.damaged = true;
		p = e.msg;
		n = strlen(e.msg);
	}
	item.vlen = (uint32_t)n;
	buf_add(&it->bytes, &item, sizeof(item));
	buf_add(&it->bytes, k->mv_data, k->mv_size);
	buf_add(&it->bytes, p, n);
	buf_addc(&it->bytes, '\0');
	memcpy(it->key, k->mv_data, k->mv_size);
	it->klen = k->mv_size;
	it->inclusive = false;
}

static int
fill_batch(struct db_iter *it, MDB_txn *txn, struct err *e)
{
	MDB_cursor_op op = it->backward ? MDB_PREV : MDB_NEXT;
	MDB_val k, v;
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, it->db->dbi[it->table], &c);

	if (rc)
		return db_error(it->db, rc, e, "read");
	rc = position(it, c, &k, &v);
	for (int i = 0; !rc && inside(it, &k); i++) {
		if (i == BATCH_RECORDS || it->bytes.len >= BATCH_BYTES)
			goto more;
		keep(it, &k, &v);
		rc = mdb_cursor_get(c, &k, &v, op);
	}
	it->done = true;
more:
	mdb_cursor_close(c);
	if (rc && rc != MDB_NOTFOUND)
		return db_error(it->db, rc, e, "read");
	return 0;
}

int
db_iter_next(struct db_iter *it, struct db_rec *ret, struct err *e)
{
	struct item item;
	const char *p;

	it->damaged = false;
	if (it->at == it->bytes.len) {
		MDB_txn *txn;
		int rc;

		if (it->done)
			return 0;
		buf_reset(&it->bytes);
		it->at = 0;
		txn = db_read_begin(it->db, e);
		if (!txn)
			return -1;
		rc = fill_batch(it, txn, e);
		db_read_end(it->db, txn);
		if (rc < 0)
			return -1;
		if (!it->bytes.len)
			return 0;
	}
	p = it->bytes.data + it->at;
	memcpy(&item, p, sizeof(item));
	p += sizeof(item);
	ret->key = (const unsigned char *)p;
	ret->klen = item.klen;
	ret->val = p + item.klen;
	ret->vlen = item.vlen;
	it->at += sizeof(item) + item.klen + item.vlen + 1;
	it->damaged = item.damaged;
	if (item.damaged)
		return err_set(e, ERR_PERM, "%s", ret->val);
	return 1;
}

struct walk {
	struct db *db;
	int table;
	bool backward;
	struct buf last; /* key */
	uint64_t n;
	db_walk_fn *fn;
	void *arg;
};

static int
compare(const struct buf *a, const MDB_val *b)
{
	int cmp = memcmp(a->data, b->mv_data, MIN(a->len, b->mv_size));

	if (cmp)
		return cmp;
	return a->len < b->mv_size ? -1 : a->len > b->mv_size;
}

/* Keys in strict order also mean that a loop in a damaged tree ends. */
static int
walk_one(struct walk *w, const MDB_val *k, const MDB_val *v, struct err *e)
{
	AUTO(buf_release) struct buf copy = BUF_INIT;
	struct db_rec rec = { .key = k->mv_data, .klen = k->mv_size };
	int cmp;

	if (db_unframe(w->db, w->table, k, v, &rec.val, &rec.vlen, e) < 0)
		return -1;
	cmp = compare(&w->last, k);
	if (w->n++ && (w->backward ? cmp <= 0 : cmp >= 0))
		return db_damaged(w->db, w->table, k->mv_data, k->mv_size,
			"it is out of order", e);
	buf_reset(&w->last);
	buf_add(&w->last, k->mv_data, k->mv_size);
	if (!w->fn)
		return 0;
	buf_add(&copy, rec.val, rec.vlen);
	rec.val = copy.data;
	return w->fn(&rec, w->arg, e);
}

/* An LMDB code; MDB_NOTFOUND is the end, 0 that the budget was used up.
 * *bad: e is set. */
static int
walk_all(struct walk *w, MDB_cursor *c, int64_t *budget, bool *bad,
	struct err *e)
{
	MDB_cursor_op op = w->backward ? MDB_LAST : MDB_FIRST;
	MDB_val k, v;

	while (*budget > 0) {
		int rc = mdb_cursor_get(c, &k, &v, op);

		if (rc)
			return rc;
		*budget -= (int64_t)(k.mv_size + v.mv_size);
		if (walk_one(w, &k, &v, e) < 0) {
			*bad = true;
			return 0;
		}
		op = w->backward ? MDB_PREV : MDB_NEXT;
	}
	return 0;
}

static int
walk_in(struct walk *w, MDB_txn *txn, int64_t *budget, struct err *e)
{
	bool bad = false;
	MDB_cursor *c;
	MDB_stat ms;
	int rc = mdb_stat(txn, w->db->dbi[w->table], &ms);

	if (!rc)
		rc = mdb_cursor_open(txn, w->db->dbi[w->table], &c);
	if (rc)
		return db_error(w->db, rc, e, "read");
	rc = walk_all(w, c, budget, &bad, e);
	mdb_cursor_close(c);
	if (bad)
		return -1;
	if (rc && rc != MDB_NOTFOUND)
		return db_error(w->db, rc, e, "read");
	if (w->n > ms.ms_entries ||
		(rc == MDB_NOTFOUND && w->n != ms.ms_entries))
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb', table %s: %" PRIu64
			" of %zu records were found",
			w->db->path, w->db->names[w->table], w->n,
			ms.ms_entries);
	return 0;
}

static int
walk(struct walk *w, int64_t *budget, struct err *e)
{
	MDB_txn *txn = db_read_begin(w->db, e);
	int rc;

	if (!txn)
		return -1;
	buf_init(&w->last);
	rc = walk_in(w, txn, budget, e);
	db_read_end(w->db, txn);
	buf_release(&w->last);
	return rc;
}

int
db_walk(struct db *db, int table, db_walk_fn *fn, void *arg, struct err *e)
{
	struct walk w = { .db = db, .table = table, .fn = fn, .arg = arg };
	int64_t all = INT64_MAX;

	return walk(&w, &all, e);
}

int
db_walk_back(struct db *db, int table, int64_t *budget, struct err *e)
{
	struct walk w = { .db = db, .table = table, .backward = true };

	return walk(&w, budget, e);
}

int
db_copy(struct db *db, const char *path, struct err *e)
{
	AUTO(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc;

	assert(!db->txn);
	if (fd < 0)
		return err_sys(e, "create '%s'", path);
	rc = mdb_env_copyfd2(db->env, fd, MDB_CP_COMPACT);
	if (rc) {
		err_set(e, rc > 0 ? err_code_from_errno(rc) : ERR_PERM,
			"copy the journal to '%s': %s", path, mdb_strerror(rc));
		goto fail;
	}
	if (fsync(fd) < 0) {
		err_sys(e, "sync '%s'", path);
		goto fail;
	}
	return 0;
fail:
	unlink(path);
	return -1;
}

int
db_count(struct db *db, int table, uint64_t *ret, struct err *e)
{
	MDB_txn *txn = db_read_begin(db, e);
	MDB_stat ms;
	int rc;

	if (!txn)
		return -1;
	rc = mdb_stat(txn, db->dbi[table], &ms);
	db_read_end(db, txn);
	if (rc)
		return db_error(db, rc, e, "read");
	*ret = ms.ms_entries;
	return 0;
}

int
db_stats(struct db *db, struct db_stats *ret, struct err *e)
{
	struct stat st;

	if (fstat(db->datafd, &st) < 0)
		return err_sys(e, "stat '%s/data.mdb'", db->path);
	ret->file_bytes = st.st_size;
	ret->used_bytes = db_used_bytes(db);
	ret->map_bytes = db->map_bytes;
	ret->map_max_bytes = db->map_max_bytes;
	mdb_env_get_flags(db->env, &ret->flags);
	return 0;
}
