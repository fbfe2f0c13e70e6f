/* SPDX-License-Identifier: MIT */
/* See plan.h: a workflow as JSON, with what planning can evaluate. */
#include "base/base.h"
#include "base/enc.h"
#include "model/expr.h"
#include "model/plan.h"
#include "model/workflow_int.h"

#define NAME_MAX_CHARS 200 /* of a name that an expression made */
#define AUTO_NAME_CHARS 60 /* "Run <first line>" */

/* What checkout becomes: nothing is left to do. */
#define CHECKOUT_RUN "echo 'the commit is checked out already'"

struct planner {
	const struct workflow *w;
	json_t *contexts; /* github and env */
	bool env_open;    /* some env is known only later */
	struct err *e;
};

static json_t *
text_or_null(const struct ynode *n)
{
	return n ? json_string(n->text) : json_null();
}

static json_t *
map_json(const struct wmap *m)
{
	json_t *o = json_object();

	for (size_t i = 0; i < m->n; i++) {
		const struct ynode *v = m->v[i].value;

		json_object_set_new(o, m->v[i].key->text,
			json_string(ynode_is_null(v) ? "" : v->text));
	}
	return o;
}

/* "column N: text" of expr.c becomes the place in the file. */
static int
place_error(struct planner *p, const struct ynode *n, const struct err *inner)
{
	static const char word[] = "column ";
	struct ynode place = *n;
	const char *text = inner->msg, *end = strstr(text, ": ");
	AUTO(freep) char *digits = NULL;
	int64_t column;

	if (str_starts(text, word) && end) {
		digits = xstrndup(text + strlen(word),
			(size_t)(end - text) - strlen(word));
		if (num_parse(digits, 1, INT_MAX, &column) == 0) {
			ydoc_place(p->w->doc, n, (size_t)column - 1,
				&place.line, &place.col);
			text = end + 2;
		}
	}
	return ydoc_fault(p->w->doc, &place, p->e, "%s", text);
}

static int
expand(struct planner *p, const struct ynode *n, struct buf *out)
{
	struct expr_env env = { .contexts = p->contexts };
	struct err inner = { .code = ERR_NONE };

	if (expr_expand(n->text, &env, out, &inner) < 0)
		return place_error(p, n, &inner);
	return 0;
}

/* Adds to the env context what is known now; later layers may use the
 * earlier ones. */
static int
add_env(struct planner *p, const struct wmap *m)
{
	json_t *env = json_object_get(p->contexts, "env");

	for (size_t i = 0; i < m->n; i++) {
		const struct ynode *v = m->v[i].value;
		AUTO(buf_release) struct buf text = BUF_INIT;

		if (!expr_uses_only(v->text, wcontexts_plan)) {
			json_object_del(env, m->v[i].key->text);
			p->env_open = true;
			continue;
		}
		if (!ynode_is_null(v) && expand(p, v, &text) < 0)
			return -1;
		json_object_set_new(
			env, m->v[i].key->text, json_string(text.data));
	}
	return 0;
}

/* Can the text be evaluated now? */
static bool
is_known(const struct planner *p, const struct ynode *n)
{
	return expr_uses_only(
		n->text, p->env_open ? wcontexts_github : wcontexts_plan);
}

/* What an expression gave is text from outside, a title for instance: the
 * worker, which expands what is left, must find no expression in it. */
static void
add_inert(struct buf *to, const char *text)
{
	const char *open;

	while ((open = strstr(text, "${{"))) {
		buf_add(to, text, (size_t)(open - text));
		buf_addz(to, "$ {{");
		text = open + strlen("${{");
	}
	buf_addz(to, text);
}

/* The name, expanded where that is possible; *ret is left alone when the
 * result is empty. */
static int
plan_name(struct planner *p, const struct ynode *n, char **ret)
{
	AUTO(buf_release) struct buf text = BUF_INIT, inert = BUF_INIT;
	AUTO(buf_release) struct buf cut = BUF_INIT;

	if (!is_known(p, n)) {
		*ret = xstrdup(n->text);
		return 0;
	}
	if (expand(p, n, &text) < 0)
		return -1;
	add_inert(&inert, text.data);
	utf8_addcut_chars(&cut, inert.data, NAME_MAX_CHARS);
	if (cut.data[strspn(cut.data, " ")])
		*ret = buf_take(&cut);
	return 0;
}

/* An expression that was cut in half must not be read as one later. */
static void
drop_open_part(struct buf *b)
{
	char *open = NULL, *at = b->data;

	while ((at = strstr(at, "${{"))) {
		open = at;
		at += strlen("${{");
	}
	if (!open || strstr(open, "}}"))
		return;
	b->len = (size_t)(open - b->data);
	b->data[b->len] = '\0';
	buf_addz(b, "...");
}

/* "Run make check": the first line that says something. */
static char *
auto_name(const char *script)
{
	AUTO(buf_release) struct buf text = BUF_INIT, cut = BUF_INIT;
	const char *s = script + strspn(script, " \t\r\n");

	buf_addz(&text, "Run ");
	buf_add(&text, s, strcspn(s, "\r\n"));
	utf8_addcut_chars(&cut, text.data, AUTO_NAME_CHARS);
	drop_open_part(&cut);
	return buf_take(&cut);
}

static int
plan_time(struct planner *p, const struct wtime *t, json_t *to)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int64_t ms = t->ms;

	if (t->text) {
		if (expand(p, t->text, &text) < 0)
			return -1;
		if (wread_time(text.data, t->minutes, &ms) < 0)
			return ydoc_fault(p->w->doc, t->text, p->e,
				"the time limit becomes \"%.60s\", which is "
				"%s",
				text.data,
				t->minutes ? "no number of minutes"
					   : "no time such as 90s, 10m or 2h");
	}
	json_object_set_new(to, "timeout_ms", json_integer(ms));
	return 0;
}

static int
plan_flag(struct planner *p, const struct wflag *f, json_t *to)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	bool on = f->on;

	if (f->text) {
		if (expand(p, f->text, &text) < 0)
			return -1;
		if (wread_bool(text.data, &on) < 0)
			return ydoc_fault(p->w->doc, f->text, p->e,
				"\"continue-on-error\" becomes \"%.60s\", "
				"which is neither true nor false",
				text.data);
	}
	json_object_set_new(to, "continue_on_error", json_boolean(on));
	return 0;
}

static const struct ynode *
first_of(const struct ynode *a, const struct ynode *b, const struct ynode *c)
{
	return a ? a : b ? b : c;
}

/* What runs, and how. */
static void
plan_script(struct planner *p, const struct wjob *job, const struct wstep *s,
	json_t *o)
{
	const struct wdefaults *top = &p->w->defaults;

	if (s->uses) {
		json_object_set_new(o, "run", json_string(CHECKOUT_RUN));
		json_object_set_new(o, "shell", json_string("sh"));
		json_object_set_new(o, "working-directory", json_null());
		return;
	}
	json_object_set_new(o, "run", json_string(s->run->text));
	json_object_set_new(o, "shell",
		text_or_null(
			first_of(s->shell, job->defaults.shell, top->shell)));
	json_object_set_new(o, "working-directory",
		text_or_null(first_of(s->dir, job->defaults.dir, top->dir)));
}

static int
plan_step(struct planner *p, const struct wjob *job, const struct wstep *s,
	json_t *list)
{
	json_t *o = json_object();
	AUTO(freep) char *name = NULL;

	json_array_append_new(list, o);
	if (add_env(p, &s->env) < 0)
		return -1;
	if (s->name && plan_name(p, s->name, &name) < 0)
		return -1;
	if (!name)
		name = auto_name(s->uses ? s->uses->text : s->run->text);
	json_object_set_new(o, "id", text_or_null(s->id));
	json_object_set_new(o, "name", json_string(name));
	plan_script(p, job, s, o);
	json_object_set_new(o, "env", map_json(&s->env));
	json_object_set_new(o, "if", text_or_null(s->cond));
	json_object_set_new(o, "on_crash", text_or_null(s->on_crash));
	json_object_set_new(o, "undo", text_or_null(s->undo));
	if (s->retry || job->retry)
		json_object_set(o, "retry", s->retry ? s->retry : job->retry);
	if (plan_time(p, &s->timeout, o) < 0)
		return -1;
	return plan_flag(p, &s->go_on, o);
}

static int
plan_steps(struct planner *p, const struct wjob *job, json_t *o)
{
	json_t *list = json_array();
	json_t *job_env = json_object_get(p->contexts, "env");
	bool open = p->env_open;
	int rc = 0;

	json_object_set_new(o, "steps", list);
	json_incref(job_env);
	for (size_t i = 0; i < job->nsteps && rc == 0; i++) {
		/* A step's env is its own. */
		json_object_set_new(p->contexts, "env", json_copy(job_env));
		p->env_open = open;
		rc = plan_step(p, job, &job->steps[i], list);
	}
	json_decref(job_env);
	return rc;
}

static json_t *
limits_json(const struct wlimits *l)
{
	json_t *o = json_object();

	if (l->memory)
		jset_int(o, "memory", l->memory);
	if (l->cpu)
		jset_int(o, "cpu", l->cpu);
	if (l->pids)
		jset_int(o, "pids", l->pids);
	if (l->disk)
		jset_int(o, "disk", l->disk);
	if (l->output)
		jset_int(o, "output", l->output);
	return o;
}

static void
plan_needs(const struct wjob *job, json_t *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < job->nneeds; i++)
		json_array_append_new(list, json_string(job->needs[i]->text));
	json_object_set_new(o, "needs", list);
}

static int
fill_job(struct planner *p, const struct wjob *job, const char *id, json_t *o)
{
	AUTO(freep) char *name = NULL;

	if (add_env(p, &job->env) < 0)
		return -1;
	if (job->name && plan_name(p, job->name, &name) < 0)
		return -1;
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "name", json_string(name ? name : id));
	plan_needs(job, o);
	json_object_set_new(o, "if", text_or_null(job->cond));
	json_object_set_new(o, "env", map_json(&job->env));
	json_object_set_new(o, "network", text_or_null(job->network));
	json_object_set_new(o, "limits", limits_json(&job->limits));
	json_object_set_new(o, "outputs", map_json(&job->outputs));
	if (plan_time(p, &job->timeout, o) < 0 ||
		plan_flag(p, &job->go_on, o) < 0)
		return -1;
	return plan_steps(p, job, o);
}

static int
plan_job(struct planner *p, const struct push *push, const struct wjob *job,
	json_t *list)
{
	const char *id = job->key->text;
	json_t *o = json_object();
	int rc;

	json_array_append_new(list, o);
	p->env_open = false;
	p->contexts = json_object();
	json_object_set_new(p->contexts, "github",
		plan_github_context(push, 0, 0, p->w->name, id));
	json_object_set_new(p->contexts, "env", json_object());
	rc = add_env(p, &p->w->env);
	if (rc == 0)
		rc = fill_job(p, job, id, o);
	json_decref(p->contexts);
	return rc;
}

int
plan_workflow(const struct workflow *w, const struct push *p,
	const struct strv *changed, json_t **ret, struct err *e)
{
	struct planner planner = { .w = w, .e = e };
	AUTO(freep) char *why = NULL;
	json_t *o = json_object(), *jobs = json_array();

	json_object_set_new(o, "file", json_string(ydoc_file(w->doc)));
	json_object_set_new(o, "name", json_string(w->name));
	json_object_set_new(o, "env", map_json(&w->env));
	json_object_set_new(o, "jobs", jobs);
	if (!plan_applies(w, p, changed, &why)) {
		jset_str(o, "skipped", why);
		*ret = o;
		return 0;
	}
	for (size_t i = 0; i < w->njobs; i++) {
		if (plan_job(&planner, p, &w->jobs[i], jobs) == 0)
			continue;
		json_decref(o);
		return -1;
	}
	*ret = o;
	return 0;
}
