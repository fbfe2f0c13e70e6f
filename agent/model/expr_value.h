/* SPDX-License-Identifier: MIT */
/*
 * Values of expressions, and how one kind turns into another.  Private to
 * the expr*.c files.  JSON cannot hold NaN and the infinities, which the
 * language has; hence a type of our own around jansson's.
 */
#ifndef MODEL_EXPR_VALUE_H
#define MODEL_EXPR_VALUE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"

enum expr_kind {
	EXPR_NULL,
	EXPR_BOOL,
	EXPR_NUM,
	EXPR_STR,
	EXPR_ARR,
	EXPR_OBJ,
};

struct expr_value {
	enum expr_kind kind;
	bool filtered; /* an array that ".*" made */
	bool b;
	double n;
	char *s;   /* EXPR_STR: heap memory */
	json_t *j; /* EXPR_ARR, EXPR_OBJ: a reference of its own */
};

#define EXPR_VALUE_INIT                                                        \
	{                                                                      \
		.kind = EXPR_NULL                                              \
	}

void expr_value_release(struct expr_value *v); /* also for AUTO */
void expr_value_copy(struct expr_value *to, const struct expr_value *from);

/* Constructors; to is overwritten, not released. */
void expr_value_bool(struct expr_value *to, bool b);
void expr_value_num(struct expr_value *to, double n);
void expr_value_str(struct expr_value *to, const char *s);
void expr_value_take(struct expr_value *to, char *s);
void expr_value_json(struct expr_value *to, json_t *j); /* j: borrowed */

/* A new reference.  NaN and the infinities become strings. */
json_t *expr_value_to_json(const struct expr_value *v);

bool expr_is_primitive(const struct expr_value *v);
bool expr_truthy(const struct expr_value *v);
double expr_number(const struct expr_value *v); /* NaN: not a number */
/* As text: "" for null, "Array" and "Object" for those. */
void expr_add_string(struct buf *b, const struct expr_value *v);

/* Text as a number: decimal, hex, octal; blanks around it; "" is 0. */
double expr_parse_number(const char *s, size_t len);
/* As JavaScript prints it: 1, 1.5, 1e+21. */
void expr_add_number(struct buf *b, double n);

/* Upper case, for comparing without regard to case. */
void expr_add_folded(struct buf *b, const char *s);

bool expr_equals(const struct expr_value *a, const struct expr_value *b);
/* True when a < b; false where they do not compare. */
bool expr_less(const struct expr_value *a, const struct expr_value *b);

/* Indented by two blanks a level, as toJSON() does. */
void expr_add_json(struct buf *b, const struct expr_value *v);

#endif
