/* SPDX-License-Identifier: MIT */
/* The journal's summary rows: listed by filter, rebuilt, deleted, copied. */
#include "base/base.h"
#include "base/buf.h"
#include "store/journal.h"

#include "journal_util.h"

#define MANY 10000

static int
note_seq(const struct event *ev, void *arg, struct err *e)
{
	return note_run(ev->seq, arg, e);
}

static const char *const repositories[] = { "demo", "acme/widget", "other" };
static const char *const refs[] = { "refs/heads/main", "refs/heads/dev" };
static const char *const states[] = { "passed", "failed", "running", "queued" };

/* Run i of the history; the newest hundred are active. */
static int
put_history(struct journal *j, uint64_t i, struct err *e)
{
	bool active = i > MANY - 100;
	char sha[41];

	snprintf(sha, sizeof(sha), "%040" PRIx64, i / 2);
	return put_row(j, i, repositories[i % 3], sha, refs[i / 3 % 2],
		active ? states[2 + i % 2] : states[i / 5 % 2], active, e);
}

static bool
expected(const struct journal_filter *f, uint64_t i)
{
	bool active = i > MANY - 100;
	char sha[41];

	snprintf(sha, sizeof(sha), "%040" PRIx64, i / 2);
	return (!f->repository || str_eq(f->repository, repositories[i % 3])) &&
	       (!f->ref || str_eq(f->ref, refs[i / 3 % 2])) &&
	       (!f->sha || str_eq(f->sha, sha)) &&
	       (!f->state || str_eq(f->state, active ? states[2 + i % 2]
						     : states[i / 5 % 2]));
}

/* The list against a look at every run. */
static bool
list_is_right(struct journal *j, const struct journal_filter *f)
{
	struct ids s = { 0 };
	struct err e;
	size_t n = 0;

	if (journal_list(j, f, note_row, &s, &e) < 0)
		return false;
	for (uint64_t i = f->before ? f->before - 1 : MANY; i && n < f->limit;
		i--)
		if (expected(f, i) && (n >= s.n || s.id[n++] != i))
			return false;
	return n == s.n;
}

static void
fill_history(struct journal *j)
{
	struct err e;
	int bad = 0;

	for (uint64_t i = 1; i <= MANY;) {
		bad += journal_begin(j, &e) < 0;
		for (int k = 0; k < 500 && i <= MANY; k++, i++) {
			/* Each one was active once. */
			bad += put_row(j, i, repositories[i % 3], "", "",
				       "received", true, &e) < 0;
			bad += put_history(j, i, &e) < 0;
		}
		bad += journal_commit(j, &e) < 0;
	}
	is_int(bad, 0, "10,000 rows are put");
}

static void
lists(struct journal *j)
{
	static const uint64_t befores[] = { 0, 1, 2, 100, MANY - 50, MANY };
	int bad = 0, n = 0;

	for (int mask = 0; mask < 16; mask++)
		for (size_t b = 0; b < ARRAY_LEN(befores); b++)
			for (size_t st = 0; st < 4; st++) {
				struct journal_filter f = {
					.repository = mask & 1 ? "demo" : NULL,
					.ref = mask & 2 ? refs[1] : NULL,
					.state = mask & 4 ? states[st] : NULL,
					.sha = mask & 8 ? "00000000000000000000"
							  "00000000"
							  "000000001386"
							: NULL,
					.before = befores[b],
					.limit = mask & 1 ? 500 : 50,
				};

				n++;
				if (!list_is_right(j, &f)) {
					bad++;
					printf("# mask %d before %d "
					       "state %s\n",
						mask, (int)befores[b],
						states[st]);
				}
			}
	ok(bad == 0, "%d combinations of filters list the right runs", n);
}

static void
list_edges(struct journal *j)
{
	struct journal_filter f = { .repository = "none", .limit = 10 };
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct ids s = { 0 };
	struct err e;

	ok(journal_list(j, &f, note_row, &s, &e) == 0 && s.n == 0,
		"an unknown repository has no runs");
	f.repository = "";
	ok(journal_list(j, &f, note_row, &s, &e) == 0 && s.n == 0,
		"an empty name is a name");
	f = (struct journal_filter){ .limit = 0 };
	ok(journal_list(j, &f, note_row, &s, &e) == 0 && s.n == 0,
		"a limit of 0 lists nothing");
	journal_active(j, note_run, &s, &e);
	ok(s.n == 100 && s.id[0] == MANY - 99 && s.id[99] == MANY,
		"the active runs come oldest first");
	ok(journal_get_row(j, 5, &json, &e) == 0 &&
			str_eq(json.data, "{\"run\":5,\"state\":\"failed\"}"),
		"a row is read by its number");
	ok(journal_get_row(j, MANY + 1, &json, &e) < 0 && e.code == ERR_ABSENT,
		"an unknown run is absent");
}

static void
states_change(struct journal *j)
{
	struct journal_filter f = { .state = "failed", .limit = 1 };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct ids s = { 0 };
	struct err e;

	journal_begin(j, &e);
	put_row(j, MANY, "demo", "x", "y", "failed", false, &e);
	journal_commit(j, &e);
	journal_list(j, &f, note_row, &s, &e);
	is_int(s.id[0], MANY, "a settled run is found by its state");
	journal_begin(j, &e);
	put_row(j, MANY, "demo", "x", "y", "queued", true, &e);
	journal_commit(j, &e);
	s.n = 0;
	journal_list(j, &f, note_row, &s, &e);
	ok(s.id[0] != MANY, "a run that was retried is not");
	s.n = 0;
	f.state = "queued";
	journal_list(j, &f, note_row, &s, &e);
	ok(s.id[0] == MANY, "but by its new one");
	ok(journal_check(j, &out, &e) == 0, "the index has no key too many");
	ok(strstr(out.data, "runs: 10000\n") &&
			strstr(out.data, "active: 100\n"),
		"the check counts");
}

static void
copy_list(struct journal *j, struct buf *b)
{
	struct journal_filter f = { .limit = 500 };
	struct ids s = { 0 };
	struct err e;

	for (int i = 0; i < 2; i++) {
		f.state = i ? "passed" : NULL;
		s.n = 0;
		journal_list(j, &f, note_row, &s, &e);
		buf_add(b, &s.n, sizeof(s.n));
		buf_add(b, s.id, s.n * sizeof(s.id[0]));
	}
}

static void
rebuilt(struct journal *j)
{
	AUTO(buf_release) struct buf before = BUF_INIT;
	AUTO(buf_release) struct buf after = BUF_INIT;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal_stats st;
	int bad = 0;
	struct err e;

	copy_list(j, &before);
	journal_begin(j, &e);
	ok(journal_drop_rows(j, &e) == 0, "all rows are dropped");
	journal_stats(j, &st, &e);
	is_int(st.runs, 0, "and gone");
	for (uint64_t i = 1; i < MANY; i++)
		bad += put_history(j, i, &e) < 0;
	bad += put_row(j, MANY, "demo", "x", "y", "queued", true, &e) < 0;
	ok(journal_commit(j, &e) == 0 && !bad,
		"and put again, in one transaction");
	copy_list(j, &after);
	ok(before.len == after.len &&
			!memcmp(before.data, after.data, after.len),
		"the lists are the same");
	ok(journal_check(j, &out, &e) == 0, "and the journal is sound");
}

static void
deleted(struct journal *j)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct ids s = { 0 };
	struct err e;
	int64_t at;

	journal_begin(j, &e);
	append(j, 7, 1, "x", &e);
	journal_spool_put(j, 7, 3, 1, 55, &e);
	is_int(journal_del_run(j, 7, &e), 1, "a run is forgotten");
	is_int(journal_del_run(j, 7, &e), 0, "once");
	journal_commit(j, &e);
	journal_events(j, 7, 0, note_seq, &s, &e);
	journal_spool_get(j, 7, 3, 1, &at, &e);
	ok(s.n == 0 && at == 0 && journal_get_row(j, 7, &out, &e) < 0,
		"with its events, row and offsets");
	ok(journal_check(j, &out, &e) == 0, "and leaves nothing loose");
}

static void
copies(struct journal *j)
{
	AUTO(freep) char *backup = xasprintf("%s/backup", top);
	AUTO(freep) char *other = xasprintf("%s/other", top);
	AUTO(buf_release) struct buf a = BUF_INIT;
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal *k;
	struct stat st;
	struct err e;

	ok(journal_backup(j, backup, &e) == 0 && stat(backup, &st) == 0 &&
			(st.st_mode & 07777) == 0600,
		"a backup is made, for the agent's eyes only");
	ok(journal_backup(j, backup, &e) < 0, "it replaces no file");
	ok(journal_restore(other, backup, &e) == 0, "it is restored");
	k = open_at(other);
	copy_list(j, &a);
	copy_list(k, &b);
	ok(a.len == b.len && !memcmp(a.data, b.data, a.len),
		"and says the same");
	journal_close(k);
	ok(journal_verify(other, &out, &e) == 0, "and is sound");
	ok(truncate(backup, 40960) == 0 &&
			journal_restore(other, backup, &e) < 0 &&
			strstr(e.msg, "no good backup"),
		"a damaged backup is not restored");
	k = open_at(other);
	ok(k != NULL, "and what was there stays");
	journal_close(k);
}

/* ---- heads ---- */

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int
count_head(const char *ref, const struct journal_head *head, void *arg,
	struct err *e)
{
	(void)e;
	if (str_starts(ref, "refs/heads/") && str_eq(head->sha, SHA_A))
		++*(int *)arg;
	return 0;
}

static int
heads_of(struct journal *j, const char *repository)
{
	struct err e;
	int n = 0;

	if (journal_heads_each(j, repository, count_head, &n, &e) < 0)
		return -1;
	return n;
}

static void
heads(struct journal *j)
{
	const struct journal_head a = { SHA_A, SHA_B, 7, true };
	struct journal_head got = { .run = 1 };
	struct err e;

	ok(journal_head_get(j, "demo", "refs/heads/main", &got, &e) == 0 &&
			heads_of(j, "demo") == 0,
		"of a repository that was never seen no head is known");
	ok(journal_begin(j, &e) == 0 &&
			journal_head_put(
				j, "demo", "refs/heads/main", &a, &e) == 0 &&
			journal_head_put(j, "demo", "refs/heads/x", &a, &e) ==
				0 &&
			journal_head_put(j, "demo", "", &a, &e) == 0 &&
			journal_head_put(
				j, "other", "refs/heads/main", &a, &e) == 0 &&
			journal_commit(j, &e) == 0,
		"heads are noted");
	ok(journal_head_get(j, "demo", "refs/heads/main", &got, &e) == 1 &&
			str_eq(got.sha, SHA_A) && str_eq(got.before, SHA_B) &&
			got.run == 7 && got.found,
		"a head comes back as it was noted");
	ok(heads_of(j, "demo") == 2,
		"the heads of a repository are its own, without its mark");
	ok(journal_begin(j, &e) == 0 &&
			journal_head_del(j, "demo", "refs/heads/x", &e) == 1 &&
			journal_head_del(j, "demo", "refs/heads/x", &e) == 0 &&
			journal_commit(j, &e) == 0 &&
			heads_of(j, "demo") == 1 && heads_of(j, "other") == 1,
		"one that is forgotten is gone, and only that one");
}

int
main(void)
{
	struct journal *j;

	top_make();
	j = open_at(path);
	fill_history(j);
	lists(j);
	list_edges(j);
	states_change(j);
	rebuilt(j);
	deleted(j);
	copies(j);
	heads(j);
	journal_close(j);
	path_clear(top);
	return tap_done();
}
