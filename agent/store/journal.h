/* SPDX-License-Identifier: MIT */
/*
 * The journal: LMDB with full sync and one writer, the core thread.  Events
 * under (run, sequence), and in the same transaction the summary row, the
 * indexes, the outbox rows and the spool offsets that follow from them.
 * Every value carries a version byte and a CRC32C over key and value.
 *
 * Use: journal_begin, any number of writes, journal_commit.  Reads work
 * inside the open transaction (and see it) or outside (a short read
 * transaction of their own).  Returned memory is always a copy, and a
 * callback may write to the journal.
 *
 * When a write fails with ERR_TEMP (the map or the disk is full), the whole
 * transaction has failed: abort it and do the turn again; journal_begin
 * makes the map larger then.  It also does so by itself while a quarter of
 * the map is free, so that this is rare.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/event.h"

struct journal;

/* The oldest are dropped when there are more. */
#define JOURNAL_DEAD_MAX 10000
#define JOURNAL_REFUSED_MAX 10000

#define JOURNAL_SCHEMA 1

/* All zeros is the usual way to open one. */
struct journal_opts {
	int64_t map_bytes; /* first map size; grows up to map_max_bytes */
	int64_t map_max_bytes;
	bool any_fs; /* also on a network file system */
	bool repair; /* open although the first look finds damage */
};

/* Opens or makes path (0700; data and lock file 0600, owner checked,
 * network file systems refused).  A newer schema is refused, an older one
 * migrated.  A child process looks through what is there first (at most
 * 32 MiB of it), so that a damaged file is an error ("journal damaged") and
 * not a crash.  ERR_TEMP: the disk is full or the file busy. */
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

/* False when new work should be refused (disk full, or the map near its
 * limit); what was accepted can still be brought to its end in the space
 * that was filled ahead. */
bool journal_has_room(const struct journal *j);

/* The next run id (1, 2, 3, ...), taken when the transaction commits. */
int journal_next_run(struct journal *j, uint64_t *ret, struct err *e);
/* Raises and returns the agent epoch. */
int journal_raise_epoch(struct journal *j, uint64_t *ret, struct err *e);

/* Appends with the given sequence number, which must be new. */
int journal_append(
	struct journal *j, uint64_t run, const struct event *ev, struct err *e);
typedef int journal_event_fn(const struct event *ev, void *arg, struct err *e);
int journal_events(struct journal *j, uint64_t run, uint32_t from_seq,
	journal_event_fn *fn, void *arg, struct err *e);

/* Forgets a run: its events, row, indexes and spool offsets.  1 or 0 when
 * there was none. */
int journal_del_run(struct journal *j, uint64_t run, struct err *e);

/* The summary row and its indexes. */
struct journal_row {
	uint64_t run;
	const char *repository, *sha, *ref, *state;
	bool active;      /* not final: loaded at start */
	const char *json; /* the list form of the run */
	size_t json_len;
};
int journal_put_row(
	struct journal *j, const struct journal_row *row, struct err *e);
int journal_get_row(struct journal *j, uint64_t run, struct buf *json,
	struct err *e); /* ERR_ABSENT */

/* Newest first, starting below before (0: the newest); at most limit.  Any
 * filter may be NULL. */
struct journal_filter {
	const char *repository, *sha, *ref, *state;
	uint64_t before;
	size_t limit;
};
typedef int journal_row_fn(
	uint64_t run, const char *json, size_t len, void *arg, struct err *e);
int journal_list(struct journal *j, const struct journal_filter *f,
	journal_row_fn *fn, void *arg, struct err *e);
/* All runs whose row said active, oldest first. */
typedef int journal_run_fn(uint64_t run, void *arg, struct err *e);
int journal_active(
	struct journal *j, journal_run_fn *fn, void *arg, struct err *e);

/* Dedupe: a key is any bytes (hashed inside).  Get returns 1 when known,
 * with the runs that were stored; 0 when new. */
int journal_dedupe_get(struct journal *j, const void *key, size_t len,
	uint64_t *ret_runs, size_t max_runs, size_t *ret_n, struct err *e);
int journal_dedupe_put(struct journal *j, const void *key, size_t len,
	const uint64_t *runs, size_t n, int64_t wall_ms, struct err *e);
/* Forgets keys older than that; at most max per call; returns how many. */
int journal_dedupe_expire(
	struct journal *j, int64_t older_than_ms, size_t max, struct err *e);

/* Every key, as the hash that is kept of it, in lower case hex. */
typedef int journal_dedupe_fn(const char *hash, int64_t wall_ms,
	const uint64_t *runs, size_t n, void *arg, struct err *e);
int journal_dedupe_each(
	struct journal *j, journal_dedupe_fn *fn, void *arg, struct err *e);

/*
 * Heads: where a branch or tag of a repository was last heard of to be.
 * The ref "" stands for the repository itself: it was looked at once.
 */
struct journal_head {
	char sha[41];
	char before[41]; /* where it stood until then; all zeros: unknown */
	uint64_t run;    /* that came of it; 0: none */
	bool found;      /* by looking, not told of by a push */
};
/* 1 known, 0 not. */
int journal_head_get(struct journal *j, const char *repository, const char *ref,
	struct journal_head *ret, struct err *e);
int journal_head_put(struct journal *j, const char *repository, const char *ref,
	const struct journal_head *head, struct err *e);
int journal_head_del(struct journal *j, const char *repository, const char *ref,
	struct err *e);
/* All of a repository, in no order. */
typedef int journal_head_fn(const char *ref, const struct journal_head *head,
	void *arg, struct err *e);
int journal_heads_each(struct journal *j, const char *repository,
	journal_head_fn *fn, void *arg, struct err *e);

/* Outbox: status intents by increasing id.  json is the intent. */
int journal_outbox_add(struct journal *j, const char *json, size_t len,
	uint64_t *ret_id, struct err *e);
int journal_outbox_set(struct journal *j, uint64_t id, const char *json,
	size_t len, struct err *e); /* after a failed try */
int journal_outbox_del(struct journal *j, uint64_t id, struct err *e);
/* Moves it to the dead letters: {"id","time","why","intent":...}. */
int journal_outbox_bury(
	struct journal *j, uint64_t id, const char *why, struct err *e);
typedef int journal_outbox_fn(
	uint64_t id, const char *json, size_t len, void *arg, struct err *e);
int journal_outbox_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e);
int journal_dead_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e);

/* How far the spool of an attempt was read; job -1 is planning. */
int journal_spool_get(struct journal *j, uint64_t run, int job, int attempt,
	int64_t *ret_offset, struct err *e); /* 0 when unknown */
int journal_spool_put(struct journal *j, uint64_t run, int job, int attempt,
	int64_t offset, struct err *e);
int journal_spool_del(
	struct journal *j, uint64_t run, int job, int attempt, struct err *e);

/* Refused and fenced records, kept so that they can be listed, as
 * {"run","time","record":...}. */
int journal_refuse(struct journal *j, uint64_t run, const char *json,
	size_t len, struct err *e);
int journal_refused_each(
	struct journal *j, journal_outbox_fn *fn, void *arg, struct err *e);

/* Reads every record and checks it; counts go to out as text lines.
 * Returns -1 with the first damage. */
int journal_check(struct journal *j, struct buf *out, struct err *e);
/* The same for a journal that is not open in this process, in a child, so
 * that no damage can crash the caller. */
int journal_verify(const char *path, struct buf *out, struct err *e);
/* Drops all rows and indexes, so that the caller can put them anew from
 * the events (within one transaction). */
int journal_drop_rows(struct journal *j, struct err *e);
typedef int journal_each_run_fn(uint64_t run, void *arg, struct err *e);
int journal_each_run(
	struct journal *j, journal_each_run_fn *fn, void *arg, struct err *e);
/* A compact copy into a new file of mode 0600; not inside a transaction. */
int journal_backup(struct journal *j, const char *path, struct err *e);
/* Puts such a copy in the place of the journal at path, which is not open
 * anywhere; what was there is kept as data.mdb.before-restore.  The copy is
 * verified first. */
int journal_restore(const char *path, const char *from, struct err *e);

struct journal_stats {
	int64_t file_bytes, used_bytes, map_bytes, map_max_bytes;
	uint64_t runs, events, outbox, dead, refused, dedupe;
};
int journal_stats(struct journal *j, struct journal_stats *ret, struct err *e);

#endif
