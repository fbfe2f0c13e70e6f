/* SPDX-License-Identifier: MIT */
/* See workflow_int.h: the steps of a job. */
#include "base/base.h"
#include "base/enc.h"
#include "model/workflow_int.h"

static int key_id(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_uses(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_with(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);
static int key_on_crash(struct wreader *r, const struct wkey *k,
	const struct ynode *key, const struct ynode *value, void *obj);

#define OFF(member) offsetof(struct wstep, member)

static const struct wkey step_keys[] = {
	/* clang-format off */
	{ "name",	key_title,	OFF(name),
		wcontexts_step, NULL, 0 },
	{ "id",		key_id,		OFF(id), NULL, NULL, 0 },
	{ "run",	key_script,	OFF(run),
		wcontexts_step, NULL, 0 },
	{ "shell",	key_shell,	OFF(shell), NULL, NULL, 0 },
	{ "working-directory", key_text, OFF(dir),
		wcontexts_step, NULL, 0 },
	{ "env",	key_env,	OFF(env),
		wcontexts_step, NULL, 0 },
	{ "if",		key_cond,	OFF(cond),
		wcontexts_step, NULL, 0 },
	{ "timeout-minutes", key_minutes, OFF(timeout),
		wcontexts_plan, NULL, 0 },
	{ "timeout",	key_duration,	OFF(timeout),
		wcontexts_plan, NULL, 0 },
	{ "continue-on-error", key_flag, OFF(go_on),
		wcontexts_plan, NULL, 0 },
	{ "on-crash",	key_on_crash,	OFF(on_crash), NULL, NULL, 0 },
	{ "undo",	key_script,	OFF(undo),
		wcontexts_step, NULL, 0 },
	{ "uses",	key_uses,	OFF(uses), NULL, NULL, 0 },
	{ "with",	key_with,	OFF(with), NULL, NULL, 0 },
	{ "needs",	key_misplaced,	0, NULL,
		"it belongs into a job; steps run one after another", 0 },
	{ "runs-on",	key_misplaced,	0, NULL, "it belongs into a job", 0 },
	{ "limits",	key_misplaced,	0, NULL, "it belongs into a job", 0 },
	{ "network",	key_misplaced,	0, NULL, "it belongs into a job", 0 },
	{ "outputs",	key_misplaced,	0, NULL,
		"a step writes NAME=VALUE to the file $GITHUB_OUTPUT", 0 },
	{ "retry",	key_retry,	OFF(retry), NULL, NULL, 0 },
	{ "memo",	key_later, 0, NULL, NULL, 0 },
	{ "secrets",	key_later, 0, NULL, NULL, 0 },
	{ "cache",	key_later, 0, NULL, NULL, 0 },
	{ "artifacts",	key_later, 0, NULL, NULL, 0 },
	/* clang-format on */
};

static int
key_id(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (key_text(r, k, key, value, obj) < 0)
		return -1;
	if (wread_is_id(value->text))
		return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"%.100s\" cannot be a step's id; it has letters, digits, "
		"\"-\" and \"_\", starts with a letter or \"_\", and has at "
		"most %d characters",
		value->text, WORKFLOW_MAX_ID);
}

static int
key_on_crash(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	static const char *const modes[] = { "rerun", "ask", "fail" };

	if (key_text(r, k, key, value, obj) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq(value->text, modes[i]))
			return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"on-crash\" %s is \"%.60s\"; it is rerun, ask or fail",
		r->where, value->text);
}

static int
key_uses(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	if (key_text(r, k, key, value, obj) < 0)
		return -1;
	if (!str_starts(value->text, "actions/checkout@"))
		return ydoc_fault(r->w->doc, value, r->e,
			"\"uses: %.100s\" %s: this version runs no actions but "
			"actions/checkout; write the commands into \"run\"",
			value->text, r->where);
	wread_warn(r, value,
		"the commit is checked out already: "
		"\"%.60s\" does nothing here",
		value->text);
	return 0;
}

/* What checkout may be told and is true here anyway. */
static int
check_with(struct wreader *r, const struct ynode *name)
{
	static const char *const harmless[] = { "clean", "fetch-depth",
		"fetch-tags", "persist-credentials", "set-safe-directory",
		"show-progress" };

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (str_eq(harmless[i], name->text))
			return 0;
	return ydoc_fault(r->w->doc, name, r->e,
		"\"%.60s\" in \"with\" %s: this version does not support it "
		"yet; the commit of the run is what is checked out",
		name->text, r->where);
}

static int
key_with(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	struct wstep *s = obj;

	(void)k;
	s->with = key;
	if (ynode_is_null(value))
		return 0;
	if (wread_kind(r, key, value, YNODE_MAP) < 0)
		return -1;
	for (size_t i = 0; i < value->n; i += 2)
		if (check_with(r, value->item[i]) < 0)
			return -1;
	return 0;
}

static int
check_step(struct wreader *r, const struct wstep *s)
{
	if (!s->run && !s->uses)
		return ydoc_fault(r->w->doc, s->node, r->e,
			"there is no \"run\" %s", r->where);
	if (s->run && s->uses)
		return ydoc_fault(r->w->doc, s->uses, r->e,
			"\"run\" and \"uses\" %s exclude each other", r->where);
	if (s->with && !s->uses)
		return ydoc_fault(r->w->doc, s->with, r->e,
			"\"with\" %s goes with \"uses\"", r->where);
	return 0;
}

static int
check_id(struct wreader *r, const struct wjob *job, const struct ynode *id)
{
	for (size_t i = 0; id && i + 1 < job->nsteps; i++) {
		const struct ynode *other = job->steps[i].id;

		if (other && !strcasecmp(other->text, id->text))
			return ydoc_fault(r->w->doc, id, r->e,
				"the id \"%s\" %s is the id of step %zu too",
				id->text, r->where, i + 1);
	}
	return 0;
}

static struct wstep *
step_add(struct wjob *job, const struct ynode *node)
{
	struct wstep *s;

	job->steps = grow(
		job->steps, job->nsteps, &job->steps_cap, sizeof(*job->steps));
	s = &job->steps[job->nsteps++];
	memset(s, 0, sizeof(*s));
	s->node = node;
	return s;
}

static int
read_step(struct wreader *r, const struct ynode *key, const struct ynode *n,
	struct wjob *job)
{
	static const struct wkey plain = { "run", NULL, OFF(run),
		wcontexts_step, NULL, 0 };
	struct wreader below = *r;
	struct wstep *s = step_add(job, n);

	if (str_starts(r->where, "in job"))
		wread_where(&below, "in step %zu of %s", job->nsteps,
			r->where + strlen("in "));
	else
		wread_where(&below, "in step %zu", job->nsteps);
	if (n->kind == YNODE_LIST)
		return ydoc_fault(r->w->doc, n, r->e,
			"a step is a command or a mapping, not a list");
	if (ynode_is_null(n))
		return ydoc_fault(r->w->doc, n, r->e, "step %zu %s is empty",
			job->nsteps, r->where);
	if (n->kind == YNODE_SCALAR)
		return key_script(&below, &plain, key, n, s);
	if (wread_map(&below, n, step_keys, ARRAY_LEN(step_keys), WKEY_ANYWHERE,
		    s) < 0)
		return -1;
	if (check_id(&below, job, s->id) < 0)
		return -1;
	return check_step(&below, s);
}

int
wread_steps(struct wreader *r, const struct ynode *key,
	const struct ynode *list, struct wjob *job)
{
	if (ynode_is_null(list) || (list->kind == YNODE_LIST && !list->n))
		return ydoc_fault(r->w->doc, list, r->e, "\"%s\" %s is empty",
			key->text, r->where);
	if (list->kind == YNODE_SCALAR && str_eq(key->text, "run"))
		return read_step(r, key, list, job);
	if (wread_kind(r, key, list, YNODE_LIST) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		if (i >= WORKFLOW_MAX_STEPS)
			return ydoc_fault(r->w->doc, list->item[i], r->e,
				"more than %d steps %s", WORKFLOW_MAX_STEPS,
				r->where);
		if (read_step(r, key, list->item[i], job) < 0)
			return -1;
	}
	return 0;
}
