/* SPDX-License-Identifier: MIT */
/*
 * See expr_ast.h: tokens to a tree.  Each function reads one level of
 * precedence; the depth of the tree is bounded, so that neither reading,
 * evaluating nor freeing it can exhaust the stack.
 */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr_ast.h"

struct parser {
	struct expr_lexer lex;
	unsigned int nesting;
	size_t fault; /* where the error is */
};

void
expr_node_free(struct expr_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->nkids; i++)
		expr_node_free(n->kid[i]);
	expr_value_release(&n->value);
	free(n->kid);
	free(n->name);
	free(n);
}

void
expr_node_freep(struct expr_node **n)
{
	expr_node_free(*n);
}

static struct expr_node *
node_new(enum expr_node_kind kind, size_t start)
{
	struct expr_node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->start = start;
	n->depth = 1;
	return n;
}

static int
fault(struct parser *p, size_t at, struct err *e, const char *text)
{
	p->fault = at;
	return err_set(e, ERR_PERM, "%s", text);
}

static int
too_deep(struct parser *p, size_t at, struct err *e)
{
	p->fault = at;
	return err_set(e, ERR_PERM,
		"the expression is nested deeper than %d levels",
		EXPR_MAX_DEPTH);
}

/* Takes kid, also when it fails. */
static int
add_kid(struct parser *p, struct expr_node *n, struct expr_node *kid,
	struct err *e)
{
	n->kid = grow(n->kid, n->nkids, &n->cap, sizeof(*n->kid));
	n->kid[n->nkids++] = kid;
	n->depth = MAX(n->depth, kid->depth + 1);
	if (n->depth > EXPR_MAX_DEPTH)
		return too_deep(p, kid->start, e);
	return 0;
}

static int
next(struct parser *p, struct err *e)
{
	if (expr_lexer_next(&p->lex, e) < 0) {
		p->fault = p->lex.start;
		return -1;
	}
	return 0;
}

static int
unexpected(struct parser *p, const char *wanted, struct err *e)
{
	AUTO(freep) char *raw = NULL;
	AUTO(buf_release) struct buf shown = BUF_INIT;

	p->fault = p->lex.start;
	if (p->lex.type == TOK_END)
		return err_set(e, ERR_PERM,
			"the expression ends where %s "
			"should follow",
			wanted);
	raw = xstrndup(p->lex.text + p->lex.start, p->lex.at - p->lex.start);
	utf8_addcut(&shown, raw, 60);
	return err_set(
		e, ERR_PERM, "\"%s\" where %s should be", shown.data, wanted);
}

static int
expect(struct parser *p, enum expr_token type, const char *wanted,
	struct err *e)
{
	if (p->lex.type != type)
		return unexpected(p, wanted, e);
	return next(p, e);
}

static int parse_or(struct parser *p, struct expr_node **ret, struct err *e);

/* What stands in brackets: the same again, one level deeper. */
static int
parse_nested(struct parser *p, struct expr_node **ret, struct err *e)
{
	int rc;

	if (++p->nesting > EXPR_MAX_DEPTH)
		return too_deep(p, p->lex.start, e);
	rc = parse_or(p, ret, e);
	p->nesting--;
	return rc;
}

static int
check_call(struct parser *p, const struct expr_node *n, struct err *e)
{
	const struct expr_func *f = n->func;

	p->fault = n->start;
	if (n->nkids < f->min_args)
		return err_set(e, ERR_PERM, "%s() takes at least %u argument%s",
			f->name, f->min_args, f->min_args == 1 ? "" : "s");
	if (n->nkids > f->max_args && !f->max_args)
		return err_set(e, ERR_PERM, "%s() takes no argument", f->name);
	if (n->nkids > f->max_args)
		return err_set(e, ERR_PERM, "%s() takes at most %u argument%s",
			f->name, f->max_args, f->max_args == 1 ? "" : "s");
	if (!strcasecmp(f->name, "case") && n->nkids % 2 == 0)
		return err_set(e, ERR_PERM,
			"case() takes pairs of a condition "
			"and a value, and one more value for the rest");
	return 0;
}

static int
find_func(
	struct parser *p, struct expr_node *n, const char *name, struct err *e)
{
	const char *near;

	n->func = expr_func_find(name);
	p->fault = n->start;
	if (n->func && !n->func->fn)
		return err_set(e, ERR_PERM,
			"this version does not support %s() yet",
			n->func->name);
	if (n->func)
		return 0;
	near = expr_func_nearest(name);
	if (near)
		return err_set(e, ERR_PERM,
			"there is no function \"%.60s\"; "
			"did you mean \"%s\"?",
			name, near);
	return err_set(e, ERR_PERM, "there is no function \"%.60s\"", name);
}

/* After "NAME(". */
static int
parse_args(struct parser *p, struct expr_node *n, struct err *e)
{
	while (p->lex.type != TOK_RPAREN) {
		AUTO(expr_node_freep) struct expr_node *arg = NULL;

		if (n->nkids && expect(p, TOK_COMMA, "\",\" or \")\"", e) < 0)
			return -1;
		if (parse_nested(p, &arg, e) < 0)
			return -1;
		if (add_kid(p, n, STEAL(arg), e) < 0)
			return -1;
	}
	if (next(p, e) < 0)
		return -1;
	return check_call(p, n, e);
}

static int
parse_name(struct parser *p, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	size_t start = p->lex.start;
	AUTO(freep) char *name = NULL;

	name = xstrndup(p->lex.text + start, p->lex.at - start);
	if (next(p, e) < 0)
		return -1;
	if (p->lex.type != TOK_LPAREN) {
		*ret = node_new(NODE_CONTEXT, start);
		(*ret)->name = STEAL(name);
		return 0;
	}
	n = node_new(NODE_CALL, start);
	if (find_func(p, n, name, e) < 0 || next(p, e) < 0 ||
		parse_args(p, n, e) < 0)
		return -1;
	*ret = STEAL(n);
	return 0;
}

static int
parse_primary(struct parser *p, struct expr_node **ret, bool *ret_members,
	struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;

	*ret_members = true;
	switch (p->lex.type) {
	case TOK_NAME:
		return parse_name(p, ret, e);
	case TOK_LPAREN:
		if (next(p, e) < 0 || parse_nested(p, &n, e) < 0 ||
			expect(p, TOK_RPAREN, "\")\"", e) < 0)
			return -1;
		*ret = STEAL(n);
		return 0;
	case TOK_LITERAL:
		*ret_members = false;
		n = node_new(NODE_LITERAL, p->lex.start);
		expr_value_copy(&n->value, &p->lex.value);
		if (next(p, e) < 0)
			return -1;
		*ret = STEAL(n);
		return 0;
	default:
		return unexpected(p, "a value", e);
	}
}

/* After "[" or ".": the key. */
static int
parse_key(struct parser *p, bool bracket, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	size_t start = p->lex.start;

	if (p->lex.type == TOK_STAR) {
		n = node_new(NODE_STAR, start);
		if (next(p, e) < 0)
			return -1;
	} else if (bracket) {
		if (parse_nested(p, &n, e) < 0)
			return -1;
	} else if (p->lex.type == TOK_NAME) {
		n = node_new(NODE_LITERAL, start);
		expr_value_take(&n->value,
			xstrndup(p->lex.text + start, p->lex.at - start));
		if (next(p, e) < 0)
			return -1;
	} else {
		return unexpected(p, "a property's name", e);
	}
	if (bracket && expect(p, TOK_RBRACKET, "\"]\"", e) < 0)
		return -1;
	*ret = STEAL(n);
	return 0;
}

static int
parse_index(struct parser *p, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;
	bool members;

	if (parse_primary(p, &n, &members, e) < 0)
		return -1;
	while (p->lex.type == TOK_LBRACKET || p->lex.type == TOK_DOT) {
		bool bracket = p->lex.type == TOK_LBRACKET;
		AUTO(expr_node_freep) struct expr_node *key = NULL;
		struct expr_node *index;

		if (!members)
			return fault(p, p->lex.start, e,
				"text and numbers have no properties");
		if (next(p, e) < 0 || parse_key(p, bracket, &key, e) < 0)
			return -1;
		index = node_new(NODE_INDEX, n->start);
		if (add_kid(p, index, STEAL(n), e) < 0 ||
			add_kid(p, index, STEAL(key), e) < 0) {
			expr_node_free(index);
			return -1;
		}
		n = index;
	}
	*ret = STEAL(n);
	return 0;
}

static int
parse_unary(struct parser *p, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL, *kid = NULL;
	int rc;

	if (p->lex.type != TOK_NOT)
		return parse_index(p, ret, e);
	n = node_new(NODE_NOT, p->lex.start);
	if (++p->nesting > EXPR_MAX_DEPTH)
		return too_deep(p, p->lex.start, e);
	rc = next(p, e) < 0 ? -1 : parse_unary(p, &kid, e);
	p->nesting--;
	if (rc < 0 || add_kid(p, n, STEAL(kid), e) < 0)
		return -1;
	*ret = STEAL(n);
	return 0;
}

typedef int parse_fn(struct parser *p, struct expr_node **ret, struct err *e);

/* LOWER { op LOWER }: a chain of two-kid nodes, the left one first. */
static int
parse_chain(struct parser *p, enum expr_token from, enum expr_token to,
	parse_fn *lower, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;

	if (lower(p, &n, e) < 0)
		return -1;
	while (p->lex.type >= from && p->lex.type <= to) {
		AUTO(expr_node_freep)
		struct expr_node *op = NULL, *right = NULL;

		op = node_new(NODE_COMPARE, n->start);
		op->op = p->lex.type;
		if (next(p, e) < 0 || lower(p, &right, e) < 0 ||
			add_kid(p, op, STEAL(n), e) < 0 ||
			add_kid(p, op, STEAL(right), e) < 0)
			return -1;
		n = STEAL(op);
	}
	*ret = STEAL(n);
	return 0;
}

static int
parse_compare(struct parser *p, struct expr_node **ret, struct err *e)
{
	return parse_chain(p, TOK_LT, TOK_GE, parse_unary, ret, e);
}

static int
parse_equal(struct parser *p, struct expr_node **ret, struct err *e)
{
	return parse_chain(p, TOK_NE, TOK_EQ, parse_compare, ret, e);
}

/* LOWER { op LOWER }: one node with all of them. */
static int
parse_logical(struct parser *p, enum expr_token tok, enum expr_node_kind kind,
	parse_fn *lower, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL, *first = NULL;

	if (lower(p, &first, e) < 0)
		return -1;
	if (p->lex.type != tok) {
		*ret = STEAL(first);
		return 0;
	}
	n = node_new(kind, first->start);
	if (add_kid(p, n, STEAL(first), e) < 0)
		return -1;
	while (p->lex.type == tok) {
		AUTO(expr_node_freep) struct expr_node *kid = NULL;

		if (next(p, e) < 0 || lower(p, &kid, e) < 0 ||
			add_kid(p, n, STEAL(kid), e) < 0)
			return -1;
	}
	*ret = STEAL(n);
	return 0;
}

static int
parse_and(struct parser *p, struct expr_node **ret, struct err *e)
{
	return parse_logical(p, TOK_AND, NODE_AND, parse_equal, ret, e);
}

static int
parse_or(struct parser *p, struct expr_node **ret, struct err *e)
{
	return parse_logical(p, TOK_OR, NODE_OR, parse_and, ret, e);
}

static int
parse_all(struct parser *p, struct expr_node **ret, struct err *e)
{
	AUTO(expr_node_freep) struct expr_node *n = NULL;

	if (p->lex.len > EXPR_MAX_LENGTH)
		return err_set(e, ERR_PERM,
			"the expression is longer than %d bytes",
			EXPR_MAX_LENGTH);
	if (!utf8_valid(p->lex.text, p->lex.len))
		return err_set(e, ERR_PERM, "the expression is not UTF-8");
	if (next(p, e) < 0)
		return -1;
	if (p->lex.type == TOK_END)
		return fault(p, p->lex.start, e, "the expression is empty");
	if (parse_or(p, &n, e) < 0)
		return -1;
	if (p->lex.type != TOK_END)
		return unexpected(p, "an operator or the end", e);
	*ret = STEAL(n);
	return 0;
}

int
expr_parse(const char *text, size_t len, struct expr_node **ret, size_t *ret_at,
	struct err *e)
{
	struct parser p = { .nesting = 0 };
	int rc;

	expr_lexer_init(&p.lex, text, len);
	rc = parse_all(&p, ret, e);
	expr_lexer_release(&p.lex);
	if (rc < 0)
		*ret_at = p.fault;
	return rc;
}
