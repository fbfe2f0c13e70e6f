/* SPDX-License-Identifier: MIT */
/* The API's actions: retry, cancel, approve, gc. */
#include "base/base.h"
#include "base/json.h"
#include "model/limits.h"
#include "web/access.h"
#include "web/api.h"
#include "web/routes.h"

#define NAME_MOST 1000 /* bytes of a step's, a job's or a ref's name */
#define SET_MOST 100   /* variables */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

struct action {
	json_t *options;
	char *by;
};

static void
action_free(void *data)
{
	struct action *x = data;

	json_decref(x->options);
	free(x->by);
	free(x);
}

static void
show_changed(struct request *r, struct run_view *v)
{
	api_put_run(r, 202, v->run);
}

/* A retry of another ref is a run of its own. */
static void
show_new(struct request *r, const struct ask *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct json_out o;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	jout_int(&o, "run", (int64_t)a->runs[0]);
	jout_end(&o);
	reply_json(r, 202, &b);
}

static void
action_answered(struct request *r, struct ask *a)
{
	if (!a->ok)
		reply_err(r, &a->err);
	else if (a->kind == ASK_TRIM)
		reply_json(r, 200, &a->json);
	else if (a->view)
		api_put_run(r, 202, a->view->run);
	else if (a->nruns)
		show_new(r, a);
	else
		api_with_run(r, show_changed);
}

/* The body is an object or nothing; NULL when it was answered. */
static struct action *
action_begin(struct request *r)
{
	struct action *x = xcalloc(1, sizeof(*x));
	struct err e;

	r->data = x;
	r->data_free = action_free;
	x->by = access_name(r);
	x->options = r->body.len ? json_parse(r->body.data, r->body.len, &e)
				 : json_object();
	if (json_is_object(x->options))
		return x;
	reply_problem(r, 400, "the body is not a JSON object");
	return NULL;
}

static void
action_ask(struct request *r, struct action *x, enum ask_kind kind)
{
	struct ask *a = request_new_ask(r, kind);

	a->run = r->id;
	a->by = x->by;
	a->options = x->options;
	request_ask(r, a, action_answered);
}

/* ---- what a retry may be told ---- */

static bool
is_name(const json_t *v)
{
	return json_is_string(v) && json_string_length(v) > 0 &&
	       json_string_length(v) <= NAME_MOST;
}

static int
check_name(const json_t *v, const char *member, struct err *e)
{
	if (json_is_null(v) || is_name(v))
		return 0;
	return err_set(e, ERR_PERM, "\"%s\" is a name", member);
}

static int
check_skip(const json_t *list, struct err *e)
{
	const json_t *one;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, ERR_PERM, "\"skip\" is an array of names");
	json_array_foreach(list, i, one) if (!is_name(one)) return err_set(
		e, ERR_PERM, "\"skip\" is an array of names");
	return 0;
}

static bool
is_variable(const char *s)
{
	return *s && strchr(LETTERS, *s) &&
	       strspn(s, LETTERS "0123456789") == strlen(s);
}

static int
check_set(json_t *set, struct err *e)
{
	const char *name;
	json_t *value;

	if (!json_is_object(set) || json_object_size(set) > SET_MOST)
		return err_set(e, ERR_PERM,
			"\"set\" is an object of at most %d variables",
			SET_MOST);
	json_object_foreach(set, name, value)
	{
		if (!is_variable(name))
			return err_set(e, ERR_PERM,
				"'%s' is not the name of a variable", name);
		if (str_starts(name, "TELLUS_") || str_starts(name, "GITHUB_"))
			return err_set(e, ERR_PERM,
				"'%s' is set by the agent alone", name);
		if (!json_is_string(value))
			return err_set(
				e, ERR_PERM, "the value of '%s' is text", name);
	}
	return 0;
}

/* "4G" into bytes, and so on. */
static int
read_limit(json_t *to, const char *name, const json_t *value, struct err *e)
{
	int64_t v;

	if (!json_is_string(value))
		return err_set(e, ERR_PERM,
			"the limit '%s' is text such as \"4G\"", name);
	if (limit_parse(name, json_string_value(value), &v, e) < 0)
		return -1;
	jset_int(to, name, v);
	return 0;
}

static int
read_limits(json_t *options, json_t *from, struct err *e)
{
	AUTO(json_decrefp) json_t *to = json_object();
	const char *name;
	json_t *value;

	if (!json_is_object(from))
		return err_set(e, ERR_PERM,
			"\"limits\" is an object such as {\"memory\": \"4G\"}");
	json_object_foreach(from, name,
		value) if (read_limit(to, name, value, e) < 0) return -1;
	json_object_set(options, "limits", to);
	return 0;
}

static int
check_retry(json_t *o, struct err *e)
{
	json_t *limits = json_object_get(o, "limits"), *v;
	const char *name;
	int rc = 0;

	json_object_foreach(o, name, v)
	{
		if (str_eq(name, "job") || str_eq(name, "from") ||
			str_eq(name, "ref"))
			rc = check_name(v, name, e);
		else if (str_eq(name, "skip"))
			rc = check_skip(v, e);
		else if (str_eq(name, "set"))
			rc = check_set(v, e);
		else if (!str_eq(name, "limits"))
			rc = err_set(e, ERR_PERM,
				"\"%s\" is nothing that a retry knows", name);
		if (rc < 0)
			return -1;
	}
	return limits ? read_limits(o, limits, e) : 0;
}

void
api_retry(struct request *r)
{
	struct action *x = action_begin(r);
	struct err e;

	if (!x)
		return;
	if (check_retry(x->options, &e) < 0)
		reply_problem(r, 400, "%s", e.msg);
	else
		action_ask(r, x, ASK_RETRY);
}

void
api_cancel(struct request *r)
{
	struct action *x = action_begin(r);

	if (x)
		action_ask(r, x, ASK_CANCEL);
}

void
api_approve(struct request *r)
{
	struct action *x = action_begin(r);

	if (x)
		action_ask(r, x, ASK_APPROVE);
}

void
api_gc(struct request *r)
{
	struct action *x = action_begin(r);

	if (x)
		action_ask(r, x, ASK_TRIM);
}
