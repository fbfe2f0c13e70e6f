/* SPDX-License-Identifier: MIT */
/* See workflow_int.h: jobs. */
#include "base/base.h"
#include "base/enc.h"
#include "model/workflow_int.h"

static int key_needs(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_steps(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_outputs(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);

#define OFF(member) offsetof(struct wjob, member)

static const struct wkey job_keys[] = {
	/* clang-format off */
	{ "name",	key_title,	OFF(name),
		wcontexts_plan, NULL, 0 },
	{ "needs",	key_needs,	0, NULL, NULL, 0 },
	{ "if",		key_cond,	OFF(cond),
		wcontexts_job, NULL, 0 },
	{ "env",	key_env,	OFF(env),
		wcontexts_job, NULL, 0 },
	{ "defaults",	key_defaults,	OFF(defaults), NULL, NULL, 0 },
	{ "timeout-minutes", key_minutes, OFF(timeout),
		wcontexts_plan, NULL, 0 },
	{ "timeout",	key_duration,	OFF(timeout),
		wcontexts_plan, NULL, 0 },
	{ "continue-on-error", key_flag, OFF(go_on),
		wcontexts_plan, NULL, 0 },
	{ "outputs",	key_outputs,	0, wcontexts_step, NULL, 0 },
	{ "network",	key_network,	OFF(network), NULL, NULL, 0 },
	{ "limits",	key_limits,	OFF(limits), NULL, NULL, 0 },
	{ "retry",	key_retry,	OFF(retry), NULL, NULL, 0 },
	{ "steps",	key_steps,	0, NULL, NULL, 0 },
	{ "runs-on",	key_ignored,	0, NULL,
		"jobs run on the agent's machine", 0 },
	{ "permissions", key_ignored,	0, NULL,
		"a job gets no token here", 0 },
	{ "concurrency", key_ignored,	0, NULL,
		"this version does not group runs", 0 },
	{ "run",	key_misplaced,	0, NULL,
		"commands go into \"steps\"", 0 },
	{ "undo",	key_misplaced,	0, NULL,
		"it belongs into a step", 0 },
	{ "on-crash",	key_misplaced,	0, NULL,
		"it belongs into a step", 0 },
	{ "artifacts",	key_later, 0, NULL, NULL, 0 },
	{ "cache",	key_later, 0, NULL, NULL, 0 },
	{ "container",	key_later, 0, NULL, NULL, 0 },
	{ "environment", key_later, 0, NULL, NULL, 0 },
	{ "image",	key_later, 0, NULL, NULL, 0 },
	{ "interruptible", key_later, 0, NULL, NULL, 0 },
	{ "allow_failure", key_later, 0, NULL, NULL, 0 },
	{ "memo",	key_later, 0, NULL, NULL, 0 },
	{ "secrets",	key_later, 0, NULL, NULL, 0 },
	{ "services",	key_later, 0, NULL, NULL, 0 },
	{ "strategy",	key_later, 0, NULL, NULL, 0 },
	{ "uses",	key_later, 0, NULL, NULL, 0 },
	{ "with",	key_later, 0, NULL, NULL, 0 },
	{ "workspace",	key_later, 0, NULL, NULL, 0 },
	/* clang-format on */
};

static int
add_need(struct wreader *r, const struct ynode *key, const struct ynode *n,
	struct wjob *job)
{
	if (wread_scalar(r, key, n) < 0)
		return -1;
	for (size_t i = 0; i < job->nneeds; i++)
		if (str_eq(job->needs[i]->text, n->text))
			return ydoc_fault(r->w->doc, n, r->e,
				"\"%.100s\" is in \"needs\" %s twice", n->text,
				r->where);
	job->needs = grow(
		job->needs, job->nneeds, &job->needs_cap, sizeof(*job->needs));
	job->needs[job->nneeds++] = n;
	return 0;
}

static int
key_needs(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	if (value->kind == YNODE_SCALAR)
		return add_need(r, key, value, obj);
	if (wread_kind(r, key, value, YNODE_LIST) < 0)
		return -1;
	for (size_t i = 0; i < value->n; i++)
		if (add_need(r, key, value->item[i], obj) < 0)
			return -1;
	return 0;
}

static int
key_steps(struct wreader *r, const struct wkey *k UNUSED,
	const struct ynode *key, const struct ynode *value, void *obj)
{
	return wread_steps(r, key, value, obj);
}

static int
key_outputs(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	struct wjob *job = obj;

	if (wread_pairs(r, key, value, k->contexts, &job->outputs) < 0)
		return -1;
	for (size_t i = 0; i < job->outputs.n; i++) {
		const struct ynode *name = job->outputs.v[i].key;

		if (!wread_is_id(name->text))
			return ydoc_fault(r->w->doc, name, r->e,
				"\"%.100s\" cannot be an output's name; it has "
				"letters, digits, \"-\" and \"_\", and starts "
				"with a letter or \"_\"",
				name->text);
	}
	return 0;
}

static struct wjob *
job_add(struct workflow *w, const struct ynode *key, const struct ynode *node)
{
	struct wjob *job;

	w->jobs = grow(w->jobs, w->njobs, &w->jobs_cap, sizeof(*w->jobs));
	job = &w->jobs[w->njobs++];
	memset(job, 0, sizeof(*job));
	job->key = key;
	job->node = node;
	return job;
}

static int
read_job(struct wreader *r, const struct ynode *key, const struct ynode *value)
{
	struct wjob *job;

	if (!wread_is_id(key->text))
		return ydoc_fault(r->w->doc, key, r->e,
			"\"%.100s\" cannot be a job's id; it has letters, "
			"digits, \"-\" and \"_\", starts with a letter or "
			"\"_\", and has at most %d characters",
			key->text, WORKFLOW_MAX_ID);
	if (r->w->njobs >= WORKFLOW_MAX_JOBS)
		return ydoc_fault(r->w->doc, key, r->e,
			"more than %d jobs in one workflow", WORKFLOW_MAX_JOBS);
	wread_where(r, "in \"jobs\"");
	if (wread_kind(r, key, value, YNODE_MAP) < 0)
		return -1;
	job = job_add(r->w, key, value);
	wread_where(r, "in job \"%s\"", key->text);
	if (wread_map(r, value, job_keys, ARRAY_LEN(job_keys), WKEY_ANYWHERE,
		    job) < 0)
		return -1;
	if (!job->nsteps)
		return ydoc_fault(r->w->doc, key, r->e,
			"job \"%s\" has no \"steps\"", key->text);
	return 0;
}

int
wread_jobs(struct wreader *r, const struct ynode *n)
{
	if (!n->n)
		return ydoc_fault(r->w->doc, n, r->e, "\"jobs\" is empty");
	for (size_t i = 0; i < n->n; i += 2)
		if (read_job(r, n->item[i], n->item[i + 1]) < 0)
			return -1;
	return 0;
}

int
wread_run(struct wreader *r, const struct ynode *key, const struct ynode *steps)
{
	struct wjob *job = &r->w->jobs[0];

	if (steps->kind == YNODE_MAP || ynode_is_null(steps))
		return ydoc_fault(r->w->doc, steps, r->e,
			"\"run\" at the top of the file is a command or a "
			"list of commands, not %s",
			steps->n ? "a mapping" : "empty");
	wread_where(r, "in \"run\"");
	return wread_steps(r, key, steps, job);
}

struct wjob *
wread_run_job(
	struct wreader *r, const struct ynode *key, const struct ynode *node)
{
	return job_add(r->w, key, node);
}

int
wread_job_key(struct wreader *r, const struct ynode *key,
	const struct ynode *value, struct wjob *job)
{
	for (size_t i = 0; i < ARRAY_LEN(job_keys); i++)
		if (str_eq(job_keys[i].name, key->text))
			return job_keys[i].set(
				r, &job_keys[i], key, value, job);
	assert(!"a key of jobs");
	return -1;
}

struct wjob *
workflow_job(const struct workflow *w, const char *id)
{
	for (size_t i = 0; i < w->njobs; i++)
		if (str_eq(w->jobs[i].key->text, id))
			return &w->jobs[i];
	return NULL;
}

static int
unknown_need(struct wreader *r, const struct wjob *job, const struct ynode *n)
{
	const char *names[WORKFLOW_MAX_JOBS], *near;
	size_t count = 0;

	for (size_t i = 0; i < r->w->njobs; i++)
		if (&r->w->jobs[i] != job)
			names[count++] = r->w->jobs[i].key->text;
	near = nearest_name(n->text, names, count);
	if (near)
		return ydoc_fault(r->w->doc, n, r->e,
			"job \"%s\" needs \"%.100s\", which does not exist; "
			"did you mean \"%s\"?",
			job->key->text, n->text, near);
	return ydoc_fault(r->w->doc, n, r->e,
		"job \"%s\" needs \"%.100s\", which does not exist",
		job->key->text, n->text);
}

enum {
	MARK_NONE,
	MARK_OPEN, /* on the way that is being followed */
	MARK_DONE,
};

/* A circle's jobs, from the one that was met again. */
static int
circle(struct wreader *r, struct wjob *const *way, size_t depth,
	const struct wjob *again, const struct ynode *n)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	AUTO(buf_release) struct buf shown = BUF_INIT;
	size_t i = 0;

	while (way[i] != again)
		i++;
	for (; i < depth; i++)
		buf_addf(&list, "%s -> ", way[i]->key->text);
	buf_addz(&list, again->key->text);
	utf8_addcut(&shown, list.data, 400);
	return ydoc_fault(r->w->doc, n, r->e,
		"these jobs wait for each other for ever: %s", shown.data);
}

static int
follow(struct wreader *r, struct wjob *job, struct wjob **way, size_t depth)
{
	if (job->mark == MARK_DONE)
		return 0;
	job->mark = MARK_OPEN;
	way[depth++] = job;
	for (size_t i = 0; i < job->nneeds; i++) {
		struct wjob *need = workflow_job(r->w, job->needs[i]->text);

		if (!need)
			return unknown_need(r, job, job->needs[i]);
		if (need->mark == MARK_OPEN)
			return circle(r, way, depth, need, job->needs[i]);
		if (follow(r, need, way, depth) < 0)
			return -1;
	}
	job->mark = MARK_DONE;
	return 0;
}

int
wread_graph(struct wreader *r)
{
	struct wjob *way[WORKFLOW_MAX_JOBS + 1];

	for (size_t i = 0; i < r->w->njobs; i++)
		if (follow(r, &r->w->jobs[i], way, 0) < 0)
			return -1;
	return 0;
}
