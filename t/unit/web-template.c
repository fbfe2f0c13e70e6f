/* SPDX-License-Identifier: MIT */
/* Templates: what they insert is escaped, and what is wrong is named. */
#include "base/base.h"
#include "tap.h"
#include "web/template.h"

/* What text gives with that context, or the error's message. */
static void
try(const char *text, const char *context, struct buf *out)
{
	struct template *t = NULL;
	struct err e = { 0 };
	json_t *o = json_parse(context, strlen(context), &e);

	buf_reset(out);
	if (!o || template_parse(text, &t, &e) < 0)
		buf_addf(out, "error: %s", e.msg);
	else
		template_render(t, o, out);
	template_free(t);
	json_decref(o);
}

static const struct {
	const char *what, *text, *context, *want;
} cases[] = {
	{ "text without tags stays", "a < b\n", "{}", "a < b\n" },
	{ "a string is inserted", "[{{a}}]", "{\"a\":\"x\"}", "[x]" },
	{ "a number is inserted", "{{a}}", "{\"a\":-12}", "-12" },
	{ "what is not there is nothing", "[{{a}}]", "{}", "[]" },
	{ "null, true and objects are no text", "[{{a}}{{b}}{{c}}]",
		"{\"a\":null,\"b\":true,\"c\":{}}", "[]" },
	{ "text is escaped", "{{a}}", "{\"a\":\"<i>&amp;</i>\"}",
		"&lt;i&gt;&amp;amp;&lt;/i&gt;" },
	{ "both quotes are escaped", "<a b=\"{{a}}\">",
		"{\"a\":\"\\\" onx='1\"}", "<a b=\"&quot; onx=&#39;1\">" },
	{ "NUL and ESC are shown as signs", "{{a}}",
		"{\"a\":\"x\\u001by\\u007f\"}", "x\xe2\x90\x9by\xe2\x90\xa1" },
	{ "characters of C1 are U+FFFD", "{{a}}", "{\"a\":\"\\u009b\"}",
		"\xef\xbf\xbd" },
	{ "what is inserted is no template", "{{a}}",
		"{\"a\":\"{{b}}{{UNESCAPED b}}\",\"b\":\"no\"}",
		"{{b}}{{UNESCAPED b}}" },
	{ "raw text is asked for by an ugly name", "{{UNESCAPED a}}",
		"{\"a\":\"<b>\"}", "<b>" },
	{ "a section goes over a list", "{{#l}}<{{n}}>{{/l}}",
		"{\"l\":[{\"n\":1},{\"n\":2}]}", "<1><2>" },
	{ "an item that is a string is \".\"", "{{#l}}<{{.}}>{{/l}}",
		"{\"l\":[\"a\",\"&\"]}", "<a><&amp;>" },
	{ "a section shows an object's members", "{{#o}}{{n}}{{/o}}",
		"{\"o\":{\"n\":1}}", "1" },
	{ "a section of a value keeps its surroundings",
		"{{#s}}{{s}}{{n}}{{/s}}", "{\"s\":\"x\",\"n\":1}", "x1" },
	{ "no section for what is not given",
		"{{#a}}1{{/a}}{{#b}}2{{/b}}{{#c}}3{{/c}}{{#d}}4{{/d}}"
		"{{#e}}5{{/e}}",
		"{\"a\":null,\"b\":false,\"c\":\"\",\"d\":0,\"e\":[]}", "" },
	{ "an inverted section for what is not given",
		"{{^a}}1{{/a}}{{^b}}2{{/b}}", "{\"b\":[]}", "12" },
	{ "no inverted section for what is given", "{{^a}}1{{/a}}{{^b}}2{{/b}}",
		"{\"a\":\"x\",\"b\":[0]}", "" },
	{ "a name never means something further out", "{{#l}}[{{n}}]{{/l}}",
		"{\"n\":\"outer\",\"l\":[{}]}", "[]" },
	{ "sections within sections", "{{#a}}{{#b}}{{.}}{{/b}};{{/a}}",
		"{\"a\":[{\"b\":[\"x\",\"y\"]},{\"b\":[]}]}", "xy;;" },
	{ "what follows an empty section is there",
		"{{#a}}{{#b}}x{{/b}}y{{/a}}z", "{}", "z" },
	{ "a section's tag alone in its line leaves no line",
		"a\n{{#l}}\n  b\n  {{/l}}\nc\n", "{\"l\":[{}]}",
		"a\n  b\nc\n" },
	{ "a value alone in its line keeps it", "a\n{{v}}\nb\n",
		"{\"v\":\"x\"}", "a\nx\nb\n" },
	{ "a comment leaves nothing", "a{{! <b> }}b\n{{! c }}\n", "{}",
		"ab\n" },
	{ "a tag without end is an error", "a\n{{b", "{}",
		"error: line 2: no end of '{{'" },
	{ "a section without end is an error", "{{#a}}", "{}",
		"error: line 1: no end of section 'a'" },
	{ "an end without section is an error", "\n{{/a}}", "{}",
		"error: line 2: no section is open: 'a'" },
	{ "sections that cross are an error", "{{#a}}{{#b}}{{/a}}{{/b}}", "{}",
		"error: line 1: the end of another section: 'a'" },
	{ "an odd name is an error", "{{a b}}", "{}",
		"error: line 1: no good name: 'a b'" },
	{ "raw by another spelling is an error", "{{&a}}", "{}",
		"error: line 1: no good name: '&a'" },
};

static void
test_cases(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		try(cases[i].text, cases[i].context, &out);
		is_str(out.data, cases[i].want, cases[i].what);
	}
}

static void
test_depth(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	AUTO(buf_release) struct buf text = BUF_INIT;

	for (int i = 0; i < 17; i++)
		buf_addz(&text, "{{#a}}");
	try(text.data, "{}", &out);
	is_str(out.data, "error: line 1: too many sections around 'a'",
		"a template that is too deep is an error");
}

static void
test_bytes(void)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	static const char bytes[] = "a\0\xff\xc3\xa4\xe2\x82<";

	html_escape(&out, bytes, sizeof(bytes) - 1);
	is_str(out.data,
		"a\xe2\x90\x80\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd"
		"&lt;",
		"any bytes come out as valid text");
}

int
main(void)
{
	test_cases();
	test_depth();
	test_bytes();
	return tap_done();
}
