/* SPDX-License-Identifier: MIT */
/* Answers: headers that every one carries, problems, errors of the core. */
#include "base/base.h"
#include "base/json.h"
#include "web/pages.h"
#include "web/request.h"
#include "web/routes.h"

#define RETRY_AFTER_S "30"

/* Unless the answer has its own: nothing is loaded from elsewhere, nothing
 * inline runs, nobody frames us, nothing is kept. */
static const struct {
	const char *name, *value;
} always[] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; "
		"img-src 'self'; connect-src 'self'; frame-ancestors 'none'; "
		"base-uri 'none'; form-action 'none'" },
	{ "Cache-Control", "no-store" },
};

void
reply_header(struct request *r, const char *name, const char *value)
{
	assert(r->nheaders < REQUEST_HEADERS);
	r->header[r->nheaders].name = name;
	r->header[r->nheaders].value = value;
	r->nheaders++;
}

void
reply_response(
	struct request *r, unsigned int status, struct MHD_Response *take)
{
	if (!take)
		return;
	for (size_t i = 0; i < r->nheaders; i++)
		MHD_add_response_header(
			take, r->header[i].name, r->header[i].value);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!MHD_get_response_header(take, always[i].name))
			MHD_add_response_header(
				take, always[i].name, always[i].value);
	if (status == 503 && !MHD_get_response_header(take, "Retry-After"))
		MHD_add_response_header(take, "Retry-After", RETRY_AFTER_S);
	if (!r->is_proper)
		MHD_add_response_header(take, "Connection", "close");
	r->is_queued = MHD_queue_response(r->mc, status, take) == MHD_YES;
	MHD_destroy_response(take);
}

void
reply(struct request *r, unsigned int status, const char *type,
	struct buf *body)
{
	size_t len = body->len;
	struct MHD_Response *resp;

	if (len)
		resp = MHD_create_response_from_buffer(
			len, buf_take(body), MHD_RESPMEM_MUST_FREE);
	else
		resp = MHD_create_response_from_buffer(
			0, buf_empty, MHD_RESPMEM_PERSISTENT);
	reply_header(r, "Content-Type", type);
	reply_response(r, status, resp);
}

void
reply_static(struct request *r, unsigned int status, const char *type,
	const char *data, size_t len)
{
	reply_header(r, "Content-Type", type);
	reply_response(r, status,
		MHD_create_response_from_buffer(
			len, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT));
}

void
reply_json(struct request *r, unsigned int status, struct buf *body)
{
	buf_addc(body, '\n');
	reply(r, status, "application/json", body);
}

static const char *
status_title(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *title;
	} titles[] = {
		{ 400, "bad request" },
		{ 401, "not authorised" },
		{ 403, "forbidden" },
		{ 404, "not found" },
		{ 405, "method not allowed" },
		{ 406, "not acceptable" },
		{ 409, "conflict" },
		{ 413, "too large" },
		{ 414, "address too long" },
		{ 421, "unknown host" },
		{ 429, "too many requests" },
		{ 500, "internal error" },
		{ 503, "unavailable" },
	};

	for (size_t i = 0; i < ARRAY_LEN(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "error";
}

static void
reply_problem_json(struct request *r, unsigned int status, const char *detail)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_str(&o, "title", status_title(status));
	jout_int(&o, "status", status);
	jout_str(&o, "detail", detail);
	jout_end(&o);
	buf_addc(&b, '\n');
	reply(r, status, "application/problem+json", &b);
}

void
reply_problem(struct request *r, unsigned int status, const char *fmt, ...)
{
	AUTO(freep) char *detail = NULL;
	va_list ap;

	va_start(ap, fmt);
	detail = xvasprintf(fmt, ap);
	va_end(ap);
	if (route_is_for_people(r))
		site_error(r, status, status_title(status), detail);
	else
		reply_problem_json(r, status, detail);
}

void
reply_err(struct request *r, const struct err *e)
{
	static const struct {
		enum err_code code;
		unsigned int status;
	} map[] = {
		{ ERR_TEMP, 503 },
		{ ERR_PERM, 409 },
		{ ERR_ABSENT, 404 },
		{ ERR_DENIED, 403 },
		{ ERR_CANCELED, 503 },
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (map[i].code == e->code) {
			reply_problem(r, map[i].status, "%s", e->msg);
			return;
		}
	reply_problem(r, 500, "%s", e->msg);
}
