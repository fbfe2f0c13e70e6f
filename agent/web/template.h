/* SPDX-License-Identifier: MIT */
/*
 * Page templates.  What is inserted is escaped for text and for quoted
 * attributes, always:
 *	{{name}}			a string or number, escaped
 *	{{#name}} ... {{/name}}		once per item of an array; once for an
 *					object, a true or a value, not for
 *					null, false, 0 and ""
 *	{{^name}} ... {{/name}}		where {{#name}} would give nothing
 *	{{! words}}			a comment
 *	{{UNESCAPED name}}		HTML that we made ourselves
 * "." is the item itself.  Inside an object or an item only its own members
 * are known: a name never means something further out.  A line that holds
 * nothing but a section's tag or a comment leaves no line behind.
 */
#ifndef WEB_TEMPLATE_H
#define WEB_TEMPLATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct template;

/* Copies text; the message names the line. */
int template_parse(const char *text, struct template **ret, struct err *e);
void template_free(struct template *t);

void template_render(
	const struct template *t, const json_t *context, struct buf *out);

/* For text and quoted attributes; s is any bytes: bad ones become U+FFFD,
 * control characters but \n and \t visible signs (U+2400 and up). */
void html_escape(struct buf *out, const char *s, size_t n);

#endif
