/* SPDX-License-Identifier: MIT */
/* See expr_value.h: making, converting and comparing values. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr_value.h"

#include <math.h>

void
expr_value_release(struct expr_value *v)
{
	free(v->s);
	json_decref(v->j);
	*v = (struct expr_value)EXPR_VALUE_INIT;
}

void
expr_value_copy(struct expr_value *to, const struct expr_value *from)
{
	*to = *from;
	to->s = from->s ? xstrdup(from->s) : NULL;
	json_incref(to->j);
}

void
expr_value_bool(struct expr_value *to, bool b)
{
	*to = (struct expr_value){ .kind = EXPR_BOOL, .b = b };
}

void
expr_value_num(struct expr_value *to, double n)
{
	*to = (struct expr_value){ .kind = EXPR_NUM, .n = n };
}

void
expr_value_take(struct expr_value *to, char *s)
{
	*to = (struct expr_value){ .kind = EXPR_STR, .s = s };
}

void
expr_value_str(struct expr_value *to, const char *s)
{
	expr_value_take(to, xstrdup(s));
}

void
expr_value_json(struct expr_value *to, json_t *j)
{
	*to = (struct expr_value)EXPR_VALUE_INIT;
	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_TRUE:
	case JSON_FALSE:
		expr_value_bool(to, json_is_true(j));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		expr_value_num(to, json_number_value(j));
		break;
	case JSON_STRING:
		expr_value_str(to, json_string_value(j));
		break;
	case JSON_ARRAY:
		to->kind = EXPR_ARR;
		to->j = json_incref(j);
		break;
	case JSON_OBJECT:
		to->kind = EXPR_OBJ;
		to->j = json_incref(j);
		break;
	default:
		break;
	}
}

/* 2^53: up to here every integer is exact. */
#define EXACT_MAX 9007199254740992.0

json_t *
expr_value_to_json(const struct expr_value *v)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	switch (v->kind) {
	case EXPR_NULL:
		return json_null();
	case EXPR_BOOL:
		return json_boolean(v->b);
	case EXPR_NUM:
		if (!isfinite(v->n))
			break;
		if (v->n == floor(v->n) && fabs(v->n) < EXACT_MAX)
			return json_integer((json_int_t)v->n);
		return json_real(v->n);
	case EXPR_STR:
		break;
	case EXPR_ARR:
	case EXPR_OBJ:
		return json_incref(v->j);
	}
	expr_add_string(&text, v);
	return json_string(text.data);
}

bool
expr_is_primitive(const struct expr_value *v)
{
	return v->kind != EXPR_ARR && v->kind != EXPR_OBJ;
}

bool
expr_truthy(const struct expr_value *v)
{
	switch (v->kind) {
	case EXPR_NULL:
		return false;
	case EXPR_BOOL:
		return v->b;
	case EXPR_NUM:
		return v->n != 0 && !isnan(v->n);
	case EXPR_STR:
		return v->s[0] != '\0';
	default:
		return true;
	}
}

double
expr_number(const struct expr_value *v)
{
	switch (v->kind) {
	case EXPR_NULL:
		return 0;
	case EXPR_BOOL:
		return v->b ? 1 : 0;
	case EXPR_NUM:
		return v->n;
	case EXPR_STR:
		return expr_parse_number(v->s, strlen(v->s));
	default:
		return NAN;
	}
}

static double
parse_radix(const char *s, size_t len, unsigned int bits)
{
	double n = 0;

	if (!len)
		return NAN;
	for (size_t i = 0; i < len; i++) {
		const char *digits = "0123456789abcdef";
		char c = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] + 32) : s[i];
		const char *at = c ? strchr(digits, c) : NULL;

		if (!at || at - digits >= 1 << bits)
			return NAN;
		n = n * (1 << bits) + (double)(at - digits);
	}
	return n;
}

static size_t
count_digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* [+-] digits [. digits] [e [+-] digits], and nothing else. */
static bool
is_decimal(const char *s, size_t len)
{
	size_t i = len && (*s == '+' || *s == '-'), whole, part = 0, power;

	whole = count_digits(s + i, len - i);
	i += whole;
	if (i < len && s[i] == '.') {
		part = count_digits(s + i + 1, len - i - 1);
		i += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (i < len && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		i += i < len && (s[i] == '+' || s[i] == '-');
		power = count_digits(s + i, len - i);
		if (!power)
			return false;
		i += power;
	}
	return i == len;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

double
expr_parse_number(const char *s, size_t len)
{
	AUTO(freep) char *copy = NULL;

	while (len && is_blank(*s)) {
		s++;
		len--;
	}
	while (len && is_blank(s[len - 1]))
		len--;
	if (!len)
		return 0;
	if (len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_radix(s + 2, len - 2, 4);
	if (len > 2 && s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
		return parse_radix(s + 2, len - 2, 3);
	copy = xstrndup(s, len);
	if (str_eq(copy, "Infinity") || str_eq(copy, "+Infinity"))
		return INFINITY;
	if (str_eq(copy, "-Infinity"))
		return -INFINITY;
	return is_decimal(s, len) ? strtod(copy, NULL) : NAN;
}

/* The fewest digits that read back as n, without point and final zeros;
 * *ret_point is where the point goes: 0.DIGITS * 10^point. */
static void
shortest_digits(double n, char *digits, size_t size, int *ret_point)
{
	char text[40];
	size_t len = 0;

	for (int prec = 0; prec < 17; prec++) {
		snprintf(text, sizeof(text), "%.*e", prec, n);
		if (strtod(text, NULL) == n)
			break;
	}
	for (const char *c = text; *c && *c != 'e' && len + 1 < size; c++)
		if (*c >= '0' && *c <= '9')
			digits[len++] = *c;
	while (len > 1 && digits[len - 1] == '0')
		len--;
	digits[len] = '\0';
	*ret_point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
}

/* Where the notation changes, as ECMA-262 "Number::toString" says. */
#define PLAIN_MAX 21
#define PLAIN_MIN (-5)

static void
add_plain(struct buf *b, const char *digits, int len, int point)
{
	if (point <= 0) {
		buf_addz(b, "0.");
		for (int i = point; i < 0; i++)
			buf_addc(b, '0');
		buf_addz(b, digits);
		return;
	}
	for (int i = 0; i < MAX(point, len); i++) {
		if (i == point)
			buf_addc(b, '.');
		buf_addc(b, i < len ? digits[i] : '0');
	}
}

/* All digits that n has. */
static void
add_exact(struct buf *b, double n)
{
	char digits[32];
	int point, len;

	if (isnan(n) || isinf(n) || n == 0) {
		buf_addz(b, isnan(n) ? "NaN"
			    : n == 0 ? "0"
			    : n < 0  ? "-Infinity"
				     : "Infinity");
		return;
	}
	if (n < 0)
		buf_addc(b, '-');
	shortest_digits(fabs(n), digits, sizeof(digits), &point);
	len = (int)strlen(digits);
	if (point >= PLAIN_MIN && point <= PLAIN_MAX) {
		add_plain(b, digits, len, point);
		return;
	}
	buf_addc(b, digits[0]);
	if (len > 1)
		buf_addf(b, ".%s", digits + 1);
	buf_addf(b, "e%c%d", point > 0 ? '+' : '-', abs(point - 1));
}

void
expr_add_number(struct buf *b, double n)
{
	char text[64];

	/* At most 15 places after the point, as GitHub prints them, so that
	 * 0.1 + 0.2 of some other program is 0.3 here. */
	if (fabs(n) < 1e21) {
		snprintf(text, sizeof(text), "%.15f", n);
		n = strtod(text, NULL);
	}
	add_exact(b, n);
}

void
expr_add_string(struct buf *b, const struct expr_value *v)
{
	switch (v->kind) {
	case EXPR_NULL:
		break;
	case EXPR_BOOL:
		buf_addz(b, v->b ? "true" : "false");
		break;
	case EXPR_NUM:
		expr_add_number(b, v->n);
		break;
	case EXPR_STR:
		buf_addz(b, v->s);
		break;
	case EXPR_ARR:
		buf_addz(b, "Array");
		break;
	case EXPR_OBJ:
		buf_addz(b, "Object");
		break;
	}
}

/* Two-byte letters: Latin-1, Greek and Cyrillic.  Others stay as they are,
 * which makes them differ where only their case does. */
static unsigned int
upper(unsigned int c)
{
	if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
		(c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) ||
		(c >= 0x430 && c <= 0x44f))
		return c - 0x20;
	if (c >= 0x450 && c <= 0x45f)
		return c - 0x50;
	return c;
}

void
expr_add_folded(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		unsigned int u;

		if (c < 0xc3 || c > 0xd1 || !s[1]) {
			buf_addc(b, c >= 'a' && c <= 'z' ? *s - 32 : *s);
			continue;
		}
		u = upper((c & 0x1fu) << 6 | ((unsigned char)s[1] & 0x3fu));
		buf_addc(b, (char)(0xc0 | u >> 6));
		buf_addc(b, (char)(0x80 | (u & 0x3f)));
		s++;
	}
}

static int
compare_text(const char *a, const char *b)
{
	AUTO(buf_release) struct buf fa = BUF_INIT, fb = BUF_INIT;

	expr_add_folded(&fa, a);
	expr_add_folded(&fb, b);
	return strcmp(fa.data, fb.data);
}

bool
expr_equals(const struct expr_value *a, const struct expr_value *b)
{
	if (a->kind != b->kind) {
		double na = expr_number(a), nb = expr_number(b);

		return na == nb;
	}
	switch (a->kind) {
	case EXPR_NULL:
		return true;
	case EXPR_BOOL:
		return a->b == b->b;
	case EXPR_NUM:
		return a->n == b->n;
	case EXPR_STR:
		return !compare_text(a->s, b->s);
	default:
		return a->j == b->j; /* the same one, not an equal one */
	}
}

bool
expr_less(const struct expr_value *a, const struct expr_value *b)
{
	if (a->kind == EXPR_STR && b->kind == EXPR_STR)
		return compare_text(a->s, b->s) < 0;
	if (a->kind == EXPR_NULL && b->kind == EXPR_NULL)
		return false;
	return expr_number(a) < expr_number(b);
}
