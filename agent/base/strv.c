/* SPDX-License-Identifier: MIT */
/* See strv.h. */
#include "base/base.h"
#include "base/strv.h"

void
strv_release(struct strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv)STRV_INIT;
}

void
strv_give(struct strv *s, char *str)
{
	s->v = grow(s->v, s->len + 1, &s->cap, sizeof(*s->v));
	s->v[s->len++] = str;
	s->v[s->len] = NULL;
}

void
strv_add(struct strv *s, const char *str)
{
	strv_give(s, xstrdup(str));
}

void
strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_give(s, xvasprintf(fmt, ap));
	va_end(ap);
}

void
strv_copy(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->len; i++)
		strv_add(to, from->v[i]);
}

static char **
find_env(const struct strv *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < s->len; i++)
		if (!strncmp(s->v[i], name, n) && s->v[i][n] == '=')
			return &s->v[i];
	return NULL;
}

void
strv_setenv(struct strv *s, const char *name, const char *value)
{
	char **at = find_env(s, name);

	if (!at) {
		strv_addf(s, "%s=%s", name, value);
		return;
	}
	char *old = *at;

	*at = xasprintf("%s=%s", name, value);
	free(old);
}

const char *
strv_getenv(const struct strv *s, const char *name)
{
	char **at = find_env(s, name);

	return at ? *at + strlen(name) + 1 : NULL;
}

bool
strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->len; i++)
		if (!strcmp(s->v[i], str))
			return true;
	return false;
}
