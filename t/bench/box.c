/* SPDX-License-Identifier: MIT */
/*
 * What a box costs: the median of N times open, wait, close of /bin/true
 * beside a plain fork and exec of the same.  Usage: box [N] [NET]
 * where NET is "host" to leave the network namespace out.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "box/box.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *const args[] = { (char *)"/bin/true", NULL };
static char *const no_env[] = { NULL };

static void
die(const struct err *e)
{
	fprintf(stderr, "box: %s\n", e->msg);
	exit(1);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
report(const char *what, int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_value);
	printf("%-16s median %6.0f us, p90 %6.0f us, min %6.0f us\n", what,
		(double)ns[n / 2] / 1e3, (double)ns[n * 9 / 10] / 1e3,
		(double)ns[0] / 1e3);
}

static void
plain(void)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (!pid) {
		execv(args[0], args);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void
boxed(const struct box_host *h, const struct box_spec *s)
{
	struct box_result r;
	struct pollfd p;
	struct box *b;
	struct err e;

	if (box_open(&b, h, s, &e) < 0)
		die(&e);
	p = (struct pollfd){ .fd = box_fd(b), .events = POLLIN };
	while (poll(&p, 1, -1) < 1)
		;
	if (box_close(b, &r, &e) < 0)
		die(&e);
	if (r.wstatus) {
		fprintf(stderr, "box: status %x\n", (unsigned)r.wstatus);
		exit(1);
	}
}

static void
make_tree(int fd, const struct box_host *h)
{
	static const char *const names[] = { "lower/w", "lower/home",
		"lower/tmp", "lower/cmd", "upper", "work" };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (path_mkdirs(fd, names[i], 0755, &e) < 0)
			die(&e);
		if (h->root && fchownat(fd, names[i], h->build_uid,
				       h->build_gid, 0) < 0)
			exit(1);
	}
}

int
main(int argc, char **argv)
{
	static const char *const lower[] = { "lower" };
	char dir[] = "/tmp/tellus-bench.XXXXXX";
	struct box_conf conf = { .probe_dir = dir };
	struct box_spec s = { .name = "bench",
		.lower = lower,
		.nlower = 1,
		.upper = "upper",
		.work = "work",
		.cwd = "/workspace",
		.argv = args,
		.envp = no_env };
	struct box_host h;
	struct err e;
	int64_t n = 100, *ns;

	if (argc > 1 && num_parse(argv[1], 1, 100000, &n) < 0)
		return 2;
	if (argc > 2 && str_eq(argv[2], "host"))
		s.net = BOX_NET_HOST;
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		return 1;
	if (box_probe(&h, &conf, &e) < 0)
		die(&e);
	s.state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	make_tree(s.state_fd, &h);
	ns = xcalloc((size_t)n, sizeof(*ns));
	for (int64_t i = 0; i < n; i++) {
		int64_t t = clock_boot_ns();

		plain();
		ns[i] = clock_boot_ns() - t;
	}
	report("fork and exec", ns, (size_t)n);
	for (int64_t i = 0; i < n; i++) {
		int64_t t = clock_boot_ns();

		boxed(&h, &s);
		ns[i] = clock_boot_ns() - t;
	}
	report("box", ns, (size_t)n);
	free(ns);
	return path_remove_tree(AT_FDCWD, dir, &e) < 0;
}
