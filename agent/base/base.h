/* SPDX-License-Identifier: MIT */
/*
 * What every file of the agent starts with: the common system headers, the
 * ownership helpers, and the calls that we do not use.  Allocation never
 * fails from the caller's point of view: out of memory ends the process
 * with 75, and the journal makes that harmless (see base.c).
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define UNUSED __attribute__((unused))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* AUTO(freep) char *s = NULL;  releases s at the end of its scope. */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Moves a value out of an AUTO variable: the variable is left as NULL. */
#define STEAL(p)                                                               \
	({                                                                     \
		__typeof__(p) p_ = (p);                                        \
		(p) = NULL;                                                    \
		p_;                                                            \
	})

/* The same for a descriptor: the variable is left as -1. */
#define STEAL_FD(fd)                                                           \
	({                                                                     \
		int fd_ = (fd);                                                \
		(fd) = -1;                                                     \
		fd_;                                                           \
	})

/* Memory.  None of these returns NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xstrdup0(const char *s); /* NULL stays NULL */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);

/* Frees *to and makes it a copy of value (or NULL). */
void str_set(char **to, const char *value);

/* For AUTO: takes the address of any pointer to heap memory. */
void freep(void *pp);

/* Grows an array of len items so that one more fits; doubles *cap. */
void *grow(void *p, size_t len, size_t *cap, size_t item);

static inline bool
str_eq(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* clang-format off */
#define BANNED(fn) sorry_##fn##_is_banned
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gmtime
#undef localtime
#undef ctime
#undef asctime
#undef atoi
#undef atol
#undef atoll
#undef system
#undef mktemp
#undef tmpnam
#define strcpy(...) BANNED(strcpy)
#define strcat(...) BANNED(strcat)
#define strncpy(...) BANNED(strncpy)
#define strncat(...) BANNED(strncat)
#define sprintf(...) BANNED(sprintf)
#define vsprintf(...) BANNED(vsprintf)
#define strtok(...) BANNED(strtok)
#define gmtime(...) BANNED(gmtime)
#define localtime(...) BANNED(localtime)
#define ctime(...) BANNED(ctime)
#define asctime(...) BANNED(asctime)
#define atoi(...) BANNED(atoi)
#define atol(...) BANNED(atol)
#define atoll(...) BANNED(atoll)
#define system(...) BANNED(system)
#define mktemp(...) BANNED(mktemp)
#define tmpnam(...) BANNED(tmpnam)
/* clang-format on */

#endif
