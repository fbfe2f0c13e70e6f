/* SPDX-License-Identifier: MIT */
/*
 * Is what is on the disk what was written?  The full check, the first look
 * at a start, and copies: backup, restore.  LMDB believes its file, so a
 * damaged one can crash its reader; whatever reads a file that nobody has
 * looked at yet does it in a child.
 */
#include "base/base.h"
#include "base/crash.h"
#include "os/fd.h"
#include "os/path.h"
#include "store/journal.h"
#include "store/journal_priv.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* How much of an existing journal is looked at before each start. */
#define LOOK_BYTES ((int64_t)32 << 20)

struct check {
	struct journal *j;
	uint64_t run; /* of the last event */
	uint32_t seq;
	uint64_t runs, active, index_keys;
};

static int
check_event(const struct db_rec *rec, void *arg, struct err *e)
{
	AUTO(event_release) struct event ev = { 0 };
	struct check *c = arg;
	uint64_t run;
	uint32_t seq;

	if (rec->klen != 12)
		return journal_bad(c->j, T_EVENTS, rec, e);
	run = db_get64(rec->key);
	seq = db_get32(rec->key + 8);
	if (event_from_json(&ev, rec->val, rec->vlen, e) < 0)
		return err_wrap(e, "run %" PRIu64 ", event %u", run, seq);
	if (run == c->run && seq != c->seq + 1)
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb', run %" PRIu64
			": event %u is missing",
			c->j->path, run, c->seq + 1);
	c->runs += run != c->run;
	c->run = run;
	c->seq = seq;
	return 0;
}

static int
check_row(const struct db_rec *rec, void *arg, struct err *e)
{
	unsigned char keys[INDEX_KEYS_MAX][INDEX_KEY_BYTES];
	struct check *c = arg;
	struct row_view row;
	size_t n;

	if (rec->klen != 8 || journal_row_parse(rec->val, rec->vlen, &row) < 0)
		return journal_bad(c->j, T_ROWS, rec, e);
	n = journal_row_keys(&row, db_get64(rec->key), keys);
	for (size_t i = 0; i < n; i++) {
		int rc = db_get(
			c->j->db, T_INDEX, keys[i], INDEX_KEY_BYTES, NULL, e);

		if (rc < 0)
			return -1;
		if (!rc)
			return err_set(e, ERR_PERM,
				"journal damaged: '%s/data.mdb', run %" PRIu64
				" is missing in an index; rebuild it",
				c->j->path, db_get64(rec->key));
	}
	c->index_keys += n;
	c->active += row.active;
	return 0;
}

static int
check_number_key(const struct db_rec *rec, void *arg, struct err *e)
{
	struct check *c = arg;

	return rec->klen == 8 ? 0 : journal_bad(c->j, T_OUTBOX, rec, e);
}

/* clang-format off */
static const struct {
	int table;
	const char *name;
	db_walk_fn *fn;
} checks[] = {
	{ T_META,    "numbers",      NULL },
	{ T_EVENTS,  "events",       check_event },
	{ T_ROWS,    "runs",         check_row },
	{ T_INDEX,   "index",        NULL },
	{ T_DEDUPE,  "deliveries",   NULL },
	{ T_AGES,    "ages",         NULL },
	{ T_OUTBOX,  "outbox",       check_number_key },
	{ T_DEAD,    "dead letters", check_number_key },
	{ T_SPOOLS,  "spools",       NULL },
	{ T_REFUSED, "refused",      check_number_key },
	{ T_HEADS,   "heads",        NULL },
};
/* clang-format on */

_Static_assert(ARRAY_LEN(checks) == T_COUNT, "a table is not checked");

static int
check_counts(struct check *c, struct err *e)
{
	uint64_t index, known, ages;

	if (db_count(c->j->db, T_INDEX, &index, e) < 0 ||
		db_count(c->j->db, T_DEDUPE, &known, e) < 0 ||
		db_count(c->j->db, T_AGES, &ages, e) < 0)
		return -1;
	if (index != c->index_keys)
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb' has %" PRIu64
			" index keys and should have %" PRIu64 "; rebuild it",
			c->j->path, index, c->index_keys);
	if (known != ages)
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb' knows %" PRIu64
			" deliveries and the age of %" PRIu64,
			c->j->path, known, ages);
	return 0;
}

int
journal_check(struct journal *j, struct buf *out, struct err *e)
{
	struct check c = { .j = j };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		uint64_t n;

		if (checks[i].table >= j->ntables)
			continue;
		if (db_walk(j->db, checks[i].table, checks[i].fn, &c, e) < 0 ||
			db_count(j->db, checks[i].table, &n, e) < 0)
			return -1;
		buf_addf(out, "%s: %" PRIu64 "\n", checks[i].name, n);
	}
	buf_addf(out, "active: %" PRIu64 "\n", c.active);
	return check_counts(&c, e);
}

int
journal_drop_rows(struct journal *j, struct err *e)
{
	if (db_clear(j->db, T_ROWS, e) < 0)
		return -1;
	return db_clear(j->db, T_INDEX, e);
}

/* What the child does with the journal that it has opened. */
typedef int look_fn(struct journal *j, struct buf *out, struct err *e);

static int
look_short(struct journal *j, struct buf *out UNUSED, struct err *e)
{
	/* What a start needs first; of the rest the newest. */
	static const int order[] = {
		T_META,
		T_OUTBOX,
		T_SPOOLS,
		T_DEAD,
		T_REFUSED,
		T_ROWS,
		T_EVENTS,
		T_INDEX,
		T_DEDUPE,
		T_AGES,
		T_HEADS,
	};
	int64_t budget = LOOK_BYTES;

	_Static_assert(ARRAY_LEN(order) == T_COUNT, "a table is not seen");
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (order[i] < j->ntables &&
			db_walk_back(j->db, order[i], &budget, e) < 0)
			return -1;
	return 0;
}

static void __attribute__((noreturn))
child_main(const char *path, bool any_fs, look_fn *fn, int to)
{
	static const struct rlimit no_core = { 0, 0 };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct err e = { .code = ERR_NONE }, ignored;
	struct journal *j = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	for (int sig = SIGILL; sig <= SIGSEGV; sig++)
		signal(sig, SIG_DFL);
	if (journal_open_as_is(&j, path, any_fs, &e) == 0)
		fn(j, &out, &e);
	journal_close(j);
	if (fd_write_all(to, &e, sizeof(e), &ignored) < 0 ||
		fd_write_all(to, out.data, out.len, &ignored) < 0)
		_exit(1);
	_exit(0);
}

static int
child_result(
	const char *path, pid_t pid, int from, struct buf *out, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	int got = fd_slurp(from, 1 << 20, &b, e), status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for the look at '%s'", path);
	if (got < 0)
		return -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return err_set(
			e, ERR_TEMP, "the look at '%s' was killed", path);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || b.len < sizeof(*e))
		return err_set(e, ERR_PERM,
			"journal damaged: '%s/data.mdb' can not be read (%s); "
			"put a backup in its place",
			path,
			WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
					    : "it ended early");
	memcpy(e, b.data, sizeof(*e));
	buf_add(out, b.data + sizeof(*e), b.len - sizeof(*e));
	return e->code == ERR_NONE ? 0 : -1;
}

static int
in_child(const char *path, bool any_fs, look_fn *fn, struct buf *out,
	struct err *e)
{
	int p[2];
	pid_t pid;
	int rc;

	if (fd_pipe(p, e) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		err_sys(e, "fork");
		close(p[0]);
		close(p[1]);
		return -1;
	}
	if (!pid) {
		close(p[0]);
		child_main(path, any_fs, fn, p[1]);
	}
	close(p[1]);
	rc = child_result(path, pid, p[0], out, e);
	close(p[0]);
	return rc;
}

int
journal_look(const char *path, bool any_fs, struct err *e)
{
	AUTO(freep) char *data = xasprintf("%s/data.mdb", path);
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct stat st;
	struct err why;

	/* Nothing there, or too short: opening knows what that means. */
	if (lstat(data, &st) < 0 || st.st_size < 2 * sysconf(_SC_PAGESIZE))
		return 0;
	if (in_child(path, any_fs, look_short, &out, &why) == 0 ||
		why.code == ERR_ABSENT)
		return 0;
	*e = why;
	return -1;
}

int
journal_verify(const char *path, struct buf *out, struct err *e)
{
	return in_child(path, true, journal_check, out, e);
}

int
journal_backup(struct journal *j, const char *path, struct err *e)
{
	if (db_in_txn(j->db))
		return err_set(e, ERR_PERM,
			"a backup inside a transaction can not be");
	return db_copy(j->db, path, e);
}

static int
copy_file(const char *from, int dirfd, const char *to, struct err *e)
{
	AUTO(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO(fd_closep) int out = -1;
	AUTO(freep) char *block = xmalloc(65536);

	if (in < 0)
		return err_sys(e, "open '%s'", from);
	out = openat(dirfd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "create '%s'", to);
	for (;;) {
		ssize_t n = read(in, block, 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read '%s'", from);
		if (!n)
			break;
		if (fd_write_all(out, block, (size_t)n, e) < 0)
			return err_wrap(e, "'%s'", to);
	}
	return fsync(out) < 0 ? err_sys(e, "sync '%s'", to) : 0;
}

static int
keep_old(int dir, struct err *e)
{
	if (faccessat(dir, "data.mdb", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "data.mdb");
	if (unlinkat(dir, "data.mdb.before-restore", 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove data.mdb.before-restore");
	if (linkat(dir, "data.mdb", dir, "data.mdb.before-restore", 0) < 0)
		return err_sys(e, "keep data.mdb");
	return 0;
}

/* The copy goes into a folder of its own beside the journal, is verified
 * there, and takes the place of the data file by a rename. */
static int
restore_by(const char *path, const char *from, const char *tmp, struct err *e)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	AUTO(fd_closep) int there = path_open_dir(AT_FDCWD, tmp, e);
	AUTO(fd_closep) int here = -1;

	if (there < 0 || copy_file(from, there, "data.mdb", e) < 0)
		return -1;
	if (journal_verify(tmp, &out, e) < 0)
		return err_wrap(e, "'%s' is no good backup", from);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir '%s'", path);
	here = path_open_dir(AT_FDCWD, path, e);
	if (here < 0)
		return -1;
	if (keep_old(here, e) < 0)
		return err_wrap(e, "'%s'", path);
	crash_point("store.restore");
	if (renameat(there, "data.mdb", here, "data.mdb") < 0)
		return err_sys(e, "rename to '%s/data.mdb'", path);
	return fsync(here) < 0 ? err_sys(e, "sync '%s'", path) : 0;
}

int
journal_restore(const char *path, const char *from, struct err *e)
{
	AUTO(freep) char *tmp = xasprintf("%s.restore", path);
	struct err ignored;
	int rc;

	if (path_remove_tree(AT_FDCWD, tmp, e) < 0)
		return -1;
	if (mkdir(tmp, 0700) < 0)
		return err_sys(e, "mkdir '%s'", tmp);
	rc = restore_by(path, from, tmp, e);
	path_remove_tree(AT_FDCWD, tmp, &ignored);
	return rc;
}
