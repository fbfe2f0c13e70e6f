/* SPDX-License-Identifier: MIT */
/*
 * Where each branch and tag stood when it was last heard of, so that a push
 * that nobody told us of can be found.  These records outlive the runs.
 *
 * Key: hash[16] of the repository, hash[32] of the ref.  Value: a flag
 * byte, the run, the commit, the one before it, the ref.
 */
#include "base/base.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#define SHA_HEX 40
#define REPO_BYTES 16
#define KEY_BYTES (REPO_BYTES + HASH_BYTES)
#define VALUE_HEAD (1 + 8 + 2 * SHA_HEX)
#define FOUND 1

/* The ref "" is not a ref: its record says that the repository was seen. */
static void
head_key(unsigned char to[KEY_BYTES], const char *repository, const char *ref)
{
	const struct hash_part of_repo = { repository, strlen(repository) };
	const struct hash_part of_ref = { ref, strlen(ref) };
	unsigned char hash[HASH_BYTES];

	journal_hash(hash, &of_repo, 1);
	memcpy(to, hash, REPO_BYTES);
	journal_hash(to + REPO_BYTES, &of_ref, 1);
}

/* -1: malformed. */
static int
parse(const char *val, size_t len, struct journal_head *ret, const char **ref)
{
	if (len < VALUE_HEAD)
		return -1;
	ret->found = val[0] & FOUND;
	ret->run = db_get64((const unsigned char *)val + 1);
	memcpy(ret->sha, val + 9, SHA_HEX);
	memcpy(ret->before, val + 9 + SHA_HEX, SHA_HEX);
	ret->sha[SHA_HEX] = ret->before[SHA_HEX] = '\0';
	*ref = val + VALUE_HEAD;
	return 0;
}

int
journal_head_get(struct journal *j, const char *repository, const char *ref,
	struct journal_head *ret, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	unsigned char key[KEY_BYTES];
	struct db_rec rec = { .key = key, .klen = KEY_BYTES };
	const char *its_ref;
	int rc;

	head_key(key, repository, ref);
	rc = db_get(j->db, T_HEADS, key, KEY_BYTES, &val, e);
	if (rc > 0 && parse(val.data, val.len, ret, &its_ref) < 0)
		return journal_bad(j, T_HEADS, &rec, e);
	return rc;
}

int
journal_head_put(struct journal *j, const char *repository, const char *ref,
	const struct journal_head *head, struct err *e)
{
	AUTO(buf_release) struct buf val = BUF_INIT;
	unsigned char key[KEY_BYTES], be[8];

	head_key(key, repository, ref);
	db_put64(be, head->run);
	buf_addc(&val, head->found ? FOUND : 0);
	buf_add(&val, be, sizeof(be));
	buf_add(&val, head->sha, SHA_HEX);
	buf_add(&val, head->before, SHA_HEX);
	buf_addz(&val, ref);
	return db_put(j->db, T_HEADS, key, KEY_BYTES, val.data, val.len, e);
}

int
journal_head_del(struct journal *j, const char *repository, const char *ref,
	struct err *e)
{
	unsigned char key[KEY_BYTES];

	head_key(key, repository, ref);
	return db_del(j->db, T_HEADS, key, KEY_BYTES, e);
}

int
journal_heads_each(struct journal *j, const char *repository,
	journal_head_fn *fn, void *arg, struct err *e)
{
	AUTO(db_iter_release) struct db_iter it;
	unsigned char key[KEY_BYTES];
	struct db_rec rec;
	int rc;

	head_key(key, repository, "");
	db_iter_init(&it, j->db, T_HEADS, key, REPO_BYTES, false);
	while ((rc = db_iter_next(&it, &rec, e)) > 0) {
		struct journal_head head;
		const char *ref;

		if (parse(rec.val, rec.vlen, &head, &ref) < 0)
			return journal_bad(j, T_HEADS, &rec, e);
		if (*ref && fn(ref, &head, arg, e) < 0)
			return -1;
	}
	return rc;
}
