/* SPDX-License-Identifier: MIT */
/* See json.h. */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"

void
jout_start(struct json_out *o, struct buf *b)
{
	memset(o, 0, sizeof(*o));
	o->b = b;
}

void
json_quote(struct buf *b, const char *s, size_t n)
{
	size_t from = 0, i = 0;

	buf_addc(b, '"');
	while (i < n) {
		unsigned char c = (unsigned char)s[i];
		int k = c < 0x80 ? 1 : utf8_len(s + i, n - i);

		/* U+0080 to U+009F are controls, too: for a terminal. */
		bool c1 = k == 2 && c == 0xc2 && (unsigned char)s[i + 1] < 0xa0;

		if (k > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
			!c1) {
			i += (size_t)k;
			continue;
		}
		buf_add(b, s + from, i - from);
		if (c1)
			buf_addf(b, "\\u%04x", (unsigned char)s[++i]);
		else if (k <= 0)
			buf_addz(b, "\xef\xbf\xbd");
		else if (c == '\n')
			buf_addz(b, "\\n");
		else if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else
			buf_addf(b, "\\u%04x", c);
		from = ++i;
	}
	buf_add(b, s + from, n - from);
	buf_addc(b, '"');
}

static void
put_key(struct json_out *o, const char *key)
{
	if (o->comma[o->depth])
		buf_addc(o->b, ',');
	o->comma[o->depth] = true;
	if (key) {
		json_quote(o->b, key, strlen(key));
		buf_addc(o->b, ':');
	}
}

static void
open_level(struct json_out *o, const char *key, char opening, char closing)
{
	put_key(o, key);
	buf_addc(o->b, opening);
	o->depth++;
	assert(o->depth < JSON_DEPTH);
	o->comma[o->depth] = false;
	o->close[o->depth] = closing;
}

void
jout_obj(struct json_out *o, const char *key)
{
	open_level(o, key, '{', '}');
}

void
jout_arr(struct json_out *o, const char *key)
{
	open_level(o, key, '[', ']');
}

void
jout_end(struct json_out *o)
{
	assert(o->depth > 0);
	buf_addc(o->b, o->close[o->depth--]);
}

void
jout_strn(struct json_out *o, const char *key, const char *s, size_t n)
{
	put_key(o, key);
	json_quote(o->b, s, n);
}

void
jout_str(struct json_out *o, const char *key, const char *value)
{
	if (!value)
		jout_null(o, key);
	else
		jout_strn(o, key, value, strlen(value));
}

void
jout_opt(struct json_out *o, const char *key, const char *value)
{
	if (value && *value)
		jout_str(o, key, value);
}

void
jout_int(struct json_out *o, const char *key, int64_t value)
{
	put_key(o, key);
	buf_addf(o->b, "%" PRId64, value);
}

void
jout_bool(struct json_out *o, const char *key, bool value)
{
	put_key(o, key);
	buf_addz(o->b, value ? "true" : "false");
}

void
jout_null(struct json_out *o, const char *key)
{
	put_key(o, key);
	buf_addz(o->b, "null");
}

void
jout_time(struct json_out *o, const char *key, int64_t wall_ms)
{
	char iso[CLOCK_ISO_MAX];

	clock_iso(wall_ms, iso);
	jout_str(o, key, iso[0] ? iso : NULL);
}

void
jout_rawn(struct json_out *o, const char *key, const char *s, size_t n)
{
	put_key(o, key);
	buf_add(o->b, s, n);
}

void
jout_value(struct json_out *o, const char *key, const json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text)
		jout_rawn(o, key, text, strlen(text));
	else
		jout_null(o, key);
	free(text);
}

json_t *
json_parse(const char *text, size_t len, struct err *e)
{
	json_error_t je;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!v)
		err_set(e, ERR_PERM, "line %d, column %d: %s", je.line,
			je.column, je.text);
	return v;
}

const char *
jget_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int64_t
jget_int(const json_t *o, const char *key, int64_t dflt)
{
	json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool
jget_bool(const json_t *o, const char *key, bool dflt)
{
	json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : dflt;
}

json_t *
jget_obj(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

json_t *
jget_arr(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

void
jset_str(json_t *o, const char *key, const char *value)
{
	if (value)
		json_object_set_new(o, key, json_string(value));
}

void
jset_int(json_t *o, const char *key, int64_t value)
{
	json_object_set_new(o, key, json_integer(value));
}
