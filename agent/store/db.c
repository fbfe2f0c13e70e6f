/* SPDX-License-Identifier: MIT */
/*
 * Transactions, single records, the frame around values, and what LMDB's
 * error codes mean to us.  Opening is in db_open.c, reading many records in
 * db_iter.c.
 */
#include "base/base.h"
#include "base/enc.h"
#include "store/db.h"
#include "store/db_priv.h"

#include <sys/statvfs.h>

/* LMDB turns a short write into EIO, so a disk with less than this left is
 * taken for the cause. */
#define FULL_DISK_BYTES (1 << 20)

void
db_put64(unsigned char to[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		to[i] = (unsigned char)v;
}

void
db_put32(unsigned char to[4], uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		to[i] = (unsigned char)v;
}

uint64_t
db_get64(const unsigned char *p)
{
	return (uint64_t)db_get32(p) << 32 | db_get32(p + 4);
}

uint32_t
db_get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static int
error_map_full(struct db *db, struct err *e)
{
	AUTO(buf_release) struct buf size = BUF_INIT;

	size_add(&size, db->map_bytes);
	if (db->map_bytes >= db->map_max_bytes)
		return err_set(e, ERR_TEMP,
			"the journal '%s' has reached its limit of %s",
			db->path, size.data);
	db->want_grow = true;
	return err_set(e, ERR_TEMP,
		"the journal '%s' was full at %s and grows now; "
		"try again",
		db->path, size.data);
}

static int
error_io(struct db *db, int rc, struct err *e, const char *what)
{
	AUTO(buf_release) struct buf room = BUF_INIT;
	struct statvfs sv;
	int64_t left = INT64_MAX;

	if (fstatvfs(db->dirfd, &sv) == 0)
		left = (int64_t)sv.f_bavail * (int64_t)sv.f_frsize;
	if (rc != ENOSPC && rc != EDQUOT && left >= FULL_DISK_BYTES) {
		err_set(e, ERR_TEMP, "%s '%s': %s", what, db->path,
			strerror(rc));
		e->sys = rc;
		return -1;
	}
	size_add(&room, left == INT64_MAX ? 0 : left);
	err_set(e, ERR_TEMP,
		"%s '%s': the disk is full (%s left); make room, nothing "
		"that was accepted is lost",
		what, db->path, room.data);
	e->sys = rc == EDQUOT ? EDQUOT : ENOSPC;
	return -1;
}

int
db_error(struct db *db, int rc, struct err *e, const char *what)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return error_map_full(db, e);
	case EIO:
	case ENOSPC:
	case EDQUOT:
		return error_io(db, rc, e, what);
	case EROFS:
	case MDB_TXN_FULL:
	case MDB_READERS_FULL:
		return err_set(e, ERR_TEMP, "%s '%s': %s", what, db->path,
			mdb_strerror(rc));
	case MDB_PANIC:
		db->dead = true;
		return err_set(e, ERR_PERM,
			"the journal '%s' has to be opened again after a "
			"failed write",
			db->path);
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CURSOR_FULL:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb': %s; put a backup "
			"in its place",
			db->path, mdb_strerror(rc));
	default:
		err_set(e, rc > 0 ? err_code_from_errno(rc) : ERR_PERM,
			"%s '%s': %s", what, db->path, mdb_strerror(rc));
		e->sys = rc > 0 ? rc : 0;
		return -1;
	}
}

int
db_damaged(struct db *db, int table, const void *key, size_t klen,
	const char *why, struct err *e)
{
	char hex[2 * DB_KEY_MAX + 1];

	hex_put(hex, key, MIN(klen, (size_t)DB_KEY_MAX));
	return err_set(e, ERR_PERM,
		"journal damaged: '%s/data.mdb', table %s, key %s: %s",
		db->path, db->names[table], hex, why);
}

/* A transaction that met an error can only be given up. */
static int
spoil(struct db *db, int rc, struct err *e)
{
	db_error(db, rc, e, "write");
	if (db->failed.code == ERR_NONE)
		db->failed = *e;
	return -1;
}

static int
usable(struct db *db, struct err *e)
{
	assert(db->pid == getpid());
	if (!db->dead)
		return 0;
	return err_set(e, ERR_PERM, "the journal '%s' has to be opened again",
		db->path);
}

int
db_begin(struct db *db, struct err *e)
{
	int rc;

	assert(!db->txn && !db->readers);
	if (usable(db, e) < 0 || db_make_room(db, e) < 0)
		return -1;
	rc = mdb_txn_begin(db->env, NULL, 0, &db->txn);
	if (rc) {
		db->txn = NULL;
		return db_error(db, rc, e, "begin a transaction in");
	}
	db->failed.code = ERR_NONE;
	return 0;
}

bool
db_in_txn(const struct db *db)
{
	return db->txn != NULL;
}

int
db_commit(struct db *db, struct err *e)
{
	int rc;

	assert(db->txn && db->pid == getpid());
	if (db->failed.code != ERR_NONE) {
		*e = db->failed;
		db_abort(db);
		return -1;
	}
	rc = mdb_txn_commit(db->txn);
	db->txn = NULL;
	return rc ? db_error(db, rc, e, "commit to") : 0;
}

void
db_abort(struct db *db)
{
	if (db->txn)
		mdb_txn_abort(db->txn);
	db->txn = NULL;
}

MDB_txn *
db_read_begin(struct db *db, struct err *e)
{
	int rc;

	if (usable(db, e) < 0)
		return NULL;
	if (db->txn)
		return db->txn;
	if (db->readers)
		rc = 0;
	else if (db->read)
		rc = mdb_txn_renew(db->read);
	else
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &db->read);
	if (rc) {
		db_error(db, rc, e, "read");
		return NULL;
	}
	db->readers++;
	return db->read;
}

void
db_read_end(struct db *db, MDB_txn *txn)
{
	if (txn != db->txn && --db->readers == 0)
		mdb_txn_reset(txn);
}

static uint32_t
frame_crc(const struct db *db, int table, const void *key, size_t klen,
	const void *val, size_t vlen)
{
	unsigned char head[2] = { DB_FRAME_VERSION, (unsigned char)klen };
	uint32_t crc = crc32c(db->seed[table], head, sizeof(head));

	crc = crc32c(crc, key, klen);
	return crc32c(crc, val, vlen);
}

int
db_unframe(struct db *db, int table, const MDB_val *key, const MDB_val *stored,
	const char **ret, size_t *ret_len, struct err *e)
{
	const unsigned char *p = stored->mv_data;
	size_t n = stored->mv_size;
	uint32_t crc;

	if (key->mv_size > DB_KEY_MAX || n < DB_FRAME_HEAD ||
		n > DB_FRAME_HEAD + DB_VALUE_MAX)
		return db_damaged(db, table, key->mv_data, key->mv_size,
			"the length can not be", e);
	if (p[0] != DB_FRAME_VERSION)
		return db_damaged(db, table, key->mv_data, key->mv_size,
			"the version is unknown", e);
	crc = (uint32_t)p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 |
	      (uint32_t)p[4] << 24;
	*ret = (const char *)p + DB_FRAME_HEAD;
	*ret_len = n - DB_FRAME_HEAD;
	if (crc != frame_crc(db, table, key->mv_data, key->mv_size, *ret,
			   *ret_len))
		return db_damaged(db, table, key->mv_data, key->mv_size,
			"the checksum is wrong", e);
	return 0;
}

int
db_get(struct db *db, int table, const void *key, size_t klen, struct buf *val,
	struct err *e)
{
	MDB_txn *txn = db_read_begin(db, e);
	MDB_val k = { klen, (void *)(uintptr_t)key }, v;
	const char *p;
	size_t n;
	int rc;

	if (!txn)
		return -1;
	rc = mdb_get(txn, db->dbi[table], &k, &v);
	if (rc == MDB_NOTFOUND) {
		rc = 0;
	} else if (rc) {
		rc = db_error(db, rc, e, "read");
	} else if (db_unframe(db, table, &k, &v, &p, &n, e) < 0) {
		rc = -1;
	} else {
		if (val)
			buf_add(val, p, n);
		rc = 1;
	}
	db_read_end(db, txn);
	return rc;
}

static int
put(struct db *db, int table, const void *key, size_t klen, const void *val,
	size_t vlen, unsigned int flags, struct err *e)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	MDB_val v = { DB_FRAME_HEAD + vlen, NULL };
	unsigned char *p;
	uint32_t crc;
	int rc;

	assert(db->txn && klen && klen <= DB_KEY_MAX);
	if (vlen > DB_VALUE_MAX)
		return err_set(e, ERR_PERM,
			"a record of %zu bytes is larger than the journal "
			"takes (%d)",
			vlen, DB_VALUE_MAX);
	if (db->failed.code != ERR_NONE) {
		*e = db->failed;
		return -1;
	}
	rc = mdb_put(db->txn, db->dbi[table], &k, &v, flags | MDB_RESERVE);
	if (rc == MDB_KEYEXIST)
		return err_set(e, ERR_PERM, "the key is there already");
	if (rc)
		return spoil(db, rc, e);
	p = v.mv_data;
	crc = frame_crc(db, table, key, klen, val, vlen);
	p[0] = DB_FRAME_VERSION;
	for (int i = 0; i < 4; i++)
		p[1 + i] = (unsigned char)(crc >> 8 * i);
	if (vlen)
		memcpy(p + DB_FRAME_HEAD, val, vlen);
	return 0;
}

int
db_put(struct db *db, int table, const void *key, size_t klen, const void *val,
	size_t vlen, struct err *e)
{
	return put(db, table, key, klen, val, vlen, 0, e);
}

int
db_add(struct db *db, int table, const void *key, size_t klen, const void *val,
	size_t vlen, struct err *e)
{
	return put(db, table, key, klen, val, vlen, MDB_NOOVERWRITE, e);
}

int
db_del(struct db *db, int table, const void *key, size_t klen, struct err *e)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	assert(db->txn);
	if (db->failed.code != ERR_NONE) {
		*e = db->failed;
		return -1;
	}
	rc = mdb_del(db->txn, db->dbi[table], &k, NULL);
	if (rc == MDB_NOTFOUND)
		return 0;
	return rc ? spoil(db, rc, e) : 1;
}

int
db_clear(struct db *db, int table, struct err *e)
{
	int rc;

	assert(db->txn);
	if (db->failed.code != ERR_NONE) {
		*e = db->failed;
		return -1;
	}
	rc = mdb_drop(db->txn, db->dbi[table], 0);
	return rc ? spoil(db, rc, e) : 0;
}
