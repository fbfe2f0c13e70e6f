/* SPDX-License-Identifier: MIT */
/* What the unit tests of the forges share: requests made by hand, and the
 * three things that can become of one. */
#ifndef T_FORGE_REQUEST_H
#define T_FORGE_REQUEST_H

#include "base/base.h"
#include "forge/forge.h"
#include "model/push.h"

#include "tap.h"

#include <strings.h>

#define SHA_A "1111111111111111111111111111111111111111"
#define SHA_B "2222222222222222222222222222222222222222"

/* Headers are "name", "value" pairs, ended by NULL. */
__attribute__((unused)) static const char *
header(const char *name, void *arg)
{
	for (const char *const *at = arg; at && *at; at += 2)
		if (!strcasecmp(name, at[0]))
			return at[1];
	return NULL;
}

__attribute__((unused)) static struct forge_request
request(const char *const *headers, const char *body)
{
	return (struct forge_request){
		.header = header,
		.arg = (void *)(uintptr_t)headers,
		.body = body,
		.len = strlen(body),
		.now_s = 1614265330,
	};
}

/* Parses; the caller releases.  On error why is in e. */
__attribute__((unused)) static int
parse(enum forge_kind kind, const char *event, const char *body,
	struct delivery *d, struct err *e)
{
	const char *const headers[] = { "X-GitHub-Event", event,
		"X-Gitea-Event", event, "X-GitHub-Delivery", "id-1",
		"X-Gitea-Delivery", "id-2", "Idempotency-Key", "id-3", NULL };
	struct forge_request r = request(headers, body);

	memset(d, 0, sizeof(*d));
	return forge_parse(kind, &r, d, e);
}

__attribute__((unused)) static void
ignored(enum forge_kind kind, const char *event, const char *body,
	const char *want, const char *what)
{
	struct delivery d;
	struct err e = { 0 };
	int rc = parse(kind, event, body, &d, &e);

	ok(rc == 0 && d.what == DELIVERY_IGNORED && d.why &&
			strstr(d.why, want),
		"%s", what);
	if (rc)
		printf("# %s\n", e.msg);
	else if (d.why && !strstr(d.why, want))
		printf("# %s\n", d.why);
	delivery_release(&d);
}

__attribute__((unused)) static void
refused(enum forge_kind kind, const char *event, const char *body,
	const char *want)
{
	struct delivery d;
	struct err e = { 0 };
	int rc = parse(kind, event, body, &d, &e);

	ok(rc < 0 && e.code == ERR_PERM && strstr(e.msg, want), "refused: %s",
		want);
	if (rc == 0 || !strstr(e.msg, want))
		printf("# %d '%s'\n", rc, e.msg);
	delivery_release(&d);
}

#endif
