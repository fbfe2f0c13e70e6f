/* SPDX-License-Identifier: MIT */
/*
 * The journal without room, and killed: full maps, full disks, kill -9.
 * What was acknowledged is there, what was refused is not, and it goes on.
 */
#include "base/base.h"
#include "base/buf.h"
#include "os/fd.h"
#include "store/db.h"
#include "store/journal_priv.h"

#include "journal_util.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static int
count_event(const struct event *ev UNUSED, void *arg, struct err *e UNUSED)
{
	++*(int *)arg;
	return 0;
}

/* n events of about 1 KiB in one transaction. */
static int
burst(struct journal *j, uint64_t run, uint32_t n, struct err *e)
{
	char text[1024];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	if (journal_begin(j, e) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (append(j, run, i, text, e) < 0) {
			journal_abort(j);
			return -1;
		}
	return journal_commit(j, e);
}

static void
map_grows(void)
{
	struct journal_opts o = { .map_bytes = 256 << 10,
		.map_max_bytes = 64 << 20 };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal_stats st;
	struct journal *j = NULL;
	int tries = 0, bad = 0;
	struct err e = { 0 };

	path_clear(path);
	ok(journal_open(&j, path, &o, &e) == 0, "a tiny map is opened");
	for (uint64_t run = 1; run <= 500; run++)
		bad += burst(j, run, 8, &e) < 0;
	is_int(bad, 0, "small turns never meet its end");
	while (burst(j, 1000, 20000, &e) < 0 && e.code == ERR_TEMP &&
		tries < 10)
		tries++;
	ok(tries > 0 && tries < 10,
		"a huge turn does, and gets through when it is done again");
	journal_stats(j, &st, &e);
	is_int(st.events, 24000, "nothing is there twice or not at all");
	ok(st.map_bytes <= 64 << 20 && st.map_bytes > 8 << 20,
		"the map has grown");
	ok(journal_check(j, &out, &e) == 0, "and is sound");
	journal_close(j);
	ok(journal_open(&j, path, &o, &e) == 0,
		"it opens again with the tiny map asked for");
	journal_close(j);
}

static void
map_ends(void)
{
	struct journal_opts o = { .map_bytes = 1 << 20,
		.map_max_bytes = 2 << 20 };
	struct journal *j = NULL;
	struct err e = { 0 };
	uint64_t run = 1;
	int bad = 0, n = 0;

	path_clear(path);
	journal_open(&j, path, &o, &e);
	while (run < 1000 && burst(j, run, 16, &e) == 0)
		run++;
	ok(run > 10 && run < 1000 && e.code == ERR_TEMP &&
			strstr(e.msg, "limit of 2 MiB"),
		"at its limit the map refuses, and says which");
	ok(!journal_has_room(j), "new work is not wanted then");
	/* Pages are free for use two transactions after their deletion. */
	for (uint64_t i = 1; i < 4; i++) {
		journal_begin(j, &e);
		journal_del_run(j, i, &e);
		bad += journal_commit(j, &e) < 0;
	}
	is_int(bad, 0, "runs can be deleted");
	ok(burst(j, 2000, 16, &e) == 0, "which makes room");
	ok(journal_events(j, run, 0, count_event, &n, &e) == 0 && !n,
		"nothing is there of what was refused");
	journal_close(j);
}

static int
fill_disk(const char *name)
{
	AUTO(freep) char *junk = xcalloc(1, 65536);
	AUTO(fd_closep)
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct err e;

	while (fd_write_all(fd, junk, 65536, &e) == 0)
		;
	return e.sys == ENOSPC ? 0 : -1;
}

static void
disk_full_in(const char *mnt)
{
	AUTO(freep) char *at = xasprintf("%s/j", mnt);
	AUTO(freep) char *junk = xasprintf("%s/junk", mnt);
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct journal_stats st;
	struct journal *j = open_at(at);
	struct err e = { 0 };
	uint64_t run = 0, kept, small;
	int rc = 0;

	for (uint64_t i = 0; i < 20; i++)
		burst(j, ++run, 4, &e);
	ok(journal_has_room(j), "there is room on an empty disk");
	ok(fill_disk(junk) == 0, "the disk is filled");
	while (journal_has_room(j) && (rc = burst(j, run + 1, 16, &e)) == 0)
		run++;
	small = run;
	ok(rc == 0 && !journal_has_room(j),
		"new work is not wanted before anything has failed");
	while ((rc = burst(j, run + 1, 16, &e)) == 0 && run < 5000)
		run++;
	ok(rc < 0 && e.code == ERR_TEMP && strstr(e.msg, "disk is full"),
		"when that is used up a commit fails and says why");
	kept = run;
	ok(kept > small + 100,
		"after much more of what was accepted has come to its end");
	ok(burst(j, run + 1, 16, &e) < 0 && e.code == ERR_TEMP,
		"and so does the next");
	ok(journal_check(j, &out, &e) == 0, "everything from before is intact");
	unlink(junk);
	ok(burst(j, run + 1, 16, &e) == 0, "with room again it goes on");
	ok(journal_has_room(j), "and new work is wanted");
	journal_stats(j, &st, &e);
	is_int(st.events, 20 * 4 + (kept - 20) * 16 + 16,
		"what failed left nothing, what did not is all there");
	journal_close(j);
	j = open_at(at);
	ok(journal_check(j, &out, &e) == 0, "also after opening it again");
	journal_close(j);
}

static void
disk_full(void)
{
	AUTO(freep) char *mnt = xasprintf("%s/mnt", top);

	if (mkdir(mnt, 0700) < 0 ||
		mount("tmpfs", mnt, "tmpfs", MS_NOSUID | MS_NODEV,
			"size=12m,mode=0700") < 0) {
		skip("a tmpfs can not be mounted", "a full disk");
		return;
	}
	disk_full_in(mnt);
	umount(mnt);
}

static void
commit_in_loop(int ack)
{
	struct journal *j = open_at(path);
	struct err e;

	for (;;) {
		uint64_t run;

		if (journal_begin(j, &e) < 0 ||
			journal_next_run(j, &run, &e) < 0 ||
			append(j, run, 1, "x", &e) < 0 ||
			put_row(j, run, "demo", "sha", "ref", "queued", true,
				&e) < 0 ||
			journal_commit(j, &e) < 0 ||
			write(ack, &run, sizeof(run)) != sizeof(run))
			_exit(1);
	}
}

/* Starts a child that commits, kills it after some acknowledgements, and
 * returns the last run that was acknowledged. */
static uint64_t
kill_one(int after)
{
	uint64_t run, last = 0;
	int p[2], n = 0;
	struct err e;
	pid_t pid;

	fd_pipe(p, &e);
	pid = fork();
	if (!pid)
		commit_in_loop(p[1]);
	close(p[1]);
	while (read(p[0], &run, sizeof(run)) == sizeof(run)) {
		last = run;
		if (++n == after)
			kill(pid, SIGKILL);
	}
	close(p[0]);
	waitpid(pid, NULL, 0);
	return last;
}

static void
kills(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	uint64_t last = 0, runs = 0;
	int lost = 0, bad = 0;
	struct journal *j;
	struct err e;

	path_clear(path);
	for (int i = 0; i < 100; i++) {
		uint64_t acked = kill_one(1 + i % 7);

		/* One more than was acknowledged may be there. */
		lost += acked <= last;
		last = acked;
		j = open_at(path);
		bad += journal_check(j, &out, &e) < 0;
		db_count(j->db, T_ROWS, &runs, &e);
		lost += runs < last || runs > last + 1;
		last = runs;
		journal_close(j);
	}
	is_int(lost, 0, "after 100 kills every acknowledged run is there");
	is_int(bad, 0, "and the journal was sound each time");
}

int
main(void)
{
	top_make();
	signal(SIGPIPE, SIG_IGN);
	map_grows();
	map_ends();
	disk_full();
	kills();
	path_clear(top);
	return tap_done();
}
