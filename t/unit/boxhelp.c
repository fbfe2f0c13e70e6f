/* SPDX-License-Identifier: MIT */
/* Helpers: what they answer, when they are ended, what they may touch. */
#include "base/base.h"
#include "base/clock.h"
#include "box/box.h"
#include "os/fd.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define NOBODY 65533

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static const struct box_helper plain = {
	.max = 1 << 20, .cancel_fd = -1, .close_fd = -1
};

static int
say(int out, void *arg)
{
	const char *text = arg;

	return write(out, text, strlen(text)) < 0 ? 1 : 5;
}

static int
hang(int out UNUSED, void *arg UNUSED)
{
	while (pause() < 0)
		;
	return 0;
}

/* One byte every 20 ms, for ever. */
static int
drip(int out, void *arg UNUSED)
{
	struct timespec t = { 0, 20 * 1000 * 1000 };

	while (write(out, ".", 1) == 1)
		nanosleep(&t, NULL);
	return 1;
}

static int
flood(int out, void *arg UNUSED)
{
	char block[4096] = "";

	while (write(out, block, sizeof(block)) > 0)
		;
	return 1;
}

static int
crash(int out UNUSED, void *arg UNUSED)
{
	raise(SIGSEGV);
	return 0;
}

/* Leaves a child behind that holds the pipe. */
static int
leave(int out, void *arg UNUSED)
{
	if (!fork())
		for (;;)
			pause();
	return write(out, "left", 4) == 4 ? 0 : 1;
}

static int
who(int out, void *arg UNUSED)
{
	dprintf(out, "%d %d %d %d", getuid(), getgid(), getgroups(0, NULL),
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 0;
}

static int
eat(int out UNUSED, void *arg UNUSED)
{
	/* volatile: or the compiler takes it for granted */
	void *volatile p = malloc((size_t)512 << 20);

	return p ? 0 : 9;
}

/* Is the descriptor that arg points at open here? */
static int
is_open(int out, void *arg)
{
	dprintf(out, "%d", fcntl(*(int *)arg, F_GETFD) >= 0);
	return 0;
}

static int
try_open(int out, const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT * !!(flags & O_WRONLY), 0600);

	dprintf(out, "%s ", fd >= 0 ? "yes" : "no");
	return 0;
}

/* arg: the folder that may be written. */
static int
touch_things(int out, void *arg)
{
	AUTO(freep) char *in = xasprintf("%s/in", (char *)arg);
	AUTO(freep) char *beside = xasprintf("%s-beside", (char *)arg);

	try_open(out, in, O_WRONLY);
	try_open(out, beside, O_WRONLY);
	try_open(out, "/usr/bin/env", O_RDONLY);
	try_open(out, "/etc/passwd", O_RDONLY);
	unlink(beside);
	return 0;
}

static int
read_shadow(int out, void *arg UNUSED)
{
	try_open(out, "/etc/shadow", O_RDONLY);
	try_open(out, "/root/.tellus-test", O_WRONLY);
	return 0;
}

static int
help(const struct box_helper *h, box_helper_fn *fn, void *arg, struct buf *out,
	struct err *e)
{
	int status = -1;

	buf_reset(out);
	if (box_help(h, fn, arg, out, &status, e) < 0)
		return -1;
	return status;
}

static void
test_answers(struct buf *out)
{
	struct box_helper h = plain;
	struct err e;

	is_int(help(&h, say, (char *)"hello", out, &e), 5,
		"a helper's return value is its status");
	is_str(out->data, "hello", "what it writes arrives");
	is_int(help(&h, crash, NULL, out, &e), -1, "a crash is an error");
	ok(strstr(e.msg, "signal 11") && e.code == ERR_PERM,
		"the message names the signal");
	is_int(help(&h, leave, NULL, out, &e), 0,
		"what a helper leaves behind does not hold us up");
	is_str(out->data, "left", "and its answer is complete");
	h.memory_bytes = (int64_t)256 << 20;
	if (SANITIZED)
		skip("the sanitizer needs its shadow", "memory is limited");
	else
		is_int(help(&h, eat, NULL, out, &e), 9, "memory is limited");
}

static void
test_clock(struct buf *out)
{
	struct box_helper h = plain;
	int64_t start = clock_boot_ms();
	struct err e;
	int pair[2];

	h.deadline_ms = 150;
	is_int(help(&h, hang, NULL, out, &e), -1,
		"a helper that hangs is ended");
	ok(e.code == ERR_TEMP && strstr(e.msg, "150 ms"),
		"the message names the deadline");
	is_int(help(&h, drip, NULL, out, &e), -1,
		"a helper that goes on writing meets its deadline");
	h.deadline_ms = 0;
	h.idle_ms = 100;
	is_int(help(&h, hang, NULL, out, &e), -1,
		"a helper that is silent is ended");
	ok(e.code == ERR_TEMP && strstr(e.msg, "100 ms"),
		"the message names the silence");
	h.deadline_ms = 400;
	help(&h, drip, NULL, out, &e);
	ok(strstr(e.msg, "400 ms") && out->len > 1,
		"each byte moves the end of the silence");
	ok(clock_boot_ms() - start < 10000, "all of that in good time");
	h = plain;
	h.max = 10000;
	is_int(help(&h, flood, NULL, out, &e), -1,
		"a helper that writes too much is ended");
	is_int(e.code, ERR_PERM, "too much will be too much again");
	if (fd_pipe(pair, &e) < 0)
		return;
	close(pair[1]);
	h.cancel_fd = pair[0];
	is_int(help(&h, hang, NULL, out, &e), -1, "a helper can be cancelled");
	is_int(e.code, ERR_CANCELED, "a cancelled helper says so");
	h.cancel_fd = -1;
	h.close_fd = pair[0];
	help(&h, is_open, &pair[0], out, &e);
	is_str(out->data, "0", "the lease is closed in the helper");
	h.close_fd = -1;
	help(&h, is_open, &pair[0], out, &e);
	is_str(out->data, "1", "other descriptors are not");
	close(pair[0]);
}

static void
test_rights(struct buf *out)
{
	struct box_helper h = plain;
	struct err e;

	h.drop = true;
	h.uid = geteuid() ? geteuid() : NOBODY;
	h.gid = geteuid() ? getegid() : NOBODY;
	help(&h, who, NULL, out, &e);
	if (geteuid() == 0) {
		is_str(out->data, "65533 65533 0 1",
			"a helper drops to its user, without groups");
		help(&h, read_shadow, NULL, out, &e);
		is_str(out->data, "no no ", "it has no rights of root");
		h.keep_read = true;
		help(&h, read_shadow, NULL, out, &e);
		is_str(out->data, "yes no ", "it may keep reading alone");
	} else {
		ok(str_ends(out->data, " 1"), "a helper can gain no rights");
	}
}

static void
test_paths(struct buf *out)
{
	char dir[] = "/tmp/tellus-help.XXXXXX";
	const char *rw[] = { dir, NULL };
	const char *ro[] = { "/usr", NULL };
	struct box_helper h = plain;
	struct err e;
	struct box_host host;
	struct box_conf conf = { .weak = true };
	char *in;

	if (!mkdtemp(dir))
		return;
	h.rw = rw;
	h.ro = ro;
	if (box_probe(&host, &conf, &e) < 0 || host.landlock_abi < 2)
		skip("no Landlock", "a helper reaches its paths alone");
	else if (help(&h, touch_things, dir, out, &e) == 0)
		is_str(out->data, "yes no yes no ",
			"a helper reaches its paths alone");
	else
		ok(false, "a helper reaches its paths alone: %s", e.msg);
	in = xasprintf("%s/in", dir);
	unlink(in);
	free(in);
	rmdir(dir);
}

static bool facts_seen[3];

static void
hear_fact(const char *level, const char *what, const char *text,
	const char *remedy, void *arg)
{
	int *bad = arg;

	facts_seen[0] |= str_eq(what, "user namespaces");
	facts_seen[1] |= str_eq(what, "cgroups");
	facts_seen[2] |= str_eq(what, "network");
	if (!*text || (!str_eq(level, "ok") && !*remedy)) {
		printf("# %s: %s (%s)\n", what, text, level);
		++*bad;
	}
}

static void
test_facts(void)
{
	struct box_conf conf = { .probe_dir = "/tmp" };
	int bad = 0;

	box_facts(&conf, hear_fact, &bad);
	ok(facts_seen[0] && facts_seen[1] && facts_seen[2],
		"the facts tell of namespaces, cgroups and network");
	is_int(bad, 0, "whatever is not well has a remedy");
}

int
main(void)
{
	struct buf out = BUF_INIT;

	test_answers(&out);
	test_clock(&out);
	test_rights(&out);
	test_paths(&out);
	test_facts();
	buf_release(&out);
	return tap_done();
}
