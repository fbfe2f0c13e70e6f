/* SPDX-License-Identifier: MIT */
/*
 * The table of addresses: method, pattern, handler, and who may use it.  A
 * pattern's parts are "#" (a run's number), "*" (any one part) and "**"
 * (the rest, with slashes).
 */
#ifndef WEB_ROUTES_H
#define WEB_ROUTES_H

#include "base/base.h"
#include "web/request.h"

enum route_who {
	WHO_ANYONE, /* what is shown depends on the repository */
	WHO_UNIX,   /* the unix socket only; the handler looks at the uid */
	WHO_ADMIN,  /* a token on TCP; root or the agent's uid on unix */
};

enum route_flag {
	ROUTE_ANY_HOST = 1, /* the Host header is not looked at */
	ROUTE_PAGE = 2,     /* for people: errors are pages */
};

enum route_body { BODY_NONE, BODY_SMALL, BODY_PUSH, BODY_HOOK };

struct route {
	const char *method, *pattern;
	void (*handle)(struct request *r);
	enum route_who who;
	unsigned int flags;
	enum route_body body;
};

/* Sets r->route and the path's parts, or answers 404 or 405 itself and
 * returns false. */
bool route_find(struct request *r);
/* By the route, or by the address where there is none. */
bool route_is_for_people(const struct request *r);

/* Does a pattern match a path?  For tests as well. */
bool route_match(const char *pattern, const char *path, char *arg[REQUEST_ARGS],
	size_t *ret_nargs, uint64_t *ret_id);

/* ---- the handlers ---- */

void hook_receive(struct request *r); /* hooks.c */
void push_receive(struct request *r); /* push.c */
void api_health(struct request *r);   /* api.c */
void api_status(struct request *r);
void api_runs(struct request *r);
void api_run(struct request *r);
void api_retry(struct request *r);
void api_cancel(struct request *r);
void api_approve(struct request *r);
void api_gc(struct request *r);
void api_journal(struct request *r);
void api_why(struct request *r);
void api_description(struct request *r);
void live_log(struct request *r); /* live.c */
void live_records(struct request *r);
void live_events(struct request *r);
void live_step_log(struct request *r);
void site_runs(struct request *r); /* site.c */
void site_run(struct request *r);
void site_asset(struct request *r);
void site_badge(struct request *r);
/* An error as a page. */
void site_error(struct request *r, unsigned int status, const char *title,
	const char *detail);

#endif
