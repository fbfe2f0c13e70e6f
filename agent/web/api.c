/* SPDX-License-Identifier: MIT */
/* The JSON API: status, lists, runs.  Actions are actions.c's. */
#include "base/base.h"
#include "web/api.h"
#include "base/enc.h"
#include "base/json.h"
#include "web/access.h"
#include "web/assets.h"
#include "web/routes.h"

#define LIST_DEFAULT 50
#define LIST_MAX 500

/* ---- the agent ---- */

static void
health_answered(struct request *r, struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	if (!a->ok) {
		reply_err(r, &a->err);
		return;
	}
	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_str(&o, "status", "ok");
	jout_str(&o, "version", PACKAGE_VERSION);
	jout_end(&o);
	reply_json(r, 200, &b);
}

/* By way of the core: an agent whose core hangs is not healthy. */
void
api_health(struct request *r)
{
	request_ask(r, request_new_ask(r, ASK_STATUS), health_answered);
}

static void
json_answered(struct request *r, struct ask *a)
{
	if (a->ok)
		reply_json(r, 200, &a->json);
	else
		reply_err(r, &a->err);
}

void
api_status(struct request *r)
{
	request_ask(r, request_new_ask(r, ASK_STATUS), json_answered);
}

void
api_description(struct request *r)
{
	assets_reply(r, "openapi.json");
}

/* ---- lists ---- */

struct filter {
	char *repository, *ref, *sha, *state, *before, *limit;
};

static void
filter_free(void *data)
{
	struct filter *f = data;

	free(f->repository);
	free(f->ref);
	free(f->sha);
	free(f->state);
	free(f->before);
	free(f->limit);
	free(f);
}

struct ask *
api_ask_runs(struct request *r)
{
	struct filter *f = xcalloc(1, sizeof(*f));
	int64_t before = 0, limit = LIST_DEFAULT;
	struct ask *a;

	r->data = f;
	r->data_free = filter_free;
	f->repository = request_arg(r, "repository");
	f->ref = request_arg(r, "ref");
	f->sha = request_arg(r, "sha");
	f->state = request_arg(r, "state");
	f->before = request_arg(r, "before");
	f->limit = request_arg(r, "limit");
	if (f->before && num_parse(f->before, 1, INT64_MAX, &before) < 0) {
		reply_problem(r, 400, "\"before\" is not a run's number");
		return NULL;
	}
	if (f->limit && num_parse(f->limit, 1, LIST_MAX, &limit) < 0) {
		reply_problem(r, 400, "\"limit\" is not a number from 1 to %d",
			LIST_MAX);
		return NULL;
	}
	if (f->state && run_state_from_name(f->state) == RUN_BAD_MOVE) {
		reply_problem(r, 400, "there is no state of that name");
		return NULL;
	}
	a = request_new_ask(r, ASK_RUNS);
	a->filter.repository = f->repository;
	a->filter.ref = f->ref;
	a->filter.sha = f->sha;
	a->filter.state = f->state;
	a->filter.before = (uint64_t)before;
	a->filter.limit = (size_t)limit;
	return a;
}

json_t *
api_visible_rows(struct request *r, const struct ask *a)
{
	struct err e;
	json_t *rows = json_parse(a->json.data, a->json.len, &e);
	size_t i = 0;

	if (!json_is_array(rows)) {
		json_decref(rows);
		return json_array();
	}
	while (i < json_array_size(rows)) {
		json_t *row = json_array_get(rows, i);

		if (access_may_read(r, jget_str(row, "repository")))
			i++;
		else
			json_array_remove(rows, i);
	}
	return rows;
}

/* Rows go out as the core wrote them unless something must be hidden. */
static bool
hides_something(const struct request *r)
{
	const struct config *conf = &r->conf->conf;

	if (access_is_admin(r))
		return false;
	for (size_t i = 0; i < conf->nrepos; i++)
		if (conf->repos[i].private_pages)
			return true;
	return false;
}

static void
runs_answered(struct request *r, struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;
	json_t *rows;

	if (!a->ok) {
		reply_err(r, &a->err);
		return;
	}
	if (!hides_something(r)) {
		reply_json(r, 200, &a->json);
		return;
	}
	rows = api_visible_rows(r, a);
	jout_start(&o, &b);
	jout_value(&o, NULL, rows);
	json_decref(rows);
	reply_json(r, 200, &b);
}

void
api_runs(struct request *r)
{
	struct ask *a = api_ask_runs(r);

	if (a)
		request_ask(r, a, runs_answered);
}

/* ---- one run ---- */

struct finding {
	void (*found)(struct request *r, struct run_view *v);
};

static void
run_answered(struct request *r, struct ask *a)
{
	struct finding *f = r->data;

	if (!a->ok)
		reply_err(r, &a->err);
	else if (!a->view || !access_may_read(r, a->view->run->push.repository))
		reply_problem(r, 404, "there is no run %" PRIu64, r->id);
	else
		f->found(r, a->view);
}

void
api_with_run(
	struct request *r, void (*found)(struct request *r, struct run_view *v))
{
	struct finding *f = xcalloc(1, sizeof(*f));
	struct ask *a = request_new_ask(r, ASK_RUN);

	if (r->data_free)
		r->data_free(r->data);
	f->found = found;
	r->data = f;
	r->data_free = free;
	a->run = r->id;
	request_ask(r, a, run_answered);
}

void
api_put_run(struct request *r, unsigned int status, const struct run *run)
{
	AUTO(buf_release) struct buf b = BUF_INIT, url = BUF_INIT;
	const char *base = r->conf->conf.url;

	run_to_json(run, true, &b);
	if (base) {
		/* Which page shows it, only the configuration knows. */
		buf_addf(&url, "%s/runs/%" PRIu64, base, run->id);
		b.len--;
		buf_addz(&b, ",\"url\":");
		json_quote(&b, url.data, url.len);
		buf_addc(&b, '}');
	}
	reply_json(r, status, &b);
}

static void
show_run(struct request *r, struct run_view *v)
{
	api_put_run(r, 200, v->run);
}

void
api_run(struct request *r)
{
	api_with_run(r, show_run);
}
