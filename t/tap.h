/* SPDX-License-Identifier: MIT */
/*
 * TAP for C tests: ok(condition, "a sentence that can be false"), and
 * return tap_done() at the end of main.
 */
#ifndef T_TAP_H
#define T_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static int
tap_ok(int good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(cond, ...) tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((unused)) static int
tap_is_str(const char *got, const char *want, const char *file, int line,
	const char *what)
{
	int good = got && want ? !strcmp(got, want) : got == want;

	tap_ok(good, file, line, "%s", what);
	if (!good)
		printf("#   got  '%s'\n#   want '%s'\n", got ? got : "(null)",
			want ? want : "(null)");
	return good;
}

#define is_str(got, want, what) \
	tap_is_str(got, want, __FILE__, __LINE__, what)

__attribute__((unused)) static int
tap_is_int(long long got, long long want, const char *file, int line,
	const char *what)
{
	int good = got == want;

	tap_ok(good, file, line, "%s", what);
	if (!good)
		printf("#   got  %lld\n#   want %lld\n", got, want);
	return good;
}

#define is_int(got, want, what) \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, \
		what)

/* The next test is not run, for that reason. */
#define skip(why, what) \
	printf("ok %d - %s # SKIP %s\n", ++tap_count, what, why)

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
