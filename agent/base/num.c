/* SPDX-License-Identifier: MIT */
/* See enc.h: numbers, durations, sizes, and the nearest name. */
#include "base/base.h"
#include "base/enc.h"

/* Leading digits of s into *ret; returns what follows, NULL on overflow or
 * when there is no digit. */
static const char *
digits(const char *s, int64_t *ret)
{
	int64_t v = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, *s - '0', &v))
			return NULL;
	*ret = v;
	return s;
}

int
num_parse(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t v;
	bool neg = *s == '-';

	s = digits(s + neg, &v);
	if (!s || *s)
		return -1;
	if (neg)
		v = -v;
	if (v < min || v > max)
		return -1;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static int
scaled(const char *s, const struct unit *units, size_t n, int64_t *ret)
{
	int64_t v;

	s = digits(s, &v);
	if (!s)
		return -1;
	while (*s == ' ')
		s++;
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(s, units[i].name))
			return __builtin_mul_overflow(v, units[i].factor, ret)
				       ? -1
				       : 0;
	return -1;
}

int
duration_parse(const char *s, int64_t *ret_ms)
{
	static const struct unit units[] = {
		{ "", 1000 },
		{ "ms", 1 },
		{ "s", 1000 },
		{ "sec", 1000 },
		{ "m", 60000 },
		{ "min", 60000 },
		{ "h", 3600000 },
		{ "d", 86400000 },
	};

	return scaled(s, units, ARRAY_LEN(units), ret_ms);
}

int
thousandths_parse(const char *s, int64_t *ret)
{
	AUTO(freep) char *whole = xstrndup(s, strcspn(s, "."));
	const char *part = s + strlen(whole);
	char digits[4] = "000";
	int64_t a, b;

	if (num_parse(whole, 0, INT32_MAX, &a) < 0 || *whole == '-')
		return -1;
	if (*part == '.') {
		size_t n = strlen(++part);

		if (!n || n > 3 || strspn(part, "0123456789") != n)
			return -1;
		memcpy(digits, part, n);
	}
	if (num_parse(digits, 0, 999, &b) < 0)
		return -1;
	*ret = a * 1000 + b;
	return 0;
}

int
size_parse(const char *s, int64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "b", 1 },
		{ "k", 1 << 10 },
		{ "kb", 1 << 10 },
		{ "kib", 1 << 10 },
		{ "m", 1 << 20 },
		{ "mb", 1 << 20 },
		{ "mib", 1 << 20 },
		{ "g", 1 << 30 },
		{ "gb", 1 << 30 },
		{ "gib", 1 << 30 },
		{ "t", (int64_t)1 << 40 },
		{ "tb", (int64_t)1 << 40 },
		{ "tib", (int64_t)1 << 40 },
	};

	return scaled(s, units, ARRAY_LEN(units), ret_bytes);
}

void
size_add(struct buf *b, int64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	int64_t rest = 0;
	size_t u = 0;

	while (bytes >= 1024 && u + 1 < ARRAY_LEN(names)) {
		rest = bytes % 1024;
		bytes /= 1024;
		u++;
	}
	if (bytes < 10 && rest * 10 / 1024)
		buf_addf(b, "%" PRId64 ".%" PRId64 " %s", bytes,
			rest * 10 / 1024, names[u]);
	else
		buf_addf(b, "%" PRId64 " %s", bytes, names[u]);
}

#define DISTANCE_MAX 64

unsigned int
edit_distance(const char *a, const char *b)
{
	unsigned int row[DISTANCE_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > DISTANCE_MAX || m > DISTANCE_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diag = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned int up = row[j];
			unsigned int best = diag + (a[i - 1] != b[j - 1]);

			best = MIN(best, up + 1);
			best = MIN(best, row[j - 1] + 1);
			diag = up;
			row[j] = best;
		}
	}
	return row[m];
}

const char *
nearest_name(const char *s, const char *const *names, size_t n)
{
	unsigned int limit = (unsigned int)MIN((size_t)3, (strlen(s) + 1) / 2);
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned int d = edit_distance(s, names[i]);

		if (d <= limit && d < UINT_MAX) {
			best = names[i];
			if (!d)
				break;
			limit = d - 1;
		}
	}
	return best;
}
