/* SPDX-License-Identifier: MIT */
/* See expr.h: the forms in which expressions come, whole, in text, or as a
 * condition. */
#include "base/base.h"
#include "model/expr.h"
#include "model/expr_ast.h"

/* A piece of text that is one expression. */
static int
eval_part(const char *text, size_t len, size_t offset,
	const struct expr_env *env, struct expr_value *ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	struct expr_run run = { .env = env };
	size_t at = 0;

	if (expr_parse(text, len, &n, &at, e) < 0)
		return err_wrap(e, "column %zu", offset + at + 1);
	if (expr_evaluate(&run, n, ret, e) < 0)
		return err_wrap(e, "column %zu", offset + n->start + 1);
	return 0;
}

int
expr_eval(const char *text, const struct expr_env *env, json_t **ret,
	struct err *e)
{
	AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

	if (eval_part(text, strlen(text), 0, env, &v, e) < 0)
		return -1;
	*ret = expr_value_to_json(&v);
	return 0;
}

#define PART_OPEN "${{"
#define PART_CLOSE "}}"

/* The next ${{ }} at or after from: [*start, *end) is what is inside.
 * Returns 1, 0 when there is none, -1 when it is never closed. */
static int
next_part(const char *text, size_t from, size_t *start, size_t *end)
{
	const char *open = strstr(text + from, PART_OPEN);
	bool quoted = false;

	if (!open)
		return 0;
	*start = (size_t)(open - text) + strlen(PART_OPEN);
	for (const char *s = text + *start; *s; s++) {
		if (*s == '\'')
			quoted = !quoted; /* '' toggles twice */
		if (!quoted && str_starts(s, PART_CLOSE)) {
			*end = (size_t)(s - text);
			return 1;
		}
	}
	return -1;
}

static int
not_closed(size_t start, struct err *e)
{
	return err_set(e, ERR_PERM, "column %zu: \"${{\" without \"}}\"",
		start - strlen(PART_OPEN) + 1);
}

bool
expr_has_parts(const char *text)
{
	return text && strstr(text, PART_OPEN);
}

int
expr_expand(const char *text, const struct expr_env *env, struct buf *out,
	struct err *e)
{
	size_t at = 0, start, end;
	int found;

	while ((found = next_part(text, at, &start, &end)) > 0) {
		AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

		buf_add(out, text + at, start - strlen(PART_OPEN) - at);
		if (eval_part(text + start, end - start, start, env, &v, e) < 0)
			return -1;
		expr_add_string(out, &v);
		if (out->len > EXPR_MAX_BYTES)
			return err_set(e, ERR_PERM,
				"the text grows beyond "
				"%d MiB",
				EXPR_MAX_BYTES >> 20);
		at = end + strlen(PART_CLOSE);
	}
	if (found < 0)
		return not_closed(start, e);
	buf_addz(out, text + at);
	return 0;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The expression of an "if": all of it, or what is in the one ${{ }} that
 * is all of it. */
static int
cond_part(const char *text, size_t *start, size_t *end, size_t *ret_at,
	struct err *e)
{
	size_t from = 0, to = strlen(text);

	while (is_blank(text[from]))
		from++;
	while (to > from && is_blank(text[to - 1]))
		to--;
	*start = from;
	*end = to;
	if (!expr_has_parts(text))
		return 0;
	*ret_at = (size_t)(strstr(text, PART_OPEN) - text);
	if (next_part(text, from, start, end) < 0)
		return err_set(e, ERR_PERM, "\"${{\" without \"}}\"");
	if (*start != from + strlen(PART_OPEN) ||
		*end + strlen(PART_CLOSE) != to)
		return err_set(e, ERR_PERM,
			"a condition is one expression: "
			"leave the \"${{ }}\" away or put it around all of it");
	return 0;
}

int
expr_cond(
	const char *text, const struct expr_env *env, bool *ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;
	struct expr_run run = { .env = env };
	bool ok = !env->failed && !env->canceled;
	size_t start = 0, end = 0, at = 0;

	if (!text)
		text = "";
	if (cond_part(text, &start, &end, &at, e) < 0)
		return err_wrap(e, "column %zu", at + 1);
	if (start == end) {
		*ret = ok;
		return 0;
	}
	if (expr_parse(text + start, end - start, &n, &at, e) < 0)
		return err_wrap(e, "column %zu", start + at + 1);
	if (!ok && !expr_calls_status(n)) {
		*ret = false;
		return 0;
	}
	if (expr_evaluate(&run, n, &v, e) < 0)
		return err_wrap(e, "column %zu", start + n->start + 1);
	*ret = expr_truthy(&v);
	return 0;
}

/* Columns count from 1. */
static int
at_column(unsigned int *ret_column, size_t at)
{
	if (ret_column)
		*ret_column = (unsigned int)at + 1;
	return -1;
}

static int
check_cond(const char *text, const char *const *contexts,
	unsigned int *ret_column, struct err *e)
{
	size_t start = 0, end = 0, at = 0;

	if (cond_part(text, &start, &end, &at, e) < 0)
		return at_column(ret_column, at);
	if (start == end)
		return 0;
	if (expr_check_tree(text + start, end - start, true, contexts, &at, e) <
		0)
		return at_column(ret_column, start + at);
	return 0;
}

int
expr_check(const char *text, bool is_cond, const char *const *contexts,
	unsigned int *ret_column, struct err *e)
{
	size_t from = 0, start = 0, end, at = 0;
	int found;

	if (is_cond)
		return check_cond(text, contexts, ret_column, e);
	while ((found = next_part(text, from, &start, &end)) > 0) {
		if (expr_check_tree(text + start, end - start, false, contexts,
			    &at, e) < 0)
			return at_column(ret_column, start + at);
		from = end + strlen(PART_CLOSE);
	}
	if (found == 0)
		return 0;
	err_set(e, ERR_PERM, "\"${{\" without \"}}\"");
	return at_column(ret_column, start - strlen(PART_OPEN));
}

bool
expr_uses_only(const char *text, const char *const *contexts)
{
	struct err e;

	return expr_check(text, false, contexts, NULL, &e) == 0;
}

static void
walk_refs(const struct expr_node *n, size_t offset, expr_ref_fn *fn, void *arg)
{
	if (n->kind == NODE_INDEX && n->kid[0]->kind == NODE_CONTEXT &&
		n->kid[1]->kind == NODE_LITERAL &&
		n->kid[1]->value.kind == EXPR_STR)
		fn(n->kid[0]->name, n->kid[1]->value.s, offset + n->start, arg);
	for (size_t i = 0; i < n->nkids; i++)
		walk_refs(n->kid[i], offset, fn, arg);
}

static void
part_refs(
	const char *text, size_t start, size_t end, expr_ref_fn *fn, void *arg)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	struct err e;
	size_t at;

	if (expr_parse(text + start, end - start, &n, &at, &e) == 0)
		walk_refs(n, start, fn, arg);
}

void
expr_refs(const char *text, bool is_cond, expr_ref_fn *fn, void *arg)
{
	size_t from = 0, start, end, at;
	struct err e;

	if (is_cond) {
		if (cond_part(text, &start, &end, &at, &e) == 0)
			part_refs(text, start, end, fn, arg);
		return;
	}
	while (next_part(text, from, &start, &end) > 0) {
		part_refs(text, start, end, fn, arg);
		from = end + strlen(PART_CLOSE);
	}
}
