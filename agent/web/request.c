/* SPDX-License-Identifier: MIT */
/* See request.h.  What an answer looks like is reply.c's. */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "web/access.h"
#include "web/head.h"
#include "web/linger.h"
#include "web/request.h"
#include "web/routes.h"

/* An ask on its way: the core may answer it after the request is gone. */
struct ask_box {
	struct ask ask;
	struct letter letter;
	struct mail *mail;
	struct request *req;
};

static void
box_free(struct ask_box *b)
{
	free(b->ask.runs);
	buf_release(&b->ask.json);
	if (b->ask.view)
		run_view_unref(b->ask.view);
	mail_unref(b->mail);
	free(b);
}

/* ---- life ---- */

static struct conn *
conn_of(struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

/* The request line has been read. */
void *
request_begin(void *cls, const char *uri, struct MHD_Connection *mc)
{
	struct listener *l = cls;
	struct conn *c = conn_of(mc);
	struct request *r;
	size_t len = strlen(uri);

	if (!c)
		return NULL;
	request_free(c->req);
	r = xcalloc(1, sizeof(*r));
	buf_init(&r->body);
	r->web = l->web;
	r->conn = c;
	r->mc = mc;
	r->too_long = len > WEB_URL ? 414 : 0;
	r->url = xstrndup(uri, MIN(strcspn(uri, "?"), (size_t)WEB_URL));
	r->line[0] = uri;
	r->line[1] = uri + len;
	c->req = r;
	conn_deadline(c, clock_boot_ms() + WEB_HEAD_MS);
	return r;
}

void
request_free(struct request *r)
{
	if (!r)
		return;
	if (r->conn->req == r)
		r->conn->req = NULL;
	if (r->box)
		r->box->req = NULL; /* the core has it still */
	if (r->is_suspended)
		r->web->suspended--;
	if (r->data_free)
		r->data_free(r->data);
	for (size_t i = 0; i < r->nargs; i++)
		free(r->arg[i]);
	r->web->body_bytes -= r->body.len;
	buf_release(&r->body);
	if (r->conf)
		config_unref(r->conf);
	free(r->url);
	free(r);
}

void
request_completed(void *cls UNUSED, struct MHD_Connection *mc, void **ctx,
	enum MHD_RequestTerminationCode why UNUSED)
{
	struct conn *c = conn_of(mc);
	struct request *r = *ctx;

	if (r && r->has_unread)
		linger_start(r->web, r->conn->fd);
	request_free(r);
	*ctx = NULL;
	if (c)
		conn_deadline(c, clock_boot_ms() + WEB_IDLE_MS);
}

/* ---- the head ---- */

/* NULL: a broken escape, a NUL, or not UTF-8. */
static char *
decode_arg(const char *v)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(freep) char *plain = xstrdup(v);

	for (char *c = plain; *c; c++)
		if (*c == '+')
			*c = ' ';
	if (percent_get(&b, plain, strlen(plain)) < 0 ||
		!utf8_valid(b.data, b.len))
		return NULL;
	return buf_take(&b);
}

static enum MHD_Result
check_arg(void *cls, enum MHD_ValueKind kind UNUSED, const char *name UNUSED,
	const char *value)
{
	AUTO(freep) char *text = decode_arg(value ? value : "");
	bool *bad = cls;

	if (!text)
		*bad = true;
	return text ? MHD_YES : MHD_NO;
}

/* An argument that cannot be read is refused, not overlooked: without it
 * the answer would be to another question. */
static bool
has_bad_args(const struct request *r)
{
	bool bad = false;

	MHD_get_connection_values(
		r->mc, MHD_GET_ARGUMENT_KIND, check_arg, &bad);
	return bad;
}

/* When a body of that many bytes must be there. */
static int64_t
body_deadline(const struct request *r, size_t bytes)
{
	return r->head_done_ms + WEB_BODY_MS +
	       (int64_t)bytes / WEB_BODY_STEP * 1000;
}

/* Reads no byte of the body: what is refused here is refused cheaply. */
static void
check_request(struct request *r, const char *version)
{
	enum head_fault fault;
	uint64_t length = 0;

	r->conf = core_config(r->web->core);
	fault = head_check(
		r->mc, r->method, r->line, version, &length, &r->is_proper);
	r->is_bad = fault != HEAD_OK || strstr(r->url, "%00");
	if (r->too_long)
		reply_problem(r, r->too_long,
			"the address is longer than %d bytes", WEB_URL);
	else if (r->is_bad)
		reply_problem(r, 400, "%s", head_fault_text(fault));
	else if (has_bad_args(r))
		reply_problem(r, 400,
			"the address has an argument that is not UTF-8 in "
			"percent-encoding");
	else if (__atomic_load_n(&r->web->is_stopping, __ATOMIC_ACQUIRE))
		reply_problem(r, 503, "the agent is shutting down");
	else if (route_find(r) && access_check(r) &&
		 length > (uint64_t)r->body_max)
		reply_problem(r, 413,
			"the body has %" PRIu64 " bytes, the limit is %zu",
			length, r->body_max);
	r->has_unread = r->is_queued && length;
	r->head_done_ms = clock_boot_ms();
	conn_deadline(
		r->conn, body_deadline(r, MIN(length, (uint64_t)r->body_max)));
}

/* ---- the body ---- */

static enum MHD_Result
take_body(struct request *r, const char *data, size_t *len)
{
	size_t n = *len;

	*len = 0;
	/* Only a chunked body gets here: one with a length was refused by
	 * its head.  An answer cannot be given in the middle of an upload. */
	if (n > r->body_max - MIN(r->body.len, r->body_max)) {
		log_line(LOG_NOTICE,
			"web: %s: a body over %zu bytes was cut off",
			r->conn->addr, r->body_max);
		return MHD_NO;
	}
	if (r->web->body_bytes + n > WEB_BODIES) {
		log_line(LOG_WARN,
			"web: %s: the bodies of all requests "
			"reached %zu bytes, one was cut off",
			r->conn->addr, WEB_BODIES);
		return MHD_NO;
	}
	buf_add(&r->body, data, n);
	r->web->body_bytes += n;
	/* A chunked one earns its time as it comes. */
	if (body_deadline(r, r->body.len) > r->conn->deadline_ms)
		conn_deadline(r->conn, body_deadline(r, r->body.len));
	return MHD_YES;
}

enum MHD_Result
request_handle(void *cls UNUSED, struct MHD_Connection *mc UNUSED,
	const char *url UNUSED, const char *method, const char *version,
	const char *data, size_t *len, void **ctx)
{
	struct request *r = *ctx;

	if (!r)
		return MHD_NO;
	r->method = method;
	if (!r->has_head) {
		r->has_head = true;
		check_request(r, version);
		return MHD_YES;
	}
	if (*len)
		return take_body(r, data, len);
	if (r->is_queued)
		return MHD_YES;
	conn_deadline(r->conn, INT64_MAX);
	if (r->is_abandoned) {
		reply_problem(r, 503, "the agent is shutting down");
	} else if (r->is_answered) {
		struct ask_box *b = STEAL(r->box);

		r->is_answered = false;
		r->answered(r, &b->ask);
		box_free(b);
	} else if (!r->is_suspended) {
		r->route->handle(r);
	}
	return r->is_queued || r->is_suspended ? MHD_YES : MHD_NO;
}

/* ---- asking the core ---- */

static void
resume(struct request *r)
{
	if (!r->is_suspended)
		return;
	r->is_suspended = false;
	r->web->suspended--;
	MHD_resume_connection(r->mc);
}

static void
open_answer(struct letter *l)
{
	struct ask_box *b =
		(struct ask_box *)((char *)l -
				   offsetof(struct ask_box, letter));
	struct request *r = b->req;

	if (!r) {
		box_free(b);
		return;
	}
	r->is_answered = true;
	resume(r);
}

/* On the core's thread. */
static void
on_answer(struct ask *a)
{
	struct ask_box *b = a->arg;

	if (!mail_post(b->mail, &b->letter))
		box_free(b);
}

struct ask *
request_new_ask(struct request *r, enum ask_kind kind)
{
	struct ask_box *b = xcalloc(1, sizeof(*b));

	buf_init(&b->ask.json);
	b->ask.kind = kind;
	b->ask.done = on_answer;
	b->ask.arg = b;
	b->letter.open = open_answer;
	b->mail = mail_ref(r->web->mail);
	b->req = r;
	return &b->ask;
}

void
request_ask(struct request *r, struct ask *a,
	void (*answered)(struct request *r, struct ask *a))
{
	r->box = a->arg;
	r->answered = answered;
	r->is_suspended = true;
	r->web->suspended++;
	MHD_suspend_connection(r->mc);
	core_ask(r->web->core, a);
}

void
request_abandon(struct request *r)
{
	if (!r || !r->is_suspended)
		return;
	r->is_abandoned = true;
	if (r->box)
		r->box->req = NULL;
	r->box = NULL;
	resume(r);
}

/* ---- what came ---- */

const char *
request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, name);
}

char *
request_arg(const struct request *r, const char *name)
{
	const char *v =
		MHD_lookup_connection_value(r->mc, MHD_GET_ARGUMENT_KIND, name);

	return v ? decode_arg(v) : NULL;
}

bool
request_flag(const struct request *r, const char *name)
{
	return str_eq(
		MHD_lookup_connection_value(r->mc, MHD_GET_ARGUMENT_KIND, name),
		"1");
}
