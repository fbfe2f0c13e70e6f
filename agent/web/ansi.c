/* SPDX-License-Identifier: MIT */
/*
 * See ansi.h.  The grammar is ECMA-48's, as far as one must know it in
 * order to drop it: ESC, CSI and the five kinds of strings, in their 7-bit
 * and their 8-bit (U+0080 to U+009F) forms.
 */
#include "base/base.h"
#include "web/ansi.h"
#include "base/enc.h"

#define PARAM_MAX 9999
#define ESC 0x1b
#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define DEL 0x7f
#define C1_LEAD 0xc2 /* of U+0080 to U+00BF in UTF-8 */
#define C1_END 0xa0

#define FFFD "\xef\xbf\xbd"
#define NUL_SIGN "\xe2\x90\x80" /* U+2400 */

enum { GROUND, ESCAPE, ESCAPE_MORE, CSI, STRING, STRING_C2 };

static const struct ansi_style plain = { .fg = ANSI_NO_COLOR,
	.bg = ANSI_NO_COLOR };

void
ansi_init(struct ansi *a)
{
	memset(a, 0, sizeof(*a));
	a->want = a->open = plain;
}

/* ---- spans ---- */

static bool
style_eq(const struct ansi_style *a, const struct ansi_style *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->bold == b->bold &&
	       a->dim == b->dim && a->italic == b->italic &&
	       a->underline == b->underline && a->strike == b->strike;
}

static void
put_class(struct buf *out, bool *any, const char *name, int number)
{
	if (*any)
		buf_addc(out, ' ');
	*any = true;
	buf_addz(out, name);
	if (number >= 0)
		buf_addf(out, "%d", number);
}

static void
open_span(struct ansi *a, struct buf *out)
{
	const struct ansi_style *s = &a->want;
	bool any = false;

	buf_addz(out, "<span class=\"");
	if (s->fg != ANSI_NO_COLOR)
		put_class(out, &any, "fg", s->fg);
	if (s->bg != ANSI_NO_COLOR)
		put_class(out, &any, "bg", s->bg);
	if (s->bold)
		put_class(out, &any, "bold", -1);
	if (s->dim)
		put_class(out, &any, "dim", -1);
	if (s->italic)
		put_class(out, &any, "italic", -1);
	if (s->underline)
		put_class(out, &any, "underline", -1);
	if (s->strike)
		put_class(out, &any, "strike", -1);
	buf_addz(out, "\">");
	a->is_open = true;
	a->open = *s;
}

static void
close_span(struct ansi *a, struct buf *out)
{
	if (a->is_open)
		buf_addz(out, "</span>");
	a->is_open = false;
	a->open = plain;
}

/* Spans are opened when there is text for them, so that none is empty. */
static void
put_text(struct ansi *a, const char *s, size_t n, struct buf *out)
{
	if (a->has_cr) {
		a->has_cr = false;
		put_text(a, "\n", 1, out);
	}
	if (!style_eq(&a->want, &a->open)) {
		close_span(a, out);
		if (!style_eq(&a->want, &plain))
			open_span(a, out);
	}
	if (n == 1 && *s == '<')
		buf_addz(out, "&lt;");
	else if (n == 1 && *s == '>')
		buf_addz(out, "&gt;");
	else if (n == 1 && *s == '&')
		buf_addz(out, "&amp;");
	else if (n == 1 && *s == '"')
		buf_addz(out, "&quot;");
	else if (n == 1 && *s == '\'')
		buf_addz(out, "&#39;");
	else
		buf_add(out, s, n);
}

/* ---- colours ---- */

/* Themes decide what the sixteen look like, so that they can be read on
 * any background; the other colours of a terminal become the nearest. */
static int
nearest_color(int r, int g, int b)
{
	int top = MAX(r, MAX(g, b)), low = MIN(r, MIN(g, b));
	int half = top / 2, c = 0;

	if (top - low < 48) {
		if (top < 64)
			return 0;
		return top < 144 ? 8 : top < 224 ? 7 : 15;
	}
	half = MAX(half, (top + low) / 2);
	c = (r > half ? 1 : 0) | (g > half ? 2 : 0) | (b > half ? 4 : 0);
	return top > 192 ? c + 8 : c;
}

static int
indexed_color(int i)
{
	static const int level[] = { 0, 95, 135, 175, 215, 255 };

	if (i < 0 || i > 255)
		return ANSI_NO_COLOR;
	if (i < 16)
		return i;
	if (i >= 232) {
		int grey = 8 + 10 * (i - 232);

		return nearest_color(grey, grey, grey);
	}
	i -= 16;
	return nearest_color(level[i / 36], level[i / 6 % 6], level[i % 6]);
}

/* The colour after a 38 or 48 at i; returns how many parameters it took. */
static unsigned int
extended_color(const struct ansi *a, unsigned int i, signed char *color)
{
	unsigned int n = 0, skip;
	const int *p = &a->param[i + 1];
	bool by_colon = i + 1 < a->nparams && a->is_sub[i + 1];

	while (i + 1 + n < a->nparams && a->is_sub[i + 1 + n] == by_colon)
		n++;
	if (n >= 2 && p[0] == 5) {
		*color = (signed char)indexed_color(p[1]);
		return by_colon ? n : 2;
	}
	/* 38:2:SPACE:R:G:B names a colour space, 38;2;R;G;B does not. */
	skip = by_colon && n >= 5 ? 2 : 1;
	if (p[0] == 2 && n >= skip + 3) {
		p += skip;
		*color = (signed char)nearest_color(
			MIN(p[0], 255), MIN(p[1], 255), MIN(p[2], 255));
		return by_colon ? n : 4;
	}
	return n;
}

static void
apply_flag(struct ansi_style *s, int p)
{
	switch (p) {
	case 0:
		*s = plain;
		break;
	case 1:
		s->bold = true;
		break;
	case 2:
		s->dim = true;
		break;
	case 3:
		s->italic = true;
		break;
	case 4:
		s->underline = true;
		break;
	case 9:
		s->strike = true;
		break;
	case 22:
		s->bold = s->dim = false;
		break;
	case 23:
		s->italic = false;
		break;
	case 24:
		s->underline = false;
		break;
	case 29:
		s->strike = false;
		break;
	}
}

static void
apply_color(struct ansi_style *s, int p)
{
	if (p >= 30 && p <= 37)
		s->fg = (signed char)(p - 30);
	else if (p >= 90 && p <= 97)
		s->fg = (signed char)(p - 90 + 8);
	else if (p == 39)
		s->fg = ANSI_NO_COLOR;
	else if (p >= 40 && p <= 47)
		s->bg = (signed char)(p - 40);
	else if (p >= 100 && p <= 107)
		s->bg = (signed char)(p - 100 + 8);
	else if (p == 49)
		s->bg = ANSI_NO_COLOR;
}

static void
apply_sgr(struct ansi *a)
{
	for (unsigned int i = 0; i < a->nparams; i++) {
		int p = a->param[i];

		if (p == 38)
			i += extended_color(a, i, &a->want.fg);
		else if (p == 48)
			i += extended_color(a, i, &a->want.bg);
		else if (p == 4 && i + 1 < a->nparams && a->is_sub[i + 1])
			a->want.underline = a->param[++i] != 0;
		else if (!a->is_sub[i]) {
			apply_flag(&a->want, p);
			apply_color(&a->want, p);
		}
	}
}

/* ---- sequences ---- */

static void
begin_csi(struct ansi *a)
{
	a->state = CSI;
	a->sgr_ok = true;
	a->nparams = 1;
	a->param[0] = 0;
	a->is_sub[0] = false;
}

static void
csi_byte(struct ansi *a, unsigned char c)
{
	int *p = &a->param[a->nparams - 1];

	if (c >= '0' && c <= '9') {
		*p = MIN(*p * 10 + (c - '0'), PARAM_MAX);
	} else if (c == ';' || c == ':') {
		/* Too many: the last ones are folded into one that is none. */
		if (a->nparams == ANSI_PARAMS) {
			*p = PARAM_MAX;
			return;
		}
		a->param[a->nparams] = 0;
		a->is_sub[a->nparams] = c == ':';
		a->nparams++;
	} else if (c < 0x40) {
		a->sgr_ok = false; /* "?", "<", " ": private or another */
	} else {
		if (c == 'm' && a->sgr_ok)
			apply_sgr(a);
		a->state = GROUND;
	}
}

/* The one byte after ESC, or after its intermediates. */
static void
escape_byte(struct ansi *a, unsigned char c)
{
	bool first = a->state == ESCAPE;

	a->state = GROUND;
	if (c >= 0x20 && c <= 0x2f)
		a->state = ESCAPE_MORE;
	else if (first && c == '[')
		begin_csi(a);
	else if (first && c && strchr("]PX^_", c))
		a->state = STRING;
}

/* U+0080 to U+009F: some open a sequence, none is shown. */
static void
c1_char(struct ansi *a, unsigned char c)
{
	if (c == 0x9b)
		begin_csi(a);
	else if (c == 0x90 || c == 0x98 || c >= 0x9d)
		a->state = STRING;
}

/* ---- characters ---- */

static void
control_char(struct ansi *a, char c, struct buf *out)
{
	if (c == '\r') {
		a->has_cr = true;
	} else if (c == '\n') {
		a->has_cr = false; /* "\r\n" is one line end */
		put_text(a, &c, 1, out);
	} else if (c == '\t') {
		put_text(a, &c, 1, out);
	} else if (c == '\0') {
		put_text(a, NUL_SIGN, strlen(NUL_SIGN), out);
	}
}

static void
text_byte(struct ansi *a, char c, struct buf *out)
{
	a->part[a->npart++] = c;
	while (a->npart) {
		int len = utf8_len(a->part, a->npart);
		unsigned char first = (unsigned char)a->part[0];

		if (len < 0)
			return;
		if (len == 1 && (first < 0x20 || first == DEL))
			control_char(a, a->part[0], out);
		else if (len == 2 && first == C1_LEAD &&
			 (unsigned char)a->part[1] < C1_END)
			c1_char(a, (unsigned char)a->part[1]);
		else if (len > 0)
			put_text(a, a->part, (size_t)len, out);
		else
			put_text(a, FFFD, strlen(FFFD), out);
		a->npart -= (unsigned int)MAX(len, 1);
		memmove(a->part, a->part + MAX(len, 1), a->npart);
	}
}

/* A string ends at BEL or ST, and at the end of the line: one that nobody
 * ends must not swallow the rest of a log. */
static void
string_byte(struct ansi *a, unsigned char c, struct buf *out)
{
	bool after_c2 = a->state == STRING_C2;

	a->state = c == C1_LEAD ? STRING_C2 : STRING;
	if (c == BEL || (after_c2 && c == 0x9c)) {
		a->state = GROUND;
	} else if (c == '\n') {
		a->state = GROUND;
		text_byte(a, '\n', out);
	}
}

static void
add_byte(struct ansi *a, char ch, struct buf *out)
{
	unsigned char c = (unsigned char)ch;

	if (c == ESC || c == CAN || c == SUB) {
		/* Whatever was going on is over. */
		while (a->npart) {
			put_text(a, FFFD, strlen(FFFD), out);
			a->npart--;
		}
		a->state = c == ESC ? ESCAPE : GROUND;
		return;
	}
	if (a->state == STRING || a->state == STRING_C2) {
		string_byte(a, c, out);
		return;
	}
	if (a->state != GROUND && c >= 0x80)
		a->state = GROUND;
	if (a->state == GROUND || (c < 0x20 && c))
		text_byte(a, ch, out); /* controls act inside sequences too */
	else if (c == 0 || c == DEL)
		return;
	else if (a->state == CSI)
		csi_byte(a, c);
	else
		escape_byte(a, c);
}

void
ansi_add(struct ansi *a, const char *s, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		add_byte(a, s[i], out);
}

void
ansi_end(struct ansi *a, struct buf *out)
{
	while (a->npart) {
		put_text(a, FFFD, strlen(FFFD), out);
		a->npart--;
	}
	if (a->has_cr) {
		a->has_cr = false;
		put_text(a, "\n", 1, out);
	}
	close_span(a, out);
	ansi_init(a);
}
