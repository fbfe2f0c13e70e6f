/* SPDX-License-Identifier: MIT */
/* Options, body framing, the terminal filter, and times. */
#include "base/base.h"
#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/term.h"
#include "tap.h"

struct values {
	bool follow, json;
	const char *name;
	int64_t limit;
};

static const struct opt table[] = {
	{ "follow", 'f', OPT_FLAG, offsetof(struct values, follow), NULL, "" },
	{ "json", 0, OPT_FLAG, offsetof(struct values, json), NULL, "" },
	{ "name", 'o', OPT_TEXT, offsetof(struct values, name), "NAME", "" },
	{ "limit", 'n', OPT_NUM, offsetof(struct values, limit), "N", "" },
};

#define WORDS(...) ((const char *[]){ __VA_ARGS__, NULL })

static int
parse(struct values *v, const char **argv, bool stop, int *argc, struct err *e)
{
	struct opt_set set = { table, ARRAY_LEN(table), v };

	*v = (struct values){ 0 };
	for (*argc = 0; argv[*argc]; (*argc)++)
		;
	return opts_parse(&set, 1, argc, (char **)argv, stop, e);
}

static void
test_options(void)
{
	struct values v;
	struct err e;
	int n;
	const char **w =
		WORDS("one", "-fn", "7", "--name=a b", "two", "--", "-x");

	ok(parse(&v, w, false, &n, &e) == 0, "options and words may mix");
	is_int(n, 3, "what is no option is kept");
	is_str(w[2], "-x", "after -- nothing is an option");
	ok(v.follow && v.limit == 7,
		"short options join, the last has a value");
	is_str(v.name, "a b", "--name=value gives the value");
	w = WORDS("--json", "cmd", "--limit");
	ok(parse(&v, w, true, &n, &e) == 0 && v.json && n == 2,
		"options before a word end at the word");
	ok(parse(&v, WORDS("--folow"), false, &n, &e) < 0,
		"an unknown option is refused");
	ok(strstr(e.msg, "--follow"), "and the nearest one is named");
	ok(parse(&v, WORDS("--limit"), false, &n, &e) < 0 &&
			strstr(e.msg, "needs a value"),
		"an option without its value is refused");
	ok(parse(&v, WORDS("--limit", "0"), false, &n, &e) < 0,
		"a number starts at 1");
	ok(parse(&v, WORDS("--limit", "7x"), false, &n, &e) < 0,
		"a number has digits only");
	ok(parse(&v, WORDS("--json=1"), false, &n, &e) < 0 &&
			strstr(e.msg, "takes no value"),
		"a flag with a value is refused");
	ok(parse(&v, WORDS("-z"), false, &n, &e) < 0,
		"an unknown letter is refused");
	ok(parse(&v, WORDS("-"), false, &n, &e) == 0 && n == 1,
		"a lone dash is a word");
}

static int
collect(const char *p, size_t n, void *arg)
{
	buf_add(arg, p, n);
	return 0;
}

/* The framing's verdict on text that comes in pieces of step bytes. */
static int
unframe(struct http_framing f, const char *text, size_t step, struct buf *out)
{
	size_t len = strlen(text);
	int rc = 0;

	buf_reset(out);
	for (size_t at = 0; at < len && !rc; at += step)
		rc = http_unframe(
			&f, text + at, MIN(step, len - at), collect, out);
	return rc;
}

static void
test_framing(void)
{
	static const char chunks[] = "5;x=y\r\nhello\r\n6\r\n world\r\n"
				     "0\r\nTrailer: 1\r\n\r\n";
	struct http_framing chunked = { .frame = FRAME_CHUNKED };
	struct http_framing length = { .frame = FRAME_LENGTH, .left = 5 };
	AUTO(buf_release) struct buf b = BUF_INIT;
	bool same = true;

	for (size_t step = 1; step <= sizeof(chunks); step++)
		same &= unframe(chunked, chunks, step, &b) == 1 &&
			str_eq(b.data, "hello world");
	ok(same, "chunks are joined wherever they are cut");
	is_int(unframe(chunked, "5\r\nhell", 3, &b), 0,
		"half a chunk is not the end");
	is_int(unframe(chunked, "xyz\r\n", 1, &b), -1,
		"a chunk's size must be a number");
	is_int(unframe(chunked, "\r\n", 1, &b), -1,
		"a chunk's size must not be missing");
	is_int(unframe(chunked, "ffffffffff\r\n", 1, &b), -1,
		"a chunk's size has a limit");
	is_int(unframe(chunked, "3\r\nabcd\r\n", 1, &b), -1,
		"a chunk must end where it said");
	is_int(unframe(length, "hello, more", 4, &b), 1,
		"a length ends the body");
	is_str(b.data, "hello", "and what follows it is not the body's");
}

static void
is_filtered(const char *in, const char *want, bool colors, const char *what)
{
	AUTO(buf_release) struct buf whole = BUF_INIT, bytes = BUF_INIT;
	struct term_filter f = { .keep_colors = colors };

	term_filter(&f, &whole, in, strlen(in));
	is_str(whole.data, want, what);
	f = (struct term_filter){ .keep_colors = colors };
	for (const char *p = in; *p; p++)
		term_filter(&f, &bytes, p, 1);
	if (!str_eq(whole.data, bytes.data))
		ok(0, "%s: byte by byte it is another text", what);
}

static void
test_filter(void)
{
	is_filtered("a\tb\n", "a\tb\n", false, "text, TAB and LF pass");
	is_filtered("\033[31mred\033[0m", "red", false, "colours can go");
	is_filtered("\033[1;31mred\033[0m", "\033[1;31mred\033[0m", true,
		"colours can stay");
	is_filtered("\033[2J\033[10;5Hx", "x", true,
		"moves of the cursor never stay");
	is_filtered("\033[?31mx", "x", true, "private modes are no colours");
	is_filtered("\033]0;title\007x", "x", true, "a title is dropped");
	is_filtered("\033]52;c;aGk=\033\\x", "x", true,
		"the clipboard is not written");
	is_filtered("\033Pq...\033\\x", "x", true, "DCS is dropped");
	is_filtered("\xc2\x9b"
		    "31mx",
		"x", false, "CSI as U+009B is known");
	is_filtered("\x9d"
		    "0;t\007x",
		"x", false, "OSC as a byte is known");
	is_filtered("a\r\nb\rc", "a\nb\nc", false, "CR becomes one LF");
	is_filtered("a\b\b\x7f"
		    "b\001",
		"ab", false, "controls are dropped");
	is_filtered("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", false,
		"letters of two bytes pass");
	is_filtered("\xe2\x9c\x93\xf0\x9f\x98\x80",
		"\xe2\x9c\x93\xf0\x9f\x98\x80", false,
		"of three and four bytes, too");
	is_filtered("\033(Bx", "x", false, "a choice of character set goes");
	is_filtered("\033[31\nx", "\nx", false,
		"a broken sequence does not swallow the line's end");
}

static void
is_ago(int64_t s, const char *want)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	time_ago(&b, 1000, 1000 + s * 1000);
	is_str(b.data, want, want);
}

static void
test_times(void)
{
	is_int(time_from_iso("2026-11-25T17:35:38Z"), 1795628138000,
		"a time is read as UTC");
	is_int(time_from_iso("soon"), 0, "what is no time is 0");
	is_int(time_from_iso(NULL), 0, "and so is nothing");
	is_ago(3, "just now");
	is_ago(59, "59 s ago");
	is_ago(60, "1 min ago");
	is_ago(7200, "2 h ago");
	is_ago(86400, "1 day ago");
	is_ago(86400 * 3, "3 days ago");
}

int
main(void)
{
	test_options();
	test_framing();
	test_filter();
	test_times();
	return tap_done();
}
