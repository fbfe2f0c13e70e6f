/* SPDX-License-Identifier: MIT */
/* See template.h: a list of nodes, in which a section knows its end. */
#include "base/base.h"
#include "web/template.h"
#include "base/enc.h"

#define DEPTH_MAX 16
#define UNESCAPED "UNESCAPED "
#define DEL 0x7f
#define SIGN_BASE 0x2400 /* the visible sign of U+0000 */
#define SIGN_DEL 0x2421

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_RAW, NODE_IF, NODE_UNLESS };

struct node {
	enum node_kind kind;
	size_t end; /* sections: the first node behind it */
	char *text; /* or the name */
};

struct template
{
	struct node *nodes;
	size_t len, cap;
};

struct parser {
	struct template *t;
	const char *start, *at; /* the whole, and where we are */
	size_t open[DEPTH_MAX];
	unsigned int depth;
	struct err *e;
};

/* ---- escaping ---- */

static void
put_sign(struct buf *out, unsigned int code)
{
	char s[3] = { (char)(0xe0 | code >> 12),
		(char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63)) };

	buf_add(out, s, sizeof(s));
}

static void
escape_ascii(struct buf *out, unsigned char c)
{
	switch (c) {
	case '<':
		buf_addz(out, "&lt;");
		break;
	case '>':
		buf_addz(out, "&gt;");
		break;
	case '&':
		buf_addz(out, "&amp;");
		break;
	case '"':
		buf_addz(out, "&quot;");
		break;
	case '\'':
		buf_addz(out, "&#39;");
		break;
	case '\n':
	case '\t':
		buf_addc(out, (char)c);
		break;
	default:
		if (c < 0x20)
			put_sign(out, SIGN_BASE + c);
		else if (c == DEL)
			put_sign(out, SIGN_DEL);
		else
			buf_addc(out, (char)c);
	}
}

static bool
is_c1(const char *s, int len)
{
	return len == 2 && (unsigned char)s[0] == 0xc2 &&
	       (unsigned char)s[1] < 0xa0;
}

void
html_escape(struct buf *out, const char *s, size_t n)
{
	while (n) {
		int len = utf8_len(s, n);

		if (len == 1)
			escape_ascii(out, (unsigned char)*s);
		else if (len <= 0 || is_c1(s, len))
			buf_addz(out, "\xef\xbf\xbd");
		else
			buf_add(out, s, (size_t)len);
		s += MAX(len, 1), n -= (size_t)MAX(len, 1);
	}
}

/* ---- reading ---- */

static int
fail(struct parser *p, const char *what, const char *name)
{
	int line = 1;

	for (const char *s = p->start; s < p->at; s++)
		line += *s == '\n';
	return err_set(p->e, ERR_PERM, "line %d: %s '%s'", line, what, name);
}

static struct node *
add_node(struct parser *p, enum node_kind kind, char *take)
{
	struct template *t = p->t;
	struct node *n;

	t->nodes = grow(t->nodes, t->len, &t->cap, sizeof(*t->nodes));
	n = &t->nodes[t->len++];
	*n = (struct node){ .kind = kind, .text = take };
	return n;
}

static bool
name_is_good(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.")];
}

static int
open_section(struct parser *p, enum node_kind kind, const char *name)
{
	if (!name_is_good(name))
		return fail(p, "no good name:", name);
	if (p->depth == DEPTH_MAX)
		return fail(p, "too many sections around", name);
	p->open[p->depth++] = p->t->len;
	add_node(p, kind, xstrdup(name));
	return 0;
}

static int
close_section(struct parser *p, const char *name)
{
	struct node *n;

	if (!p->depth)
		return fail(p, "no section is open:", name);
	n = &p->t->nodes[p->open[--p->depth]];
	if (!str_eq(n->text, name))
		return fail(p, "the end of another section:", name);
	n->end = p->t->len;
	return 0;
}

static int
add_tag(struct parser *p, const char *tag)
{
	enum node_kind kind = NODE_VALUE;

	if (*tag == '!')
		return 0;
	if (*tag == '#')
		return open_section(p, NODE_IF, tag + 1);
	if (*tag == '^')
		return open_section(p, NODE_UNLESS, tag + 1);
	if (*tag == '/')
		return close_section(p, tag + 1);
	if (str_starts(tag, UNESCAPED)) {
		kind = NODE_RAW;
		tag += strlen(UNESCAPED);
	}
	if (!name_is_good(tag))
		return fail(p, "no good name:", tag);
	add_node(p, kind, xstrdup(tag));
	return 0;
}

/* Where the text before a tag that is alone in its line ends, and where
 * the text behind it begins. */
static void
trim_line(const struct parser *p, const char **end, const char **next)
{
	const char *a = *end, *b = *next;

	while (a > p->at && (a[-1] == ' ' || a[-1] == '\t'))
		a--;
	if ((a > p->start && a[-1] != '\n') || *b != '\n')
		return;
	*end = a;
	*next = b + 1;
}

static int
parse_all(struct parser *p)
{
	const char *open;

	while ((open = strstr(p->at, "{{"))) {
		const char *close = strstr(open, "}}"), *end = open, *next;
		AUTO(freep) char *tag = NULL;

		if (!close) {
			p->at = open;
			return fail(p, "no end of", "{{");
		}
		next = close + 2;
		if (strchr("#^/!", open[2]))
			trim_line(p, &end, &next);
		if (end > p->at)
			add_node(p, NODE_TEXT,
				xstrndup(p->at, (size_t)(end - p->at)));
		tag = xstrndup(open + 2, (size_t)(close - open - 2));
		p->at = open;
		if (add_tag(p, tag) < 0)
			return -1;
		p->at = next;
	}
	if (*p->at)
		add_node(p, NODE_TEXT, xstrdup(p->at));
	if (p->depth)
		return fail(p, "no end of section",
			p->t->nodes[p->open[p->depth - 1]].text);
	return 0;
}

int
template_parse(const char *text, struct template **ret, struct err *e)
{
	struct parser p = { .start = text, .at = text, .e = e };

	p.t = xcalloc(1, sizeof(*p.t));
	if (parse_all(&p) < 0) {
		template_free(p.t);
		return -1;
	}
	*ret = p.t;
	return 0;
}

void
template_free(struct template *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->len; i++)
		free(t->nodes[i].text);
	free(t->nodes);
	free(t);
}

/* ---- writing ---- */

static const json_t *
look_up(const json_t *context, const char *name)
{
	if (str_eq(name, "."))
		return context;
	return json_object_get(context, name);
}

static bool
is_given(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_TRUE:
		return true;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) != 0;
	default:
		return false;
	}
}

static void
put_value(const json_t *v, bool raw, struct buf *out)
{
	if (json_is_integer(v))
		buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_string(v) && raw)
		buf_add(out, json_string_value(v), json_string_length(v));
	else if (json_is_string(v))
		html_escape(out, json_string_value(v), json_string_length(v));
}

static void
render(const struct template *t, size_t from, size_t to, const json_t *context,
	struct buf *out)
{
	for (size_t i = from; i < to; i++) {
		const struct node *n = &t->nodes[i];
		const json_t *v;
		size_t k, items;

		if (n->kind == NODE_TEXT) {
			buf_addz(out, n->text);
			continue;
		}
		v = look_up(context, n->text);
		if (n->kind == NODE_VALUE || n->kind == NODE_RAW) {
			put_value(v, n->kind == NODE_RAW, out);
			continue;
		}
		if (json_is_array(v) && n->kind == NODE_IF) {
			items = json_array_size(v);
			for (k = 0; k < items; k++)
				render(t, i + 1, n->end, json_array_get(v, k),
					out);
		} else if (is_given(v) == (n->kind == NODE_IF)) {
			render(t, i + 1, n->end,
				json_is_object(v) ? v : context, out);
		}
		i = n->end - 1;
	}
}

void
template_render(
	const struct template *t, const json_t *context, struct buf *out)
{
	render(t, 0, t->len, context, out);
}
