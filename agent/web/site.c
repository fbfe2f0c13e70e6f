/* SPDX-License-Identifier: MIT */
/*
 * The pages for people: which data goes into which page.  How a page looks
 * is pages.c's and the templates'.
 */
#include "base/base.h"
#include "base/enc.h"
#include "base/json.h"
#include "web/access.h"
#include "web/api.h"
#include "web/assets.h"
#include "web/live.h"
#include "web/pages.h"
#include "web/routes.h"

#define BADGE_LIMIT 1

static void
send_page(struct request *r, unsigned int status, struct buf *body)
{
	reply_header(r, "Content-Security-Policy", page_csp());
	reply_header(r, "Referrer-Policy", "no-referrer");
	reply_header(r, "Cache-Control", "no-cache");
	reply(r, status, "text/html; charset=utf-8", body);
}

void
site_error(struct request *r, unsigned int status, const char *title,
	const char *detail)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct err e;

	if (page_error(r->web->templates, (int)status, title, detail, &b, &e) <
		0)
		buf_addf(&b, "%u %s\n", status, title);
	send_page(r, status, &b);
}

/* ---- the list ---- */

/* The filters again, for the link to what is older. */
static void
add_filter(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(b, "%s=", name);
	percent_put(b, value);
	buf_addc(b, '&');
}

static void
runs_answered(struct request *r, struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT, query = BUF_INIT;
	struct err e = { 0 };
	uint64_t older = 0;
	json_t *rows;
	size_t n;

	if (!a->ok) {
		reply_err(r, &a->err);
		return;
	}
	rows = api_visible_rows(r, a);
	n = json_array_size(rows);
	if (n && n == a->filter.limit)
		older = (uint64_t)jget_int(
			json_array_get(rows, n - 1), "run", 0);
	add_filter(&query, "repository", a->filter.repository);
	add_filter(&query, "ref", a->filter.ref);
	add_filter(&query, "sha", a->filter.sha);
	add_filter(&query, "state", a->filter.state);
	if (page_runs_of(r->web->templates, rows, older, query.data, &b, &e) <
		0)
		reply_problem(r, 500, "%s", e.msg);
	else
		send_page(r, 200, &b);
	json_decref(rows);
}

void
site_runs(struct request *r)
{
	struct ask *a = api_ask_runs(r);

	if (a)
		request_ask(r, a, runs_answered);
}

/* ---- one run ---- */

/* The last bytes of a step's output. */
static int
last_output(const struct run *r, size_t job, size_t step, size_t max,
	struct buf *out, int64_t *ret_skipped, void *arg)
{
	struct request *req = arg;
	/* The page owns this snapshot: nobody else looks at it. */
	struct run *own = (struct run *)(uintptr_t)r;
	struct run_step *k = &own->jobs[job].steps[step];
	int64_t length = log_length(req->web, r, job, step);
	int64_t from = MAX(length - (int64_t)max, 0);

	if (k->length < 0)
		k->live = length;
	*ret_skipped = from;
	while (from < length) {
		size_t n = log_read(req->web, r, job, step, from, max, out);

		if (!n)
			break;
		from += (int64_t)n;
	}
	return 0;
}

static void
run_found(struct request *r, struct run_view *v)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct err e = { 0 };

	if (page_run(r->web->templates, v->run, last_output, r, &b, &e) < 0)
		reply_problem(r, 500, "%s", e.msg);
	else
		send_page(r, 200, &b);
}

void
site_run(struct request *r)
{
	api_with_run(r, run_found);
}

void
site_asset(struct request *r)
{
	assets_reply(r, r->arg[0]);
}

/* ---- the badge ---- */

struct badge {
	char *repository, *ref;
};

static void
badge_free(void *data)
{
	struct badge *x = data;

	free(x->repository);
	free(x->ref);
	free(x);
}

static void
badge_answered(struct request *r, struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *state = NULL;
	json_t *rows;

	if (!a->ok) {
		reply_err(r, &a->err);
		return;
	}
	/* The same picture for what is unknown and what may not be seen. */
	rows = api_visible_rows(r, a);
	state = jget_str(json_array_get(rows, 0), "state");
	badge_svg(state, &b);
	json_decref(rows);
	reply_header(r, "Cache-Control", "no-cache");
	reply(r, 200, "image/svg+xml", &b);
}

/* /badge/REPOSITORY/BRANCH.svg: the branch is what follows the longest
 * configured repository's name. */
void
site_badge(struct request *r)
{
	const struct config *conf = &r->conf->conf;
	struct badge *x;
	const char *path = r->arg[0];
	size_t best = 0, n = strlen(path);
	struct ask *a;

	for (size_t i = 0; i < conf->nrepos; i++) {
		size_t k = strlen(conf->repos[i].name);

		if (k > best && str_starts(path, conf->repos[i].name) &&
			path[k] == '/')
			best = k;
	}
	if (!best || !str_ends(path, ".svg") || n < best + 6) {
		AUTO(buf_release) struct buf b = BUF_INIT;

		badge_svg(NULL, &b);
		reply(r, 200, "image/svg+xml", &b);
		return;
	}
	x = xcalloc(1, sizeof(*x));
	x->repository = xstrndup(path, best);
	x->ref = xasprintf(
		"refs/heads/%.*s", (int)(n - best - 5), path + best + 1);
	if (r->data_free)
		r->data_free(r->data);
	r->data = x;
	r->data_free = badge_free;
	a = request_new_ask(r, ASK_RUNS);
	a->filter.repository = x->repository;
	a->filter.ref = x->ref;
	a->filter.limit = BADGE_LIMIT;
	request_ask(r, a, badge_answered);
}
