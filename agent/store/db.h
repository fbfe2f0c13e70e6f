/* SPDX-License-Identifier: MIT */
/*
 * LMDB as we use it: named tables of checked values in one folder, one
 * writer, full sync.  Every value carries a version byte and a CRC32C over
 * table, key and value, so that a wrong byte on the disk becomes an error
 * and never a wrong record.  Knows nothing about runs; see journal.h.
 *
 * One thread, one process: a db must not be used after fork.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

struct db;

#define DB_TABLES_MAX 16
#define DB_KEY_MAX 128 /* LMDB would take 511; ours are hashes and numbers */
#define DB_VALUE_MAX (4 << 20)
#define DB_MAP_BYTES ((int64_t)1 << 30) /* sparse: costs address space only */
#define DB_MAP_MAX_BYTES ((int64_t)16 << 30)

struct db_opts {
	const char *const *tables; /* names; borrowed, static */
	size_t n_tables;
	int64_t map_bytes, map_max_bytes; /* 0: the defaults above */
	bool must_exist; /* read only what is there, make nothing */
	bool any_fs;     /* also on a network file system */
};

/* Opens or makes the folder path (0700) with data.mdb and lock.mdb (0600).
 * Refused are links, other owners, open modes, network file systems, and a
 * data file that is shorter than what it holds. */
int db_open(struct db **ret, const char *path, const struct db_opts *o,
	struct err *e);
void db_close(struct db *db);

/* Why a file system with that statfs magic is refused, or NULL. */
const char *db_fs_refused(long magic);

/* A write transaction.  Before it starts, the map is doubled when less than
 * a quarter of it is free, and the file is zero-filled ahead. */
int db_begin(struct db *db, struct err *e);
bool db_in_txn(const struct db *db);
/* Ends the transaction in any case; nothing of it is there on failure. */
int db_commit(struct db *db, struct err *e);
void db_abort(struct db *db);

/* 1 found (value appended to val, which may be NULL), 0 absent, -1. */
int db_get(struct db *db, int table, const void *key, size_t klen,
	struct buf *val, struct err *e);
/* Inside a transaction.  When one of these fails, the whole transaction has
 * failed: ERR_TEMP after a full map or disk (abort, begin again: the map
 * has grown then), ERR_PERM otherwise. */
int db_put(struct db *db, int table, const void *key, size_t klen,
	const void *val, size_t vlen, struct err *e);
/* The same, but an existing key is ERR_PERM and spoils nothing. */
int db_add(struct db *db, int table, const void *key, size_t klen,
	const void *val, size_t vlen, struct err *e);
/* 1 deleted, 0 was absent, -1. */
int db_del(
	struct db *db, int table, const void *key, size_t klen, struct err *e);
int db_clear(struct db *db, int table, struct err *e);

/*
 * Iterators read copies in small batches, so that no read transaction
 * outlives a call and records may be written between two calls (a record of
 * the current batch may then be seen as it was).
 */
struct db_rec {
	const unsigned char *key; /* valid until the next call */
	size_t klen;
	const char *val; /* NUL-terminated for convenience */
	size_t vlen;
};

struct db_iter {
	struct db *db;
	int table;
	bool backward, done, inclusive;
	bool damaged; /* the last error was of one record, which is set */
	size_t plen;  /* keys that do not start with these are outside */
	unsigned char prefix[DB_KEY_MAX];
	size_t klen; /* where the next batch starts */
	unsigned char key[DB_KEY_MAX];
	struct buf bytes;
	size_t at; /* in bytes */
};

/* All keys that start with prefix, upwards or downwards. */
void db_iter_init(struct db_iter *it, struct db *db, int table,
	const void *prefix, size_t plen, bool backward);
/* Goes on at that key (included), in the iterator's direction. */
void db_iter_seek(struct db_iter *it, const void *key, size_t klen);
/* 1 a record, 0 the end, -1 error.  After a damaged record (ERR_PERM) the
 * next call goes on behind it. */
int db_iter_next(struct db_iter *it, struct db_rec *ret, struct err *e);
void db_iter_release(struct db_iter *it); /* also for AUTO */

/* Reads a whole table in one go and checks order, checksums and the count;
 * fn may be NULL and must not write. */
typedef int db_walk_fn(const struct db_rec *rec, void *arg, struct err *e);
int db_walk(struct db *db, int table, db_walk_fn *fn, void *arg, struct err *e);
/* The same from the last key down, until *budget bytes are used up. */
int db_walk_back(struct db *db, int table, int64_t *budget, struct err *e);

/* A compact copy of all that is committed, as a new file of mode 0600. */
int db_copy(struct db *db, const char *path, struct err *e);

struct db_stats {
	int64_t file_bytes, used_bytes, map_bytes, map_max_bytes;
	unsigned int flags; /* of the LMDB environment */
};
int db_stats(struct db *db, struct db_stats *ret, struct err *e);
int db_count(struct db *db, int table, uint64_t *ret, struct err *e);

/* False when new work should be refused: the disk has no room for more
 * zero-fill, or the map is nearly at its limit.  What was accepted can still
 * be written, into the part that was filled ahead. */
bool db_has_room(const struct db *db);

/* Keys are big-endian, so that byte order is number order. */
void db_put64(unsigned char to[8], uint64_t v);
void db_put32(unsigned char to[4], uint32_t v);
uint64_t db_get64(const unsigned char *p);
uint32_t db_get32(const unsigned char *p);

#endif
