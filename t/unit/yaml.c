/* SPDX-License-Identifier: MIT */
/* The YAML reader: what it reads, what it refuses, and where it says so. */
#include "base/base.h"
#include "base/buf.h"
#include "model/yaml.h"
#include "tap.h"

/* Text with NUL bytes and its length. */
#define RAW(s) (s), sizeof(s) - 1

static struct ydoc *doc;

static const char *
fault_of(const char *text, size_t len)
{
	static char shown[ERR_MAX];
	struct err e = { .code = ERR_NONE };

	ydoc_free(doc);
	doc = NULL;
	if (ydoc_parse(&doc, "f.yml", text, len, &e) == 0)
		return NULL;
	snprintf(shown, sizeof(shown), "%s", e.msg);
	return shown;
}

static const struct ynode *
read_ok(const char *text)
{
	const char *why = fault_of(text, strlen(text));

	if (why)
		printf("# %s\n", why);
	return why ? NULL : ydoc_root(doc);
}

static const char *
text_at(const struct ynode *map, const char *key)
{
	const struct ynode *n = map ? ynode_get(map, key) : NULL;

	return n ? n->text : NULL;
}

static void
test_scalars(void)
{
	const struct ynode *n = read_ok(
		"on: no\nver: 1.10\noct: 012\n"
		"exp: 1e3\ntime: 1:30\nempty:\ntilde: ~\nquoted: 'null'\n"
		"double: \"a\\tb\"\numl: \"\\u00fc\"\nlit: |\n  a\n    b\n"
		"fold: >\n  a\n  b\n");

	is_str(text_at(n, "on"), "no", "on and no stay text");
	is_str(text_at(n, "ver"), "1.10", "1.10 stays text");
	is_str(text_at(n, "oct"), "012", "012 stays text");
	is_str(text_at(n, "exp"), "1e3", "1e3 stays text");
	is_str(text_at(n, "time"), "1:30", "1:30 stays text");
	is_str(text_at(n, "double"), "a\tb", "escapes are read");
	is_str(text_at(n, "uml"), "\xc3\xbc", "\\u is UTF-8");
	is_str(text_at(n, "lit"), "a\n  b\n", "literal text keeps its lines");
	is_str(text_at(n, "fold"), "a b\n", "folded text is folded");
	ok(ynode_is_null(ynode_get(n, "empty")), "an empty value is null");
	ok(ynode_is_null(ynode_get(n, "tilde")), "a tilde is null");
	ok(!ynode_is_null(ynode_get(n, "quoted")), "'null' in quotes is text");
	ok(!ynode_get(n, "none"), "a key that is not there is NULL");
}

static void
test_structure(void)
{
	const struct ynode *n = read_ok("b: [1, 2]\na: {x: y}\nc:\n- d\n");
	const struct ynode *x;

	is_str(n->item[0]->text, "b", "keys keep their order");
	is_int(ynode_get(n, "b")->n, 2, "a flow list has its items");
	is_int(ynode_get(n, "c")->n, 1, "a block list has its items");
	x = ynode_get(ynode_get(n, "a"), "x");
	is_int(x->line, 2, "a value knows its line");
	is_int(x->col, 8, "a value knows its column");
	n = read_ok("a: &x {k: v}\nb: *x\nc: *x\n");
	is_str(text_at(ynode_get(n, "c"), "k"), "v", "an alias is its anchor");
	n = read_ok("\xef\xbb\xbf"
		    "a: b\r\nc: d\r\n");
	is_str(text_at(n, "c"), "d", "a BOM and CRLF are fine");
	is_int(ynode_get(n, "c")->line, 2, "CRLF is one line break");
	n = read_ok("gr\xc3\xbc\xc3\x9f"
		    "e: {x: y}\n");
	is_int(ynode_get(n, "gr\xc3\xbc\xc3\x9f"
			    "e")
			->col,
		8, "columns count characters");
	ok(read_ok("%YAML 1.2\n---\na: b\n"), "YAML 1.2 may be declared");
	ok(read_ok("--- \na: b\n...\n"), "one document may be marked");
}

static void
place_is(const char *text, const char *needle, unsigned int line,
	unsigned int col, const char *what)
{
	const struct ynode *n = read_ok(text);
	const struct ynode *v = n ? ynode_get(n, "k") : NULL;
	unsigned int got_line = 0, got_col = 0;

	if (v)
		ydoc_place(doc, v, (size_t)(strstr(v->text, needle) - v->text),
			&got_line, &got_col);
	is_int(got_line, line, what);
	is_int(got_col, col, "  and the column");
}

static void
test_place(void)
{
	place_is("k: ab cd\n", "cd", 1, 7, "in plain text");
	place_is("k: 'ab cd'\n", "cd", 1, 8, "in quoted text");
	place_is("k: \"\xc3\xbc cd\"\n", "cd", 1, 7, "after an umlaut");
	place_is("k: |\n   ab\n   cd ef\n", "ef", 3, 7, "in literal text");
	place_is("k: |\n   ab\n     cd\n", "cd", 3, 6, "in indented text");
	place_is("k: \"a\\tb cd\"\n", "cd", 1, 4,
		"with escapes the start is named");
	place_is("k: >\n  ab\n  cd\n", "cd", 1, 4,
		"in folded text the start is named");
}

static const struct {
	const char *text;
	size_t len;
	const char *fault;
} bad[] = {
	{ RAW(""), "f.yml:1:1: the file is empty" },
	{ RAW("# nothing\n"), "f.yml:1:1: the file is empty" },
	{ RAW("a: 1\nb: 2\na: 3\n"),
		"f.yml:3:1: the key \"a\" is here twice; the first is in "
		"line 1" },
	{ RAW("{a: 1, 'a': 2}"),
		"f.yml:1:8: the key \"a\" is here twice; the first is in "
		"line 1" },
	{ RAW("a: !!int 1\n"),
		"f.yml:1:4: tags (\"tag:yaml.org,2002:int\") are not allowed; "
		"put text that begins with \"!\" into quotes" },
	{ RAW("a: !x [1]\n"),
		"f.yml:1:4: tags (\"!x\") are not allowed; put text that "
		"begins with \"!\" into quotes" },
	{ RAW("a: !e!x 1\n"),
		"f.yml:1:4: tags (\"!\") are not allowed; put text that "
		"begins with \"!\" into quotes" },
	{ RAW("a: 1\n---\nb: 2\n"),
		"f.yml:2:1: a second document (\"---\"); a file holds one" },
	{ RAW("a: 1\n  \xff\n"),
		"f.yml:2:3: the byte 0xff is not UTF-8; save the file as "
		"UTF-8" },
	{ RAW("\xc3\xbc: \xc3(\n"),
		"f.yml:1:4: the byte 0xc3 is not UTF-8; save the file as "
		"UTF-8" },
	{ RAW("a: \xed\xa0\x80\n"),
		"f.yml:1:4: the byte 0xed is not UTF-8; save the file as "
		"UTF-8" },
	{ RAW("a: 1\nb: x\0y\n"),
		"f.yml:2:5: a NUL byte; is this a text file?" },
	{ RAW("a: \"x\\0y\"\n"),
		"f.yml:1:4: text with a NUL byte (\"\\0\") cannot be used" },
	{ RAW("a: \x1b[1m\n"),
		"f.yml:1:4: the control character 0x1b; in \"quotes\" it can "
		"be written \"\\x1b\"" },
	{ RAW("a: \xef\xbb\xbf"
	      "b\n"),
		"f.yml:1:4: an invisible character that YAML does not allow "
		"here; remove it" },
	{ RAW("a:\n\tb: 1\n"),
		"f.yml:2:1: a tab in the indentation; use spaces" },
	{ RAW("a:\n  b: 1\n\tc: 2\n"),
		"f.yml:3:1: a tab in the indentation; use spaces" },
	{ RAW("a: 'x\nb: 1\n"),
		"f.yml:1:4: the quote that opens here is never closed" },
	{ RAW("a: \"x\nb: 1\n"),
		"f.yml:1:4: the quote that opens here is never closed" },
	{ RAW("a: [1, 2\nb: 1\n"),
		"f.yml:1:4: the \"[\" that opens here is not closed, or a "
		"\",\" is missing" },
	{ RAW("a: {x: 1\nb: 1\n"),
		"f.yml:1:4: the \"{\" that opens here is not closed, or a "
		"\",\" is missing" },
	{ RAW("a: b: c\n"),
		"f.yml:1:5: a \":\" where no key can be; put text that holds "
		"one into quotes, or mend the indentation" },
	{ RAW("a: - b\n"),
		"f.yml:1:4: a \"-\" where no list can be; put it on a line "
		"of its own" },
	{ RAW("a: 1\n b: 2\n"),
		"f.yml:2:3: a \":\" where no key can be; put text that holds "
		"one into quotes, or mend the indentation" },
	{ RAW("  a: 1\n b: 2\n"),
		"f.yml:2:2: this does not belong to what is above it; mend the "
		"indentation" },
	{ RAW("a: 1\nb\n"), "f.yml:3:1: a \":\" is missing after the key" },
	{ RAW("a: @b\n"),
		"f.yml:1:4: \"@\" can not begin a value; put the text into "
		"quotes" },
	{ RAW("a: `b`\n"),
		"f.yml:1:4: \"`\" can not begin a value; put the text into "
		"quotes" },
	{ RAW("a: \"\\q\"\n"),
		"f.yml:1:5: this \"\\\" escape does not exist; in 'single' "
		"quotes a backslash is itself" },
	{ RAW("a: *x\n"), "f.yml:1:4: no anchor \"&x\" before this alias" },
	{ RAW("a: &x [1, *x]\n"), "f.yml:1:11: \"*x\" would hold itself" },
	{ RAW("a: **.js\n"),
		"f.yml:1:4: \"*\" and \"&\" begin an alias or anchor; put "
		"other text that begins so into quotes" },
	{ RAW("<<: {a: 1}\n"),
		"f.yml:1:1: merge keys (\"<<\") are not supported; repeat the "
		"keys, or use an alias for the whole value" },
	{ RAW("[a]: b\n"),
		"f.yml:1:1: a key must be plain text, not a list or mapping" },
	{ RAW("? {a: b}\n: c\n"),
		"f.yml:1:3: a key must be plain text, not a list or mapping" },
};

static void
test_bad(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		is_str(fault_of(bad[i].text, bad[i].len), bad[i].fault,
			bad[i].fault);
}

/* head, n times body, tail. */
static char *
repeated(const char *head, const char *body, size_t n, const char *tail)
{
	struct buf b = BUF_INIT;

	buf_addz(&b, head);
	while (n--)
		buf_addz(&b, body);
	buf_addz(&b, tail);
	return buf_take(&b);
}

static void
limit_is(char *text, const char *fault, const char *what)
{
	is_str(fault_of(text, strlen(text)), fault, what);
	free(text);
}

static void
test_limits(void)
{
	struct buf bomb = BUF_INIT;

	limit_is(repeated("", "[", 20000, ""),
		"f.yml:1:33: nested deeper than 32 levels",
		"20,000 brackets are stopped at the 33rd");
	limit_is(repeated("", "{a: ", 20000, ""),
		"f.yml:1:129: nested deeper than 32 levels",
		"nested mappings are bounded");
	limit_is(repeated("", "- ", 5000, "x"),
		"f.yml:1:65: nested deeper than 32 levels",
		"nested lists are bounded");
	ok(!fault_of("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]"
		     "]]]]]]]]",
		   63),
		"31 levels are fine");
	limit_is(repeated("", "- x\n", 25000, ""),
		"f.yml:20000:3: more than 20000 values in one file",
		"the number of values is bounded");
	limit_is(repeated("a: ", "x", 262144, "\n"),
		"f.yml:1:1: the file has 262148 bytes; at most 262144 are "
		"read",
		"the size is bounded");
	buf_addz(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		buf_addf(&bomb, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_addf(&bomb, "*a%d%s", i - 1, k < 8 ? "," : "]\n");
	}
	limit_is(buf_take(&bomb),
		"f.yml:4:10: the aliases stand for more than 1000 values in "
		"all",
		"an alias bomb does not go off");
	buf_addz(&bomb, "- &a0 [x]\n");
	for (int i = 1; i < 40; i++)
		buf_addf(&bomb, "- &a%d [*a%d]\n", i, i - 1);
	limit_is(buf_take(&bomb), "f.yml:30:9: nested deeper than 32 levels",
		"aliases count for the depth");
}

int
main(void)
{
	test_scalars();
	test_structure();
	test_place();
	test_bad();
	test_limits();
	ydoc_free(doc);
	return tap_done();
}
