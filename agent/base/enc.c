/* SPDX-License-Identifier: MIT */
/* See enc.h: hex, base64, CRC32C, UTF-8 and percent-encoding. */
#include "base/base.h"
#include "base/enc.h"

static const char hex_digits[] = "0123456789abcdef";

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void
hex_put(char *out, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digits[b[i] >> 4];
		out[2 * i + 1] = hex_digits[b[i] & 15];
	}
	out[2 * n] = '\0';
}

int
hex_get(void *out, size_t n, const char *s, size_t len)
{
	unsigned char *b = out;

	if (len != 2 * n || !is_hex(s, len))
		return -1;
	for (size_t i = 0; i < n; i++)
		b[i] = (unsigned char)(hex_value(s[2 * i]) << 4 |
				       hex_value(s[2 * i + 1]));
	return 0;
}

bool
is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (hex_value(s[i]) < 0)
			return false;
	return true;
}

static const char b64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_put(struct buf *b, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16;
		char q[4];

		if (i + 1 < n)
			v |= (uint32_t)s[i + 1] << 8;
		if (i + 2 < n)
			v |= s[i + 2];
		q[0] = b64[v >> 18];
		q[1] = b64[v >> 12 & 63];
		q[2] = i + 1 < n ? b64[v >> 6 & 63] : '=';
		q[3] = i + 2 < n ? b64[v & 63] : '=';
		buf_add(b, q, 4);
	}
}

int
base64_get(struct buf *out, const char *s, size_t len)
{
	if (len % 4)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;
		int pad = 0;

		for (size_t k = 0; k < 4; k++) {
			char c = s[i + k];
			const char *at = c ? strchr(b64, c) : NULL;

			if (c == '=' && i + 4 == len && k >= 2)
				pad++;
			else if (!at || pad)
				return -1;
			v = v << 6 | (uint32_t)(at ? at - b64 : 0);
		}
		buf_addc(out, (char)(v >> 16));
		if (pad < 2)
			buf_addc(out, (char)(v >> 8));
		if (pad < 1)
			buf_addc(out, (char)v);
	}
	return 0;
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	static uint32_t table[256];
	const unsigned char *s = p;

	if (!__atomic_load_n(&table[255], __ATOMIC_ACQUIRE)) {
		/* Same values whoever writes them: a race is harmless. */
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
			__atomic_store_n(&table[i], c, __ATOMIC_RELEASE);
		}
	}
	crc = ~crc;
	while (n--)
		crc = table[(crc ^ *s++) & 255] ^ crc >> 8;
	return ~crc;
}

int
utf8_len(const char *str, size_t n)
{
	const unsigned char *s = (const unsigned char *)str;
	unsigned char lo = 0x80, hi = 0xbf;
	int len;

	if (!n)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	for (int i = 1; i < len; i++) {
		if ((size_t)i >= n)
			return -1;
		if (s[i] < lo || s[i] > hi)
			return 0;
		lo = 0x80;
		hi = 0xbf;
	}
	return len;
}

bool
utf8_valid(const char *s, size_t n)
{
	while (n) {
		int k = utf8_len(s, n);

		if (k <= 0)
			return false;
		s += k;
		n -= (size_t)k;
	}
	return true;
}

void
utf8_addclean(struct buf *b, const char *s, size_t n)
{
	while (n) {
		int k = utf8_len(s, n);

		if (k > 0) {
			buf_add(b, s, (size_t)k);
		} else {
			buf_addz(b, "\xef\xbf\xbd");
			k = 1;
		}
		s += k;
		n -= (size_t)k;
	}
}

/* Cuts where either limit is reached; SIZE_MAX means no limit. */
static void
add_cut(struct buf *b, const char *s, size_t max_bytes, size_t max_chars)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	size_t start = b->len, keep_len = b->len, chars = 0, at = 0;

	utf8_addclean(&clean, s, strlen(s));
	while (at < clean.len) {
		const char *c = clean.data + at;
		int k = utf8_len(c, clean.len - at);
		bool ctl = (unsigned char)*c < 0x20 || *c == 0x7f ||
			   (k == 2 && (unsigned char)c[0] == 0xc2 &&
				   (unsigned char)c[1] < 0xa0);
		size_t add = ctl ? 1 : (size_t)k;

		if (b->len - start + add > max_bytes || chars + 1 > max_chars)
			break;
		if (b->len - start + add + 3 <= max_bytes &&
			chars + 4 <= max_chars)
			keep_len = b->len + add;
		buf_add(b, ctl ? " " : c, add);
		chars++;
		at += (size_t)k;
	}
	if (at < clean.len && MIN(max_bytes, max_chars) >= 3) {
		b->len = keep_len;
		buf_add(b, "...", 3);
	}
}

void
utf8_addcut(struct buf *b, const char *s, size_t max)
{
	add_cut(b, s, max, SIZE_MAX - 8);
}

void
utf8_addcut_chars(struct buf *b, const char *s, size_t max_chars)
{
	add_cut(b, s, SIZE_MAX - 8, max_chars);
}

void
percent_put(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr("-._~", c))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", c);
	}
}

int
percent_get(struct buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c;

		if (s[i] != '%') {
			buf_addc(b, s[i]);
			continue;
		}
		if (len - i < 3 || hex_get(&c, 1, s + i + 1, 2) < 0 || !c)
			return -1;
		buf_addc(b, (char)c);
		i += 2;
	}
	return 0;
}

/* ---- shell ---- */

static bool
needs_no_quotes(const char *s)
{
	return *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789._+-/@") == strlen(s) &&
	       *s != '-';
}

char *
shell_quote(const char *s)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (needs_no_quotes(s))
		return xstrdup(s);
	buf_addc(&b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_addz(&b, "'\\'");
		buf_addc(&b, *s);
	}
	buf_addc(&b, '\'');
	return buf_take(&b);
}
