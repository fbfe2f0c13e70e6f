/* SPDX-License-Identifier: MIT */
/* What a step prints becomes safe HTML, however it is cut. */
#include "base/base.h"
#include "tap.h"
#include "web/ansi.h"
#include "base/enc.h"

#define ESC "\033"
#define ROUNDS 3000
#define ROUND_MAX 200

static void
filter(const char *s, size_t n, struct buf *out)
{
	struct ansi a;

	buf_reset(out);
	ansi_init(&a);
	ansi_add(&a, s, n, out);
	ansi_end(&a, out);
}

static const struct {
	const char *what, *in, *out;
} cases[] = {
	{ "plain text stays as it is", "hello\n\tworld\n", "hello\n\tworld\n" },
	{ "markup is escaped", "<b a='\"'>&amp;",
		"&lt;b a=&#39;&quot;&#39;&gt;&amp;amp;" },
	{ "a colour becomes a class", ESC "[31mred" ESC "[0m.",
		"<span class=\"fg1\">red</span>." },
	{ "an empty SGR resets", ESC "[1;4mx" ESC "[my",
		"<span class=\"bold underline\">x</span>y" },
	{ "a bright colour on a background", ESC "[92;44mx",
		"<span class=\"fg10 bg4\">x</span>" },
	{ "the same style twice is one span",
		ESC "[31ma" ESC "[31mb" ESC "[39m",
		"<span class=\"fg1\">ab</span>" },
	{ "a style without text leaves nothing", ESC "[31m" ESC "[0mx", "x" },
	{ "one of the sixteen by index", ESC "[38;5;9mx",
		"<span class=\"fg9\">x</span>" },
	{ "one of the cube becomes the nearest", ESC "[38;5;196mx",
		"<span class=\"fg9\">x</span>" },
	{ "24 bits become the nearest", ESC "[48;2;0;0;255mx",
		"<span class=\"bg12\">x</span>" },
	{ "24 bits with colons and a colour space", ESC "[38:2::255:0:0mx",
		"<span class=\"fg9\">x</span>" },
	{ "what follows a colour of 24 bits still counts",
		ESC "[38;2;0;255;0;1mx", "<span class=\"fg10 bold\">x</span>" },
	{ "an index out of range is no colour", ESC "[38;5;999mx", "x" },
	{ "a curly underline is an underline", ESC "[4:3mx",
		"<span class=\"underline\">x</span>" },
	{ "an underline of kind 0 is none", ESC "[4mx" ESC "[4:0my",
		"<span class=\"underline\">x</span>y" },
	{ "a huge number is no colour", ESC "[99999999999999999999mx", "x" },
	{ "more parameters than there are do no harm",
		ESC "[0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;0;31mx", "x" },
	{ "an SGR of a private kind is dropped", ESC "[?31mx", "x" },
	{ "cursor movements are dropped",
		"a" ESC "[2J" ESC "[10;10H" ESC "[?25lb", "ab" },
	{ "a title (OSC) ended by BEL is dropped", "a" ESC "]0;t<b>\007b",
		"ab" },
	{ "a link (OSC 8) leaves its text",
		ESC "]8;;javascript:alert(1)" ESC "\\text" ESC "]8;;" ESC "\\",
		"text" },
	{ "a DCS is dropped", "a" ESC "Pq#0;2\033\\b", "ab" },
	{ "an OSC without end takes its line only", ESC "]0;x\nnext",
		"\nnext" },
	{ "CSI as U+009B is CSI",
		"\xc2\x9b"
		"31mx",
		"<span class=\"fg1\">x</span>" },
	{ "OSC as U+009D ends at U+009C",
		"a\xc2\x9d"
		"0;t\xc2\x9c"
		"b",
		"ab" },
	{ "other characters of C1 are dropped",
		"a\xc2\x85"
		"b",
		"ab" },
	{ "no-break space is not of C1", "\xc2\xa0", "\xc2\xa0" },
	{ "a character set is not shown", ESC "(Bx", "x" },
	{ "CAN ends a sequence", ESC "[31\030mx", "mx" },
	{ "a new ESC begins anew", ESC "[3" ESC "[32mx",
		"<span class=\"fg2\">x</span>" },
	{ "CR LF is one line end", "a\r\nb", "a\nb" },
	{ "CR CR LF is one line end", "a\r\r\nb", "a\nb" },
	{ "a lone CR begins a line", "10%\r20%\r", "10%\n20%\n" },
	{ "BEL, BS and DEL are dropped", "a\007\010\177b", "ab" },
	{ "UTF-8 stays", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "a byte that is not UTF-8 is U+FFFD",
		"a\xff"
		"b",
		"a\xef\xbf\xbd"
		"b" },
	{ "half a character at the end is U+FFFD", "a\xe2\x82",
		"a\xef\xbf\xbd\xef\xbf\xbd" },
	{ "half a character before an escape is U+FFFD", "\xe2" ESC "[31mx",
		"\xef\xbf\xbd<span class=\"fg1\">x</span>" },
	{ "an overlong < does not come out as <", "\xc0\xbc",
		"\xef\xbf\xbd\xef\xbf\xbd" },
	{ "a span may go over lines", ESC "[31ma\nb" ESC "[0m",
		"<span class=\"fg1\">a\nb</span>" },
};

static void
test_cases(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		filter(cases[i].in, strlen(cases[i].in), &out);
		is_str(out.data, cases[i].out, cases[i].what);
	}
	filter("a\0b", 3, &out);
	is_str(out.data,
		"a\xe2\x90\x80"
		"b",
		"NUL is shown");
}

/* ---- random bytes ---- */

/* The same numbers on every machine: a failure can be repeated. */
static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Bytes that make sequences likely. */
static size_t
make_bytes(uint32_t *seed, char *to)
{
	static const char likely[] =
		"\033\033\033[[[]P;:mmm013589?<>&\"'\r\n\007\\\xc2\x9b\x9c";
	size_t n = next_random(seed) % ROUND_MAX;

	for (size_t i = 0; i < n; i++) {
		uint32_t v = next_random(seed);

		to[i] = v & 1 ? likely[(v >> 1) % (sizeof(likely) - 1)]
			      : (char)(v >> 1);
	}
	return n;
}

/* Our own tags, each opened one closed; NULL when all is well. */
static const char *
check_markup(const struct buf *b)
{
	static const char open[] = "<span class=\"";
	const char *s = b->data, *end = b->data + b->len;
	int depth = 0;

	for (; s < end; s++) {
		if ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t')
			return "a control character";
		if (*s == 0x7f || *s == '\'' || *s == '"')
			return "DEL or a quote";
		if (*s == '>')
			return "a >";
		if (*s != '<')
			continue;
		if (str_starts(s, "</span>")) {
			depth--;
			s += strlen("</span>") - 1;
		} else if (str_starts(s, open)) {
			depth++;
			s += strlen(open);
			s += strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789 ");
			if (!str_starts(s, "\">"))
				return "a class that is not ours";
			s++;
		} else {
			return "a tag that is not ours";
		}
		if (depth < 0 || depth > 1)
			return "a tag that does not fit";
	}
	return depth ? "a span that is not closed" : NULL;
}

static void
test_random(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	char bytes[ROUND_MAX];
	uint32_t seed = 42;
	const char *bad = NULL;
	bool valid = true;
	int i;

	for (i = 0; i < ROUNDS && !bad && valid; i++) {
		filter(bytes, make_bytes(&seed, bytes), &out);
		bad = check_markup(&out);
		valid = utf8_valid(out.data, out.len);
	}
	ok(!bad,
		"random bytes leave only text and our balanced spans (%s, "
		"round %d)",
		bad ? bad : "all of them", i);
	ok(valid, "and valid UTF-8");
}

static void
test_split(void)
{
	AUTO(buf_release) struct buf whole = BUF_INIT;
	AUTO(buf_release) struct buf parts = BUF_INIT;
	char bytes[ROUND_MAX];
	uint32_t seed = 7;
	int differ = 0;

	for (int i = 0; i < ROUNDS / 20; i++) {
		size_t n = make_bytes(&seed, bytes);

		filter(bytes, n, &whole);
		for (size_t at = 0; at <= n; at++) {
			struct ansi a;

			buf_reset(&parts);
			ansi_init(&a);
			ansi_add(&a, bytes, at, &parts);
			ansi_add(&a, bytes + at, n - at, &parts);
			ansi_end(&a, &parts);
			differ += parts.len != whole.len ||
				  memcmp(parts.data, whole.data, whole.len);
		}
	}
	is_int(differ, 0, "every place to cut random bytes gives the same");
}

static void
test_known_split(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	int differ = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ansi a;

		buf_reset(&out);
		ansi_init(&a);
		for (const char *s = cases[i].in; *s; s++)
			ansi_add(&a, s, 1, &out);
		ansi_end(&a, &out);
		differ += !str_eq(out.data, cases[i].out);
	}
	is_int(differ, 0, "byte by byte gives the same");
}

int
main(void)
{
	test_cases();
	test_known_split();
	test_random();
	test_split();
	return tap_done();
}
