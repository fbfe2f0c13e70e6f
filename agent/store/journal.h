/* SPDX-License-Identifier: MIT */
/*
 * The journal: LMDB with full sync and one writer, the core thread.  Events
 * under (run, sequence), and in the same transaction the summary row, the
 * indexes, the outbox rows and the spool offsets that follow from them.
 * Every value carries a version byte and a CRC32C over key and value.
 *
 * Use: journal_begin, any number of writes, journal_commit.  Reads work
 * inside the open transaction (and see it) or outside (a short read
 * transaction of their own).  Returned memory is always a copy.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/event.h"

struct journal;

#define JOURNAL_SCHEMA 1

struct journal_opts {
	int64_t map_bytes; /* first map size; grows up to map_max_bytes */
	int64_t map_max_bytes;
};

/* Opens or makes path (0700; data and lock file 0600, owner checked,
 * network file systems refused).  A newer schema is refused, an older one
 * migrated.  ERR_TEMP: the disk is full or the file busy. */
int journal_open(struct journal **ret, const char *path,
	const struct journal_opts *o, struct err *e);
void journal_close(struct journal *j);

int journal_begin(struct journal *j, struct err *e);
bool journal_is_open_txn(const struct journal *j);
/* On failure nothing of the transaction is there; ERR_TEMP when it may
 * work later (disk full), ERR_PERM when the journal must be reopened
 * (MDB_PANIC). */
int journal_commit(struct journal *j, struct err *e);
void journal_abort(struct journal *j);

/* The next run id (1, 2, 3, ...), taken when the transaction commits. */
int journal_next_run(struct journal *j, uint64_t *ret, struct err *e);
/* Raises and returns the agent epoch. */
int journal_raise_epoch(struct journal *j, uint64_t *ret, struct err *e);

/* Appends with the given sequence number, which must be new. */
int journal_append(struct journal *j, uint64_t run, const struct event *ev,
	struct err *e);
typedef int journal_event_fn(const struct event *ev, void *arg,
	struct err *e);
int journal_events(struct journal *j, uint64_t run, uint32_t from_seq,
	journal_event_fn *fn, void *arg, struct err *e);

/* The summary row and its indexes. */
struct journal_row {
	uint64_t run;
	const char *repository, *sha, *ref, *state;
	bool active; /* not final: loaded at start */
	const char *json; /* the list form of the run */
	size_t json_len;
};
int journal_put_row(struct journal *j, const struct journal_row *row,
	struct err *e);
int journal_get_row(struct journal *j, uint64_t run, struct buf *json,
	struct err *e); /* ERR_ABSENT */

/* Newest first, starting below before (0: the newest); at most limit.  Any
 * filter may be NULL. */
struct journal_filter {
	const char *repository, *sha, *ref, *state;
	uint64_t before;
	size_t limit;
};
typedef int journal_row_fn(uint64_t run, const char *json, size_t len,
	void *arg, struct err *e);
int journal_list(struct journal *j, const struct journal_filter *f,
	journal_row_fn *fn, void *arg, struct err *e);
/* All runs whose row said active, oldest first. */
typedef int journal_run_fn(uint64_t run, void *arg, struct err *e);
int journal_active(struct journal *j, journal_run_fn *fn, void *arg,
	struct err *e);

/* Dedupe: a key is any bytes (hashed inside).  Get returns 1 when known,
 * with the runs that were stored; 0 when new. */
int journal_dedupe_get(struct journal *j, const void *key, size_t len,
	uint64_t *ret_runs, size_t max_runs, size_t *ret_n, struct err *e);
int journal_dedupe_put(struct journal *j, const void *key, size_t len,
	const uint64_t *runs, size_t n, int64_t wall_ms, struct err *e);
/* Forgets keys older than that; at most max per call; returns how many. */
int journal_dedupe_expire(struct journal *j, int64_t older_than_ms,
	size_t max, struct err *e);

/* Outbox: status intents by increasing id.  json is the intent. */
int journal_outbox_add(struct journal *j, const char *json, size_t len,
	uint64_t *ret_id, struct err *e);
int journal_outbox_set(struct journal *j, uint64_t id, const char *json,
	size_t len, struct err *e); /* after a failed try */
int journal_outbox_del(struct journal *j, uint64_t id, struct err *e);
/* Moves it to the dead letters, with the reason. */
int journal_outbox_bury(struct journal *j, uint64_t id, const char *why,
	struct err *e);
typedef int journal_outbox_fn(uint64_t id, const char *json, size_t len,
	void *arg, struct err *e);
int journal_outbox_each(struct journal *j, journal_outbox_fn *fn, void *arg,
	struct err *e);
int journal_dead_each(struct journal *j, journal_outbox_fn *fn, void *arg,
	struct err *e);

/* How far the spool of an attempt was read; job -1 is planning. */
int journal_spool_get(struct journal *j, uint64_t run, int job, int attempt,
	int64_t *ret_offset, struct err *e); /* 0 when unknown */
int journal_spool_put(struct journal *j, uint64_t run, int job, int attempt,
	int64_t offset, struct err *e);
int journal_spool_del(struct journal *j, uint64_t run, int job, int attempt,
	struct err *e);

/* Refused and fenced records, kept so that they can be listed. */
int journal_refuse(struct journal *j, uint64_t run, const char *json,
	size_t len, struct err *e);
int journal_refused_each(struct journal *j, journal_outbox_fn *fn, void *arg,
	struct err *e);

/* Reads every record and checks it; counts go to out as text lines.
 * Returns -1 with the first damage. */
int journal_check(struct journal *j, struct buf *out, struct err *e);
/* Drops all rows and indexes, so that the caller can put them anew from
 * the events (within one transaction). */
int journal_drop_rows(struct journal *j, struct err *e);
typedef int journal_each_run_fn(uint64_t run, void *arg, struct err *e);
int journal_each_run(struct journal *j, journal_each_run_fn *fn, void *arg,
	struct err *e);
/* mdb_env_copy2 with MDB_CP_COMPACT into a new file of mode 0600. */
int journal_backup(struct journal *j, const char *path, struct err *e);

struct journal_stats {
	int64_t file_bytes, used_bytes, map_bytes;
	uint64_t runs, events, outbox, dead;
};
int journal_stats(struct journal *j, struct journal_stats *ret,
	struct err *e);

#endif
