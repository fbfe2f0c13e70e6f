/* SPDX-License-Identifier: MIT */
/*
 * The journal under attack: wrong owners and links, wrong bytes, missing
 * ends.  Whatever is done to it, it never gives a wrong record.
 */
#include "base/base.h"
#include "base/buf.h"
#include "os/fd.h"
#include "store/db.h"
#include "store/db_priv.h"
#include "store/journal_priv.h"

#include "journal_util.h"

#include <sys/resource.h>
#include <sys/wait.h>

static char data_path[80];

static bool
refused(const char *what)
{
	struct journal_opts o = { 0 };
	struct journal *j = NULL;
	struct err e = { 0 };

	if (journal_open(&j, path, &o, &e) == 0) {
		journal_close(j);
		return false;
	}
	if (!strstr(e.msg, what))
		printf("# %s\n", e.msg);
	return strstr(e.msg, what) != NULL;
}

/* A journal with runs 1..n, each with an event, a row and a key. */
static void
make(int n)
{
	struct journal *j;
	struct err e;

	path_clear(path);
	j = open_at(path);
	journal_begin(j, &e);
	for (int i = 1; i <= n; i++) {
		uint64_t run;
		char text[120];

		snprintf(text, sizeof(text), "event of run %d %0100d", i, i);
		journal_next_run(j, &run, &e);
		append(j, run, 1, text, &e);
		put_row(j, run, "demo", "sha", "ref", "passed", i % 10 == 0,
			&e);
		journal_dedupe_put(j, &run, sizeof(run), &run, 1, i, &e);
	}
	if (journal_commit(j, &e) < 0)
		exit(1);
	journal_close(j);
}

static void
suspicion(void)
{
	make(1);
	ok(chmod(path, 0755) == 0 && refused("0700"),
		"a folder that others may read is refused");
	chmod(path, 0700);
	ok(chmod(data_path, 0644) == 0 && refused("0600"),
		"a data file that others may read is refused");
	chmod(data_path, 0600);
	if (geteuid() == 0) {
		ok(chown(data_path, 12345, 0) == 0 && refused("12345"),
			"another owner is refused");
		chown(data_path, 0, 0);
	} else {
		skip("only root can give files away",
			"another owner is refused");
	}
	ok(refused("x") == false, "the same files as they were are accepted");
}

static void
links(void)
{
	AUTO(freep) char *away = xasprintf("%s/away", top);
	AUTO(freep) char *away_data = xasprintf("%s/away.mdb", top);
	AUTO(freep) char *lock = xasprintf("%s/lock.mdb", path);

	make(1);
	ok(rename(path, away) == 0 && symlink(away, path) == 0 &&
			refused("not a folder"),
		"a link in the place of the folder is refused");
	unlink(path);
	rename(away, path);
	ok(rename(data_path, away_data) == 0 &&
			symlink(away_data, data_path) == 0 &&
			refused("not a plain file"),
		"a link in the place of the data is refused");
	unlink(data_path);
	rename(away_data, data_path);
	unlink(lock);
	ok(symlink("/etc/passwd", lock) == 0 && refused("not a plain file"),
		"a link in the place of the lock is refused");
	unlink(lock);
	ok(!refused("x"), "without the lock file it opens");
	ok(db_fs_refused(0x6969) && db_fs_refused((long)0xff534d42) &&
			db_fs_refused((int)0xff534d42) &&
			db_fs_refused(0x65735546),
		"network file systems are known");
	ok(!db_fs_refused(0xef53) && !db_fs_refused(0x01021994) &&
			!db_fs_refused(0x58465342) &&
			!db_fs_refused((long)0x9123683e),
		"ext4, tmpfs, XFS and btrfs are none");
}

static void
twice(void)
{
	struct journal *j;

	make(1);
	j = open_at(path);
	ok(refused("open in this process"),
		"it is not opened twice in one process");
	journal_close(j);
}

static void
schema(void)
{
	struct journal *j;
	struct err e;

	make(1);
	j = open_at(path);
	journal_begin(j, &e);
	journal_meta_put(j, "schema", JOURNAL_SCHEMA + 1, &e);
	journal_commit(j, &e);
	journal_close(j);
	ok(refused("newer tellusd"), "a newer schema is refused");
}

static void
missing(void)
{
	int bad = 0, n = 0;
	struct stat st;

	make(200);
	unlink(data_path);
	ok(refused("journal damaged"), "a missing data file is damage");
	make(200);
	stat(data_path, &st);
	for (off_t size = st.st_size - st.st_size % 4096; size >= 0;
		size -= size > 200000 ? 65536 : 4096) {
		struct journal_opts o = { 0 };
		struct journal *j = NULL;
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct err e = { 0 };

		truncate(data_path, size);
		n++;
		if (journal_open(&j, path, &o, &e) == 0)
			/* Only zeros were cut off: all is there. */
			bad += journal_check(j, &out, &e) < 0 ||
			       !strstr(out.data, "runs: 200\n");
		else
			bad += !strstr(e.msg, "journal damaged");
		if (j) {
			/* The open filled it up again. */
			journal_close(j);
		}
	}
	ok(bad == 0 && n > 20,
		"cut at any page it is whole or says that it is damaged");
}

/* Reads all that a start reads and everything else; a wrong record ends the
 * process with 3. */
struct seen {
	uint64_t want;
	int n;
};

static int
right_event(const struct event *ev, void *arg, struct err *e UNUSED)
{
	struct seen *s = arg;
	char text[120];

	snprintf(text, sizeof(text), "event of run %d %0100d", (int)s->want,
		(int)s->want);
	if (!str_eq(jget_str(ev->data, "text"), text) || ev->seq != 1)
		_exit(3);
	s->n++;
	return 0;
}

static int
right_row(uint64_t run, const char *json, size_t len, void *arg UNUSED,
	struct err *e UNUSED)
{
	char want[80];

	snprintf(want, sizeof(want), "{\"run\":%d,\"state\":\"passed\"}",
		(int)run);
	if (run < 1 || run > 200 || strlen(want) != len ||
		memcmp(want, json, len) != 0)
		_exit(3);
	return 0;
}

static void
read_all(struct journal *j)
{
	struct journal_filter f = { .limit = 500 };
	struct seen s;
	struct err e;

	for (uint64_t run = 1; run <= 200; run++) {
		uint64_t got = run;
		size_t n = 0;

		s.want = run;
		journal_events(j, run, 0, right_event, &s, &e);
		if (journal_dedupe_get(j, &run, sizeof(run), &got, 1, &n, &e) >
				0 &&
			(n != 1 || got != run))
			_exit(3);
	}
	journal_list(j, &f, right_row, NULL, &e);
	f.state = "passed";
	journal_list(j, &f, right_row, NULL, &e);
	f.repository = "demo";
	journal_list(j, &f, right_row, NULL, &e);
}

/* Opens without the first look, so that the reads meet the damage. 0 read,
 * 1 refused or crashed, 3 a wrong record. */
static int
read_in_child(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		static const struct rlimit none = { 0, 0 };
		struct journal_opts o = { .repair = true };
		struct journal *j;
		struct err e;

		setrlimit(RLIMIT_CORE, &none);
		freopen("/dev/null", "w", stderr);
		alarm(20);
		if (journal_open(&j, path, &o, &e) < 0)
			_exit(1);
		read_all(j);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return 4;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

struct rot {
	int wrong, hung, unclear, found, bad_end;
};

static void
rot_once(const char *whole, size_t used, int width, struct rot *r)
{
	/* Behind the two meta pages, which have no checksum. */
	size_t at = 8192 + (size_t)rand() % (used - 8192 - (size_t)width);
	AUTO(fd_closep) int fd = open(data_path, O_WRONLY | O_CLOEXEC);
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct err e = { 0 };
	char junk[64];
	int rc;

	for (int i = 0; i < width; i++)
		junk[i] = (char)(whole[at + (size_t)i] ^ (1 + rand() % 255));
	fd_pwrite_all(fd, junk, (size_t)width, (off_t)at, &e);
	rc = journal_verify(path, &out, &e);
	r->found += rc < 0;
	r->unclear += rc < 0 && e.code != ERR_PERM;
	rc = read_in_child();
	r->wrong += rc == 3;
	r->hung += rc == 4;
	r->bad_end += rc != 0 && rc != 1 && rc != 3 && rc != 4;
	fd_pwrite_all(fd, whole + at, (size_t)width, (off_t)at, &e);
}

static void
wrong_bytes(void)
{
	static const int widths[] = { 1, 8, 64 };
	AUTO(buf_release) struct buf whole = BUF_INIT;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal *j;
	struct db_stats st;
	struct rot r = { 0 };
	struct err e = { 0 };
	int fd;

	make(200);
	j = open_at(path);
	db_stats(j->db, &st, &e);
	journal_close(j);
	fd = open(data_path, O_RDONLY | O_CLOEXEC);
	fd_slurp(fd, 1 << 26, &whole, &e);
	close(fd);
	srand(20);
	for (size_t w = 0; w < ARRAY_LEN(widths); w++)
		for (int i = 0; i < 60; i++)
			rot_once(whole.data, (size_t)st.used_bytes, widths[w],
				&r);
	printf("# the check found %d of 180, the rest hit unused space\n",
		r.found);
	is_int(r.wrong, 0, "no wrong byte makes a wrong record");
	is_int(r.hung, 0, "or an endless read");
	is_int(r.unclear, 0, "the check calls each damage by its name");
	ok(r.found > 60, "and finds what it should");
	is_int(journal_verify(path, &out, &e), 0,
		"the file as it was is sound");
}

static void
one_wrong_value(void)
{
	AUTO(buf_release) struct buf whole = BUF_INIT;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal_opts o = { .repair = true };
	struct journal *j = NULL;
	struct seen s = { .want = 7 };
	struct err e = { 0 };
	char *at;
	int fd;

	make(200);
	fd = open(data_path, O_RDWR | O_CLOEXEC);
	fd_slurp(fd, 1 << 26, &whole, &e);
	at = memmem(whole.data, whole.len, "event of run 7 ", 15);
	ok(at && pwrite(fd, "E", 1, at - whole.data) == 1,
		"one letter of an event is changed");
	close(fd);
	ok(refused("checksum is wrong"), "the journal does not open");
	ok(journal_open(&j, path, &o, &e) == 0, "but for a repair");
	ok(journal_events(j, 7, 0, right_event, &s, &e) < 0 && s.n == 0 &&
			strstr(e.msg, "table events"),
		"reading that run is an error that names the table");
	s.want = 8;
	ok(journal_events(j, 8, 0, right_event, &s, &e) == 0 && s.n == 1,
		"the next one can be read");
	ok(journal_check(j, &out, &e) < 0, "the check finds it");
	journal_begin(j, &e);
	ok(journal_del_run(j, 7, &e) == 1 && journal_commit(j, &e) == 0,
		"the damaged run can be deleted");
	ok(journal_check(j, &out, &e) == 0, "after which all is sound");
	journal_close(j);
}

static void
first_start_cut_short(void)
{
	struct journal *j;
	int fd;

	path_clear(path);
	mkdir(path, 0700);
	fd = open(data_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ok(write(fd, "half a page", 11) == 11, "a first start was cut short");
	close(fd);
	j = open_at(path);
	ok(j != NULL, "the next one makes the journal anew");
	journal_close(j);
}

int
main(void)
{
	top_make();
	snprintf(data_path, sizeof(data_path), "%s/data.mdb", path);
	suspicion();
	links();
	twice();
	schema();
	missing();
	one_wrong_value();
	wrong_bytes();
	first_start_cut_short();
	path_clear(top);
	return tap_done();
}
