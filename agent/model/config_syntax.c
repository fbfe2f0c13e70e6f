/* SPDX-License-Identifier: MIT */
/*
 * The git-config syntax: sections, subsections, keys and values, byte for
 * byte as git reads them.  What a key means is not known here, and other
 * files are never read: [include] is refused.
 */
#include "base/base.h"
#include "base/enc.h"
#include "model/config.h"

#include <ctype.h>
#include <strings.h>

#define END_OF_FILE (-1)

struct reader {
	const char *file;
	const char *at, *end;
	unsigned int line; /* of the byte that was read last */
	bool line_ended;
	struct buf section, sub, key, value;
	bool has_section, has_sub;
	gitconfig_fn *fn;
	void *arg;
};

/* CR LF counts as LF, and the end of the file ends its last line. */
static int
next(struct reader *r)
{
	int c;

	if (r->line_ended) {
		r->line++;
		r->line_ended = false;
	}
	if (r->at == r->end)
		return END_OF_FILE;
	c = (unsigned char)*r->at++;
	if (c == '\r' && r->at < r->end && *r->at == '\n')
		c = (unsigned char)*r->at++;
	r->line_ended = c == '\n';
	return c;
}

static bool
ends_line(int c)
{
	return c == '\n' || c == END_OF_FILE;
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_key_char(int c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

static int
bad(const struct reader *r, struct err *e, const char *what)
{
	return err_set(e, ERR_PERM, "%s:%u: %s", r->file, r->line, what);
}

/* The part in quotes of [section "sub"], after the blank before it. */
static int
read_quoted_sub(struct reader *r, struct err *e)
{
	int c;

	do
		c = next(r);
	while (c == ' ' || c == '\t' || c == '\r');
	if (c != '"')
		return bad(r, e, "the section's second name must be in quotes");
	for (c = next(r); c != '"'; c = next(r)) {
		if (c == '\\')
			c = next(r);
		if (ends_line(c))
			return bad(r, e,
				"the quotes of the section are not "
				"closed");
		buf_addc(&r->sub, (char)c);
	}
	if (next(r) != ']')
		return bad(r, e, "']' must follow the section's closing quote");
	return 0;
}

/* Everything up to the first dot is the section, the rest belongs to the
 * subsection: that is how git finds them again in "a.b.c.key". */
static void
split_name(struct reader *r, const struct buf *name, bool quoted)
{
	const char *dot = memchr(name->data, '.', name->len);
	AUTO(buf_release) struct buf sub = BUF_INIT;

	buf_reset(&r->section);
	r->has_sub = quoted || dot;
	if (!dot) {
		buf_add(&r->section, name->data, name->len);
		return;
	}
	buf_add(&r->section, name->data, (size_t)(dot - name->data));
	buf_addz(&sub, dot + 1);
	if (quoted) {
		buf_addc(&sub, '.');
		buf_add(&sub, r->sub.data, r->sub.len);
	}
	buf_reset(&r->sub);
	buf_add(&r->sub, sub.data, sub.len);
}

static int
read_section(struct reader *r, struct err *e)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	bool quoted = false;
	int c;

	buf_reset(&r->sub);
	for (c = next(r); c != ']'; c = next(r)) {
		if (c == ' ' || c == '\t' || c == '\r') {
			quoted = true;
			break;
		}
		if (ends_line(c))
			return bad(r, e, "the section lacks its ']'");
		if (!is_key_char(c) && c != '.')
			return bad(r, e,
				"a section's name is made of "
				"letters, digits, '-' and '.'");
		buf_addc(&name, (char)tolower(c));
	}
	if (quoted && read_quoted_sub(r, e) < 0)
		return -1;
	if (!name.len && !quoted)
		return bad(r, e, "the section has no name");
	split_name(r, &name, quoted);
	r->has_section = true;
	if (str_eq(r->section.data, "include") ||
		str_eq(r->section.data, "includeif"))
		return bad(r, e,
			"includes are not supported; put the "
			"settings into this file");
	return 0;
}

/* The byte that a backslash and c stand for; -1: none. */
static int
escaped(int c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'n':
		return '\n';
	case '\\':
	case '"':
		return c;
	default:
		return -1;
	}
}

/*
 * Blanks are kept between words and dropped at both ends; so they are held
 * back until something follows them.
 */
static int
read_value(struct reader *r, struct err *e)
{
	AUTO(buf_release) struct buf blanks = BUF_INIT;
	bool quote = false, comment = false;
	int c;

	buf_reset(&r->value);
	for (c = next(r); !ends_line(c); c = next(r)) {
		if (comment)
			continue;
		if (is_space(c) && !quote) {
			if (r->value.len)
				buf_addc(&blanks, (char)c);
			continue;
		}
		if (!quote && (c == ';' || c == '#')) {
			comment = true;
			continue;
		}
		buf_add(&r->value, blanks.data, blanks.len);
		buf_reset(&blanks);
		if (c == '"') {
			quote = !quote;
			continue;
		}
		if (c == '\\') {
			c = next(r);
			if (ends_line(c))
				continue; /* goes on in the next line */
			c = escaped(c);
			if (c < 0)
				return bad(r, e,
					"unknown escape; after '\\' "
					"may follow n t b \\ \" or "
					"the end of the line");
		}
		buf_addc(&r->value, (char)c);
	}
	return quote ? bad(r, e, "the quotes of the value are not closed") : 0;
}

static int
read_key(struct reader *r, int c, struct err *e)
{
	unsigned int line = r->line;
	bool bare;

	if (!is_letter(c))
		return bad(r, e,
			"a line is a [section], a key = value or a "
			"# comment, and a key starts with a letter");
	if (!r->has_section)
		return bad(r, e, "the key stands before the first [section]");
	buf_reset(&r->key);
	for (; is_key_char(c); c = next(r))
		buf_addc(&r->key, (char)tolower(c));
	while (c == ' ' || c == '\t')
		c = next(r);
	bare = ends_line(c);
	if (!bare && c != '=')
		return bad(r, e,
			"'=' or the end of the line must follow a "
			"key of letters, digits and '-'");
	if (!bare && read_value(r, e) < 0)
		return -1;
	return r->fn(r->section.data, r->has_sub ? r->sub.data : NULL,
		r->key.data, bare ? NULL : r->value.data, line, r->arg, e);
}

static int
read_all(struct reader *r, struct err *e)
{
	bool comment = false;
	int c, rc = 0;

	for (c = next(r); c != END_OF_FILE && !rc; c = next(r)) {
		if (c == '\n')
			comment = false;
		if (comment || is_space(c))
			continue;
		if (c == '#' || c == ';')
			comment = true;
		else if (c == '[')
			rc = read_section(r, e);
		else
			rc = read_key(r, c, e);
		if (rc)
			return rc;
	}
	return rc;
}

int
gitconfig_parse(const char *file, const char *text, size_t len,
	gitconfig_fn *fn, void *arg, struct err *e)
{
	struct reader r = {
		.file = file,
		.at = text,
		.end = text + len,
		.line = 1,
		.section = BUF_INIT,
		.sub = BUF_INIT,
		.key = BUF_INIT,
		.value = BUF_INIT,
		.fn = fn,
		.arg = arg,
	};
	int rc;

	if (memchr(text, 0, len))
		return err_set(
			e, ERR_PERM, "%s: the file holds a NUL byte", file);
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		r.at += 3; /* a byte order mark */
	rc = read_all(&r, e);
	buf_release(&r.section);
	buf_release(&r.sub);
	buf_release(&r.key);
	buf_release(&r.value);
	return rc;
}
