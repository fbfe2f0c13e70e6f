/* SPDX-License-Identifier: MIT */
/*
 * See url.h, and the mirror_url_* and mirror_name functions of git.h.
 * Nothing is resolved or connected here.
 */
#include "base/base.h"
#include "git/url.h"
#include "base/enc.h"
#include "git/lib.h"

#include <ctype.h>

#define URL_MAX 2048
#define PORT_MAX 65535
/* A folder name has 255 bytes: the name, '-', 40 digits, ".git". */
#define NAME_PLAIN_MAX 200
#define NAME_CUT 140

static const struct {
	const char *scheme;
	int port;
	bool may_have_user;
} schemes[] = {
	{ "https", 443, true },
	{ "http", 80, true },
	{ "ssh", 22, true },
	{ "git", 9418, false },
	{ "file", 0, false },
};

static int
scheme_row(const char *scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_eq(schemes[i].scheme, scheme))
			return (int)i;
	return -1;
}

void
url_release(struct url *u)
{
	free(u->scheme);
	free(u->user);
	free(u->host);
	free(u->path);
	memset(u, 0, sizeof(*u));
}

static void
lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* "host", "host:port", "[v6]:port". */
static int
parse_host(struct url *u, const char *s, size_t len, struct err *e)
{
	AUTO(freep) char *text = xstrndup(s, len);
	char *colon = *text == '[' ? strstr(text, "]:") : strchr(text, ':');
	int row = scheme_row(u->scheme);
	int64_t port = row >= 0 ? schemes[row].port : 0;

	if (colon) {
		colon += *text == '[';
		*colon++ = '\0';
		if (num_parse(colon, 1, PORT_MAX, &port) < 0)
			return err_set(e, ERR_PERM,
				"the port of the address is not a number");
	}
	lower(text);
	u->host = STEAL(text);
	u->port = (int)port;
	return 0;
}

/* What stands between "//" and the path: [user[:password]@]host[:port]. */
static int
parse_authority(struct url *u, const char *s, size_t len, struct err *e)
{
	const char *at = memrchr(s, '@', len);
	size_t user;

	if (!at) {
		u->user = xstrdup("");
		return parse_host(u, s, len, e);
	}
	user = (size_t)(at - s);
	u->has_password = memchr(s, ':', user) != NULL;
	if (u->has_password)
		user = (size_t)((const char *)memchr(s, ':', user) - s);
	u->user = xstrndup(s, user);
	at++;
	return parse_host(u, at, len - (size_t)(at - s), e);
}

/* "git@host:path", the short form of ssh; without a user it would be too
 * easily something else ("ext::...", "javascript:..."). */
static int
parse_short(struct url *u, const char *text, struct err *e)
{
	size_t len = strcspn(text, ":/");
	const char *colon = text + len;

	if (*colon != ':' || !memchr(text, '@', len) || !colon[1] ||
		colon[1] == ':')
		return err_set(e, ERR_PERM,
			"it has none of https://, http://, ssh://, git:// or "
			"file:// before it, and is not USER@HOST:PATH");
	u->scheme = xstrdup("ssh");
	u->path = xstrdup(colon + 1);
	return parse_authority(u, text, (size_t)(colon - text), e);
}

static int
parse(struct url *u, const char *text, struct err *e)
{
	const char *sep = strstr(text, "://");
	const char *rest;
	size_t len;

	if (*text == '/') {
		u->scheme = xstrdup("file");
		u->user = xstrdup("");
		u->host = xstrdup("");
		u->path = xstrdup(text);
		return 0;
	}
	if (!sep)
		return parse_short(u, text, e);
	u->scheme = xstrndup(text, (size_t)(sep - text));
	lower(u->scheme);
	rest = sep + 3;
	len = strcspn(rest, "/?#");
	u->path = xstrdup(rest + len);
	return parse_authority(u, rest, len, e);
}

int
url_parse(struct url *u, const char *text, struct err *e)
{
	memset(u, 0, sizeof(*u));
	if (parse(u, text, e) == 0)
		return 0;
	url_release(u);
	return -1;
}

bool
url_same_origin(const char *a, const char *b)
{
	AUTO(url_release) struct url x = { 0 };
	AUTO(url_release) struct url y = { 0 };
	struct err e;

	return url_parse(&x, a, &e) == 0 && url_parse(&y, b, &e) == 0 &&
	       str_eq(x.scheme, y.scheme) && str_eq(x.host, y.host) &&
	       x.port == y.port;
}

char *
url_local_path(const char *text)
{
	AUTO(url_release) struct url u = { 0 };
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct err e;

	if (url_parse(&u, text, &e) < 0 || !str_eq(u.scheme, "file"))
		return NULL;
	if (*text == '/')
		return xstrdup(text);
	if (percent_get(&b, u.path, strlen(u.path)) < 0)
		return xstrdup(u.path);
	return buf_take(&b);
}

static bool
host_ok(const char *host)
{
	if (!*host || *host == '-' || *host == '.')
		return false;
	for (; *host; host++)
		if (!isalnum((unsigned char)*host) && !strchr(".-_[]:", *host))
			return false;
	return true;
}

static int
check(const struct url *u, struct err *e)
{
	int row = scheme_row(u->scheme);

	if (row < 0)
		return err_set(e, ERR_PERM,
			"the scheme is not one of https, http, ssh, git, file");
	if (u->has_password)
		return err_set(e, ERR_PERM,
			"the address holds a password: put it into the file "
			"that 'token-file' names");
	if (*u->user && !schemes[row].may_have_user)
		return err_set(e, ERR_PERM,
			"a %s:// address can not hold a user", u->scheme);
	if (*u->user == '-' || strpbrk(u->path, "#?"))
		return err_set(e, ERR_PERM,
			"the address has a character that is not allowed "
			"there");
	if (str_eq(u->scheme, "file")) {
		if (*u->host && !str_eq(u->host, "localhost"))
			return err_set(e, ERR_PERM,
				"file:// addresses have three slashes and the "
				"whole path");
		return *u->path == '/'
			       ? 0
			       : err_set(e, ERR_PERM, "the path is missing");
	}
	if (!host_ok(u->host))
		return err_set(e, ERR_PERM, "the host is not a valid one");
	if (!*u->path || str_eq(u->path, "/") || *u->path == '-' ||
		str_starts(u->path, "/-"))
		return err_set(e, ERR_PERM, "the path is not a valid one");
	return 0;
}

static int
characters_ok(const char *url, struct err *e)
{
	size_t len = strlen(url);

	if (!len)
		return err_set(e, ERR_PERM, "the address is empty");
	if (len > URL_MAX)
		return err_set(e, ERR_PERM, "the address is too long");
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '\\')
			return err_set(e, ERR_PERM,
				"the address has a control character or a "
				"backslash");
	if (*url == '-')
		return err_set(e, ERR_PERM, "the address begins with '-'");
	return 0;
}

bool
mirror_url_ok(const char *url, struct err *e)
{
	AUTO(url_release) struct url u = { 0 };
	AUTO(buf_release) struct buf clean = BUF_INIT;

	if (characters_ok(url, e) == 0 && url_parse(&u, url, e) == 0 &&
		check(&u, e) == 0)
		return true;
	mirror_url_clean(url, &clean);
	err_wrap(e, "repository address '%s'", clean.data);
	return false;
}

/* Works on anything, also on what is refused: it is for messages. */
void
mirror_url_clean(const char *url, struct buf *out)
{
	const char *sep = strstr(url, "://");
	const char *rest = sep ? sep + 3 : url;
	size_t len = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', len);
	AUTO(buf_release) struct buf b = BUF_INIT;
	bool is_short = !sep && at && !memchr(rest, ':', (size_t)(at - rest));

	if (!at || is_short) {
		utf8_addcut(out, url, URL_MAX);
		return;
	}
	buf_add(&b, url, (size_t)(rest - url));
	buf_addz(&b, at + 1);
	utf8_addcut(out, b.data, URL_MAX);
}

void
mirror_name(const char *repository, struct buf *out)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char hex[SHA_HEX + 1];
	git_oid id;

	percent_put(&b, repository);
	if (b.len <= NAME_PLAIN_MAX) {
		buf_addf(out, "%s.git", b.data);
		return;
	}
	git_odb_hash(&id, repository, strlen(repository), GIT_OBJECT_BLOB);
	git_oid_tostr(hex, sizeof(hex), &id);
	buf_addf(out, "%.*s-%s.git", NAME_CUT, b.data, hex);
}
