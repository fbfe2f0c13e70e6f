/* SPDX-License-Identifier: MIT */
/*
 * POST /api/v1/push: what a repository's post-receive hook and "tellus run"
 * send over the unix socket.  All refs of one call are one delivery: they
 * are admitted together or, on a repeat of the nonce, not again.
 */
#include "base/base.h"
#include "base/json.h"
#include "core/submit.h"
#include "web/access.h"
#include "web/routes.h"

static void
submit_free(void *data)
{
	submit_release(data);
	free(data);
}

static void
put_answer(
	struct request *r, const uint64_t *runs, size_t nruns, bool duplicate)
{
	const struct submit *s = r->data;
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_arr(&o, "runs");
	for (size_t i = 0; i < nruns; i++) {
		jout_obj(&o, NULL);
		jout_int(&o, "run", (int64_t)runs[i]);
		if (i < s->npushes)
			jout_opt(&o, "ref", s->pushes[i].ref);
		jout_end(&o);
	}
	jout_end(&o);
	jout_arr(&o, "ignored");
	for (size_t i = 0; i < s->nignored; i++) {
		jout_obj(&o, NULL);
		jout_str(&o, "ref", s->ignored[i].ref);
		jout_str(&o, "why", s->ignored[i].why);
		jout_end(&o);
	}
	jout_end(&o);
	jout_bool(&o, "duplicate", duplicate);
	jout_end(&o);
	reply_json(r, 202, &b);
}

static void
answered(struct request *r, struct ask *a)
{
	if (a->ok)
		put_answer(r, a->runs, a->nruns, a->duplicate);
	else
		reply_err(r, &a->err);
}

void
push_receive(struct request *r)
{
	struct submit *s = xcalloc(1, sizeof(*s));
	struct ask *a;
	struct err e = { 0 };

	r->data = s;
	r->data_free = submit_free;
	if (submit_parse(&r->conf->conf, r->body.data, r->body.len, s, &e) <
		0) {
		reply_problem(r, e.code == ERR_ABSENT ? 404 : 400, "%s", e.msg);
		return;
	}
	if (!access_may_push(r, s->repo)) {
		reply_problem(r, 403,
			"only root, the agent's user, and who may write to "
			"'%s' may push it",
			s->repo->path ? s->repo->path : s->repo->name);
		return;
	}
	if (!s->npushes && !s->nseen) {
		put_answer(r, NULL, 0, false);
		return;
	}
	a = request_new_ask(r, ASK_DELIVER);
	a->pushes = s->pushes;
	a->npushes = s->npushes;
	a->seen = s->seen;
	a->nseen = s->nseen;
	a->keys = s->keys;
	request_ask(r, a, answered);
}
