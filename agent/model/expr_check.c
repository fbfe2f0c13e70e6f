/* SPDX-License-Identifier: MIT */
/*
 * See expr.h: checking an expression before anything runs.  What is refused
 * here can not fail later for its form, only for its values.
 */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr_ast.h"

/* Every context of the language; the marked ones have no values yet, and
 * an expression that silently read nothing would be worse than an error. */
static const struct {
	const char *name;
	bool later;
} known[] = {
	{ "github", false },
	{ "env", false },
	{ "job", false },
	{ "steps", false },
	{ "runner", false },
	{ "needs", false },
	{ "vars", true },
	{ "secrets", true },
	{ "strategy", true },
	{ "matrix", true },
	{ "inputs", true },
	{ "jobs", true },
};

static bool
is_among(const char *name, const char *const *contexts)
{
	for (; *contexts; contexts++)
		if (!strcasecmp(*contexts, name))
			return true;
	return false;
}

static int
unknown_context(const char *name, struct err *e)
{
	const char *names[ARRAY_LEN(known)], *near;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		names[i] = known[i].name;
	near = nearest_name(name, names, ARRAY_LEN(names));
	if (near)
		return err_set(e, ERR_PERM,
			"there is no context \"%.60s\"; "
			"did you mean \"%s\"?",
			name, near);
	return err_set(e, ERR_PERM,
		"there is no context \"%.60s\"; text goes "
		"into single quotes",
		name);
}

int
expr_context_known(const char *name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcasecmp(known[i].name, name))
			return 0;
	return unknown_context(name, e);
}

static int
wrong_context(const char *name, const char *const *contexts, struct err *e)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(known); i++)
		if (!strcasecmp(known[i].name, name))
			break;
	if (i == ARRAY_LEN(known))
		return unknown_context(name, e);
	if (known[i].later)
		return err_set(e, ERR_PERM,
			"this version does not support "
			"the context \"%s\" yet",
			known[i].name);
	for (size_t k = 0; contexts[k]; k++)
		buf_addf(&list, "%s%s", k ? ", " : "", contexts[k]);
	return err_set(e, ERR_PERM,
		"\"%s\" is not known at this place; "
		"what can be used is: %s",
		known[i].name, list.data);
}

static int
check_node(const struct expr_node *n, bool is_cond, const char *const *contexts,
	size_t *ret_at, struct err *e)
{
	*ret_at = n->start;
	if (n->kind == NODE_CONTEXT && !is_among(n->name, contexts))
		return wrong_context(n->name, contexts, e);
	if (n->kind == NODE_CALL && n->func->is_status && !is_cond)
		return err_set(e, ERR_PERM,
			"%s() can be used in an \"if\" "
			"only",
			n->func->name);
	for (size_t i = 0; i < n->nkids; i++)
		if (check_node(n->kid[i], is_cond, contexts, ret_at, e) < 0)
			return -1;
	return 0;
}

bool
expr_calls_status(const struct expr_node *n)
{
	if (n->kind == NODE_CALL && n->func->is_status)
		return true;
	for (size_t i = 0; i < n->nkids; i++)
		if (expr_calls_status(n->kid[i]))
			return true;
	return false;
}

int
expr_check_tree(const char *text, size_t len, bool is_cond,
	const char *const *contexts, size_t *ret_at, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;

	if (expr_parse(text, len, &n, ret_at, e) < 0)
		return -1;
	return check_node(n, is_cond, contexts, ret_at, e);
}
