/* SPDX-License-Identifier: MIT */
/*
 * Opening, transactions, numbers with a name.  The records are in
 * journal_events.c, journal_rows.c, journal_dedupe.c, journal_outbox.c;
 * checking and copies in journal_check.c.
 */
#include "base/base.h"
#include "base/crash.h"
#include "base/enc.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#include <openssl/evp.h>
#include <sys/stat.h>

static const char *const tables[] = {
	[T_META] = "meta",
	[T_EVENTS] = "events",
	[T_ROWS] = "rows",
	[T_INDEX] = "index",
	[T_DEDUPE] = "dedupe",
	[T_AGES] = "ages",
	[T_OUTBOX] = "outbox",
	[T_DEAD] = "dead",
	[T_SPOOLS] = "spools",
	[T_REFUSED] = "refused",
	[T_HEADS] = "heads",
};

_Static_assert(ARRAY_LEN(tables) == T_COUNT, "a table has no name");
_Static_assert(T_COUNT <= DB_TABLES_MAX, "too many tables");

void
journal_hash(
	unsigned char to[HASH_BYTES], const struct hash_part *parts, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	unsigned char len[8];

	for (size_t i = 0; good && i < n; i++) {
		db_put64(len, parts[i].n);
		good = EVP_DigestUpdate(c, len, sizeof(len)) &&
		       EVP_DigestUpdate(c, parts[i].p, parts[i].n);
	}
	good = good && EVP_DigestFinal_ex(c, to, NULL);
	EVP_MD_CTX_free(c);
	/* It fails for want of memory only, as xmalloc() does. */
	if (!good)
		abort();
}

int
journal_bad(
	struct journal *j, int table, const struct db_rec *rec, struct err *e)
{
	AUTO(freep) char *hex = xmalloc(2 * rec->klen + 1);

	hex_put(hex, rec->key, rec->klen);
	return err_set(e, ERR_PERM,
		"journal damaged: '%s/data.mdb', table %s, key %s: it has "
		"an unknown form",
		j->path, tables[table], hex);
}

int
journal_meta_get(
	struct journal *j, const char *name, uint64_t *ret, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	int rc = db_get(j->db, T_META, name, strlen(name), &b, e);
	struct db_rec rec = {
		.key = (const unsigned char *)name,
		.klen = strlen(name),
	};

	if (rc < 0)
		return -1;
	if (rc && b.len != 8)
		return journal_bad(j, T_META, &rec, e);
	*ret = rc ? db_get64((const unsigned char *)b.data) : 0;
	return 0;
}

int
journal_meta_put(struct journal *j, const char *name, uint64_t v, struct err *e)
{
	unsigned char be[8];

	db_put64(be, v);
	return db_put(j->db, T_META, name, strlen(name), be, sizeof(be), e);
}

int
journal_meta_bump(
	struct journal *j, const char *name, uint64_t *ret, struct err *e)
{
	uint64_t v;

	if (journal_meta_get(j, name, &v, e) < 0 ||
		journal_meta_put(j, name, v + 1, e) < 0)
		return -1;
	*ret = v + 1;
	return 0;
}

static int
write_schema(struct journal *j, struct err *e)
{
	if (journal_begin(j, e) < 0)
		return -1;
	if (journal_meta_put(j, "schema", JOURNAL_SCHEMA, e) < 0) {
		journal_abort(j);
		return -1;
	}
	return journal_commit(j, e);
}

/* Schema 1 is the first: there is no older one to migrate from, so 0 means
 * that nothing was ever written. */
static int
check_schema(struct journal *j, bool may_write, struct err *e)
{
	uint64_t schema, runs = 0;

	if (journal_meta_get(j, "schema", &schema, e) < 0)
		return -1;
	if (schema > JOURNAL_SCHEMA)
		return err_set(e, ERR_PERM,
			"the journal '%s' has schema %" PRIu64
			", this version knows %d: use a newer tellusd",
			j->path, schema, JOURNAL_SCHEMA);
	if (schema == JOURNAL_SCHEMA || !may_write)
		return 0;
	if (db_count(j->db, T_EVENTS, &runs, e) < 0)
		return -1;
	if (runs)
		return err_set(e, ERR_PERM,
			"journal damaged: '%s' has lost its schema number; "
			"put a backup in its place",
			j->path);
	return write_schema(j, e);
}

static int
open_db(struct journal **ret, const char *path, const struct journal_opts *o,
	bool must_exist, int ntables, struct err *e)
{
	struct db_opts d = {
		.tables = tables,
		.n_tables = (size_t)ntables,
		.map_bytes = o->map_bytes,
		.map_max_bytes = o->map_max_bytes,
		.must_exist = must_exist,
		.any_fs = o->any_fs,
	};
	struct journal *j = xcalloc(1, sizeof(*j));

	j->path = xstrdup(path);
	j->ntables = ntables;
	if (db_open(&j->db, path, &d, e) < 0 ||
		check_schema(j, !must_exist, e) < 0) {
		journal_close(j);
		return -1;
	}
	*ret = j;
	return 0;
}

int
journal_open_as_is(
	struct journal **ret, const char *path, bool any_fs, struct err *e)
{
	struct journal_opts o = { .any_fs = any_fs };

	if (open_db(ret, path, &o, true, T_COUNT, e) == 0)
		return 0;
	/* One that no newer tellusd has opened yet. */
	return e->code != ERR_ABSENT ? -1
				     : open_db(ret, path, &o, true, T_HEADS, e);
}

int
journal_open(struct journal **ret, const char *path,
	const struct journal_opts *o, struct err *e)
{
	if (!o->repair && journal_look(path, o->any_fs, e) < 0)
		return -1;
	return open_db(ret, path, o, false, T_COUNT, e);
}

void
journal_close(struct journal *j)
{
	if (!j)
		return;
	db_close(j->db);
	free(j->path);
	free(j);
}

int
journal_begin(struct journal *j, struct err *e)
{
	return db_begin(j->db, e);
}

bool
journal_is_open_txn(const struct journal *j)
{
	return db_in_txn(j->db);
}

int
journal_commit(struct journal *j, struct err *e)
{
	crash_point("store.before-commit");
	if (fail_point("store.commit")) {
		db_abort(j->db);
		return err_set(e, ERR_TEMP, "the commit was made to fail");
	}
	if (db_commit(j->db, e) < 0)
		return -1;
	crash_point("store.committed");
	return 0;
}

void
journal_abort(struct journal *j)
{
	db_abort(j->db);
}

bool
journal_has_room(const struct journal *j)
{
	return db_has_room(j->db);
}

int
journal_next_run(struct journal *j, uint64_t *ret, struct err *e)
{
	return journal_meta_bump(j, "run", ret, e);
}

int
journal_raise_epoch(struct journal *j, uint64_t *ret, struct err *e)
{
	return journal_meta_bump(j, "epoch", ret, e);
}

int
journal_stats(struct journal *j, struct journal_stats *ret, struct err *e)
{
	struct db_stats d;
	const struct {
		int table;
		uint64_t *to;
	} counts[] = {
		{ T_ROWS, &ret->runs },
		{ T_EVENTS, &ret->events },
		{ T_OUTBOX, &ret->outbox },
		{ T_DEAD, &ret->dead },
		{ T_REFUSED, &ret->refused },
		{ T_DEDUPE, &ret->dedupe },
	};

	if (db_stats(j->db, &d, e) < 0)
		return -1;
	ret->file_bytes = d.file_bytes;
	ret->used_bytes = d.used_bytes;
	ret->map_bytes = d.map_bytes;
	ret->map_max_bytes = d.map_max_bytes;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (db_count(j->db, counts[i].table, counts[i].to, e) < 0)
			return -1;
	return 0;
}
