/* SPDX-License-Identifier: MIT */
/*
 * What the files journal*.c share: the tables and how their keys and values
 * are laid out.  All numbers are big-endian.
 *
 * meta     name                        number
 * events   run, seq                    event as JSON
 * rows     run                         see journal_rows.c
 * index    kind, hash[16], run         nothing
 * dedupe   hash[32]                    time, runs...
 * ages     time, hash[32]              nothing (dedupe keys by age)
 * outbox   id                          intent as JSON
 * dead     id                          JSON
 * spools   run, job + 1, attempt       offset
 * refused  id                          JSON
 * heads    repository[16], ref[32]     see journal_heads.c
 */
#ifndef STORE_JOURNAL_PRIV_H
#define STORE_JOURNAL_PRIV_H

#include "store/db.h"
#include "store/journal.h"

enum journal_table {
	T_META,
	T_EVENTS,
	T_ROWS,
	T_INDEX,
	T_DEDUPE,
	T_AGES,
	T_OUTBOX,
	T_DEAD,
	T_SPOOLS,
	T_REFUSED,
	T_HEADS, /* the last: journals of the first days have none */
	T_COUNT,
};

struct journal {
	struct db *db;
	char *path;
	int ntables;
};

#define HASH_BYTES 32

/* SHA-256 of the parts, each with its length. */
struct hash_part {
	const void *p;
	size_t n;
};
void journal_hash(
	unsigned char to[HASH_BYTES], const struct hash_part *parts, size_t n);

/* Named numbers: 0 when never set.  Bump adds one and returns the result. */
int journal_meta_get(
	struct journal *j, const char *name, uint64_t *ret, struct err *e);
int journal_meta_put(
	struct journal *j, const char *name, uint64_t v, struct err *e);
int journal_meta_bump(
	struct journal *j, const char *name, uint64_t *ret, struct err *e);

/* Without the first look and without making anything. */
int journal_open_as_is(
	struct journal **ret, const char *path, bool any_fs, struct err *e);

/* The first look at an existing journal, in a child. */
int journal_look(const char *path, bool any_fs, struct err *e);

/* Says in *e that a record has a form that we never write. */
int journal_bad(
	struct journal *j, int table, const struct db_rec *rec, struct err *e);

/* Rows as they are stored (journal_rows.c). */
struct row_view {
	bool active;
	const char *repository, *sha, *ref, *state, *json;
	size_t json_len;
};
/* Points into val; -1 when it is malformed. */
int journal_row_parse(const char *val, size_t len, struct row_view *ret);
int journal_row_delete(struct journal *j, uint64_t run, struct err *e);
/* The index keys that a row must have, and no others. */
#define INDEX_KEY_BYTES 25
#define INDEX_KEYS_MAX 8
size_t journal_row_keys(const struct row_view *row, uint64_t run,
	unsigned char keys[INDEX_KEYS_MAX][INDEX_KEY_BYTES]);

#endif
