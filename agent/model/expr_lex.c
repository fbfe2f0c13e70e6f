/* SPDX-License-Identifier: MIT */
/* See expr_ast.h: text to tokens. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr_ast.h"

#include <math.h>

static const struct {
	const char *text;
	enum expr_token type;
} symbols[] = {
	/* The longer ones first. */
	{ "!=", TOK_NE },
	{ "==", TOK_EQ },
	{ "<=", TOK_LE },
	{ ">=", TOK_GE },
	{ "&&", TOK_AND },
	{ "||", TOK_OR },
	{ "(", TOK_LPAREN },
	{ ")", TOK_RPAREN },
	{ "[", TOK_LBRACKET },
	{ "]", TOK_RBRACKET },
	{ ",", TOK_COMMA },
	{ ".", TOK_DOT },
	{ "*", TOK_STAR },
	{ "!", TOK_NOT },
	{ "<", TOK_LT },
	{ ">", TOK_GT },
};

void
expr_lexer_init(struct expr_lexer *l, const char *text, size_t len)
{
	memset(l, 0, sizeof(*l));
	l->text = text;
	l->len = len;
}

void
expr_lexer_release(struct expr_lexer *l)
{
	expr_value_release(&l->value);
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where a number or a name ends. */
static bool
is_boundary(char c)
{
	return is_blank(c) || (c && strchr("([)],.!><=&|'", c));
}

static bool
is_name_char(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '-');
}

/* The token's text for a message, short and printable. */
static int
bad_token(struct expr_lexer *l, size_t len, const char *why, struct err *e)
{
	AUTO(freep) char *raw = xstrndup(l->text + l->start, len);
	AUTO(buf_release) struct buf shown = BUF_INIT;

	utf8_addcut(&shown, raw, 60);
	l->type = TOK_BAD;
	return err_set(e, ERR_PERM, "%s: \"%s\"", why, shown.data);
}

static int
lex_number(struct expr_lexer *l, struct err *e)
{
	size_t end = l->start + 1, len;
	double n;

	while (end < l->len &&
		(!is_boundary(l->text[end]) || l->text[end] == '.'))
		end++;
	len = end - l->start;
	n = expr_parse_number(l->text + l->start, len);
	if (isnan(n))
		return bad_token(l, len, "this is not a number", e);
	l->at = end;
	l->type = TOK_LITERAL;
	expr_value_num(&l->value, n);
	return 0;
}

static int
lex_string(struct expr_lexer *l, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	size_t at = l->start + 1;

	for (; at < l->len; at++) {
		if (l->text[at] == '\'') {
			if (at + 1 >= l->len || l->text[at + 1] != '\'')
				break;
			at++;
		}
		buf_addc(&text, l->text[at]);
	}
	if (at >= l->len)
		return bad_token(l, l->len - l->start,
			"the quote that opens here is never closed", e);
	l->at = at + 1;
	l->type = TOK_LITERAL;
	expr_value_take(&l->value, buf_take(&text));
	return 0;
}

static bool
keyword(struct expr_lexer *l, const char *name, size_t len)
{
	const char *s = l->text + l->start;

	return strlen(name) == len && !memcmp(s, name, len);
}

static const char *
name_fault(char c)
{
	if (c == '"')
		return "text goes into single quotes here";
	if (c == '=' || c == '&' || c == '|')
		return "this operator is written twice: ==, &&, ||";
	return "no value and no operator can start like this";
}

static int
lex_name(struct expr_lexer *l, enum expr_token before, struct err *e)
{
	size_t end = l->start, len;

	while (end < l->len && is_name_char(l->text[end], end == l->start))
		end++;
	if (end == l->start || (end < l->len && !is_boundary(l->text[end]) &&
				       l->text[end] != '*')) {
		char c = l->text[end];

		while (end < l->len && !is_boundary(l->text[end]))
			end++;
		end += end == l->start;
		return bad_token(l, end - l->start, name_fault(c), e);
	}
	len = end - l->start;
	l->at = end;
	l->type = TOK_NAME;
	if (before == TOK_DOT)
		return 0; /* x.true is a property */
	l->type = TOK_LITERAL;
	if (keyword(l, "true", len) || keyword(l, "false", len))
		expr_value_bool(&l->value, len == 4);
	else if (keyword(l, "NaN", len))
		expr_value_num(&l->value, NAN);
	else if (keyword(l, "Infinity", len))
		expr_value_num(&l->value, INFINITY);
	else if (!keyword(l, "null", len))
		l->type = TOK_NAME;
	return 0;
}

/* A point after a value is an operator, elsewhere it starts a number. */
static bool
ends_value(enum expr_token type)
{
	return type == TOK_NAME || type == TOK_RBRACKET || type == TOK_RPAREN ||
	       type == TOK_STAR || type == TOK_LITERAL;
}

int
expr_lexer_next(struct expr_lexer *l, struct err *e)
{
	enum expr_token before = l->type;
	char c;

	expr_value_release(&l->value);
	while (l->at < l->len && is_blank(l->text[l->at]))
		l->at++;
	l->start = l->at;
	l->type = TOK_END;
	if (l->at >= l->len)
		return 0;
	c = l->text[l->at];
	if ((c >= '0' && c <= '9') || c == '+' || c == '-' ||
		(c == '.' && !ends_value(before)))
		return lex_number(l, e);
	if (c == '\'')
		return lex_string(l, e);
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		size_t n = strlen(symbols[i].text);

		if (l->len - l->at < n ||
			memcmp(l->text + l->at, symbols[i].text, n))
			continue;
		l->type = symbols[i].type;
		l->at += n;
		return 0;
	}
	return lex_name(l, before, e);
}
