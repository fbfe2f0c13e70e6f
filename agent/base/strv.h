/* SPDX-License-Identifier: MIT */
/* A growing, NULL-terminated vector of heap strings: argv, envp, lists. */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include "base/base.h"

struct strv {
	char **v; /* NULL, or len strings and a NULL */
	size_t len, cap;
};

#define STRV_INIT                                                              \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

void strv_release(struct strv *s);              /* also for AUTO */
void strv_add(struct strv *s, const char *str); /* copies */
void strv_give(struct strv *s, char *str);      /* takes */
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF(2, 3);
void strv_copy(struct strv *to, const struct strv *from); /* appends */

/* "NAME=value": replaces the entry of that name, or adds one. */
void strv_setenv(struct strv *s, const char *name, const char *value);
const char *strv_getenv(const struct strv *s, const char *name);
bool strv_has(const struct strv *s, const char *str);

#endif
