/* SPDX-License-Identifier: MIT */
/* The output log: what is kept, where it says it is, and its limits. */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "os/path.h"
#include "store/outlog.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tap.h"

static char dir_name[] = "/tmp/outlog.XXXXXX";
static int dir;

struct result {
	int64_t offset, length, dropped;
	uint32_t crc;
};

static int
end(struct outlog *o, struct result *r)
{
	struct err e;

	return outlog_end(o, &r->offset, &r->length, &r->crc, &r->dropped, &e);
}

static char *
file(const char *name, size_t *len)
{
	char *text = NULL;
	struct err e;

	fd_slurp_at(dir, name, 1 << 24, &text, len, &e);
	return text;
}

static void
fresh(struct outlog **o)
{
	struct err e;

	unlinkat(dir, "output", 0);
	unlinkat(dir, "output.idx", 0);
	if (outlog_open(o, dir, &e) < 0)
		exit(1);
}

static uint64_t
le64(const char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static void
plain(void)
{
	AUTO(freep) char *out = NULL;
	AUTO(freep) char *idx = NULL;
	struct outlog *o;
	struct result a, b;
	struct stat st;
	struct err e;
	size_t n, m;

	fresh(&o);
	ok(outlog_write(o, "x", 1, &e) < 0, "output without a step is refused");
	outlog_begin(o, 0, &e);
	ok(outlog_write(o, "hello ", 6, &e) == 0 &&
			outlog_write(o, "world\n", 6, &e) == 0,
		"output is written");
	ok(outlog_begin(o, 0, &e) < 0, "a step can not begin inside another");
	ok(end(o, &a) == 0, "a step ends");
	outlog_begin(o, 0, &e);
	outlog_write(o, "second", 6, &e);
	end(o, &b);
	ok(outlog_sync(o, &e) == 0, "and the output can be synced");
	out = file("output", &n);
	is_str(out, "hello world\nsecond", "the bytes are there as they came");
	ok(a.offset == 0 && a.length == 12 && b.offset == 12 && b.length == 6,
		"each step knows where its own are");
	ok(a.crc == crc32c(0, out, 12) && b.crc == crc32c(0, out + 12, 6),
		"and their checksum");
	idx = file("output.idx", &m);
	ok(m == 48 && le64(idx) == 0 && le64(idx + 16) == 6 &&
			le64(idx + 32) == 12,
		"the index has a record per write");
	ok(le64(idx + 8) > 1600000000000 && le64(idx + 40) >= le64(idx + 8),
		"with the time");
	ok(fstatat(dir, "output", &st, 0) == 0 && (st.st_mode & 0777) == 0600,
		"the file is closed to others");
	outlog_close(o);
}

static void
goes_on(void)
{
	AUTO(freep) char *out = NULL;
	struct outlog *o;
	struct result r;
	struct stat st;
	struct err e;
	size_t n;
	int fd;

	fresh(&o);
	outlog_begin(o, 0, &e);
	outlog_write(o, "one\n", 4, &e);
	outlog_close(o);
	fd = openat(dir, "output.idx", O_WRONLY | O_APPEND);
	ok(write(fd, "torn", 4) == 4, "a torn index record is left");
	close(fd);
	ok(outlog_open(&o, dir, &e) == 0 && outlog_offset(o) == 4,
		"an existing file is continued at its end");
	outlog_begin(o, 0, &e);
	outlog_write(o, "two\n", 4, &e);
	end(o, &r);
	out = file("output", &n);
	ok(str_eq(out, "one\ntwo\n") && r.offset == 4 && r.length == 4,
		"and keeps what was there");
	ok(fstatat(dir, "output.idx", &st, 0) == 0 && st.st_size == 32,
		"the torn index record is gone");
	outlog_close(o);
}

/* n bytes that tell their place, written in chunks of that size. */
static void
write_numbers(struct outlog *o, size_t n, size_t chunk, char *all)
{
	struct err e;

	for (size_t i = 0; i < n; i++)
		all[i] = i % 10 == 9 ? '\n'
				     : (char)('a' + (i * 31 / 10 + i) % 26);
	for (size_t at = 0; at < n; at += chunk)
		outlog_write(o, all + at, MIN(chunk, n - at), &e);
}

static bool
limit_holds(size_t limit, size_t n, size_t chunk)
{
	size_t tail = limit / 4, head = limit - tail, len;
	AUTO(freep) char *all = xmalloc(n + 1);
	AUTO(freep) char *want = NULL;
	AUTO(freep) char *out = NULL;
	struct outlog *o;
	struct result r;
	struct err e;

	fresh(&o);
	outlog_begin(o, (int64_t)limit, &e);
	write_numbers(o, n, chunk, all);
	all[n] = '\0';
	end(o, &r);
	outlog_close(o);
	out = file("output", &len);
	if (n <= limit)
		want = xstrdup(all);
	else
		want = xasprintf("%.*s%s[... %zu bytes were left out ...]\n%s",
			(int)head, all, all[head - 1] == '\n' ? "" : "\n",
			n - limit, all + n - tail);
	if (!str_eq(out, want))
		printf("# limit %zu, %zu bytes by %zu:\n# got  %zu\n"
		       "# want %zu\n",
			limit, n, chunk, strlen(out), strlen(want));
	return str_eq(out, want) && r.length == (int64_t)len &&
	       r.crc == crc32c(0, out, len) &&
	       r.dropped == (int64_t)(n > limit ? n - limit : 0);
}

static void
limits(void)
{
	static const size_t lengths[] = { 0, 1, 29, 30, 31, 39, 40, 41, 50, 51,
		79, 80, 81, 400, 1003 };
	static const size_t chunks[] = { 1, 3, 10, 11, 39, 40, 41, 1000 };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		for (size_t k = 0; k < ARRAY_LEN(chunks); k++)
			bad += !limit_holds(40, lengths[i], chunks[k]);
	is_int(bad, 0, "the first 3/4 and the last 1/4 of the limit are kept");
	ok(limit_holds(1 << 20, 5000000, 7777),
		"the same with a tail larger than a block");
	ok(limit_holds(3, 100, 7), "the same with a limit of three bytes");
}

static void
nothing_stays_behind(void)
{
	int64_t bytes, n;
	struct err e;

	path_usage(AT_FDCWD, dir_name, &bytes, &n, &e);
	is_int(n, 2, "no file but the two stays in the folder");
}

static void
tails(void)
{
	char got[9000], *big = xmalloc(20000);
	struct outlog *o;
	struct result r;
	struct err e;

	for (int i = 0; i < 20000; i++)
		big[i] = (char)('a' + i % 23);
	fresh(&o);
	outlog_begin(o, 100, &e);
	outlog_write(o, big, 20000, &e);
	is_int(outlog_tail(o, got, sizeof(got)), 8192,
		"the last 8 KiB are at hand");
	ok(!memcmp(got, big + 20000 - 8192, 8192),
		"although the limit dropped them from the file");
	end(o, &r);
	is_int(outlog_tail(o, got, 5), 5, "less when less is asked for");
	ok(!memcmp(got, big + 19995, 5), "and then the very last");
	outlog_begin(o, 100, &e);
	is_int(outlog_tail(o, got, sizeof(got)), 0,
		"a new step starts without a tail");
	for (int i = 0; i < 1000; i++)
		outlog_write(o, big + i * 11, 11, &e);
	outlog_tail(o, got, 8192);
	ok(!memcmp(got, big + 11000 - 8192, 8192),
		"small writes give the same tail");
	outlog_close(o);
	free(big);
}

static void
links(void)
{
	struct outlog *o = NULL;
	struct err e;

	unlinkat(dir, "output", 0);
	ok(symlinkat("/tmp/elsewhere", dir, "output") == 0, "a link is laid");
	ok(outlog_open(&o, dir, &e) < 0 && access("/tmp/elsewhere", F_OK) < 0,
		"it is not followed");
	unlinkat(dir, "output", 0);
	ok(mkfifoat(dir, "output", 0600) == 0 && outlog_open(&o, dir, &e) < 0,
		"a pipe is no output file");
	unlinkat(dir, "output", 0);
}

int
main(void)
{
	struct err e;

	if (!mkdtemp(dir_name))
		return 1;
	dir = path_open_dir(AT_FDCWD, dir_name, &e);
	plain();
	goes_on();
	limits();
	nothing_stays_behind();
	tails();
	links();
	close(dir);
	path_remove_tree(AT_FDCWD, dir_name, &e);
	return tap_done();
}
