/* SPDX-License-Identifier: MIT */
/*
 * JSON: a writer into a struct buf of our own, and short accessors for what
 * jansson has read.  Reading refuses duplicate keys and bad UTF-8.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

/*
 * The writer puts commas by itself:
 *	struct json_out o; jout_start(&o, &buf);
 *	jout_obj(&o, NULL); jout_str(&o, "name", "x"); jout_end(&o);
 * Inside an array the key is NULL.
 */
#define JSON_DEPTH 32
struct json_out {
	struct buf *b;
	unsigned int depth;
	bool comma[JSON_DEPTH];
	char close[JSON_DEPTH];
};

void jout_start(struct json_out *o, struct buf *b);
void jout_obj(struct json_out *o, const char *key);
void jout_arr(struct json_out *o, const char *key);
void jout_end(struct json_out *o); /* closes the innermost object or array */
void jout_str(struct json_out *o, const char *key, const char *value);
/* Bytes that need not be UTF-8: each bad byte becomes U+FFFD. */
void jout_strn(struct json_out *o, const char *key, const char *s, size_t n);
void jout_int(struct json_out *o, const char *key, int64_t value);
void jout_bool(struct json_out *o, const char *key, bool value);
void jout_null(struct json_out *o, const char *key);
void jout_time(struct json_out *o, const char *key, int64_t wall_ms);
/* Text that is JSON already. */
void jout_rawn(struct json_out *o, const char *key, const char *s, size_t n);
/* A jansson value. */
void jout_value(struct json_out *o, const char *key, const json_t *v);
/* Leaves the member out when value is NULL or empty. */
void jout_opt(struct json_out *o, const char *key, const char *value);

/* "..." with escapes, as JSON wants it. */
void json_quote(struct buf *b, const char *s, size_t n);

/* Parses text; the message names line and column.  The caller owns the
 * result (json_decref, or AUTO(json_decrefp)). */
json_t *json_parse(const char *text, size_t len, struct err *e);

/* Accessors: NULL, 0 or false where the member is absent or of another
 * type.  Strings are borrowed from the object. */
const char *jget_str(const json_t *o, const char *key);
int64_t jget_int(const json_t *o, const char *key, int64_t dflt);
bool jget_bool(const json_t *o, const char *key, bool dflt);
json_t *jget_obj(const json_t *o, const char *key);
json_t *jget_arr(const json_t *o, const char *key);

/* Setters that skip NULL values. */
void jset_str(json_t *o, const char *key, const char *value);
void jset_int(json_t *o, const char *key, int64_t value);

#endif
