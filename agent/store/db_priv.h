/* SPDX-License-Identifier: MIT */
/* What the files db*.c share; nobody else includes this. */
#ifndef STORE_DB_PRIV_H
#define STORE_DB_PRIV_H

#include "store/db.h"

#include <lmdb.h>

/* Durability is not negotiable: these are never set (see db_open.c). */
#define DB_FLAGS MDB_NOTLS
#define DB_FORBIDDEN                                                           \
	(MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_MAPASYNC |           \
		MDB_NOLOCK | MDB_NOMEMINIT | MDB_FIXEDMAP)

#define DB_FRAME_VERSION 1
#define DB_FRAME_HEAD 5 /* version, CRC32C little-endian */

/* How far the file is zero-filled behind its last page, and by how much at
 * once.  This is also the reserve in which what was accepted is brought to
 * its end on a full disk. */
#define DB_AHEAD_BYTES ((int64_t)4 << 20)
#define DB_AHEAD_STEP ((int64_t)1 << 20)

struct db {
	MDB_env *env;
	char *path;
	int dirfd, datafd; /* datafd is LMDB's own: never closed by us */
	pid_t pid;
	dev_t dev;
	ino_t ino;
	struct db *next;      /* in the list of what this process has open */
	MDB_txn *txn;         /* the write transaction, or NULL */
	MDB_txn *read;        /* reset between uses */
	unsigned int readers; /* uses of it right now */
	struct err failed;    /* why the open transaction can not commit */
	const char *const *names;
	size_t n_tables;
	MDB_dbi dbi[DB_TABLES_MAX];
	uint32_t seed[DB_TABLES_MAX]; /* checksum of the table's name */
	int64_t page_bytes, map_bytes, map_max_bytes;
	bool want_grow, no_room;
	bool dead; /* has to be reopened */
};

/* Sets *e from an LMDB or errno code; what is said of the action. */
int db_error(struct db *db, int rc, struct err *e, const char *what);
/* The message for a record that is not what was written. */
int db_damaged(struct db *db, int table, const void *key, size_t klen,
	const char *why, struct err *e);

/* The open write transaction, or a read one that db_read_end gives back. */
MDB_txn *db_read_begin(struct db *db, struct err *e);
void db_read_end(struct db *db, MDB_txn *txn);

/* Checks a stored value: its payload, or -1 (damaged). */
int db_unframe(struct db *db, int table, const MDB_val *key,
	const MDB_val *stored, const char **ret, size_t *ret_len,
	struct err *e);

int64_t db_used_bytes(const struct db *db);
/* Before a write transaction; see db_begin. */
int db_make_room(struct db *db, struct err *e);

#endif
