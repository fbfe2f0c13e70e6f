/* SPDX-License-Identifier: MIT */
/* See workflow.h: the top of the file, and a workflow's life. */
#include "base/base.h"
#include "base/enc.h"
#include "model/workflow_int.h"

static int key_on(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_name(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_jobs(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_run(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_of_run(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);

#define OFF(member) offsetof(struct workflow, member)

static const struct wkey top_keys[] = {
	/* clang-format off */
	{ "name",	key_name,	0, NULL, NULL, 0 },
	{ "on",		key_on,		0, NULL, NULL, 0 },
	{ "env",	key_env,	OFF(env), wcontexts_github, NULL, 0 },
	{ "defaults",	key_defaults,	OFF(defaults), NULL, NULL, 0 },
	{ "jobs",	key_jobs,	0, NULL, NULL, 0 },
	{ "run",	key_run,	0, NULL, NULL, 0 },
	/* With "run" alone: */
	{ "timeout",	key_of_run,	0, NULL, NULL, 0 },
	{ "timeout-minutes", key_of_run, 0, NULL, NULL, 0 },
	{ "limits",	key_of_run,	0, NULL, NULL, 0 },
	{ "network",	key_of_run,	0, NULL, NULL, 0 },
	{ "run-name",	key_ignored,	0, NULL,
		"runs are shown by the commit's subject", 0 },
	{ "permissions", key_ignored,	0, NULL, "a job gets no token here",
		0 },
	{ "concurrency", key_ignored,	0, NULL,
		"this version does not group runs", 0 },
	{ "runs-on",	key_misplaced,	0, NULL,
		"it belongs into a job; here it can be left away", 0 },
	{ "steps",	key_misplaced,	0, NULL,
		"steps belong into a job; a file without jobs has \"run\"", 0 },
	{ "image",	key_later,	0, NULL, NULL, 0 },
	{ "services",	key_later,	0, NULL, NULL, 0 },
	{ "cache",	key_later,	0, NULL, NULL, 0 },
	{ "artifacts",	key_later,	0, NULL, NULL, 0 },
	{ "secrets",	key_later,	0, NULL, NULL, 0 },
	{ "strategy",	key_later,	0, NULL, NULL, 0 },
	/* clang-format on */
};

static int
key_on(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key UNUSED, const struct ynode *value,
	void *obj UNUSED)
{
	return wread_on(r, value);
}

static int
key_name(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	struct workflow *w = obj;

	if (wread_scalar(r, key, value) < 0 ||
		wread_expr(r, value, false, NULL) < 0)
		return -1;
	if (strlen(value->text) > WORKFLOW_MAX_ID ||
		strpbrk(value->text, "\n\t"))
		return ydoc_fault(r->w->doc, value, r->e,
			"\"name\" %s is one "
			"line of at most %d bytes",
			r->where, WORKFLOW_MAX_ID);
	w->name = xstrdup(value->text);
	return 0;
}

static int
key_jobs(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj UNUSED)
{
	struct wreader below = *r;

	if (!r->w->has_jobs)
		return ydoc_fault(r->w->doc, key, r->e,
			"\"run\" and \"jobs\" %s exclude each other", r->where);
	if (wread_kind(r, key, value, YNODE_MAP) < 0)
		return -1;
	return wread_jobs(&below, value);
}

static int
key_run(struct wreader *r, const struct wkey *k UNUSED, const struct ynode *key,
	const struct ynode *value, void *obj UNUSED)
{
	struct wreader below = *r;

	if (r->w->has_jobs)
		return ydoc_fault(r->w->doc, key, r->e,
			"\"run\" and \"jobs\" %s exclude each other", r->where);
	return wread_run(&below, key, value);
}

static int
key_of_run(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj UNUSED)
{
	if (r->w->has_jobs)
		return ydoc_fault(r->w->doc, key, r->e,
			"\"%s\" %s goes with \"run\"; put it into each job",
			key->text, r->where);
	return wread_job_key(r, key, value, &r->w->jobs[0]);
}

static int
read_top(struct wreader *r, const struct ynode *root)
{
	struct workflow *w = r->w;
	const struct ynode *run, *key = NULL;

	if (root->kind != YNODE_MAP)
		return ydoc_fault(w->doc, root, r->e,
			"a workflow is a mapping: \"run: [commands]\", or "
			"\"jobs:\" with their steps");
	run = ynode_get(root, "run");
	for (size_t i = 0; i < root->n; i += 2)
		if (root->item[i + 1] == run)
			key = root->item[i];
	w->has_jobs = !run || ynode_get(root, "jobs");
	if (!w->has_jobs)
		wread_run_job(r, key, root);
	wread_where(r, "at the top of the file");
	if (wread_map(r, root, top_keys, ARRAY_LEN(top_keys), WKEY_ANYWHERE,
		    w) < 0)
		return -1;
	if (!w->njobs)
		return ydoc_fault(w->doc, root, r->e,
			"neither \"run\" nor \"jobs\": there is nothing to do");
	if (wread_graph(r) < 0)
		return -1;
	wread_refs(r);
	return 0;
}

/* ".tellus.yml" is "tellus", ".tellus/ci.yaml" is "ci". */
static char *
name_from_file(const char *file)
{
	const char *base = strrchr(file, '/');
	size_t len;

	base = base ? base + 1 : file;
	base += *base == '.';
	len = strlen(base);
	if (str_ends(base, ".yml"))
		len -= strlen(".yml");
	else if (str_ends(base, ".yaml"))
		len -= strlen(".yaml");
	return len ? xstrndup(base, len) : xstrdup(file);
}

int
workflow_parse(struct workflow **ret, const char *file, const char *text,
	size_t len, struct err *e)
{
	AUTO(workflow_freep) struct workflow *w = xcalloc(1, sizeof(*w));
	struct wreader r = { .w = w, .e = e };

	if (ydoc_parse(&w->doc, file, text, len, e) < 0)
		return -1;
	if (read_top(&r, ydoc_root(w->doc)) < 0)
		return -1;
	if (!w->name)
		w->name = name_from_file(file);
	*ret = STEAL(w);
	return 0;
}

static void
job_release(struct wjob *job)
{
	for (size_t i = 0; i < job->nsteps; i++) {
		free(job->steps[i].env.v);
		json_decref(job->steps[i].retry);
	}
	free(job->steps);
	free(job->needs);
	free(job->env.v);
	free(job->outputs.v);
	json_decref(job->retry);
}

void
workflow_free(struct workflow *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->njobs; i++)
		job_release(&w->jobs[i]);
	for (size_t i = 0; i < FILTER_COUNT; i++) {
		strv_release(&w->push.list[i]);
		strv_release(&w->pull_request.list[i]);
	}
	free(w->jobs);
	free(w->env.v);
	free(w->name);
	strv_release(&w->warnings);
	ydoc_free(w->doc);
	free(w);
}

void
workflow_freep(struct workflow **w)
{
	workflow_free(*w);
}

const char *
workflow_name(const struct workflow *w)
{
	return w->name;
}

const char *
workflow_file(const struct workflow *w)
{
	return ydoc_file(w->doc);
}

const struct strv *
workflow_warnings(const struct workflow *w)
{
	return &w->warnings;
}
