/* SPDX-License-Identifier: MIT */
/*
 * Sends requests with libcurl's multi interface on our loop.  libcurl is
 * initialised at the first call out.  Does not follow redirects to another
 * origin, reads at most 256 KiB, has a deadline for all.
 */
#ifndef FORGE_POST_H
#define FORGE_POST_H

#include "base/base.h"
#include "base/err.h"
#include "forge/forge.h"
#include "os/loop.h"

struct poster;

/* The program ignores SIGPIPE. */
struct poster *poster_new(struct loop *l);
/* Drops what is under way; the callbacks are not called. */
void poster_free(struct poster *p);

/* Called once from the loop, which it may use, and poster_send too, but not
 * poster_free.  a->code 0: e (and a->err) says why there was no answer:
 * ERR_TEMP when trying again may help, ERR_PERM for a certificate that was
 * refused, say.  a and e live only during the call. */
typedef void post_done_fn(
	const struct status_answer *a, const struct err *e, void *arg);

/* Copies what it needs of r.  At most 8 go out at once, the others wait;
 * timeout_ms runs from when the request goes out. */
int poster_send(struct poster *p, const struct status_request *r,
	int64_t timeout_ms, post_done_fn *done, void *arg, struct err *e);
/* Those that wait, too. */
size_t poster_active(const struct poster *p);

#endif
