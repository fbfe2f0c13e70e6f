/* SPDX-License-Identifier: MIT */
/*
 * For the shell tests: one JSON object per line in, one per line out.
 *   forge_check parse   {"kind","secret","headers":{},"body":"..."}
 *   forge_check post    {"kind","api","token","repository","sha","ref",
 *                        "context","state","description","target_url",
 *                        "timeout_ms"}: all are sent at once
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "forge/forge.h"
#include "forge/post.h"
#include "model/config.h"
#include "model/push.h"
#include "os/loop.h"

#include <signal.h>
#include <strings.h>

static const char *
header(const char *name, void *arg)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)arg, key,
		value) if (!strcasecmp(key,
				   name)) return json_string_value(value);
	return NULL;
}

static void
print(struct buf *b)
{
	puts(b->data);
	fflush(stdout);
	buf_reset(b);
}

static void
put_delivery(struct json_out *o, const struct delivery *d)
{
	static const char *const names[] = {
		[DELIVERY_PUSH] = "push",
		[DELIVERY_PING] = "ping",
		[DELIVERY_IGNORED] = "ignored",
	};
	json_t *push = push_to_json(&d->push);

	jout_str(o, "what", names[d->what]);
	jout_opt(o, "why", d->why);
	jout_opt(o, "repository", d->repository);
	jout_opt(o, "id", d->id);
	jout_value(o, "push", push);
	json_decref(push);
}

static void
parse_line(const json_t *in)
{
	struct repo_conf repo = { .name = (char *)(uintptr_t) "test" };
	const char *body = jget_str(in, "body");
	struct forge_request r = {
		.header = header,
		.arg = jget_obj(in, "headers"),
		.body = body,
		.len = body ? strlen(body) : 0,
		.now_s = clock_wall_ms() / 1000,
	};
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct delivery d;
	struct json_out o;
	struct err e;

	repo.kind = forge_kind_from_name(jget_str(in, "kind"));
	repo.webhook_secret = (char *)(uintptr_t)jget_str(in, "secret");
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_bool(&o, "verified", !forge_verify(repo.kind, &r, &repo, &e));
	if (forge_parse(repo.kind, &r, &d, &e) < 0) {
		jout_str(&o, "error", e.msg);
	} else {
		put_delivery(&o, &d);
		delivery_release(&d);
	}
	jout_end(&o);
	print(&b);
}

struct sent {
	enum forge_kind kind;
	char *state;
	int64_t n, started_ms;
};

static unsigned int left;

static void
on_answer(const struct status_answer *a, const struct err *e UNUSED, void *arg)
{
	static const char *const names[] = {
		[STATUS_OK] = "ok",
		[STATUS_RETRY] = "retry",
		[STATUS_DEAD] = "dead",
	};
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct sent *s = arg;
	enum status_verdict v;
	struct json_out o;
	struct err why;
	int64_t wait;

	v = forge_verdict(s->kind, a, s->state, &wait, &why);
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_int(&o, "n", s->n);
	jout_int(&o, "code", a->code);
	jout_str(&o, "verdict", names[v]);
	jout_int(&o, "wait_ms", wait);
	jout_int(&o, "took_ms", clock_boot_ms() - s->started_ms);
	jout_opt(&o, "why", why.msg);
	jout_end(&o);
	print(&b);
	free(s->state);
	free(s);
	left--;
}

static void
post_line(struct poster *p, const json_t *in)
{
	static int64_t n;
	struct repo_conf repo = {
		.name = (char *)(uintptr_t)jget_str(in, "repository"),
		.kind = forge_kind_from_name(jget_str(in, "kind")),
		.api = (char *)(uintptr_t)jget_str(in, "api"),
		.token = (char *)(uintptr_t)jget_str(in, "token"),
	};
	struct status s = {
		.repository = jget_str(in, "repository"),
		.sha = jget_str(in, "sha"),
		.ref = jget_str(in, "ref"),
		.context = jget_str(in, "context"),
		.state = jget_str(in, "state"),
		.description = jget_str(in, "description"),
		.target_url = jget_str(in, "target_url"),
	};
	struct status_request r = { 0 };
	struct sent *sent;
	struct err e;

	if (forge_status(&repo, &s, &r, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	if (jget_str(in, "raw_body")) { /* what we would never say */
		free(r.body);
		r.body = xstrdup(jget_str(in, "raw_body"));
	}
	sent = xcalloc(1, sizeof(*sent));
	sent->kind = repo.kind;
	sent->state = xstrdup(s.state);
	sent->n = n++;
	sent->started_ms = clock_boot_ms();
	if (poster_send(p, &r, jget_int(in, "timeout_ms", 5000), on_answer,
		    sent, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	left++;
	status_request_release(&r);
}

int
main(int argc, char **argv)
{
	struct err e;
	struct loop *l = loop_new(&e);
	struct poster *p = l ? poster_new(l) : NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (argc != 2 || !p)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		json_t *in = json_parse(line, (size_t)n, &e);

		if (!in) {
			fprintf(stderr, "%s\n", e.msg);
			return 2;
		}
		if (str_eq(argv[1], "parse"))
			parse_line(in);
		else
			post_line(p, in);
		json_decref(in);
	}
	while (left)
		if (loop_once(l, -1, &e) < 0)
			return 1;
	free(line);
	poster_free(p);
	loop_free(l);
	return 0;
}
