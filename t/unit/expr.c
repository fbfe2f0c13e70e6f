/* SPDX-License-Identifier: MIT */
/* Expressions: values, messages and columns; see t/0210-expr-peer.sh for
 * the comparison with another evaluator. */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "model/expr.h"
#include "tap.h"

static json_t *contexts;

static const char *
value_of(const char *text, bool failed, bool canceled)
{
	static char shown[ERR_MAX + 8];
	struct expr_env env = { contexts, failed, canceled };
	struct err e = { .code = ERR_NONE };
	json_t *v = NULL;
	char *dump;

	if (expr_eval(text, &env, &v, &e) < 0) {
		snprintf(shown, sizeof(shown), "error: %s", e.msg);
		return shown;
	}
	dump = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	snprintf(shown, sizeof(shown), "%s", dump);
	free(dump);
	json_decref(v);
	return shown;
}

static void
test_values(void)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "null", "null" },
		{ "1 + 1", "error: column 3: this is not a number: \"+\"" },
		{ "0x1F", "31" },
		{ "'it''s'", "\"it's\"" },
		{ "'a''b''c'", "\"a'b'c\"" },
		{ "1e21", "1e21" },
		{ "format('{0}', 1e21)", "\"1e+21\"" },
		{ "format('{0}', 1.0)", "\"1\"" },
		{ "format('{0}', 1.50)", "\"1.5\"" },
		{ "format('{0}', 0xff)", "\"255\"" },
		{ "NaN", "\"NaN\"" },
		{ "github.ref == 'REFS/HEADS/MAIN'", "true" },
		{ "github.commits.*.id", "[\"a\",\"b\"]" },
		{ "github.commits.*.none", "[]" },
		{ "github.commits[5].id", "null" },
		{ "toJSON(fromJSON('[1,{\"a\":null}]'))",
			"\"[\\n  1,\\n  {\\n    \\\"a\\\": null\\n  }\\n]\"" },
		{ "success()", "true" },
		{ "failure()", "false" },
		{ "always()", "true" },
		{ "cancelled()", "false" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		is_str(value_of(cases[i].text, false, false), cases[i].value,
			cases[i].text);
	is_str(value_of("success()", true, false), "false",
		"success() is false after a failure");
	is_str(value_of("failure()", true, false), "true",
		"failure() is true after a failure");
	is_str(value_of("failure()", true, true), "false",
		"failure() is false once the run is cancelled");
	is_str(value_of("cancelled()", false, true), "true",
		"cancelled() is true in a cancelled run");
}

static void
test_errors(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "error: column 1: the expression is empty" },
		{ "github.ref =", "error: column 12: this operator is written "
				  "twice: ==, &&, ||: \"=\"" },
		{ "'open", "error: column 1: the quote that opens here is "
			   "never closed: \"'open\"" },
		{ "\"x\"", "error: column 1: text goes into single quotes "
			   "here: \"\"x\"\"" },
		{ "'\xc3('", "error: column 1: the expression is not UTF-8" },
		{ "1 2", "error: column 3: \"2\" where an operator or the end "
			 "should be" },
		{ "(1", "error: column 3: the expression ends where \")\" "
			"should follow" },
		{ "githb.ref", "error: column 1: there is no context "
			       "\"githb\"; did you mean \"github\"?" },
		{ "contain('a', 'b')",
			"error: column 1: there is no function \"contain\"; "
			"did you mean \"contains\"?" },
		{ "contains('a')", "error: column 1: contains() takes at "
				   "least 2 arguments" },
		{ "toJSON(1, 2)", "error: column 1: toJSON() takes at most 1 "
				  "argument" },
		{ "always(1)", "error: column 1: always() takes no argument" },
		{ "hashFiles('x')", "error: column 1: this version does not "
				    "support hashFiles() yet" },
		{ "'a'.b", "error: column 4: text and numbers have no "
			   "properties" },
		{ "format('{1}', 'a')",
			"error: column 1: format(): there is no argument for "
			"{1}" },
		{ "fromJSON('')",
			"error: column 1: fromJSON(): the text is empty" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		is_str(value_of(cases[i].text, false, false), cases[i].message,
			cases[i].text);
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
test_limits(void)
{
	static const struct {
		const char *body, *tail, *message, *name;
	} cases[] = {
		{ "(", "1",
			"error: column 52: the expression is nested deeper "
			"than 50 levels",
			"brackets are bounded" },
		{ "!", "1",
			"error: column 51: the expression is nested deeper "
			"than 50 levels",
			"! is bounded" },
		{ "1 == ", "1",
			"error: column 1: the expression is nested "
			"deeper than 50 levels",
			"chains are bounded" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep)
		char *text = repeated("", cases[i].body, 500, cases[i].tail);

		is_str(value_of(text, false, false), cases[i].message,
			cases[i].name);
	}
	AUTO(freep) char *ors = repeated("", "0 || ", 2000, "'end'");
	is_str(value_of(ors, false, false), "\"end\"",
		"|| is a list, not a depth");
	AUTO(freep) char *longer = repeated("", "1 ||", 6000, "1");
	is_str(value_of(longer, false, false),
		"error: column 1: the expression is longer than 21000 bytes",
		"the length is bounded");
	AUTO(freep)
	char *holes = repeated("format('", "{0}", 2000, "', github.text)");
	AUTO(freep) char *many = repeated("format('", "{0}", 200, "', ");
	AUTO(freep) char *bomb = xasprintf("%s%s)", many, holes);
	is_str(value_of(bomb, false, false),
		"error: column 1: the expression makes more than 8 MiB of "
		"text",
		"text is bounded");
}

static const char *
expanded(const char *text)
{
	static char shown[ERR_MAX + 8];
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct expr_env env = { .contexts = contexts };
	struct err e = { .code = ERR_NONE };

	if (expr_expand(text, &env, &out, &e) < 0)
		snprintf(shown, sizeof(shown), "error: %s", e.msg);
	else
		snprintf(shown, sizeof(shown), "%s", out.data);
	return shown;
}

static void
test_expand(void)
{
	is_str(expanded("no parts"), "no parts", "plain text stays");
	is_str(expanded("on ${{ github.ref }}!"), "on refs/heads/main!",
		"a part is replaced");
	is_str(expanded("${{1}}${{ 2.50 }}${{null}}${{true}}"), "12.5true",
		"parts become text");
	is_str(expanded("${{ '}}' }}"), "}}", "}} may stand in quotes");
	is_str(expanded("${{ 'it''s }}' }}"), "it's }}",
		"a doubled quote does not end the text");
	is_str(expanded("a ${{ b"), "error: column 3: \"${{\" without \"}}\"",
		"an open part is an error");
	is_str(expanded("a ${{ github.ref == }}"),
		"error: column 21: the expression ends where a value should "
		"follow",
		"the column counts from the start of the whole text");
	is_str(expanded("$ { {{ }}"), "$ { {{ }}", "other braces are text");
}

static int
cond(const char *text, bool failed, bool canceled)
{
	struct expr_env env = { contexts, failed, canceled };
	struct err e;
	bool yes = false;

	return expr_cond(text, &env, &yes, &e) < 0 ? -1 : yes;
}

static void
test_cond(void)
{
	is_int(cond(NULL, false, false), 1, "no if is success()");
	is_int(cond("  ", true, false), 0, "an empty if is success()");
	is_int(cond("true", true, false), 0, "success() is implied");
	is_int(cond("always()", true, true), 1, "always() is always");
	is_int(cond("failure() || false", true, false), 1,
		"a status function lifts the implied one");
	is_int(cond("! cancelled()", true, false), 1,
		"cancelled() lifts it too");
	is_int(cond("${{ github.ref == 'refs/heads/main' }}", false, false), 1,
		"the braces may be there");
	is_int(cond("github.ref == 'refs/heads/other'", false, false), 0,
		"a false condition");
	is_int(cond("${{ false }} || true", false, false), -1,
		"braces around a part are an error, not always true");
	is_int(cond("'x'", false, false), 1, "text is true");
	is_int(cond("github.nothing", false, false), 0, "null is false");
}

static void
checks(const char *text, bool is_cond, unsigned int want, const char *message)
{
	static const char *const allowed[] = { "github", "env", NULL };
	struct err e = { .code = ERR_NONE };
	unsigned int column = 0;
	int rc = expr_check(text, is_cond, allowed, &column, &e);

	is_str(rc < 0 ? e.msg : NULL, message, text);
	is_int(rc < 0 ? column : 0, want, "  with the column");
}

static void
test_check(void)
{
	static const char *const github[] = { "github", NULL };

	checks("x ${{ github.ref }} ${{ env.A }}", false, 0, NULL);
	checks("github.ref == 'x' && always()", true, 0, NULL);
	checks("no expression: (((", false, 0, NULL);
	checks("a ${{ steps.x }}", false, 7,
		"\"steps\" is not known at this place; what can be used is: "
		"github, env");
	checks("a ${{ secrets.X }}", false, 7,
		"this version does not support the context \"secrets\" yet");
	checks("${{ always() }}", false, 5,
		"always() can be used in an \"if\" only");
	checks("${{ github.ref }} == 'x'", true, 1,
		"a condition is one expression: leave the \"${{ }}\" away or "
		"put it around all of it");
	checks("  github.ref = 'x'", true, 14,
		"this operator is written twice: ==, &&, ||: \"=\"");
	checks("main == github.ref", true, 1,
		"there is no context \"main\"; text goes into single quotes");
	ok(expr_uses_only("${{ github.ref }}", github), "github alone");
	ok(!expr_uses_only("${{ github.ref }}${{ env.X }}", github),
		"not github alone");
	ok(expr_uses_only("text", github), "no part uses nothing");
	ok(!expr_uses_only("${{ ( }}", github),
		"what is not well-formed uses who knows what");
}

int
main(void)
{
	static const char text[] =
		"{\"github\":{\"ref\":\"refs/heads/main\","
		"\"nothing\":null,\"text\":\"0123456789012345678901234567890"
		"123456789\",\"commits\":[{\"id\":\"a\"},{\"id\":\"b\"}]}}";

	contexts = json_loads(text, 0, NULL);
	test_values();
	test_errors();
	test_limits();
	test_expand();
	test_cond();
	test_check();
	json_decref(contexts);
	return tap_done();
}
