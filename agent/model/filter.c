/* SPDX-License-Identifier: MIT */
/* See filter.h.  A pattern becomes a list of pieces; all places in it that
 * the text read so far can lead to are followed at once, so that there is
 * no backtracking. */
#include "base/base.h"
#include "base/enc.h"
#include "model/filter.h"

enum piece_kind {
	PIECE_CHAR,
	PIECE_SET,
	PIECE_STAR, /* not "/" */
	PIECE_ALL,
	PIECE_DIRS, /* two stars and a slash: nothing, or up to a "/" */
};

struct piece {
	enum piece_kind kind;
	bool optional, repeats;
	int len;       /* PIECE_CHAR: bytes of the character */
	const char *s; /* in the pattern: the character, or the set's inside */
	const char *end; /* of the set */
};

struct pieces {
	struct piece v[FILTER_MAX];
	size_t n;
};

static int
parse_set(const char *s, struct piece *p, const char **ret, struct err *e)
{
	const char *end = s + 1;

	/* A "]" in first place is a member. */
	end += *end == ']';
	while (*end && *end != ']')
		end++;
	if (!*end)
		return err_set(e, ERR_PERM, "the \"[\" is never closed");
	*p = (struct piece){ .kind = PIECE_SET, .s = s + 1, .end = end };
	*ret = end + 1;
	return 0;
}

static void
parse_star(const char *s, bool at_start, struct piece *p, const char **ret)
{
	*p = (struct piece){ .kind = PIECE_STAR };
	*ret = s + 1;
	if (s[1] != '*')
		return;
	p->kind = PIECE_ALL;
	*ret = s + 2;
	if (s[2] == '/' && (at_start || s[-1] == '/')) {
		p->kind = PIECE_DIRS;
		*ret = s + 3;
	}
}

static int
parse_char(const char *s, struct piece *p, const char **ret, struct err *e)
{
	int k;

	if (*s == '\\' && !*++s)
		return err_set(e, ERR_PERM, "nothing follows the \"\\\"");
	k = utf8_len(s, strlen(s));
	*p = (struct piece){ .kind = PIECE_CHAR, .len = MAX(k, 1), .s = s };
	*ret = s + p->len;
	return 0;
}

static int
parse_repeat(const char *s, struct pieces *to, struct err *e)
{
	struct piece *p = to->n ? &to->v[to->n - 1] : NULL;

	if (!p || (p->kind != PIECE_CHAR && p->kind != PIECE_SET) ||
		p->optional || p->repeats)
		return err_set(e, ERR_PERM,
			"\"%c\" repeats a character and "
			"needs one before it; for the \"%c\" itself write "
			"\"\\%c\"",
			*s, *s, *s);
	p->optional = *s == '?';
	p->repeats = *s == '+';
	return 0;
}

static int
parse(const char *pattern, struct pieces *to, struct err *e)
{
	const char *start = pattern + (*pattern == '!'), *s = start;

	to->n = 0;
	if (!*s)
		return err_set(e, ERR_PERM, "it is empty");
	if (strlen(s) > FILTER_MAX)
		return err_set(
			e, ERR_PERM, "it is longer than %d bytes", FILTER_MAX);
	while (*s) {
		struct piece *p = &to->v[to->n];

		if (*s == '?' || *s == '+') {
			if (parse_repeat(s++, to, e) < 0)
				return -1;
			continue;
		}
		if (*s == '*')
			parse_star(s, s == start, p, &s);
		else if (*s == '[' ? parse_set(s, p, &s, e) < 0
				   : parse_char(s, p, &s, e) < 0)
			return -1;
		to->n++;
	}
	return 0;
}

int
filter_check(const char *pattern, struct err *e)
{
	struct pieces p;

	return parse(pattern, &p, e);
}

static bool
in_set(const struct piece *p, char c)
{
	for (const char *s = p->s; s < p->end; s++) {
		if (s + 2 < p->end && s[1] == '-') {
			if (c >= s[0] && c <= s[2])
				return true;
			s += 2;
		} else if (*s == c) {
			return true;
		}
	}
	return false;
}

static bool
takes(const struct piece *p, const char *c, int len)
{
	switch (p->kind) {
	case PIECE_CHAR:
		return p->len == len && !memcmp(p->s, c, (size_t)len);
	case PIECE_SET:
		return len == 1 && in_set(p, *c);
	case PIECE_STAR:
		return *c != '/';
	default:
		return true;
	}
}

/* May be passed over without reading anything. */
static bool
is_optional(const struct piece *p)
{
	return p->optional || p->kind == PIECE_STAR || p->kind == PIECE_ALL ||
	       p->kind == PIECE_DIRS;
}

/* Places in the pattern: before piece i, or within a folder's name of
 * piece i, a PIECE_DIRS. */
struct places {
	bool at[FILTER_MAX + 1];
	bool within[FILTER_MAX + 1];
};

static void
clear(struct places *x, size_t n)
{
	memset(x->at, 0, n + 1);
	memset(x->within, 0, n + 1);
}

/* Marks place i, and those that follow from it for nothing. */
static void
reach(const struct pieces *p, size_t i, struct places *to)
{
	to->at[i] = true;
	while (i < p->n && is_optional(&p->v[i]))
		to->at[++i] = true;
}

static void
step(const struct pieces *p, size_t i, const char *c, int len,
	struct places *to)
{
	const struct piece *q = &p->v[i];

	if (!takes(q, c, len))
		return;
	switch (q->kind) {
	case PIECE_STAR:
	case PIECE_ALL:
		reach(p, i, to);
		break;
	case PIECE_DIRS:
		to->within[i] = true;
		if (*c == '/')
			reach(p, i, to);
		break;
	default:
		reach(p, i + 1, to);
		if (q->repeats)
			to->at[i] = true;
		break;
	}
}

bool
filter_match(const char *pattern, const char *text)
{
	struct places places[2], *now = &places[0], *then = &places[1];
	struct pieces p;
	struct err e;

	if (parse(pattern, &p, &e) < 0)
		return false;
	clear(now, p.n);
	reach(&p, 0, now);
	while (*text) {
		struct places *swap = now;
		int k = utf8_len(text, strlen(text));

		k = MAX(k, 1);
		clear(then, p.n);
		for (size_t i = 0; i < p.n; i++)
			if (now->at[i] || now->within[i])
				step(&p, i, text, k, then);
		now = then;
		then = swap;
		text += k;
	}
	return now->at[p.n];
}

bool
filter_list(const struct strv *patterns, const char *text)
{
	bool matched = false;

	for (size_t i = 0; i < patterns->len; i++) {
		const char *p = patterns->v[i];

		if (filter_match(p, text))
			matched = *p != '!';
	}
	return matched;
}
