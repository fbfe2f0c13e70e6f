/* SPDX-License-Identifier: MIT */
/* See expr_ast.h: what a tree is worth. */
#include "base/base.h"
#include "model/expr_ast.h"

#include <math.h>

static int eval(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e);

/* Exactly so, else without regard to case. */
static json_t *
member(const json_t *object, const char *name)
{
	json_t *v = json_object_get(object, name);
	const char *key;

	if (v)
		return v;
	json_object_foreach(
		(json_t *)object, key, v) if (!strcasecmp(key, name)) return v;
	return NULL;
}

/* A key of an index: "*", or text and, where it is one, a number. */
struct key {
	bool star;
	bool has_text, has_number;
	struct buf text;
	double number;
};

static void
add_items(json_t *to, json_t *from)
{
	size_t i;
	const char *name;
	json_t *item;

	json_array_foreach(from, i, item) json_array_append(to, item);
	json_object_foreach(from, name, item) json_array_append(to, item);
}

static json_t *
item_at(json_t *j, const struct key *k)
{
	if (json_is_object(j))
		return k->has_text ? member(j, k->text.data) : NULL;
	if (!json_is_array(j) || !k->has_number ||
		k->number >= (double)json_array_size(j))
		return NULL;
	return json_array_get(j, (size_t)k->number);
}

/* An index into what ".*" made is an index into each of its items. */
static void
index_filtered(const json_t *items, const struct key *k, json_t *to)
{
	size_t i;
	json_t *item;

	json_array_foreach(items, i, item)
	{
		json_t *found = k->star ? NULL : item_at(item, k);

		if (k->star)
			add_items(to, item);
		else if (found)
			json_array_append(to, found);
	}
}

static int
index_value(struct expr_run *run, const struct expr_value *of,
	const struct key *k, struct expr_value *ret, struct err *e)
{
	if (!k->star && !of->filtered) {
		expr_value_json(
			ret, expr_is_primitive(of) ? NULL : item_at(of->j, k));
		return 0;
	}
	*ret = (struct expr_value){ .kind = EXPR_ARR, .filtered = true };
	ret->j = json_array();
	if (of->filtered)
		index_filtered(of->j, k, ret->j);
	else if (!expr_is_primitive(of))
		add_items(ret->j, of->j);
	return expr_spend(run, json_array_size(ret->j) * sizeof(json_t *), e);
}

static int
eval_index(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	AUTO(expr_value_release) struct expr_value of = EXPR_VALUE_INIT;
	AUTO(expr_value_release) struct expr_value by = EXPR_VALUE_INIT;
	struct key k = { .star = n->kid[1]->kind == NODE_STAR };
	int rc;

	if (eval(run, n->kid[0], &of, e) < 0)
		return -1;
	if (!k.star && eval(run, n->kid[1], &by, e) < 0)
		return -1;
	buf_init(&k.text);
	k.number = floor(expr_number(&by));
	k.has_number = isfinite(k.number) && k.number >= 0;
	k.has_text = expr_is_primitive(&by);
	expr_add_string(&k.text, &by);
	rc = index_value(run, &of, &k, ret, e);
	buf_release(&k.text);
	return rc;
}

static int
eval_call(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	struct expr_value *args = xcalloc(n->nkids + 1, sizeof(*args));
	int rc = 0;

	for (size_t i = 0; i < n->nkids && rc == 0; i++)
		rc = eval(run, n->kid[i], &args[i], e);
	if (rc == 0)
		rc = n->func->fn(run, args, n->nkids, ret, e);
	for (size_t i = 0; i < n->nkids; i++)
		expr_value_release(&args[i]);
	free(args);
	return rc;
}

static int
eval_compare(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	AUTO(expr_value_release) struct expr_value a = EXPR_VALUE_INIT;
	AUTO(expr_value_release) struct expr_value b = EXPR_VALUE_INIT;
	bool yes;

	if (eval(run, n->kid[0], &a, e) < 0 || eval(run, n->kid[1], &b, e) < 0)
		return -1;
	switch (n->op) {
	case TOK_EQ:
		yes = expr_equals(&a, &b);
		break;
	case TOK_NE:
		yes = !expr_equals(&a, &b);
		break;
	case TOK_LT:
		yes = expr_less(&a, &b);
		break;
	case TOK_LE:
		yes = expr_equals(&a, &b) || expr_less(&a, &b);
		break;
	case TOK_GT:
		yes = expr_less(&b, &a);
		break;
	default:
		yes = expr_equals(&a, &b) || expr_less(&b, &a);
		break;
	}
	expr_value_bool(ret, yes);
	return 0;
}

/* The value that decides, as in JavaScript: 'a' || 'b' is 'a'. */
static int
eval_logical(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	for (size_t i = 0; i < n->nkids; i++) {
		AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

		if (eval(run, n->kid[i], &v, e) < 0)
			return -1;
		if (i + 1 < n->nkids &&
			expr_truthy(&v) == (n->kind == NODE_AND))
			continue;
		*ret = v;
		v = (struct expr_value)EXPR_VALUE_INIT;
		return 0;
	}
	return 0;
}

static int
eval_not(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

	if (eval(run, n->kid[0], &v, e) < 0)
		return -1;
	expr_value_bool(ret, !expr_truthy(&v));
	return 0;
}

static int
eval_context(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	json_t *j = member(run->env->contexts, n->name);

	if (!j && expr_context_known(n->name, e) < 0)
		return -1;
	expr_value_json(ret, j);
	return 0;
}

static int
eval(struct expr_run *run, const struct expr_node *n, struct expr_value *ret,
	struct err *e)
{
	switch (n->kind) {
	case NODE_LITERAL:
		expr_value_copy(ret, &n->value);
		return 0;
	case NODE_CONTEXT:
		return eval_context(run, n, ret, e);
	case NODE_INDEX:
		return eval_index(run, n, ret, e);
	case NODE_CALL:
		return eval_call(run, n, ret, e);
	case NODE_COMPARE:
		return eval_compare(run, n, ret, e);
	case NODE_NOT:
		return eval_not(run, n, ret, e);
	default:
		return eval_logical(run, n, ret, e);
	}
}

int
expr_evaluate(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e)
{
	return eval(run, n, ret, e);
}
