/* SPDX-License-Identifier: MIT */
/*
 * One request: its head is checked, its body collected, its route's handler
 * called once, and whatever the handler wants to know from the core is
 * asked while the connection is suspended.
 *
 * A handler ends in exactly one of: reply_*, request_ask, stream_start
 * (live.h).
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "base/base.h"
#include "base/buf.h"
#include "core/core.h"
#include "web/server.h"

#define REQUEST_ARGS 4
#define REQUEST_HEADERS 6

struct route;

struct request {
	struct web *web;
	struct conn *conn;
	struct MHD_Connection *mc;
	const struct route *route;
	struct config_ref *conf; /* in force when the request began */
	char *url;               /* as it came, without the query */
	const char *line[2]; /* the address in the read buffer: begin, end */
	const char *method;
	char *arg[REQUEST_ARGS]; /* the path's variable parts, decoded */
	size_t nargs;
	uint64_t id; /* the path's number, if it has one */
	struct buf body;
	size_t body_max;
	int64_t head_done_ms;
	bool has_unread; /* refused before its body was read */
	bool has_head, is_bad, is_proper, is_queued, is_suspended;
	unsigned int too_long; /* 414: the address */
	struct {               /* added to the answer; borrowed */
		const char *name, *value;
	} header[REQUEST_HEADERS];
	size_t nheaders;
	/* Asking the core. */
	struct ask_box *box;
	bool is_answered, is_abandoned;
	void (*answered)(struct request *r, struct ask *a);
	void *data; /* the handler's own, between asks */
	void (*data_free)(void *data);
};

/* ---- for server.c ---- */

void *request_begin(void *cls, const char *uri, struct MHD_Connection *mc);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *mc,
	const char *url, const char *method, const char *version,
	const char *data, size_t *len, void **ctx);
void request_completed(void *cls, struct MHD_Connection *mc, void **ctx,
	enum MHD_RequestTerminationCode why);
void request_free(struct request *r);
/* The core will not be waited for any longer: answers 503.  NULL is fine. */
void request_abandon(struct request *r);

/* ---- for handlers ---- */

/* A request header, any case; NULL when absent. */
const char *request_header(const struct request *r, const char *name);
/* A query argument, decoded: heap memory, or NULL when absent or broken. */
char *request_arg(const struct request *r, const char *name);
bool request_flag(const struct request *r, const char *name); /* "1" */

/* Fills a zeroed ask that request_ask then takes along. */
struct ask *request_new_ask(struct request *r, enum ask_kind kind);
/* Asks the core; answered is called on the web thread with the answer,
 * which lives during the call.  pushes, keys and text given to the ask are
 * the caller's and must live in r->data. */
void request_ask(struct request *r, struct ask *a,
	void (*answered)(struct request *r, struct ask *a));

/* Adds a header to the coming answer.  The value is never made of bytes of
 * the request, and must live until the reply. */
void reply_header(struct request *r, const char *name, const char *value);
/* Takes the contents of body. */
void reply(struct request *r, unsigned int status, const char *type,
	struct buf *body);
/* Text that lives as long as the agent: not copied. */
void reply_static(struct request *r, unsigned int status, const char *type,
	const char *data, size_t len);
void reply_json(struct request *r, unsigned int status, struct buf *body);
/* application/problem+json, or a page where a person asked for one. */
void reply_problem(struct request *r, unsigned int status, const char *fmt, ...)
	PRINTF(3, 4);
/* What an error of the core means in HTTP. */
void reply_err(struct request *r, const struct err *e);
/* A response that somebody else made; dropped after it. */
void reply_response(
	struct request *r, unsigned int status, struct MHD_Response *take);

#endif
