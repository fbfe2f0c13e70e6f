/* SPDX-License-Identifier: MIT */
/*
 * Summary rows, and the indexes that answer the listings.
 *
 * A row is a byte (active), the four names with a NUL each, and the JSON.
 * The index has a key for the repository, the ref, both, and the commit of
 * every run.  By state it has the settled runs only: the active ones are
 * few, change state often, and are looked through one by one.  So a change
 * of state costs no index write until the last.
 */
#include "base/base.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#define HASH_IN_KEY 16
#define PREFIX_BYTES (1 + HASH_IN_KEY)

/* What an index is by; the sum is the key's first byte. */
enum {
	BY_REPOSITORY = 1,
	BY_REF = 2,
	BY_STATE = 4,
	BY_SHA = 8,
	BY_ACTIVE = 16,
};

/* clang-format off */
static const unsigned char always[] = {
	BY_REPOSITORY, BY_REF, BY_REPOSITORY | BY_REF, BY_SHA,
};
static const unsigned char when_settled[] = {
	BY_STATE, BY_STATE | BY_REPOSITORY, BY_STATE | BY_REF,
	BY_STATE | BY_REPOSITORY | BY_REF,
};
static const unsigned char when_active[] = { BY_ACTIVE };
/* clang-format on */

_Static_assert(ARRAY_LEN(always) + ARRAY_LEN(when_settled) <= INDEX_KEYS_MAX,
	"more index keys than a row may have");
_Static_assert(PREFIX_BYTES + 8 == INDEX_KEY_BYTES, "index key's length");

static void
index_prefix(unsigned char to[PREFIX_BYTES], unsigned char by,
	const char *repository, const char *sha, const char *ref,
	const char *state)
{
	const char *names[] = {
		by & BY_REPOSITORY ? repository : "",
		by & BY_SHA ? sha : "",
		by & BY_REF ? ref : "",
		by & BY_STATE ? state : "",
	};
	struct hash_part parts[ARRAY_LEN(names)];
	unsigned char hash[HASH_BYTES];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		parts[i] = (struct hash_part){ names[i], strlen(names[i]) };
	journal_hash(hash, parts, ARRAY_LEN(parts));
	to[0] = by;
	memcpy(to + 1, hash, HASH_IN_KEY);
}

static size_t
add_keys(const struct row_view *row, uint64_t run, const unsigned char *by,
	size_t n, unsigned char (*keys)[INDEX_KEY_BYTES])
{
	for (size_t i = 0; i < n; i++) {
		index_prefix(keys[i], by[i], row->repository, row->sha,
			row->ref, row->state);
		db_put64(keys[i] + PREFIX_BYTES, run);
	}
	return n;
}

size_t
journal_row_keys(const struct row_view *row, uint64_t run,
	unsigned char keys[INDEX_KEYS_MAX][INDEX_KEY_BYTES])
{
	size_t n = add_keys(row, run, always, ARRAY_LEN(always), keys);

	if (row->active)
		return n + add_keys(row, run, when_active,
				   ARRAY_LEN(when_active), keys + n);
	return n + add_keys(row, run, when_settled, ARRAY_LEN(when_settled),
			   keys + n);
}

int
journal_row_parse(const char *val, size_t len, struct row_view *ret)
{
	const char **names[] = {
		&ret->repository,
		&ret->sha,
		&ret->ref,
		&ret->state,
	};
	const char *end = val + len, *p = val + 1;

	if (!len || (unsigned char)val[0] > 1)
		return -1;
	ret->active = val[0];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return -1;
		*names[i] = p;
		p = nul + 1;
	}
	ret->json = p;
	ret->json_len = (size_t)(end - p);
	return 0;
}

/* 1 with the row in val and view, 0, -1; a damaged row is ERR_PERM. */
static int
get_row(struct journal *j, uint64_t run, struct buf *val, struct row_view *view,
	struct err *e)
{
	unsigned char key[8];
	struct db_rec rec = { .key = key, .klen = sizeof(key) };
	int rc;

	db_put64(key, run);
	buf_reset(val);
	rc = db_get(j->db, T_ROWS, key, sizeof(key), val, e);
	if (rc > 0 && journal_row_parse(val->data, val->len, view) < 0)
		return journal_bad(j, T_ROWS, &rec, e);
	return rc;
}

/* The keys of the row that is there: none when it is damaged, since what
 * the index then still says of it is not believed by any reader. */
static int
old_keys(struct journal *j, uint64_t run,
	unsigned char keys[INDEX_KEYS_MAX][INDEX_KEY_BYTES], size_t *ret_n,
	struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	struct row_view view;
	int rc = get_row(j, run, &val, &view, e);

	*ret_n = 0;
	if (rc < 0 && e->code != ERR_PERM)
		return -1;
	if (rc > 0)
		*ret_n = journal_row_keys(&view, run, keys);
	return rc ? 1 : 0;
}

static bool
has_key(unsigned char (*keys)[INDEX_KEY_BYTES], size_t n,
	const unsigned char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(keys[i], key, INDEX_KEY_BYTES))
			return true;
	return false;
}

static int
change_index(struct journal *j, unsigned char (*old)[INDEX_KEY_BYTES],
	size_t n_old, unsigned char (*new)[INDEX_KEY_BYTES], size_t n_new,
	struct err *e)
{
	for (size_t i = 0; i < n_old; i++)
		if (!has_key(new, n_new, old[i]) &&
			db_del(j->db, T_INDEX, old[i], INDEX_KEY_BYTES, e) < 0)
			return -1;
	for (size_t i = 0; i < n_new; i++)
		if (!has_key(old, n_old, new[i]) &&
			db_put(j->db, T_INDEX, new[i], INDEX_KEY_BYTES, NULL, 0,
				e) < 0)
			return -1;
	return 0;
}

static void
add_name(struct buf *b, const char **ret, const char *name)
{
	*ret = name ? name : "";
	buf_add(b, *ret, strlen(*ret) + 1);
}

int
journal_put_row(struct journal *j, const struct journal_row *row, struct err *e)
{
	unsigned char old[INDEX_KEYS_MAX][INDEX_KEY_BYTES];
	unsigned char new[INDEX_KEYS_MAX][INDEX_KEY_BYTES];
	AUTO(buf_release) struct buf val = BUF_INIT;
	struct row_view view = { .active = row->active };
	unsigned char key[8];
	size_t n_old, n_new;

	if (old_keys(j, row->run, old, &n_old, e) < 0)
		return -1;
	buf_addc(&val, row->active ? 1 : 0);
	add_name(&val, &view.repository, row->repository);
	add_name(&val, &view.sha, row->sha);
	add_name(&val, &view.ref, row->ref);
	add_name(&val, &view.state, row->state);
	buf_add(&val, row->json, row->json_len);
	n_new = journal_row_keys(&view, row->run, new);
	if (change_index(j, old, n_old, new, n_new, e) < 0)
		return -1;
	db_put64(key, row->run);
	return db_put(j->db, T_ROWS, key, sizeof(key), val.data, val.len, e);
}

int
journal_row_delete(struct journal *j, uint64_t run, struct err *e)
{
	unsigned char old[INDEX_KEYS_MAX][INDEX_KEY_BYTES];
	unsigned char key[8];
	size_t n;
	int rc = old_keys(j, run, old, &n, e);

	if (rc <= 0)
		return rc;
	db_put64(key, run);
	if (change_index(j, old, n, NULL, 0, e) < 0)
		return -1;
	return db_del(j->db, T_ROWS, key, sizeof(key), e);
}

int
journal_get_row(
	struct journal *j, uint64_t run, struct buf *json, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	struct row_view view;
	int rc = get_row(j, run, &val, &view, e);

	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(e, ERR_ABSENT, "there is no run %" PRIu64, run);
	buf_add(json, view.json, view.json_len);
	return 0;
}

/* Run numbers from one index (or the rows themselves), newest first. */
struct source {
	struct db_iter it;
	bool open;
	size_t klen; /* of this source's keys */
	int has;     /* 1: run is set; 0: the end; -1: not read yet */
	uint64_t run;
};

static void
source_open(struct source *s, struct journal *j, int table,
	const unsigned char *prefix, size_t plen, uint64_t before)
{
	unsigned char key[INDEX_KEY_BYTES];

	db_iter_init(&s->it, j->db, table, prefix, plen, true);
	if (plen)
		memcpy(key, prefix, plen);
	db_put64(key + plen, before - 1); /* 0: from the highest number */
	db_iter_seek(&s->it, key, plen + 8);
	s->klen = plen + 8;
	s->open = true;
	s->has = -1;
}

/* Damaged records are passed over: the list of runs is the last thing that
 * should go blank, and journal_check() finds them. */
static int
source_read(struct source *s, struct err *e)
{
	struct db_rec rec;
	int rc;

	if (!s->open || s->has >= 0)
		return 0;
	do
		rc = db_iter_next(&s->it, &rec, e);
	while (s->it.damaged || (rc > 0 && rec.klen != s->klen));
	if (rc < 0)
		return -1;
	s->has = rc;
	if (rc)
		s->run = db_get64(rec.key + rec.klen - 8);
	return 0;
}

/* The next run number of one or two sources: 1, 0 or -1. */
static int
next_of(struct source s[2], uint64_t *ret, struct err *e)
{
	if (source_read(&s[0], e) < 0 || source_read(&s[1], e) < 0)
		return -1;
	if (s[0].has != 1 && s[1].has != 1)
		return 0;
	*ret = 0;
	for (int i = 0; i < 2; i++)
		if (s[i].has == 1 && s[i].run > *ret)
			*ret = s[i].run;
	for (int i = 0; i < 2; i++)
		if (s[i].has == 1 && s[i].run == *ret)
			s[i].has = -1;
	return 1;
}

static void
open_sources(
	struct source s[2], struct journal *j, const struct journal_filter *f)
{
	unsigned char prefix[PREFIX_BYTES];
	unsigned char by = 0;

	if (f->sha)
		by = BY_SHA;
	else
		by = (unsigned char)((f->repository ? BY_REPOSITORY : 0) |
				     (f->ref ? BY_REF : 0) |
				     (f->state ? BY_STATE : 0));
	if (!by) {
		source_open(&s[0], j, T_ROWS, NULL, 0, f->before);
		return;
	}
	index_prefix(prefix, by, f->repository, f->sha, f->ref, f->state);
	source_open(&s[0], j, T_INDEX, prefix, sizeof(prefix), f->before);
	if (!(by & BY_STATE))
		return;
	index_prefix(prefix, BY_ACTIVE, NULL, NULL, NULL, NULL);
	source_open(&s[1], j, T_INDEX, prefix, sizeof(prefix), f->before);
}

static bool
matches(const struct journal_filter *f, const struct row_view *row)
{
	return (!f->repository || str_eq(f->repository, row->repository)) &&
	       (!f->sha || str_eq(f->sha, row->sha)) &&
	       (!f->ref || str_eq(f->ref, row->ref)) &&
	       (!f->state || str_eq(f->state, row->state));
}

static int
list(struct journal *j, struct source s[2], const struct journal_filter *f,
	journal_row_fn *fn, void *arg, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	size_t n = 0;
	uint64_t run;
	int rc = 0;

	while (n < f->limit && (rc = next_of(s, &run, e)) > 0) {
		struct row_view row;
		int have = get_row(j, run, &val, &row, e);

		if (have < 0 && e->code != ERR_PERM)
			return -1;
		if (have <= 0 || !matches(f, &row))
			continue;
		if (fn(run, row.json, row.json_len, arg, e) < 0)
			return -1;
		n++;
	}
	return rc < 0 ? -1 : 0;
}

int
journal_list(struct journal *j, const struct journal_filter *f,
	journal_row_fn *fn, void *arg, struct err *e)
{
	struct source s[2] = { 0 };
	int rc;

	open_sources(s, j, f);
	rc = list(j, s, f, fn, arg, e);
	for (int i = 0; i < 2; i++)
		if (s[i].open)
			db_iter_release(&s[i].it);
	return rc;
}

int
journal_active(struct journal *j, journal_run_fn *fn, void *arg, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	AUTO(db_iter_release) struct db_iter it;
	unsigned char prefix[PREFIX_BYTES];
	struct row_view row;
	struct db_rec rec;
	int rc;

	index_prefix(prefix, BY_ACTIVE, NULL, NULL, NULL, NULL);
	db_iter_init(&it, j->db, T_INDEX, prefix, sizeof(prefix), false);
	while ((rc = db_iter_next(&it, &rec, e)) > 0) {
		uint64_t run;
		int have;

		if (rec.klen != INDEX_KEY_BYTES)
			return journal_bad(j, T_INDEX, &rec, e);
		run = db_get64(rec.key + PREFIX_BYTES);
		have = get_row(j, run, &val, &row, e);
		if (have < 0 && e->code != ERR_PERM)
			return -1;
		/* A damaged row does not make its run finished. */
		if (have && (have < 0 || row.active) && fn(run, arg, e) < 0)
			return -1;
	}
	return rc;
}
