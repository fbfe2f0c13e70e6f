/* SPDX-License-Identifier: MIT */
/* See expr_value.h: JSON text as toJSON() prints it. */
#include "base/base.h"
#include "model/expr_value.h"

#include <math.h>

static void
add_quoted(struct buf *b, const char *s)
{
	static const char esc[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	buf_addc(b, '"');
	for (; *s; s++) {
		const char *at = NULL;

		for (const char *p = esc; *p && !at; p += 2)
			if (*p == *s)
				at = p;
		if (at)
			buf_addf(b, "\\%c", at[1]);
		else if ((unsigned char)*s < 0x20)
			buf_addf(b, "\\u%04x", (unsigned char)*s);
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

static void
add_indent(struct buf *b, unsigned int depth)
{
	buf_addc(b, '\n');
	while (depth--)
		buf_addz(b, "  ");
}

static void add_any(struct buf *b, json_t *j, unsigned int depth);

static void
add_array(struct buf *b, const json_t *j, unsigned int depth)
{
	size_t i;
	json_t *item;

	buf_addc(b, '[');
	json_array_foreach(j, i, item)
	{
		if (i)
			buf_addc(b, ',');
		add_indent(b, depth + 1);
		add_any(b, item, depth + 1);
	}
	if (json_array_size(j))
		add_indent(b, depth);
	buf_addc(b, ']');
}

static void
add_object(struct buf *b, json_t *j, unsigned int depth)
{
	const char *key;
	json_t *item;
	bool first = true;

	buf_addc(b, '{');
	json_object_foreach(j, key, item)
	{
		if (!first)
			buf_addc(b, ',');
		first = false;
		add_indent(b, depth + 1);
		add_quoted(b, key);
		buf_addz(b, ": ");
		add_any(b, item, depth + 1);
	}
	if (!first)
		add_indent(b, depth);
	buf_addc(b, '}');
}

static void
add_primitive(struct buf *b, const struct expr_value *v)
{
	if (v->kind == EXPR_STR)
		add_quoted(b, v->s);
	else if (v->kind == EXPR_NULL ||
		 (v->kind == EXPR_NUM && !isfinite(v->n)))
		buf_addz(b, "null");
	else
		expr_add_string(b, v);
}

static void
add_any(struct buf *b, json_t *j, unsigned int depth)
{
	AUTO(expr_value_release) struct expr_value v = EXPR_VALUE_INIT;

	if (json_is_array(j)) {
		add_array(b, j, depth);
	} else if (json_is_object(j)) {
		add_object(b, j, depth);
	} else {
		expr_value_json(&v, j);
		add_primitive(b, &v);
	}
}

void
expr_add_json(struct buf *b, const struct expr_value *v)
{
	if (expr_is_primitive(v))
		add_primitive(b, v);
	else
		add_any(b, v->j, 0);
}
