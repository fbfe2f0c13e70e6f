/* SPDX-License-Identifier: MIT */
/* See routes.h. */
#include "base/base.h"
#include "base/enc.h"
#include "web/routes.h"

#define BODY_SMALL_MAX ((size_t)64 << 10)
#define BODY_PUSH_MAX ((size_t)1 << 20)
#define BODY_HOOK_MAX ((size_t)25 << 20) /* GitHub's own limit */

/* clang-format off */
static const struct route routes[] = {
	{ "GET", "/healthz", api_health, WHO_ANYONE, ROUTE_ANY_HOST, 0 },
	{ "POST", "/hooks/*", hook_receive, WHO_ANYONE, ROUTE_ANY_HOST,
		BODY_HOOK },
	{ "POST", "/hooks/*/**", hook_receive, WHO_ANYONE, ROUTE_ANY_HOST,
		BODY_HOOK },
	{ "GET", "/api/v1/openapi.json", api_description, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/status", api_status, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs", api_runs, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs/#", api_run, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs/#/log", live_log, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs/#/stream", live_records, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs/#/journal", api_journal, WHO_ANYONE, 0, 0 },
	{ "GET", "/api/v1/runs/#/why", api_why, WHO_ANYONE, 0, 0 },
	{ "POST", "/api/v1/runs/#/retry", api_retry, WHO_ADMIN, 0,
		BODY_SMALL },
	{ "POST", "/api/v1/runs/#/cancel", api_cancel, WHO_ADMIN, 0,
		BODY_SMALL },
	{ "POST", "/api/v1/runs/#/approve", api_approve, WHO_ADMIN, 0,
		BODY_SMALL },
	{ "POST", "/api/v1/gc", api_gc, WHO_ADMIN, 0, BODY_SMALL },
	{ "POST", "/api/v1/push", push_receive, WHO_UNIX, 0, BODY_PUSH },
	{ "GET", "/events", live_events, WHO_ANYONE, 0, 0 },
	{ "GET", "/", site_runs, WHO_ANYONE, ROUTE_PAGE, 0 },
	{ "GET", "/runs/#", site_run, WHO_ANYONE, ROUTE_PAGE, 0 },
	{ "GET", "/runs/#/*/*/log", live_step_log, WHO_ANYONE, ROUTE_PAGE, 0 },
	{ "GET", "/assets/*", site_asset, WHO_ANYONE, ROUTE_PAGE, 0 },
	{ "GET", "/badge/**", site_badge, WHO_ANYONE, 0, 0 },
};
/* clang-format on */

/* One part of a path, up to the next slash, decoded; NULL when it cannot
 * be: a broken escape, a NUL, or what is not UTF-8. */
static char *
decode(const char *s, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (percent_get(&b, s, n) < 0 || !utf8_valid(b.data, b.len))
		return NULL;
	return buf_take(&b);
}

static bool
take_arg(const char *s, size_t n, char *arg[REQUEST_ARGS], size_t *nargs)
{
	char *text = n ? decode(s, n) : NULL;

	if (!text || *nargs == REQUEST_ARGS) {
		free(text);
		return false;
	}
	arg[(*nargs)++] = text;
	return true;
}

/* A number as we write it: no sign, no leading zero. */
static bool
take_id(const char *s, size_t n, uint64_t *ret_id)
{
	AUTO(freep) char *text = xstrndup(s, n);
	int64_t v;

	if (*text == '0' || num_parse(text, 1, INT64_MAX, &v) < 0)
		return false;
	*ret_id = (uint64_t)v;
	return true;
}

static bool
match_parts(const char *pattern, const char *path, char *arg[REQUEST_ARGS],
	size_t *nargs, uint64_t *id)
{
	while (*pattern == '/' && *path == '/') {
		size_t pn = strcspn(++pattern, "/");
		size_t n = strcspn(++path, "/");

		if (pn == 2 && !strncmp(pattern, "**", 2))
			return take_arg(path, strlen(path), arg, nargs);
		if (pn == 1 && *pattern == '*') {
			if (!take_arg(path, n, arg, nargs))
				return false;
		} else if (pn == 1 && *pattern == '#') {
			if (!take_id(path, n, id))
				return false;
		} else if (pn != n || strncmp(pattern, path, n)) {
			return false;
		}
		pattern += pn;
		path += n;
	}
	return !*pattern && !*path;
}

bool
route_match(const char *pattern, const char *path, char *arg[REQUEST_ARGS],
	size_t *ret_nargs, uint64_t *ret_id)
{
	*ret_nargs = 0;
	if (match_parts(pattern, path, arg, ret_nargs, ret_id))
		return true;
	while (*ret_nargs)
		free(arg[--*ret_nargs]);
	return false;
}

bool
route_is_for_people(const struct request *r)
{
	if (r->route)
		return r->route->flags & ROUTE_PAGE;
	return !str_starts(r->url, "/api/") && !str_starts(r->url, "/hooks") &&
	       !str_eq(r->method, "POST");
}

static size_t
body_max(const struct request *r)
{
	int64_t hook = r->conf->conf.webhook_max_bytes;

	switch (r->route->body) {
	case BODY_SMALL:
		return BODY_SMALL_MAX;
	case BODY_PUSH:
		return BODY_PUSH_MAX;
	case BODY_HOOK:
		return hook <= 0 ? BODY_HOOK_MAX
				 : MIN((size_t)hook, BODY_HOOK_MAX);
	case BODY_NONE:
		break;
	}
	return 0;
}

bool
route_find(struct request *r)
{
	const char *method = str_eq(r->method, "HEAD") ? "GET" : r->method;
	const char *allow = NULL;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct route *t = &routes[i];

		if (!route_match(t->pattern, r->url, r->arg, &r->nargs, &r->id))
			continue;
		if (str_eq(t->method, method)) {
			r->route = t;
			r->body_max = body_max(r);
			return true;
		}
		allow = t->method;
		while (r->nargs)
			free(r->arg[--r->nargs]);
	}
	if (allow) {
		reply_header(
			r, "Allow", str_eq(allow, "GET") ? "GET, HEAD" : allow);
		reply_problem(r, 405, "this address takes %s", allow);
	} else {
		reply_problem(r, 404, "there is nothing at this address");
	}
	return false;
}
