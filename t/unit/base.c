/* SPDX-License-Identifier: MIT */
/* The base layer: encodings, numbers, JSON, errors. */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

#include "tap.h"

static void
encodings(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	unsigned char raw[4];
	char hex[9];

	hex_put(hex, "\x00\x7f\x80\xff", 4);
	is_str(hex, "007f80ff", "hex of four bytes");
	ok(hex_get(raw, 4, "007F80ff", 8) == 0 && raw[3] == 0xff,
		"hex is read in both cases");
	ok(hex_get(raw, 4, "007f80fg", 8) < 0, "a bad hex digit is refused");
	ok(hex_get(raw, 4, "007f80f", 7) < 0, "odd hex is refused");
	base64_put(&b, "foobar", 5);
	is_str(b.data, "Zm9vYmE=", "base64 of RFC 4648's fooba");
	buf_reset(&b);
	ok(base64_get(&b, "Zm9vYmFy", 8) == 0 && str_eq(b.data, "foobar"),
		"base64 is read back");
	ok(base64_get(&b, "Zm9=YmFy", 8) < 0, "padding inside is refused");
	ok(base64_get(&b, "Zm9v Yg=", 8) < 0, "a space is refused");
	is_int(crc32c(0, "123456789", 9), 0xe3069283u,
		"crc32c of the check string");
	ok(crc32c(crc32c(0, "1234", 4), "56789", 5) == 0xe3069283u,
		"crc32c goes on where it stopped");
	buf_reset(&b);
	percent_put(&b, "group/sub proj");
	is_str(b.data, "group%2Fsub%20proj", "percent-encoding");
	buf_reset(&b);
	ok(percent_get(&b, "%41%2f", 6) == 0 && str_eq(b.data, "A/"),
		"percent-decoding");
	ok(percent_get(&b, "%00", 3) < 0, "an encoded NUL is refused");
	ok(percent_get(&b, "%4", 2) < 0, "a cut escape is refused");
}

static void
utf8(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	ok(utf8_valid("\xc3\xa9\xf0\x9f\x8c\x8d", 6), "valid UTF-8");
	ok(!utf8_valid("\xc0\x80", 2), "an overlong NUL is invalid");
	ok(!utf8_valid("\xed\xa0\x80", 3), "a surrogate is invalid");
	ok(!utf8_valid("\xf4\x90\x80\x80", 4), "beyond U+10FFFF is invalid");
	is_int(utf8_len("\xe2\x82", 2), -1, "a cut sequence is told apart");
	utf8_addclean(&b, "a\xff" "b", 3);
	is_str(b.data, "a\xef\xbf\xbd" "b", "a bad byte becomes U+FFFD");
	buf_reset(&b);
	utf8_addcut_chars(&b, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4);
	is_str(b.data, "\xc3\xa9...", "cut at a code point with dots");
	buf_reset(&b);
	utf8_addcut_chars(&b, "\xc3\xa9\xc3\xa9", 2);
	is_str(b.data, "\xc3\xa9\xc3\xa9", "what fits is not cut");
	buf_reset(&b);
	utf8_addcut(&b, "a\nb\x1b[0m", 100);
	is_str(b.data, "a b [0m", "control characters become spaces");
}

static void
numbers(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *const keys[] = { "jobs", "steps", "needs", "env" };
	int64_t v;

	ok(num_parse("42", 0, 100, &v) == 0 && v == 42, "a number");
	ok(num_parse("-1", 0, 100, &v) < 0, "below the minimum");
	ok(num_parse("9223372036854775808", 0, INT64_MAX, &v) < 0,
		"2^63 does not wrap");
	ok(num_parse(" 5", 0, 100, &v) < 0, "a leading space is refused");
	ok(num_parse("5e3", 0, 10000, &v) < 0, "an exponent is refused");
	ok(num_parse("", 0, 100, &v) < 0, "nothing is not a number");
	ok(duration_parse("90s", &v) == 0 && v == 90000, "90s");
	ok(duration_parse("2h", &v) == 0 && v == 7200000, "2h");
	ok(duration_parse("10", &v) == 0 && v == 10000, "bare seconds");
	ok(duration_parse("10x", &v) < 0, "an unknown unit is refused");
	ok(size_parse("512M", &v) == 0 && v == 512 << 20, "512M");
	ok(size_parse("4 GiB", &v) == 0 && v == (int64_t)4 << 30, "4 GiB");
	ok(size_parse("9999999999T", &v) < 0, "an overflow is refused");
	size_add(&b, 1536 << 20);
	is_str(b.data, "1.5 GiB", "a size for people");
	buf_reset(&b);
	clock_addspan(&b, 4230);
	is_str(b.data, "4.2 s", "a span for people");
	is_int(edit_distance("kitten", "sitting"), 3, "edit distance");
	is_str(nearest_name("step", keys, 4), "steps", "the nearest key");
	ok(!nearest_name("timeout", keys, 4), "nothing near is said so");
}

static void
json(void)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;
	struct err e = { 0 };
	json_t *v;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_strn(&o, "s", "a\"\\\n\x01\xff", 6);
	jout_arr(&o, "list");
	jout_int(&o, NULL, -5);
	jout_bool(&o, NULL, true);
	jout_null(&o, NULL);
	jout_end(&o);
	jout_opt(&o, "none", "");
	jout_time(&o, "t", 1000);
	jout_end(&o);
	is_str(b.data,
		"{\"s\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\","
		"\"list\":[-5,true,null],\"t\":\"1970-01-01T00:00:01Z\"}",
		"the writer escapes and puts commas");
	v = json_parse(b.data, b.len, &e);
	ok(v && json_array_size(jget_arr(v, "list")) == 3,
		"jansson reads what the writer wrote");
	ok(!jget_str(v, "list"), "a member of another type is NULL");
	json_decref(v);
	ok(!json_parse("{\"a\":1,\"a\":2}", 13, &e), "duplicate keys");
	ok(strstr(e.msg, "line 1") != NULL, "the error names the line");
}

static void
errors(void)
{
	struct err e;
	AUTO(strv_release) struct strv s = STRV_INIT;

	errno = ENOSPC;
	ok(err_sys(&e, "write '%s'", "x") == -1 && e.code == ERR_TEMP &&
			e.sys == ENOSPC,
		"a full disk is temporary");
	err_wrap(&e, "run %d", 7);
	is_str(e.msg, "run 7: write 'x': No space left on device",
		"a wrapped message reads outer: inner");
	strv_setenv(&s, "A", "1");
	strv_setenv(&s, "AB", "2");
	strv_setenv(&s, "A", "3");
	is_str(strv_getenv(&s, "A"), "3", "a variable is replaced");
	is_int(s.len, 2, "and not added twice");
}

int
main(void)
{
	encodings();
	utf8();
	numbers();
	json();
	errors();
	return tap_done();
}
