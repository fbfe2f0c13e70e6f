/* SPDX-License-Identifier: MIT */
/*
 * See planner.h.  Runs in a child as the build user: what is read here was
 * written by whoever could push.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/strv.h"
#include "git/git.h"
#include "model/plan.h"
#include "model/workflow.h"
#include "work/planner.h"

#define WORKFLOW_MAX (256 << 10)
#define WORKFLOW_FILE ".tellus.yml"
#define WORKFLOW_FOLDER ".tellus"
#define WORKFLOW_FILES_MAX 50
#define CHANGED_MAX 20000
#define NO_WORKFLOW "the commit has no .tellus.yml"

static const struct tree_limits limits = { TREE_MAX_FILES, TREE_MAX_BYTES,
	TREE_MAX_DEPTH };

/* The commit to build: given, or to be found out ("tellus run"). */
static int
find_commit(
	struct repo *r, struct push *p, struct commit_info *ci, struct err *e)
{
	char sha[SHA_HEX + 1];

	if (p->sha && !sha_is_zero(p->sha))
		return repo_commit(r, p->sha, ci, e);
	if (p->rev) {
		if (repo_resolve(r, p->rev, sha, e) < 0)
			return -1;
	} else if (p->ref) {
		if (repo_ref(r, p->ref, sha, e) < 0)
			return -1;
	} else {
		return err_set(e, ERR_PERM, "the push names no commit");
	}
	return repo_commit(r, sha, ci, e);
}

static int
list_files(struct repo *r, const char *tree, struct strv *files, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(strv_release) struct strv names = STRV_INIT;

	if (repo_blob(r, tree, WORKFLOW_FILE, WORKFLOW_MAX, &text, e) == 0) {
		strv_add(files, WORKFLOW_FILE);
		return 0;
	}
	if (e->code != ERR_ABSENT)
		return -1;
	if (repo_list(r, tree, WORKFLOW_FOLDER, &names, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -1;
	for (size_t i = 0; i < names.len; i++)
		if (str_ends(names.v[i], ".yml") ||
			str_ends(names.v[i], ".yaml"))
			strv_addf(files, "%s/%s", WORKFLOW_FOLDER, names.v[i]);
	if (files->len > WORKFLOW_FILES_MAX)
		return err_set(e, ERR_PERM,
			"%s has %zu workflow files, more than %d",
			WORKFLOW_FOLDER, files->len, WORKFLOW_FILES_MAX);
	return 0;
}

/* One entry of "workflows". */
static int
plan_file(struct repo *r, const char *tree, const char *file,
	const struct push *p, const struct strv *changed, json_t *list,
	struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(workflow_freep) struct workflow *w = NULL;
	json_t *entry;

	if (repo_blob(r, tree, file, WORKFLOW_MAX, &text, e) < 0)
		return -1;
	if (workflow_parse(&w, file, text.data, text.len, e) < 0)
		return -1;
	if (plan_workflow(w, p, changed, &entry, e) < 0)
		return -1;
	json_array_append_new(list, entry);
	return 0;
}

static int
plan_files(struct repo *r, const struct commit_info *ci, const struct push *p,
	json_t *list, struct err *e)
{
	AUTO(strv_release) struct strv files = STRV_INIT;
	AUTO(strv_release) struct strv changed = STRV_INIT;
	const char *from = p->base_sha ? p->base_sha : p->before;
	int unknown = 1;

	if (p->file)
		strv_add(&files, p->file);
	else if (list_files(r, ci->tree, &files, e) < 0)
		return -1;
	if (files.len && from) {
		unknown = repo_changed(
			r, from, ci->sha, CHANGED_MAX, &changed, e);
		if (unknown < 0)
			return -1;
	}
	for (size_t i = 0; i < files.len; i++)
		if (plan_file(r, ci->tree, files.v[i], p,
			    unknown ? NULL : &changed, list, e) < 0)
			return -1;
	return 0;
}

bool
planner_applies(const json_t *plan)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(jget_arr(plan, "workflows"), i,
		entry) if (!json_object_get(entry, "skipped")) return true;
	return false;
}

static json_t *
plan_head(const struct commit_info *ci, const struct push *p)
{
	json_t *plan = json_object(), *commit = json_object();

	jset_int(plan, "version", 1);
	jset_str(plan, "sha", ci->sha);
	jset_str(plan, "tree", ci->tree);
	if (p->dirty)
		json_object_set_new(plan, "dirty", json_true());
	jset_str(commit, "subject", ci->subject);
	jset_str(commit, "author", ci->author);
	jset_str(commit, "email", ci->email);
	jset_int(commit, "time", ci->time_s);
	json_object_set_new(plan, "commit", commit);
	return plan;
}

/* p is the planner's own copy of the push: the commit is filled in, since
 * expressions may ask for it. */
static int
make_plan(struct repo *r, struct push *p, json_t **ret, struct commit_info *ci,
	struct err *e)
{
	json_t *list = json_array(), *plan;

	if (find_commit(r, p, ci, e) < 0) {
		json_decref(list);
		return -1;
	}
	free(p->sha);
	p->sha = xstrdup(ci->sha);
	if (!p->title && ci->subject)
		p->title = xstrdup(ci->subject);
	if (plan_files(r, ci, p, list, e) < 0) {
		json_decref(list);
		return -1;
	}
	plan = plan_head(ci, p);
	if (!json_array_size(list))
		jset_str(plan, "skipped", NO_WORKFLOW);
	json_object_set_new(plan, "workflows", list);
	*ret = plan;
	return 0;
}

static int
take_snapshot(const struct source *s, struct push *p, struct err *e)
{
	AUTO(freep)
	char *objects = xasprintf("/proc/self/fd/%d", s->snapshot_fd);
	char sha[SHA_HEX + 1];

	if (snapshot_make(s->path, objects, sha, &p->dirty, e) < 0)
		return -1;
	free(p->sha);
	p->sha = xstrdup(sha);
	return 0;
}

/* Built upon another tree only where layers can be stacked. */
static const char *
near_tree(const struct worker *w)
{
	return w->host.overlay ? jget_str(w->spec.json, "near") : NULL;
}

int
planner_run(void *arg, int progress_fd UNUSED, json_t **ret, struct err *e)
{
	const struct planner *a = arg;
	const struct worker *w = a->w;
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(commit_info_release) struct commit_info ci = { .time_s = 0 };
	AUTO(push_release) struct push p;
	AUTO(json_decrefp) json_t *plan = NULL;

	push_copy(&p, &w->spec.push);
	if (p.snapshot && sha_is_zero(p.sha ? p.sha : SHA_ZERO) &&
		take_snapshot(a->source, &p, e) < 0)
		return -1;
	if (repo_open(&r, a->source->path, a->source->alternates, e) < 0)
		return -1;
	if (make_plan(r, &p, &plan, &ci, e) < 0)
		return -1;
	if (planner_applies(plan) &&
		tree_build(r, w->state_fd, ci.tree, near_tree(w),
			worker_kind(w), &limits, e) < 0)
		return -1;
	*ret = STEAL(plan);
	return 0;
}

int
planner_tree(
	void *arg, int progress_fd UNUSED, json_t **ret UNUSED, struct err *e)
{
	const struct tree_again *a = arg;
	AUTO(repo_closep) struct repo *r = NULL;

	if (repo_open(&r, a->source->path, a->source->alternates, e) < 0)
		return -1;
	return tree_build(r, a->w->state_fd, a->tree, NULL, worker_kind(a->w),
		&limits, e);
}
