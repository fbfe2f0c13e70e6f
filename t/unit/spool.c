/* SPDX-License-Identifier: MIT */
/* The spool: complete records or none, whatever was done to the file. */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "store/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>

#include "tap.h"

struct seen {
	int n;
	int64_t last_end;
	int steps[16];
	int fail_at;
};

static int
see(const struct event *ev, int64_t end_offset, void *arg, struct err *e)
{
	struct seen *s = arg;

	if (s->fail_at && s->n + 1 == s->fail_at)
		return err_set(e, ERR_TEMP, "not now");
	if (s->n < (int)ARRAY_LEN(s->steps))
		s->steps[s->n] = ev->step;
	s->n++;
	s->last_end = end_offset;
	return 0;
}

static int
file(void)
{
	return memfd_create("spool", MFD_CLOEXEC);
}

static int
append(int fd, int step, const char *text)
{
	AUTO(event_release) struct event ev;
	struct err e;

	event_init(&ev, EV_STEP_STARTED);
	ev.job = 0;
	ev.step = step;
	ev.attempt = 1;
	ev.nonce = xstrdup("00ff");
	jset_str(ev.data, "name", text);
	return spool_append(fd, &ev, true, &e);
}

static void
round_trip(void)
{
	AUTO(fd_closep) int fd = file();
	struct seen s = { 0 };
	int64_t at = 0, first;
	struct err e;

	ok(append(fd, 1, "make") == 0, "an event is appended");
	ok(spool_read(fd, &at, see, &s, &e) == 0 && s.n == 1,
		"and read as one record");
	is_int(s.last_end, at, "the end that was told is where it went on");
	is_int(s.steps[0], 1, "the event is the one that was written");
	first = at;
	ok(spool_read(fd, &at, see, &s, &e) == 0 && s.n == 1 && at == first,
		"nothing new is nothing read");
	append(fd, 2, "test");
	append(fd, 3, "install");
	ok(spool_read(fd, &at, see, &s, &e) == 0 && s.n == 3 && s.steps[2] == 3,
		"what is appended later is read from the offset on");
	at = 0;
	s = (struct seen){ .fail_at = 2 };
	ok(spool_read(fd, &at, see, &s, &e) < 0 && at == first &&
			e.code == ERR_TEMP,
		"a record that was not taken is not passed");
}

static void
big_records(void)
{
	AUTO(freep) char *text = xmalloc(SPOOL_RECORD_MAX + 1);
	AUTO(fd_closep) int fd = file();
	struct seen s = { 0 };
	int64_t at = 0;
	struct err e;

	memset(text, 'x', SPOOL_RECORD_MAX);
	text[SPOOL_RECORD_MAX] = '\0';
	ok(append(fd, 1, text) < 0 && lseek(fd, 0, SEEK_END) == 0,
		"a record over the limit is not written");
	text[200000] = '\0';
	append(fd, 1, text);
	append(fd, 2, text);
	ok(spool_read(fd, &at, see, &s, &e) == 0 && s.n == 2,
		"records larger than a block are read");
}

/* A file of three records, and the offset of the second. */
static void
three(struct buf *all, int64_t *ret_second, int64_t *ret_third)
{
	AUTO(fd_closep) int fd = file();
	struct err e;

	append(fd, 1, "one");
	*ret_second = lseek(fd, 0, SEEK_END);
	append(fd, 2, "two");
	*ret_third = lseek(fd, 0, SEEK_END);
	append(fd, 3, "three");
	lseek(fd, 0, SEEK_SET);
	fd_slurp(fd, 1 << 20, all, &e);
}

static int
read_bytes(const char *p, size_t n, int64_t *at, struct seen *s, struct err *e)
{
	AUTO(fd_closep) int fd = file();

	memset(s, 0, sizeof(*s));
	*at = 0;
	fd_write_all(fd, p, n, e);
	return spool_read(fd, at, see, s, e);
}

static void
each_byte_damaged(void)
{
	AUTO(buf_release) struct buf all = BUF_INIT;
	int wrong = 0, silent = 0, elsewhere = 0;
	int64_t second, third, at;
	struct seen s;
	struct err e;

	three(&all, &second, &third);
	for (int64_t i = second; i < third; i++)
		for (int bit = 0; bit < 8; bit++) {
			int rc;

			all.data[i] = (char)(all.data[i] ^ 1 << bit);
			rc = read_bytes(all.data, all.len, &at, &s, &e);
			all.data[i] = (char)(all.data[i] ^ 1 << bit);
			wrong += s.n != 1;
			/* A longer length is a tail still to come. */
			silent += rc == 0 && (i < second + 4 || i > second + 7);
			elsewhere += at != second;
		}
	is_int(wrong, 0, "no damaged bit lets a wrong record through");
	is_int(silent, 0, "and each is an error, but in the length's bytes");
	is_int(elsewhere, 0, "and reading stops before the damage");
	ok(read_bytes(all.data, all.len, &at, &s, &e) == 0 && s.n == 3,
		"the undamaged file reads as three records");
	all.data[second + 30] ^= 1;
	ok(read_bytes(all.data, all.len, &at, &s, &e) < 0 &&
			e.code == ERR_PERM && strstr(e.msg, "offset"),
		"the message names the offset");
}

static void
each_length_cut(void)
{
	AUTO(buf_release) struct buf all = BUF_INIT;
	int64_t second, third, at;
	int bad = 0;
	struct seen s;
	struct err e;

	three(&all, &second, &third);
	for (size_t n = 0; n < all.len; n++) {
		int want = ((int64_t)n >= second) + ((int64_t)n >= third);

		bad += read_bytes(all.data, n, &at, &s, &e) < 0 || s.n != want;
	}
	is_int(bad, 0, "a file cut anywhere gives its complete records");
}

static void
zeros_behind(void)
{
	AUTO(buf_release) struct buf all = BUF_INIT;
	int64_t second, third, at;
	char zeros[5000] = { 0 };
	struct seen s;
	struct err e;

	three(&all, &second, &third);
	buf_add(&all, zeros, sizeof(zeros));
	ok(read_bytes(all.data, all.len, &at, &s, &e) == 0 && s.n == 3,
		"zeros up to the end are a record that is not there yet");
	buf_addc(&all, 'x');
	ok(read_bytes(all.data, all.len, &at, &s, &e) < 0 && s.n == 3 &&
			e.code == ERR_PERM,
		"zeros with something behind them are damage");
}

static void
hostile(void)
{
	unsigned char head[12] = { 0 };
	char junk[3000];
	int64_t at;
	struct seen s;
	struct err e;

	memcpy(head, "1PST", 4);
	ok(read_bytes((char *)head, sizeof(head), &at, &s, &e) < 0,
		"a foreign magic is refused");
	memcpy(head, "PST1", 4);
	memset(head + 4, 0xff, 4);
	ok(read_bytes((char *)head, sizeof(head), &at, &s, &e) < 0 &&
			e.code == ERR_PERM,
		"a length of 4 GiB is refused before it is read");
	memset(junk, 'j', sizeof(junk));
	ok(read_bytes(junk, sizeof(junk), &at, &s, &e) < 0 && s.n == 0,
		"text is no record");
}

static void
short_write(void)
{
	char path[] = "/tmp/spool.XXXXXX";
	AUTO(fd_closep) int fd = mkostemp(path, O_CLOEXEC);
	struct rlimit old, lim;
	struct seen s = { 0 };
	int64_t at = 0, before;
	struct err e;
	int rc;

	unlink(path);
	append(fd, 1, "one");
	before = lseek(fd, 0, SEEK_END);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	lim = old;
	lim.rlim_cur = (rlim_t)before + 20;
	setrlimit(RLIMIT_FSIZE, &lim);
	rc = append(fd, 2, "two");
	setrlimit(RLIMIT_FSIZE, &old);
	ok(rc < 0, "a write that does not fit fails");
	is_int(lseek(fd, 0, SEEK_END), before, "and leaves no part behind");
	ok(append(fd, 3, "three") == 0 &&
			spool_read(fd, &at, see, &s, &e) == 0 && s.n == 2 &&
			s.steps[1] == 3,
		"so that what comes after it is read");
}

int
main(void)
{
	round_trip();
	big_records();
	each_byte_damaged();
	each_length_cut();
	zeros_behind();
	hostile();
	short_write();
	return tap_done();
}
