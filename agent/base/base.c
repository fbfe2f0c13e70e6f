/* SPDX-License-Identifier: MIT */
/*
 * Allocation and the few string helpers that everybody needs.  Out of
 * memory is not handled by the caller: the process says so and ends with
 * 75 (EX_TEMPFAIL).  Nothing accepted is lost by that, since whatever was
 * accepted is in the journal, and a supervisor starts the agent again.
 */
#include "base/base.h"

#include <sysexits.h>

static void *
need(void *p)
{
	static const char text[] = "<2>out of memory\n";

	if (p)
		return p;
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(EX_TEMPFAIL);
	_exit(EX_TEMPFAIL);
}

void *
xmalloc(size_t n)
{
	return need(malloc(n ? n : 1));
}

void *
xcalloc(size_t n, size_t size)
{
	return need(calloc(n ? n : 1, size ? size : 1));
}

void *
xrealloc(void *p, size_t n)
{
	return need(realloc(p, n ? n : 1));
}

char *
xstrdup(const char *s)
{
	return need(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	return need(strndup(s, n));
}

char *
xstrdup0(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void
str_set(char **to, const char *value)
{
	char *copy = xstrdup0(value);

	free(*to);
	*to = copy;
}

char *
xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return need(s);
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void
freep(void *pp)
{
	void **p = pp;

	free(*p);
	*p = NULL;
}

void *
grow(void *p, size_t len, size_t *cap, size_t item)
{
	if (len < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 8;
	return need(reallocarray(p, *cap, item));
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}
