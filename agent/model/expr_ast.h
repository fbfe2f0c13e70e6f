/* SPDX-License-Identifier: MIT */
/*
 * The syntax tree of an expression, and the functions it may call.
 * Private to the expr*.c files.
 */
#ifndef MODEL_EXPR_AST_H
#define MODEL_EXPR_AST_H

#include "base/base.h"
#include "base/err.h"
#include "model/expr.h"
#include "model/expr_value.h"

enum expr_token {
	TOK_END,
	TOK_LPAREN,
	TOK_RPAREN,
	TOK_LBRACKET,
	TOK_RBRACKET,
	TOK_COMMA,
	TOK_DOT,
	TOK_STAR,
	TOK_NOT,
	TOK_NE,
	TOK_EQ,
	TOK_LT,
	TOK_LE,
	TOK_GT,
	TOK_GE,
	TOK_AND,
	TOK_OR,
	TOK_LITERAL, /* value */
	TOK_NAME,
	TOK_BAD,
};

struct expr_lexer {
	const char *text;
	size_t len, at;
	/* The token last read. */
	enum expr_token type;
	size_t start;            /* its place in text */
	struct expr_value value; /* TOK_LITERAL */
};

void expr_lexer_init(struct expr_lexer *l, const char *text, size_t len);
void expr_lexer_release(struct expr_lexer *l);
/* Reads the next token; -1 with *e set at a byte that starts none. */
int expr_lexer_next(struct expr_lexer *l, struct err *e);

enum expr_node_kind {
	NODE_LITERAL,
	NODE_CONTEXT, /* name */
	NODE_CALL,    /* func, kids */
	NODE_INDEX,   /* kids: what, by what */
	NODE_STAR,    /* as the second kid of an index */
	NODE_NOT,
	NODE_COMPARE, /* op, two kids */
	NODE_AND,     /* two kids or more */
	NODE_OR,
};

struct expr_func;

struct expr_node {
	enum expr_node_kind kind;
	enum expr_token op;
	size_t start;       /* in the text */
	unsigned int depth; /* of the tree below, itself counted */
	struct expr_value value;
	char *name;
	const struct expr_func *func;
	struct expr_node **kid;
	size_t nkids, cap;
};

void expr_node_free(struct expr_node *n);
void expr_node_freep(struct expr_node **n); /* for AUTO */

/* *ret_at is the place of the fault within text. */
int expr_parse(const char *text, size_t len, struct expr_node **ret,
	size_t *ret_at, struct err *e);

/* What an evaluation knows and has used up. */
struct expr_run {
	const struct expr_env *env;
	size_t used; /* bytes of text made so far */
};

int expr_evaluate(struct expr_run *run, const struct expr_node *n,
	struct expr_value *ret, struct err *e);

/* See expr_check(); *ret_at is the place of the fault within text. */
int expr_check_tree(const char *text, size_t len, bool is_cond,
	const char *const *contexts, size_t *ret_at, struct err *e);
/* Is it a name of the language, whether or not there is a value now? */
int expr_context_known(const char *name, struct err *e);
bool expr_calls_status(const struct expr_node *n);

typedef int expr_func_fn(struct expr_run *run, struct expr_value *args,
	size_t nargs, struct expr_value *ret, struct err *e);

struct expr_func {
	const char *name;
	unsigned int min_args, max_args;
	bool is_status;   /* only in an "if" */
	expr_func_fn *fn; /* NULL: not supported yet */
};

/* Without regard to case; NULL when there is none. */
const struct expr_func *expr_func_find(const char *name);
const char *expr_func_nearest(const char *name);

/* Accounts for text that an evaluation makes. */
int expr_spend(struct expr_run *run, size_t bytes, struct err *e);

#endif
