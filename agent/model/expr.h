/* SPDX-License-Identifier: MIT */
/*
 * ${{ }} expressions: GitHub's grammar, coercions and operators.  Pure.
 * Values are JSON (jansson); contexts are looked up in one JSON object
 * {"github":{...},"env":{...},"steps":{...},...}.
 * Source: GitHub's "Evaluate expressions in workflows and actions".
 */
#ifndef MODEL_EXPR_H
#define MODEL_EXPR_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define EXPR_MAX_LENGTH 21000    /* bytes of one expression, as on GitHub */
#define EXPR_MAX_DEPTH 50        /* of brackets, calls, operators */
#define EXPR_MAX_ARGS 255        /* of a function */
#define EXPR_MAX_BYTES (8 << 20) /* of text that one evaluation makes */

struct expr_env {
	const json_t *contexts; /* an object */
	/* For success() failure() cancelled() always(). */
	bool failed, canceled;
};

/* One expression without ${{ }}.  ret is owned by the caller; NaN and the
 * infinities, which JSON lacks, come as strings.  Errors name the column
 * within text. */
int expr_eval(const char *text, const struct expr_env *env, json_t **ret,
	struct err *e);

/* Text with ${{ }} parts, each replaced by its value as a string. */
int expr_expand(const char *text, const struct expr_env *env, struct buf *out,
	struct err *e);

/* An "if": with or without ${{ }}; empty or NULL is success(); unless it
 * calls a status function itself, success() && is implied. */
int expr_cond(
	const char *text, const struct expr_env *env, bool *ret, struct err *e);

/* Checks text as expr_cond() (is_cond) or expr_expand() would read it: the
 * grammar, and that only the named contexts (NULL-terminated) are used and
 * status functions in an "if" alone.  ret_column is where it goes wrong:
 * the byte's number within text, from 1.  The message has no position. */
int expr_check(const char *text, bool is_cond, const char *const *contexts,
	unsigned int *ret_column, struct err *e);

/* Are all contexts that the ${{ }} parts of text use among the named ones?
 * False also when text is not well-formed. */
bool expr_uses_only(const char *text, const char *const *contexts);

/* Calls fn for every "context.member" of well-formed text, read as
 * expr_check() reads it; at is the byte's number within text, from 0. */
typedef void expr_ref_fn(
	const char *context, const char *member, size_t at, void *arg);
void expr_refs(const char *text, bool is_cond, expr_ref_fn *fn, void *arg);

/* Has text any ${{ part? */
bool expr_has_parts(const char *text);

#endif
