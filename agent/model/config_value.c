/* SPDX-License-Identifier: MIT */
/*
 * From a value's text to a member of a struct, by the type of its key.
 * Each type says what it accepts; file and line are the caller's.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/strv.h"
#include "model/config.h"
#include "model/config_key.h"

#include <strings.h>

#define TEXT_MAX 1000
#define PATH_LEN_MAX 1000
#define URL_LEN_MAX 1000
#define CPUS_MAX 1024

/* A row of the table of types.  store returns -1 when it does not accept
 * the value. */
struct type {
	const char *name;
	const char *accepts;
	int (*store)(
		const struct config_key *k, void *member, const char *value);
	bool heap, list;
};

static bool
is_plain(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n && n <= max && utf8_valid(s, n);
}

static int
put_text(void *member, const char *value)
{
	char **at = member;

	free(*at);
	*at = xstrdup(value);
	return 0;
}

static int
store_text(const struct config_key *k UNUSED, void *member, const char *value)
{
	return is_plain(value, TEXT_MAX) ? put_text(member, value) : -1;
}

/* Without final slashes, so that names can be appended. */
static char *
trimmed(const char *value)
{
	size_t n = strlen(value);

	while (n > 1 && value[n - 1] == '/')
		n--;
	return xstrndup(value, n);
}

static int
store_path(const struct config_key *k UNUSED, void *member, const char *value)
{
	AUTO(freep) char *path = trimmed(value);

	if (*value != '/' || !is_plain(value, PATH_LEN_MAX))
		return -1;
	return put_text(member, path);
}

static int
store_paths(const struct config_key *k UNUSED, void *member, const char *value)
{
	if (*value != '/' || !is_plain(value, PATH_LEN_MAX))
		return -1;
	strv_add(member, value);
	return 0;
}

static int
store_address(
	const struct config_key *k UNUSED, void *member, const char *value)
{
	const char *colon = strrchr(value, ':');
	int64_t port;

	if (!*value || str_eq(value, "none"))
		return put_text(member, "none");
	if (!colon || colon == value || !is_plain(value, TEXT_MAX) ||
		num_parse(colon + 1, 0, 65535, &port) < 0)
		return -1;
	if (memchr(value, ':', (size_t)(colon - value)) &&
		(*value != '[' || colon[-1] != ']'))
		return -1; /* IPv6 without brackets */
	return put_text(member, value);
}

bool
url_is_http(const char *s)
{
	const char *host;

	if (str_starts(s, "https://"))
		host = s + strlen("https://");
	else if (str_starts(s, "http://"))
		host = s + strlen("http://");
	else
		return false;
	return is_plain(s, URL_LEN_MAX) && !strpbrk(s, " \"<>\\^`{|}#?@") &&
	       *host && !strchr("/:", *host);
}

static int
store_url(const struct config_key *k UNUSED, void *member, const char *value)
{
	AUTO(freep) char *url = trimmed(value);

	return url_is_http(value) ? put_text(member, url) : -1;
}

/* The part of an address between "//" or the start and the first slash (or
 * the colon of host:path), with a user. */
static char *
authority(const char *url)
{
	const char *at = strstr(url, "://");

	if (at) {
		at += 3;
		return xstrndup(at, strcspn(at, "/"));
	}
	if (strcspn(url, ":") > strcspn(url, "/") || !strchr(url, ':'))
		return NULL;
	return xstrndup(url, strcspn(url, ":"));
}

char *
url_host(const char *url)
{
	AUTO(freep) char *part = authority(url);
	const char *at = part ? strrchr(part, '@') : NULL;

	if (!part)
		return NULL;
	at = at ? at + 1 : part;
	return *at ? xstrdup(at) : NULL;
}

/* A password in an address would be seen in logs and pages. */
static int
store_location(
	const struct config_key *k UNUSED, void *member, const char *value)
{
	static const char *const schemes[] = { "https://", "http://", "ssh://",
		"git://" };
	AUTO(freep) char *part = authority(value);
	AUTO(freep) char *host = url_host(value);
	const char *at = part ? strrchr(part, '@') : NULL;
	bool known = !strstr(value, "://") && !strstr(value, "::");

	/* Fetched into a mirror; a path is read in place. */
	if (str_starts(value, "file:///") && is_plain(value, URL_LEN_MAX))
		return put_text(member, value);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		known |= str_starts(value, schemes[i]);
	if (!known || !host || *host == '-' || *value == '-' ||
		!is_plain(value, URL_LEN_MAX) || strchr(value, ' '))
		return -1;
	if (at && memchr(part, ':', (size_t)(at - part)))
		return -1;
	return put_text(member, value);
}

/* As git: true yes on 1, false no off 0, and a bare key is true. */
static int
store_bool(const struct config_key *k UNUSED, void *member, const char *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },
		{ "yes", true },
		{ "on", true },
		{ "1", true },
		{ "false", false },
		{ "no", false },
		{ "off", false },
		{ "0", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(words[i].word, value))
			continue;
		*(bool *)member = words[i].value;
		return 0;
	}
	return -1;
}

static int
put_number(const struct config_key *k, void *member, int64_t v)
{
	if (v < k->min || v > k->max)
		return -1;
	*(int64_t *)member = v;
	return 0;
}

static int
store_number(const struct config_key *k, void *member, const char *value)
{
	int64_t v;

	if (num_parse(value, INT64_MIN, INT64_MAX, &v) < 0)
		return -1;
	return put_number(k, member, v);
}

static int
store_size(const struct config_key *k, void *member, const char *value)
{
	int64_t v;

	return size_parse(value, &v) < 0 ? -1 : put_number(k, member, v);
}

static int
store_duration(const struct config_key *k, void *member, const char *value)
{
	int64_t v;

	return duration_parse(value, &v) < 0 ? -1 : put_number(k, member, v);
}

/* "1.5" cores are 1500 thousandths. */
static int
store_cpus(const struct config_key *k, void *member, const char *value)
{
	int64_t v;

	if (thousandths_parse(value, &v) < 0 || v > CPUS_MAX * 1000)
		return -1;
	return put_number(k, member, v);
}

static int
store_level(const struct config_key *k UNUSED, void *member, const char *value)
{
	static const struct {
		const char *word;
		enum log_level level;
	} words[] = {
		{ "error", LOG_ERROR },
		{ "warn", LOG_WARN },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_eq(words[i].word, value))
			continue;
		*(int64_t *)member = words[i].level;
		return 0;
	}
	return -1;
}

/* The accepted words are the type itself, "a|b|c". */
static int
store_choice(const struct config_key *k, void *member, const char *value)
{
	size_t n = strlen(value);

	for (const char *at = k->type; *at; at += *at == '|') {
		size_t len = strcspn(at, "|");

		if (len == n && !memcmp(at, value, n))
			return put_text(member, value);
		at += len;
	}
	return -1;
}

/* clang-format off */
static const struct type types[] = {
	{ "text", "some text in one line, without control characters",
		store_text, true, false },
	{ "path", "an absolute path", store_path, true, false },
	{ "paths", "an absolute path", store_paths, false, true },
	{ "address", "ADDRESS:PORT, [IPv6]:PORT, or none",
		store_address, true, false },
	{ "url", "an address as https://example.org/path, without user, "
		"query and fragment", store_url, true, false },
	{ "location", "an address as https://HOST/PATH or "
		"ssh://git@HOST/PATH or git@HOST:PATH or file:///PATH, "
		"without a password "
		"(that goes into token-file)", store_location, true, false },
	{ "bool", "true or false", store_bool, false, false },
	{ "number", "a whole number", store_number, false, false },
	{ "size", "a size as 512M or 4G", store_size, false, false },
	{ "duration", "a time as 90s, 10m or 2h", store_duration, false,
		false },
	{ "cpus", "a number of cores as 2 or 1.5", store_cpus, false,
		false },
	{ "level", "error, warn, notice, info or debug", store_level, false,
		false },
};
/* clang-format on */

static const struct type choice = { "", "", store_choice, true, false };

static const struct type *
type_of(const struct config_key *k)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(types[i].name, k->type))
			return &types[i];
	return &choice;
}

/* " from 1 to 256" in the unit that the key is written in. */
static void
add_range(struct buf *b, const struct config_key *k)
{
	if (str_eq(k->type, "number"))
		buf_addf(b, " from %" PRId64 " to %" PRId64, k->min, k->max);
	if (str_eq(k->type, "cpus"))
		buf_addf(b, " up to %" PRId64, k->max / 1000);
	if (str_eq(k->type, "size")) {
		buf_addz(b, " from ");
		size_add(b, k->min);
		buf_addz(b, " to ");
		size_add(b, k->max);
	}
	if (str_eq(k->type, "duration")) {
		buf_addz(b, " from ");
		clock_addspan(b, k->min);
		buf_addz(b, " to ");
		clock_addspan(b, k->max);
	}
}

static void
add_accepted(struct buf *b, const struct config_key *k)
{
	const struct type *t = type_of(k);

	if (t != &choice) {
		buf_addz(b, t->accepts);
		add_range(b, k);
		return;
	}
	for (const char *at = k->type; *at; at++) {
		if (*at != '|')
			buf_addc(b, *at);
		else
			buf_addz(b, strchr(at + 1, '|') ? ", " : " or ");
	}
}

int
key_store(const struct config_key *k, void *base, const char *value,
	struct err *e)
{
	const struct type *t = type_of(k);
	AUTO(buf_release) struct buf accepted = BUF_INIT;
	AUTO(buf_release) struct buf shown = BUF_INIT;

	if (!value && str_eq(k->type, "bool"))
		value = "true";
	if (value && t->store(k, (char *)base + k->offset, value) == 0)
		return 0;
	add_accepted(&accepted, k);
	if (!value || !*value)
		return err_set(e, ERR_PERM, "it has no value; accepted is %s",
			accepted.data);
	utf8_addcut(&shown, value, 120);
	return err_set(e, ERR_PERM, "\"%s\" is not accepted; accepted is %s",
		shown.data, accepted.data);
}

void
key_release(const char *section, void *base)
{
	size_t n;
	const struct config_key *k = config_keys(&n);

	for (; n; n--, k++) {
		const struct type *t = type_of(k);
		char *at = (char *)base + k->offset;

		if (!str_eq(k->section, section))
			continue;
		if (t->heap)
			freep(at);
		if (t->list)
			strv_release((struct strv *)(void *)at);
	}
}
