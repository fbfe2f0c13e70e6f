/* SPDX-License-Identifier: MIT */
/* See yaml_int.h: the text itself, its lines, and positions in it. */
#include "base/base.h"
#include "base/enc.h"
#include "model/yaml_int.h"

static int vfault(const struct ydoc *d, unsigned int line, unsigned int col,
	struct err *e, const char *fmt, va_list ap) PRINTF(5, 0);

static int
vfault(const struct ydoc *d, unsigned int line, unsigned int col, struct err *e,
	const char *fmt, va_list ap)
{
	AUTO(freep) char *text = xvasprintf(fmt, ap);

	return err_set(
		e, ERR_PERM, "%.200s:%u:%u: %s", d->file, line, col, text);
}

int
yaml_fault(const struct ydoc *d, unsigned int line, unsigned int col,
	struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfault(d, line, col, e, fmt, ap);
	va_end(ap);
	return -1;
}

int
ydoc_fault(const struct ydoc *d, const struct ynode *n, struct err *e,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfault(d, n->line, n->col, e, fmt, ap);
	va_end(ap);
	return -1;
}

/* What YAML calls printable, of a valid sequence of k bytes. */
static bool
is_printable(const char *s, int k)
{
	const unsigned char *u = (const unsigned char *)s;

	if (k == 1)
		return (*u >= 0x20 && *u != 0x7f) || *u == '\t' || *u == '\n' ||
		       *u == '\r';
	if (k == 2 && u[0] == 0xc2)
		return u[1] >= 0xa0 || u[1] == 0x85;
	/* U+FEFF, U+FFFE, U+FFFF */
	return memcmp(s, "\xef\xbb\xbf", 3) && memcmp(s, "\xef\xbf\xbe", 3) &&
	       memcmp(s, "\xef\xbf\xbf", 3);
}

static int
bad_byte(const struct ydoc *d, const char *at, int k, unsigned int line,
	unsigned int col, struct err *e)
{
	unsigned int c = (unsigned char)*at;

	if (k <= 0)
		return yaml_fault(d, line, col, e,
			"the byte 0x%02x is not UTF-8; save the file as UTF-8",
			c);
	if (!c)
		return yaml_fault(d, line, col, e,
			"a NUL byte; "
			"is this a text file?");
	if (k == 1)
		return yaml_fault(d, line, col, e,
			"the control character 0x%02x; in \"quotes\" it can "
			"be written \"\\x%02x\"",
			c, c);
	return yaml_fault(d, line, col, e,
		"an invisible character that YAML "
		"does not allow here; remove it");
}

int
yaml_check_text(const struct ydoc *d, struct err *e)
{
	unsigned int line = 1, col = 1;
	size_t at = 0;

	if (d->len > YAML_MAX_BYTES)
		return yaml_fault(d, 1, 1, e,
			"the file has %zu bytes; "
			"at most %d are read",
			d->len, YAML_MAX_BYTES);
	if (d->len >= 3 && !memcmp(d->text, "\xef\xbb\xbf", 3))
		at = 3;
	while (at < d->len) {
		const char *s = d->text + at;
		int k = utf8_len(s, d->len - at);

		if (k <= 0 || !is_printable(s, k))
			return bad_byte(d, s, k, line, col, e);
		at += (size_t)k;
		col++;
		if (*s == '\n' || (*s == '\r' && s[1] != '\n')) {
			line++;
			col = 1;
		}
	}
	return 0;
}

const char *
yaml_line(const struct ydoc *d, unsigned int line, size_t *ret_len)
{
	const char *s = d->text, *end = d->text + d->len;
	size_t len;

	while (--line && s < end) {
		s += strcspn(s, "\r\n");
		if (*s == '\r' && s[1] == '\n')
			s++;
		if (s < end)
			s++;
	}
	len = strcspn(s, "\r\n");
	*ret_len = len;
	return s;
}

static unsigned int
count_chars(const char *s, size_t n)
{
	unsigned int chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

/* A block scalar keeps its lines: the same line, after its indentation. */
static bool
place_in_block(const struct ydoc *d, const struct ynode *n, size_t offset,
	unsigned int *ret_line, unsigned int *ret_col)
{
	const char *start = n->text, *line;
	size_t own, len;

	*ret_line = n->line + 1;
	for (size_t i = 0; i < offset; i++) {
		if (n->text[i] != '\n')
			continue;
		(*ret_line)++;
		start = n->text + i + 1;
	}
	own = strcspn(start, "\n");
	line = yaml_line(d, *ret_line, &len);
	if (len < own || memcmp(line + len - own, start, own))
		return false; /* folded, or a comment before it */
	*ret_col = count_chars(line, len - own) + 1 +
		   count_chars(start, offset - (size_t)(start - n->text));
	return true;
}

void
ydoc_place(const struct ydoc *d, const struct ynode *n, size_t offset,
	unsigned int *ret_line, unsigned int *ret_col)
{
	size_t len, at = 0, own = strlen(n->text);
	unsigned int col = 1;
	const char *line;

	if (n->block && place_in_block(d, n, offset, ret_line, ret_col))
		return;
	*ret_line = n->line;
	*ret_col = n->col;
	if (n->block)
		return;
	line = yaml_line(d, n->line, &len);
	while (at < len && col < n->col) {
		int k = utf8_len(line + at, len - at);

		at += k > 0 ? (size_t)k : 1;
		col++;
	}
	at += !n->plain;
	if (at + own <= len && !memcmp(line + at, n->text, own))
		*ret_col = n->col + !n->plain + count_chars(n->text, offset);
}

const struct ynode *
ynode_get(const struct ynode *map, const char *key)
{
	for (size_t i = 0; i < map->n; i += 2)
		if (str_eq(map->item[i]->text, key))
			return map->item[i + 1];
	return NULL;
}

bool
ynode_is_null(const struct ynode *n)
{
	return n->kind == YNODE_SCALAR && n->plain &&
	       (!*n->text || str_eq(n->text, "~") || str_eq(n->text, "null") ||
		       str_eq(n->text, "Null") || str_eq(n->text, "NULL"));
}
