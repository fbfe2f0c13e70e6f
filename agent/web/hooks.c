/* SPDX-License-Identifier: MIT */
/*
 * Webhooks: verified before parsed, deduplicated, answered after the
 * commit.  Which repository a delivery is for is known only from its body,
 * so every secret of that forge kind is tried (or the named repository's),
 * and once the body has been read, that repository's own must fit too.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/json.h"
#include "base/log.h"
#include "forge/forge.h"
#include "web/access.h"
#include "web/routes.h"

#include <openssl/sha.h>

struct hook {
	struct delivery delivery;
	struct strv keys;
};

static void
hook_free(void *data)
{
	struct hook *h = data;

	delivery_release(&h->delivery);
	strv_release(&h->keys);
	free(h);
}

static const char *
get_header(const char *name, void *arg)
{
	return request_header(arg, name);
}

/* One text for whatever is wrong: a stranger learns nothing. */
static void
refuse(struct request *r)
{
	struct web *w = r->web;
	const char *addr = r->conn->addr;
	int64_t now = clock_boot_ms();

	penalty_add(w->penalty, addr, now);
	if (penalty_is_due(w->penalty, addr, now)) {
		reply_header(r, "Retry-After", "60");
		reply_problem(r, 429, "too many bad signatures");
		return;
	}
	log_line(LOG_NOTICE,
		"web: %s: a delivery to %s with a signature of "
		"none of the configured secrets",
		addr, r->url);
	reply_problem(r, 401, "the signature or token is not valid");
}

static bool
verify(enum forge_kind kind, const struct forge_request *fr,
	const struct repo_conf *repo)
{
	struct err why;

	return repo && repo->kind == kind &&
	       !forge_verify(kind, fr, repo, &why);
}

static bool
verify_any(const struct request *r, enum forge_kind kind,
	const struct forge_request *fr)
{
	const struct config *conf = &r->conf->conf;

	if (r->nargs > 1)
		return verify(kind, fr, config_repo(conf, r->arg[1]));
	for (size_t i = 0; i < conf->nrepos; i++)
		if (verify(kind, fr, &conf->repos[i]))
			return true;
	return false;
}

static void
answered(struct request *r, struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	if (!a->ok) {
		reply_err(r, &a->err);
		return;
	}
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	if (a->nruns)
		jout_int(&o, "run", (int64_t)a->runs[0]);
	jout_arr(&o, "runs");
	for (size_t i = 0; i < a->nruns; i++)
		jout_int(&o, NULL, (int64_t)a->runs[i]);
	jout_end(&o);
	jout_end(&o);
	reply_json(r, a->duplicate ? 200 : 202, &b);
}

static void
reply_ignored(struct request *r, const char *reason)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_str(&o, "status", "ignored");
	jout_str(&o, "reason", reason);
	jout_end(&o);
	reply_json(r, 200, &b);
}

/* The id is a header outside the signature, so the body is a key as well:
 * a replay with a new id stays a repeat. */
static void
add_keys(struct hook *h, const struct request *r, enum forge_kind kind)
{
	const char *name = forge_kind_name(kind);
	unsigned char sum[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	SHA256((const unsigned char *)r->body.data, r->body.len, sum);
	hex_put(hex, sum, sizeof(sum));
	if (h->delivery.id)
		strv_addf(&h->keys, "%s:id:%s", name, h->delivery.id);
	strv_addf(&h->keys, "%s:sha256:%s", name, hex);
}

static void
deliver(struct request *r, struct hook *h, enum forge_kind kind,
	const struct repo_conf *repo)
{
	struct push *p = &h->delivery.push;
	struct ask *a;

	free(p->repository);
	p->repository = xstrdup(repo->name);
	if (!p->source)
		p->source = xstrdup(forge_kind_name(kind));
	if (!p->delivery && h->delivery.id)
		p->delivery = xstrdup(h->delivery.id);
	add_keys(h, r, kind);
	a = request_new_ask(r, ASK_DELIVER);
	a->pushes = p;
	a->npushes = 1;
	a->keys = h->keys;
	request_ask(r, a, answered);
}

static void
accept_delivery(
	struct request *r, enum forge_kind kind, const struct forge_request *fr)
{
	struct hook *h = xcalloc(1, sizeof(*h));
	const struct repo_conf *repo;
	struct err e;

	r->data = h;
	r->data_free = hook_free;
	if (forge_parse(kind, fr, &h->delivery, &e) < 0) {
		reply_problem(r, 400, "%s", e.msg);
		return;
	}
	if (h->delivery.what == DELIVERY_PING) {
		reply_ignored(r, "a ping: the webhook works");
		return;
	}
	if (!h->delivery.repository) {
		if (h->delivery.what == DELIVERY_IGNORED)
			reply_ignored(r, h->delivery.why);
		else
			reply_problem(r, 400,
				"the delivery does not name "
				"its repository");
		return;
	}
	repo = config_repo(&r->conf->conf, h->delivery.repository);
	if (!repo || repo->kind != kind)
		reply_problem(r, 404, "repository '%s' is not configured",
			h->delivery.repository);
	else if (!verify(kind, fr, repo))
		refuse(r);
	else if (h->delivery.what == DELIVERY_IGNORED)
		reply_ignored(r, h->delivery.why);
	else
		deliver(r, h, kind, repo);
}

void
hook_receive(struct request *r)
{
	struct forge_request fr = {
		.header = get_header,
		.arg = r,
		.body = r->body.data,
		.len = r->body.len,
		.now_s = clock_wall_ms() / 1000,
	};
	enum forge_kind kind = forge_kind_from_name(r->arg[0]);

	if (kind == FORGE_NONE || kind == FORGE_LOCAL) {
		reply_problem(r, 404,
			"webhooks go to /hooks/github, "
			"/hooks/gitlab or /hooks/gitea");
		return;
	}
	/* Behind a proxy everybody has this machine's address: there a good
	 * signature is never made to wait for others' bad ones. */
	if (!r->conn->is_loopback && penalty_is_due(r->web->penalty,
					     r->conn->addr, clock_boot_ms())) {
		reply_header(r, "Retry-After", "60");
		reply_problem(r, 429, "too many bad signatures");
		return;
	}
	if (!verify_any(r, kind, &fr))
		refuse(r);
	else
		accept_delivery(r, kind, &fr);
}
