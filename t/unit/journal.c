/* SPDX-License-Identifier: MIT */
/* The journal's records: what goes in comes out, in order. */
#include "base/base.h"
#include "base/buf.h"
#include "store/db.h"
#include "store/db_priv.h"
#include "store/journal_priv.h"

#include "journal_util.h"

#define MANY 10000

static int
note_event(const struct event *ev, void *arg, struct err *e)
{
	const char *text = jget_str(ev->data, "text");

	return note_row(ev->seq, text, strlen(text), arg, e);
}

static void
transactions(struct journal *j)
{
	uint64_t run = 0, epoch = 0;
	struct ids s = { 0 };
	struct err e;

	ok(!journal_is_open_txn(j), "no transaction is open at first");
	ok(journal_begin(j, &e) == 0 && journal_is_open_txn(j), "one is begun");
	ok(journal_next_run(j, &run, &e) == 0 && run == 1,
		"the first run is 1");
	ok(append(j, 1, 1, "a", &e) == 0, "an event is appended");
	ok(journal_events(j, 1, 0, note_event, &s, &e) == 0 && s.n == 1,
		"the open transaction sees it");
	journal_abort(j);
	s.n = 0;
	ok(journal_events(j, 1, 0, note_event, &s, &e) == 0 && s.n == 0,
		"an aborted one leaves nothing");
	journal_begin(j, &e);
	journal_next_run(j, &run, &e);
	is_int(run, 1, "nor does it use a run number up");
	append(j, 1, 1, "a", &e);
	append(j, 1, 2, "b", &e);
	ok(append(j, 1, 2, "c", &e) < 0 && e.code == ERR_PERM,
		"a sequence number can not be used twice");
	ok(journal_raise_epoch(j, &epoch, &e) == 0 && epoch == 1,
		"the epoch rises");
	ok(journal_commit(j, &e) == 0, "a transaction commits after that");
	ok(journal_events(j, 1, 2, note_event, &s, &e) == 0 && s.n == 1 &&
			str_eq(s.last, "b"),
		"events are read from a sequence number on, unchanged");
}

static void
spools(struct journal *j)
{
	int64_t at = 99;
	struct err e;

	ok(journal_spool_get(j, 7, -1, 1, &at, &e) == 0 && at == 0,
		"an unknown spool was read up to 0");
	journal_begin(j, &e);
	journal_spool_put(j, 7, -1, 1, 1234, &e);
	journal_spool_put(j, 7, 0, 1, (int64_t)5 << 40, &e);
	journal_commit(j, &e);
	ok(journal_spool_get(j, 7, -1, 1, &at, &e) == 0 && at == 1234,
		"the offset of a planning attempt is kept");
	ok(journal_spool_get(j, 7, 0, 1, &at, &e) == 0 && at == (int64_t)5
									  << 40,
		"and a job's beside it");
	journal_begin(j, &e);
	journal_spool_del(j, 7, -1, 1, &e);
	journal_commit(j, &e);
	ok(journal_spool_get(j, 7, -1, 1, &at, &e) == 0 && at == 0,
		"a deleted one is unknown again");
}

static int
sum_runs(const char *hash, int64_t wall_ms, const uint64_t *runs, size_t n,
	void *arg, struct err *e UNUSED)
{
	uint64_t *sum = arg;

	*sum += (uint64_t)wall_ms + strlen(hash) * 10000;
	for (size_t i = 0; i < n; i++)
		*sum += runs[i];
	return 0;
}

static void
dedupe(struct journal *j)
{
	uint64_t sum = 0;
	static const uint64_t runs[] = { 3, 4, 5 };
	AUTO(freep) char *long_key = xcalloc(1, 65536);
	uint64_t got[4];
	struct err e;
	size_t n;

	ok(journal_dedupe_get(j, "k", 1, got, 4, &n, &e) == 0 && n == 0,
		"a new key is new");
	journal_begin(j, &e);
	journal_dedupe_put(j, "k", 1, runs, 1, 1000, &e);
	journal_dedupe_put(j, "", 0, runs, 0, 2000, &e);
	journal_dedupe_put(j, long_key, 65536, runs, 2, 3000, &e);
	journal_commit(j, &e);
	ok(journal_dedupe_get(j, "k", 1, got, 4, &n, &e) == 1 && n == 1 &&
			got[0] == 3,
		"a known key gives its run");
	ok(journal_dedupe_get(j, "", 0, got, 4, &n, &e) == 1 && n == 0,
		"a key may be empty and have no run");
	ok(journal_dedupe_get(j, long_key, 65536, got, 1, &n, &e) == 1 &&
			n == 1 && got[0] == 3,
		"or long, and no more is given than asked for");
	ok(journal_dedupe_get(j, long_key, 65535, got, 1, &n, &e) == 0,
		"a part of a key is another key");
	ok(journal_dedupe_each(j, sum_runs, &sum, &e) == 0 &&
			sum == 3 * 640000 + 1000 + 2000 + 3000 + 3 + 3 + 4,
		"all are listed, with the hash, the time and the runs");
	journal_begin(j, &e);
	journal_dedupe_put(j, "k", 1, runs, 3, 5000, &e);
	ok(journal_dedupe_expire(j, 5000, 1, &e) == 1,
		"no more are forgotten at once than asked for");
	ok(journal_dedupe_expire(j, 5000, 10, &e) == 1,
		"a key that was put again is as old as its last time");
	journal_commit(j, &e);
	ok(journal_dedupe_get(j, "k", 1, got, 4, &n, &e) == 1 && n == 3 &&
			got[2] == 5,
		"and has its new runs");
	ok(journal_dedupe_get(j, "", 0, got, 4, &n, &e) == 0,
		"what was forgotten is new");
}

static void
outbox(struct journal *j)
{
	struct ids s = { 0 };
	struct err e;
	uint64_t id;

	journal_begin(j, &e);
	for (int i = 0; i < 300; i++)
		journal_outbox_add(j, "{\"n\":1}", 7, &id, &e);
	journal_commit(j, &e);
	is_int(id, 300, "intents are numbered");
	journal_outbox_each(j, note_row, &s, &e);
	ok(s.n == 300 && s.id[0] == 1 && s.id[255] == 256 && s.id[299] == 300,
		"they come in order, also by byte borders");
	journal_begin(j, &e);
	ok(journal_outbox_del(j, 1, &e) == 0 &&
			journal_outbox_set(j, 2, "{\"n\":2}", 7, &e) == 0 &&
			journal_outbox_bury(j, 3, "too \"old\"", &e) == 0,
		"deleted, changed, buried");
	ok(journal_outbox_del(j, 1, &e) < 0 && e.code == ERR_ABSENT &&
			journal_outbox_set(j, 1, "{}", 2, &e) < 0 &&
			journal_outbox_bury(j, 1, "x", &e) < 0,
		"what is gone is absent");
	journal_outbox_add(j, "{}", 2, &id, &e);
	is_int(id, 301, "a number is never used again");
	ok(journal_commit(j, &e) == 0, "absence spoils no transaction");
	s = (struct ids){ 0 };
	journal_outbox_each(j, note_row, &s, &e);
	ok(s.n == 299 && s.id[0] == 2 && s.id[1] == 4, "the others stay");
	s = (struct ids){ 0 };
	journal_dead_each(j, note_row, &s, &e);
	ok(s.n == 1 && s.id[0] == 3 && strstr(s.last, "\"too \\\"old\\\"\"") &&
			strstr(s.last, "\"intent\":{\"n\":1}"),
		"a dead letter tells the intent and the reason");
	journal_begin(j, &e);
	journal_refuse(j, 42, "{\"why\":\"fenced\"}", 16, &e);
	journal_commit(j, &e);
	s = (struct ids){ 0 };
	journal_refused_each(j, note_row, &s, &e);
	ok(s.n == 1 && strstr(s.last, "\"run\":42") &&
			strstr(s.last, "\"record\":{\"why\":\"fenced\"}"),
		"a refused record is listed with its run");
}

struct drain {
	struct journal *j;
	int n;
};

static int
drain_one(uint64_t id, const char *json UNUSED, size_t len UNUSED, void *arg,
	struct err *e)
{
	struct drain *d = arg;

	d->n++;
	if (journal_begin(d->j, e) < 0 || journal_outbox_del(d->j, id, e) < 0)
		return -1;
	return journal_commit(d->j, e);
}

static void
callbacks_may_write(struct journal *j)
{
	struct drain d = { j, 0 };
	struct ids s = { 0 };
	struct err e;

	ok(journal_outbox_each(j, drain_one, &d, &e) == 0 && d.n == 299,
		"a callback may write and commit");
	journal_outbox_each(j, note_row, &s, &e);
	is_int(s.n, 0, "and empty the box that is read");
}

static void
many_events(struct journal *j)
{
	struct journal_stats st;
	struct ids s = { 0 };
	struct err e;
	int bad = 0;

	journal_begin(j, &e);
	for (uint32_t i = 1; i <= MANY; i++)
		bad += append(j, 1000 + i % 7, i / 7, "text", &e) < 0;
	ok(journal_commit(j, &e) == 0 && !bad, "10,000 events are appended");
	journal_each_run(j, note_run, &s, &e);
	ok(s.n == 8 && s.id[0] == 1 && s.id[7] == 1006,
		"each run that has events is told once, in order");
	s = (struct ids){ 0 };
	journal_events(j, 1003, 0, note_event, &s, &e);
	ok(s.n == 1429 && s.id[0] == 0 && s.id[599] == 599,
		"a run's events come in order and no others");
	journal_stats(j, &st, &e);
	ok(st.events == MANY + 2 && st.runs == 0, "the counts are right");
}

static void
flags(struct journal *j)
{
	struct db_stats st;
	struct err e;

	db_stats(j->db, &st, &e);
	ok(!(st.flags & DB_FORBIDDEN), "no flag that costs durability is set");
	ok(st.flags & MDB_NOTLS, "and readers are not bound to threads");
	ok(journal_has_room(j), "there is room");
	ok(st.file_bytes > st.used_bytes + (1 << 20),
		"the file is filled ahead of the data");
}

int
main(void)
{
	struct journal *j;

	top_make();
	j = open_at(path);
	transactions(j);
	spools(j);
	dedupe(j);
	outbox(j);
	callbacks_may_write(j);
	many_events(j);
	flags(j);
	journal_close(j);
	path_clear(top);
	return tap_done();
}
