/* SPDX-License-Identifier: MIT */
/* See words.h. */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "model/words.h"

#define WORD_CHARS 80

char *
words_clean(const char *p, size_t n)
{
	AUTO(freep) char *raw = xstrndup(p, n);
	AUTO(buf_release) struct buf b = BUF_INIT, valid = BUF_INIT;

	utf8_addclean(&valid, raw, strlen(raw));
	utf8_addcut_chars(&b, valid.data ? valid.data : "", WORD_CHARS);
	return b.data ? buf_take(&b) : xstrdup("");
}

void
words_line(
	const char *text, const char *at, const char **ret_from, size_t *ret_n)
{
	const char *from = at;

	while (from > text && from[-1] != '\n')
		from--;
	*ret_from = from;
	*ret_n = strcspn(from, "\n");
}

const char *
words_last(const char *text, const char *mark)
{
	const char *last = NULL;

	for (const char *at = text; (at = strstr(at, mark)); at++)
		last = at;
	return last;
}

char *
words_before(const char *text, const char *end, const char *stops)
{
	const char *from;

	if (end > text && (end[-1] == '\'' || end[-1] == '"'))
		end--;
	else if (end - text >= 3 && !memcmp(end - 3, "\xe2\x80\x99", 3))
		end -= 3;
	from = end;
	while (from > text && from[-1] != '\n' && !strchr(stops, from[-1]))
		from--;
	return words_clean(from, (size_t)(end - from));
}

char *
words_after(const char *at, const char *stops)
{
	size_t n = strcspn(at, "\n");

	return words_clean(at, MIN(strcspn(at, stops), n));
}
