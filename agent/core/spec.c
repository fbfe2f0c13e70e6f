/* SPDX-License-Identifier: MIT */
/*
 * spec.json: what a worker is told (work/spec.h has the shape).  Made from
 * the configuration, the run and its plan.json.
 */
#include "base/base.h"
#include "core/inner.h"
#include "model/plan.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>

#define PLAN_MAX (8 << 20)

json_t *
live_plan(struct live *l, struct err *e)
{
	AUTO(freep) char *text = NULL, *path = NULL;
	size_t len;

	if (l->plan)
		return l->plan;
	path = xasprintf("runs/%" PRIu64 "/plan.json", l->run->plan_run);
	if (fd_slurp_at(l->core->state_fd, path, PLAN_MAX, &text, &len, e) < 0)
		return NULL;
	l->plan = json_parse(text, len, e);
	if (!l->plan)
		err_wrap(e, "'%s'", path);
	return l->plan;
}

static json_t *
plan_workflow_of(struct live *l, struct err *e)
{
	json_t *plan = live_plan(l, e), *w;

	if (!plan)
		return NULL;
	w = json_array_get(
		jget_arr(plan, "workflows"), (size_t)l->run->workflow_index);
	if (!w)
		err_set(e, ERR_PERM,
			"plan.json of run %" PRIu64 " has no workflow %d",
			l->run->plan_run, l->run->workflow_index);
	return w;
}

/* "success" for passed, as GitHub's needs.X.result has it. */
static const char *
result_name(enum run_state s)
{
	switch (s) {
	case RUN_PASSED:
		return "success";
	case RUN_SKIPPED:
		return "skipped";
	case RUN_CANCELED:
		return "cancelled";
	default:
		return "failure";
	}
}

static json_t *
needs_context(const struct live *l, const struct run_job *j)
{
	json_t *needs = json_object();

	for (size_t i = 0; i < j->nneeds; i++) {
		const struct run_job *n = &l->run->jobs[j->needs[i]];
		json_t *o = json_object();

		jset_str(o, "result", result_name(n->state));
		json_object_set_new(o, "outputs",
			n->outputs ? json_incref(n->outputs) : json_object());
		json_object_set_new(needs, n->id, o);
	}
	return needs;
}

json_t *
job_contexts(struct live *l, const struct run_job *j)
{
	json_t *o = json_object();

	json_object_set_new(o, "github",
		plan_github_context(&l->run->push, l->id, l->run->attempt,
			l->run->workflow, j->id));
	json_object_set_new(o, "needs", needs_context(l, j));
	return o;
}

static json_t *
repository_json(const struct repo_conf *r)
{
	json_t *o = json_object();

	jset_str(o, "name", r->name);
	jset_str(o, "url", r->url);
	jset_str(o, "path", r->path);
	jset_str(o, "kind", forge_kind_name(r->kind));
	jset_str(o, "token_file", r->token_file);
	return o;
}

static json_t *
host_json(const struct config *conf)
{
	json_t *o = json_object(), *expose = json_array();

	jset_str(o, "build_user", conf->build_user);
	jset_str(o, "sandbox", conf->sandbox);
	for (size_t i = 0; i < conf->expose.len; i++)
		json_array_append_new(expose, json_string(conf->expose.v[i]));
	json_object_set_new(o, "expose", expose);
	json_object_set_new(
		o, "host_network", json_boolean(str_eq(conf->network, "host")));
	return o;
}

/* The tree of the newest earlier run of the repository: near this one. */
struct near {
	char *repository, *tree;
	struct near *next;
};

static struct near *
near_find(const struct core *c, const char *repository)
{
	for (struct near *n = c->nears; n; n = n->next)
		if (str_eq(n->repository, repository))
			return n;
	return NULL;
}

static const char *
near_tree(const struct live *l)
{
	const struct near *n = near_find(l->core, l->run->push.repository);

	return n ? n->tree : NULL;
}

void
near_note(struct core *c, const char *repository, const char *tree)
{
	struct near *n = near_find(c, repository);

	if (!repository || !tree)
		return;
	if (!n) {
		n = xcalloc(1, sizeof(*n));
		n->repository = xstrdup(repository);
		n->next = c->nears;
		c->nears = n;
	}
	str_set(&n->tree, tree);
}

void
nears_free(struct core *c)
{
	while (c->nears) {
		struct near *n = c->nears;

		c->nears = n->next;
		free(n->repository);
		free(n->tree);
		free(n);
	}
}

static json_t *
head(struct live *l, int job, int number, const char *nonce, struct err *e)
{
	const struct config *conf = &l->core->conf->conf;
	const struct repo_conf *repo =
		config_repo(conf, l->run->push.repository);
	json_t *o;

	if (!repo) {
		err_set(e, ERR_PERM,
			"the repository '%s' is no longer configured",
			l->run->push.repository);
		return NULL;
	}
	o = json_object();
	jset_int(o, "version", 1);
	jset_str(o, "kind", job < 0 ? "plan" : "job");
	jset_int(o, "run", (int64_t)l->id);
	jset_int(o, "attempt", number);
	jset_str(o, "nonce", nonce);
	jset_int(o, "epoch", (int64_t)l->core->epoch);
	json_object_set_new(o, "repository", repository_json(repo));
	json_object_set_new(o, "push", push_to_json(&l->run->push));
	json_object_set_new(o, "host", host_json(conf));
	jset_str(o, "near", near_tree(l));
	return o;
}

void
spec_heads(struct core *c, const struct repo_conf *repo, struct buf *out)
{
	AUTO(json_decrefp) json_t *o = json_object();
	struct json_out jo;

	jset_int(o, "version", 1);
	jset_str(o, "kind", "heads");
	json_object_set_new(o, "repository", repository_json(repo));
	json_object_set_new(o, "host", host_json(&c->conf->conf));
	jout_start(&jo, out);
	jout_value(&jo, NULL, o);
}

/* Why it failed, and whether that is for a person to mend. */
static void
add_reason(json_t *o, const struct run_step *s)
{
	struct retry_facts f = {
		.class = s->reason.class,
		.own_limit = s->own_limit,
		.on_crash = s->on_crash,
	};
	enum retry_kind kind;
	json_t *why;

	if (!s->reason.class || s->state == RUN_PASSED)
		return;
	why = json_object();
	reason_put(why, &s->reason);
	json_object_set_new(o, "reason", why);
	if (s->state == RUN_BLOCKED || retry_decide(&f, &kind) == RETRY_BLOCK)
		json_object_set_new(o, "blocks", json_true());
}

static json_t *
done_json(const struct run_job *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->nsteps; i++) {
		const struct run_step *s = &j->steps[i];
		json_t *o;

		if (!run_state_is_final(s->state) && s->state != RUN_BLOCKED)
			continue;
		o = json_object();
		jset_int(o, "step", (int64_t)i);
		jset_str(o, "state", run_state_name(s->state));
		jset_int(o, "exit", s->exit_code);
		json_object_set_new(o, "ignored", json_boolean(s->ignored));
		jset_str(o, "layer", s->layer);
		jset_str(o, "record", s->record);
		jset_int(o, "record_crc", s->record_crc);
		add_reason(o, s);
		json_array_append_new(list, o);
	}
	return list;
}

/* What is to be taken back, the last step first. */
static json_t *
undo_json(const struct run_job *j)
{
	json_t *list = json_array();

	for (size_t i = j->nsteps; i-- > 0;) {
		const struct run_step *s = &j->steps[i];
		json_t *o;

		if (!run_step_is_undoable(s))
			continue;
		o = json_object();
		jset_int(o, "step", (int64_t)i);
		jset_int(o, "tries", s->undo.tries);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
used_json(const int used[RETRY_KIND_COUNT])
{
	json_t *o = json_object();

	for (int k = 0; k < RETRY_KIND_COUNT; k++)
		if (used[k])
			jset_int(o, retry_kind_name((enum retry_kind)k),
				used[k]);
	return o;
}

static json_t *
limits_json(const struct config *conf, const json_t *job, const json_t *given)
{
	const struct {
		const char *name;
		int64_t dflt;
	} all[] = {
		{ "memory", conf->memory },
		{ "cpu", conf->cpu_milli },
		{ "pids", conf->pids },
		{ "disk", conf->disk },
		{ "output", conf->output },
	};
	json_t *o = json_object(), *own = jget_obj(job, "limits");

	/* A person's with a retry, the workflow's, the configuration's. */
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		jset_int(o, all[i].name,
			jget_int(given, all[i].name,
				jget_int(own, all[i].name, all[i].dflt)));
	return o;
}

/* Trusted runs get what they ask for, as far as the administrator allows;
 * NULL: refused. */
static const char *
network_of(const struct live *l, const json_t *job, struct err *e)
{
	const char *conf = l->core->conf->conf.network;
	const char *want = jget_str(job, "network");

	if (l->run->push.fork)
		return "none";
	if (!want)
		return conf;
	if (str_eq(want, "host") && !str_eq(conf, "host")) {
		err_set(e, ERR_PERM,
			"network: host is not allowed on this machine; the "
			"administrator can allow it with agent.network = host");
		return NULL;
	}
	return want;
}

static int64_t
timeout_of(const struct config *conf, const json_t *job)
{
	int64_t own = jget_int(job, "timeout_ms", 0);

	return own ? own : conf->timeout_ms;
}

int64_t
job_timeout(struct live *l, int job)
{
	struct err e;
	const json_t *w = plan_workflow_of(l, &e);

	return timeout_of(&l->core->conf->conf,
		json_array_get(jget_arr(w, "jobs"), (size_t)job));
}

int64_t
job_limit(struct live *l, int job, const char *name, int64_t dflt)
{
	struct err e;
	const json_t *w = plan_workflow_of(l, &e);
	const json_t *p = json_array_get(jget_arr(w, "jobs"), (size_t)job);

	return jget_int(l->run->limits, name,
		jget_int(jget_obj(p, "limits"), name, dflt));
}

static int
add_job(const struct attempt *a, json_t *o, struct err *e)
{
	struct live *l = a->live;
	const int job = a->job;
	const struct config *conf = &l->core->conf->conf;
	const struct run_job *j = &l->run->jobs[job];
	json_t *w = plan_workflow_of(l, e), *p, *brief = json_object(),
	       *tries = json_array(), *used = json_array();
	const char *network = NULL;

	p = json_array_get(jget_arr(w, "jobs"), (size_t)job);
	if (w && !p)
		err_set(e, ERR_PERM, "plan.json has no job %d", job);
	if (p)
		network = network_of(l, p, e);
	if (!network) {
		json_decref(brief);
		json_decref(tries);
		json_decref(used);
		return -1;
	}
	jset_str(brief, "file", jget_str(w, "file"));
	jset_str(brief, "name", jget_str(w, "name"));
	if (jget_obj(w, "env"))
		json_object_set(brief, "env", jget_obj(w, "env"));
	for (size_t i = 0; i < j->nsteps; i++) {
		json_array_append_new(tries, json_integer(j->steps[i].tries));
		json_array_append_new(used, used_json(j->steps[i].used));
	}
	jset_int(o, "job", job);
	jset_int(o, "plan_run", (int64_t)l->run->plan_run);
	jset_int(o, "run_attempt", l->run->attempt);
	if (jget_obj(l->plan, "commit"))
		json_object_set(o, "commit", jget_obj(l->plan, "commit"));
	jset_str(o, "tree", l->run->tree);
	jset_str(o, "sha", l->run->push.sha);
	json_object_set_new(o, "workflow", brief);
	json_object_set(o, "plan", p);
	json_object_set_new(o, "needs", needs_context(l, j));
	jset_str(o, "network", network);
	json_object_set_new(o, "limits", limits_json(conf, p, l->run->limits));
	jset_int(o, "timeout_ms", timeout_of(conf, p));
	json_object_set_new(o, "tries", tries);
	json_object_set_new(o, "used", used);
	json_object_set_new(o, "job_used", used_json(j->used));
	json_object_set_new(o, "done", done_json(j));
	if (l->run->set)
		json_object_set(o, "set", l->run->set);
	if (a->undo)
		json_object_set_new(o, "undo", undo_json(j));
	return 0;
}

int
spec_write(const struct attempt *a, struct buf *out, struct err *e)
{
	json_t *o = head(a->live, a->job, a->number, a->nonce, e);
	char *text;

	if (!o)
		return -1;
	if (a->job >= 0 && add_job(a, o, e) < 0) {
		json_decref(o);
		return -1;
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return err_set(e, ERR_PERM, "the job cannot be written down");
	buf_addz(out, text);
	free(text);
	return 0;
}
