/* SPDX-License-Identifier: MIT */
/* The os layer: files, folders, the loop, children, watches. */
#include "base/base.h"
#include "base/clock.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/loop.h"
#include "os/path.h"
#include "os/watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"

static int dir;

static void
files(void)
{
	AUTO(freep) char *text = NULL;
	struct err e = { 0 };
	struct stat st;
	int fd;

	ok(fd_put_file(dir, "f", "hello", 5, 0640, &e) == 0, "a file is put");
	ok(fd_put_file(dir, "f", "hi", 2, 0640, &e) == 0, "and replaced");
	ok(fd_slurp_at(dir, "f", 10, &text, NULL, &e) == 0 &&
			str_eq(text, "hi"),
		"and read back");
	ok(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0640,
		"with the mode that was asked for");
	free(STEAL(text));
	ok(fd_slurp_at(dir, "f", 1, &text, NULL, &e) < 0 &&
			strstr(e.msg, "'f'"),
		"a larger file is refused by name");
	ok(fd_slurp_at(dir, "none", 1, &text, NULL, &e) < 0 &&
			e.code == ERR_ABSENT,
		"an absent file is absent");
	ok(symlinkat("/etc", dir, "link") == 0, "a link out");
	fd = path_open_beneath(dir, "link/passwd", O_RDONLY, 0, &e);
	ok(fd < 0, "is not followed");
	fd = path_open_beneath(dir, "../x", O_RDONLY, 0, &e);
	ok(fd < 0, "nor is '..'");
	ok(!path_is_clean("a/../b") && !path_is_clean("/a") &&
			!path_is_clean("a//b") && !path_is_clean(""),
		"unclean paths are known");
	ok(path_is_clean("a/..b/c"), "and clean ones");
	unlinkat(dir, "f", 0);
}

static void
trees(void)
{
	struct err e = { 0 };
	int64_t bytes, n;
	int fd = dir;

	ok(path_mkdirs(dir, "t/a/b/c", 0755, &e) == 0, "folders are made");
	close(openat(dir, "t/a/x", O_CREAT | O_WRONLY, 0600));
	ok(path_usage(dir, "t", &bytes, &n, &e) == 0 && n == 4,
		"and counted");
	/* Deeper than descriptors or the path limit allow. */
	fd = openat(dir, "t", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		int sub;

		mkdirat(fd, "deeper", 0700);
		sub = openat(fd, "deeper", O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = sub;
	}
	close(fd);
	fchmodat(dir, "t/a/b", 0, 0);
	ok(path_remove_tree(dir, "t", &e) == 0, "a deep tree is removed: %s",
		e.msg);
	ok(faccessat(dir, "t", F_OK, 0) < 0, "and gone");
	ok(path_remove_tree(dir, "t", &e) == 0, "an absent one is no error");
	ok(path_remove_tree(dir, "link", &e) == 0 &&
			access("/etc/passwd", F_OK) == 0,
		"a link is removed, not what it points to");
}

static int fired[3], order;
static struct loop *loop;

static void
tick(void *arg)
{
	fired[*(int *)arg] = ++order;
	if (*(int *)arg == 1)
		loop_stop(loop);
}

static void
child_done(pid_t pid UNUSED, int wstatus, void *arg)
{
	*(int *)arg = wstatus;
	loop_stop(loop);
}

static void
looping(void)
{
	struct loop_timer a = { 0 }, b = { 0 }, c = { 0 };
	int ids[3] = { 0, 1, 2 };
	struct err e = { 0 };

	loop = loop_new(&e);
	loop_timer_set(loop, &b, 20, tick, &ids[1]);
	loop_timer_set(loop, &a, 1, tick, &ids[0]);
	loop_timer_set(loop, &c, 5, tick, &ids[2]);
	loop_timer_cancel(loop, &c);
	ok(loop_run(loop, &e) == 0, "the loop runs");
	ok(fired[0] == 1 && fired[1] == 2, "timers fire in order of time");
	ok(!fired[2], "a cancelled timer does not fire");
	loop_free(loop);
}

static void
children(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
		(char *)"ls /proc/self/fd | wc -l; exit 7", NULL };
	int out[2], pidfd, status = 0;
	struct err e = { 0 };
	char text[16] = "";
	uint64_t start;
	pid_t pid;

	loop = loop_new(&e);
	fd_pipe(out, &e);
	struct spawn s = { .path = "/bin/sh",
		.argv = argv,
		.fd = { -1, out[1], 2 },
		.nfds = 3 };
	ok(spawn_run(&s, &pid, &pidfd, &e) == 0, "a child starts");
	close(out[1]);
	ok(proc_start_time(pid, &start, &e) == 0 && start > 0,
		"its start time is read");
	ok(pidfd_for(pid, start + 1, &e) < 0, "another start time: not it");
	ok(child_watch(loop, pid, pidfd, child_done, &status, &e) != NULL,
		"it is watched");
	loop_run(loop, &e);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		"its status arrives");
	ok(read(out[0], text, sizeof(text) - 1) > 0, "its output too");
	/* 0 1 2 and the one that ls opens. */
	is_int(strtol(text, NULL, 10), 4, "it inherited nothing else");
	s.path = "/no/such/program";
	s.nfds = 1;
	ok(spawn_run(&s, &pid, &pidfd, &e) < 0 && e.code == ERR_ABSENT,
		"a failing exec is an error");
	loop_free(loop);
}

static void
seen(uint32_t mask UNUSED, const char *name, void *arg)
{
	*(bool *)arg = str_eq(name, "new");
	loop_stop(loop);
}

static void
watching(const char *path)
{
	struct err e = { 0 };
	struct watch_set *ws;
	bool hit = false;

	loop = loop_new(&e);
	ws = watch_set_new(loop, &e);
	ok(watch_add(ws, path, IN_CREATE, seen, &hit, &e) >= 0,
		"a folder is watched");
	close(openat(dir, "new", O_CREAT | O_WRONLY, 0600));
	loop_run(loop, &e);
	ok(hit, "a new file is seen");
	watch_set_free(ws);
	loop_free(loop);
}

static void
locks_and_passing(void)
{
	int pair[2], got, again, fd = openat(dir, "lease", O_CREAT | O_RDWR, 0600);
	struct err e = { 0 };
	char c;

	again = openat(dir, "lease", O_RDWR);
	ok(fd_lock(fd, &e) == 0, "the lease is taken");
	is_int(fd_lock(again, &e), 1, "nobody else gets it");
	is_int(fd_lock_held(again, &e), 1, "and one can see that");
	fd_socketpair(pair, &e);
	ok(fd_send(pair[0], "x", 1, fd, &e) == 0, "it is passed on");
	close(fd);
	is_int(fd_lock_held(again, &e), 1, "in flight it is still held");
	ok(fd_recv(pair[1], &c, 1, &got, &e) == 1 && got >= 0,
		"and arrives");
	close(got);
	is_int(fd_lock_held(again, &e), 0, "closed by the last, it is free");
}

int
main(void)
{
	char path[] = "/tmp/tellus-os.XXXXXX";
	struct err e = { 0 };

	if (!mkdtemp(path))
		return 1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	files();
	trees();
	looping();
	children();
	watching(path);
	locks_and_passing();
	path_remove_tree(AT_FDCWD, path, &e);
	return tap_done();
}
