/* SPDX-License-Identifier: MIT */
/* See expr_ast.h: the functions that an expression may call. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr_ast.h"

int
expr_spend(struct expr_run *run, size_t bytes, struct err *e)
{
	run->used += bytes;
	if (run->used > EXPR_MAX_BYTES)
		return err_set(e, ERR_PERM,
			"the expression makes more than %d MiB of text",
			EXPR_MAX_BYTES >> 20);
	return 0;
}

static int
give_text(struct expr_run *run, struct buf *text, struct expr_value *ret,
	struct err *e)
{
	if (expr_spend(run, text->len, e) < 0)
		return -1;
	expr_value_take(ret, buf_take(text));
	return 0;
}

static int
fn_success(struct expr_run *run, struct expr_value *args UNUSED,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, !run->env->failed && !run->env->canceled);
	return 0;
}

static int
fn_failure(struct expr_run *run, struct expr_value *args UNUSED,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, run->env->failed && !run->env->canceled);
	return 0;
}

static int
fn_cancelled(struct expr_run *run, struct expr_value *args UNUSED,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, run->env->canceled);
	return 0;
}

static int
fn_always(struct expr_run *run UNUSED, struct expr_value *args UNUSED,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, true);
	return 0;
}

static bool
array_contains(const struct expr_value *array, const struct expr_value *what)
{
	size_t i;
	json_t *item;

	json_array_foreach(array->j, i, item)
	{
		AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

		expr_value_json(&v, item);
		if (expr_equals(what, &v))
			return true;
	}
	return false;
}

static void
folded_text(struct buf *b, const struct expr_value *v)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	expr_add_string(&text, v);
	expr_add_folded(b, text.data);
}

static int
fn_contains(struct expr_run *run UNUSED, struct expr_value *args,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	AUTO(buf_release) struct buf in = BUF_INIT, what = BUF_INIT;
	bool yes = false;

	if (args[0].kind == EXPR_ARR) {
		yes = array_contains(&args[0], &args[1]);
	} else if (expr_is_primitive(&args[0]) && expr_is_primitive(&args[1])) {
		folded_text(&in, &args[0]);
		folded_text(&what, &args[1]);
		yes = strstr(in.data, what.data) != NULL;
	}
	expr_value_bool(ret, yes);
	return 0;
}

static bool
has_edge(struct expr_value *args, bool at_end)
{
	AUTO(buf_release) struct buf text = BUF_INIT, edge = BUF_INIT;

	if (!expr_is_primitive(&args[0]) || !expr_is_primitive(&args[1]))
		return false;
	folded_text(&text, &args[0]);
	folded_text(&edge, &args[1]);
	return at_end ? str_ends(text.data, edge.data)
		      : str_starts(text.data, edge.data);
}

static int
fn_starts_with(struct expr_run *run UNUSED, struct expr_value *args,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, has_edge(args, false));
	return 0;
}

static int
fn_ends_with(struct expr_run *run UNUSED, struct expr_value *args,
	size_t nargs UNUSED, struct expr_value *ret, struct err *e UNUSED)
{
	expr_value_bool(ret, has_edge(args, true));
	return 0;
}

/* At "{": the argument's text; returns what follows "}", NULL on error. */
static const char *
format_hole(const char *s, struct expr_value *args, size_t nargs,
	struct buf *out, struct err *e)
{
	const char *end = s + 1;
	int64_t i;
	AUTO(freep) char *digits = NULL;

	while (*end >= '0' && *end <= '9')
		end++;
	digits = xstrndup(s + 1, (size_t)(end - s - 1));
	if (*end != '}' || num_parse(digits, 0, INT_MAX, &i) < 0) {
		err_set(e, ERR_PERM,
			"format(): \"{\" needs a number and "
			"\"}\" after it; a brace itself is written \"{{\"");
		return NULL;
	}
	if ((size_t)i + 1 >= nargs) {
		err_set(e, ERR_PERM,
			"format(): there is no argument for {%" PRId64 "}", i);
		return NULL;
	}
	expr_add_string(out, &args[i + 1]);
	return end + 1;
}

static int
fn_format(struct expr_run *run, struct expr_value *args, size_t nargs,
	struct expr_value *ret, struct err *e)
{
	AUTO(buf_release) struct buf fmt = BUF_INIT, out = BUF_INIT;
	const char *s;

	expr_add_string(&fmt, &args[0]);
	for (s = fmt.data; *s;) {
		if (out.len > EXPR_MAX_BYTES)
			break; /* give_text() says so */
		if ((*s == '{' || *s == '}') && s[1] == *s) {
			buf_addc(&out, *s);
			s += 2;
		} else if (*s == '{') {
			s = format_hole(s, args, nargs, &out, e);
			if (!s)
				return -1;
		} else if (*s == '}') {
			return err_set(e, ERR_PERM,
				"format(): a \"}\" without "
				"\"{\"; a brace itself is written \"}}\"");
		} else {
			buf_addc(&out, *s++);
		}
	}
	return give_text(run, &out, ret, e);
}

static int
fn_join(struct expr_run *run, struct expr_value *args, size_t nargs,
	struct expr_value *ret, struct err *e)
{
	AUTO(buf_release) struct buf out = BUF_INIT, sep = BUF_INIT;
	size_t i;
	json_t *item;

	if (expr_is_primitive(&args[0]))
		expr_add_string(&out, &args[0]);
	if (args[0].kind != EXPR_ARR)
		return give_text(run, &out, ret, e);
	if (nargs > 1 && expr_is_primitive(&args[1]))
		expr_add_string(&sep, &args[1]);
	else
		buf_addc(&sep, ',');
	json_array_foreach(args[0].j, i, item)
	{
		AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

		if (out.len > EXPR_MAX_BYTES)
			break;
		expr_value_json(&v, item);
		if (i)
			buf_add(&out, sep.data, sep.len);
		expr_add_string(&out, &v);
	}
	return give_text(run, &out, ret, e);
}

static int
fn_to_json(struct expr_run *run, struct expr_value *args, size_t nargs UNUSED,
	struct expr_value *ret, struct err *e)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	expr_add_json(&out, &args[0]);
	return give_text(run, &out, ret, e);
}

static int
fn_from_json(struct expr_run *run, struct expr_value *args, size_t nargs UNUSED,
	struct expr_value *ret, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	json_error_t je;
	json_t *j;

	expr_add_string(&text, &args[0]);
	if (expr_spend(run, text.len, e) < 0)
		return -1;
	if (!text.data[strspn(text.data, " \t\r\n")])
		return err_set(e, ERR_PERM, "fromJSON(): the text is empty");
	j = json_loads(
		text.data, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &je);
	if (!j)
		return err_set(e, ERR_PERM,
			"fromJSON(): line %d, column %d: "
			"%.100s",
			je.line, je.column, je.text);
	expr_value_json(ret, j);
	json_decref(j);
	return 0;
}

static int
fn_case(struct expr_run *run UNUSED, struct expr_value *args, size_t nargs,
	struct expr_value *ret, struct err *e)
{
	size_t i;

	for (i = 0; i + 1 < nargs; i += 2) {
		if (args[i].kind != EXPR_BOOL)
			return err_set(e, ERR_PERM,
				"case(): a condition must be true or false");
		if (args[i].b)
			break;
	}
	expr_value_copy(ret, &args[i + 1 < nargs ? i + 1 : nargs - 1]);
	return 0;
}

static const struct expr_func functions[] = {
	/* clang-format off */
	{ "success",	0, 0,			true,	fn_success },
	{ "failure",	0, 0,			true,	fn_failure },
	{ "cancelled",	0, 0,			true,	fn_cancelled },
	{ "always",	0, 0,			true,	fn_always },
	{ "contains",	2, 2,			false,	fn_contains },
	{ "startsWith",	2, 2,			false,	fn_starts_with },
	{ "endsWith",	2, 2,			false,	fn_ends_with },
	{ "format",	1, EXPR_MAX_ARGS,	false,	fn_format },
	{ "join",	1, 2,			false,	fn_join },
	{ "toJSON",	1, 1,			false,	fn_to_json },
	{ "fromJSON",	1, 1,			false,	fn_from_json },
	{ "case",	3, EXPR_MAX_ARGS,	false,	fn_case },
	{ "hashFiles",	1, EXPR_MAX_ARGS,	false,	NULL },
	/* clang-format on */
};

const struct expr_func *
expr_func_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (!strcasecmp(functions[i].name, name))
			return &functions[i];
	return NULL;
}

const char *
expr_func_nearest(const char *name)
{
	const char *names[ARRAY_LEN(functions)];

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		names[i] = functions[i].name;
	return nearest_name(name, names, ARRAY_LEN(names));
}
