/* SPDX-License-Identifier: MIT */
/* See plan.h: does a push start a workflow, and if not, why. */
#include "base/base.h"
#include "base/enc.h"
#include "model/filter.h"
#include "model/plan.h"
#include "model/workflow_int.h"

static bool
no(char **ret_why, char *why)
{
	*ret_why = why;
	return false;
}

/* "x" and "x-ignore", of which at most one is there. */
static bool
name_passes(const struct wtrigger *t, enum wfilter which, const char *what,
	const char *name, char **ret_why)
{
	enum wfilter ignore = which + 1;
	const char *plural = which == FILTER_TAGS ? "tags" : "branches";

	if (t->has[which] && !filter_list(&t->list[which], name))
		return no(ret_why, xasprintf("the %s \"%s\" matches no pattern "
					     "of \"%s\"",
					   what, name, plural));
	if (t->has[ignore] && filter_list(&t->list[ignore], name))
		return no(ret_why, xasprintf("the %s \"%s\" matches "
					     "\"%s-ignore\"",
					   what, name, plural));
	return true;
}

static bool
paths_pass(const struct wtrigger *t, const struct strv *changed, char **ret_why)
{
	bool wanted = t->has[FILTER_PATHS];
	bool ignored = t->has[FILTER_PATHS_IGNORE];

	if (!changed || (!wanted && !ignored))
		return true;
	for (size_t i = 0; i < changed->len; i++) {
		const char *path = changed->v[i];

		if (wanted && filter_list(&t->list[FILTER_PATHS], path))
			return true;
		if (ignored &&
			!filter_list(&t->list[FILTER_PATHS_IGNORE], path))
			return true;
	}
	return no(ret_why,
		xstrdup(wanted ? "no changed file matches a pattern of "
				 "\"paths\""
			       : "all changed files match \"paths-ignore\""));
}

/* A filter for branches alone says that tags are not meant, and the other
 * way round. */
static bool
kind_passes(const struct wtrigger *t, bool is_tag, char **ret_why)
{
	bool branches =
		t->has[FILTER_BRANCHES] || t->has[FILTER_BRANCHES_IGNORE];
	bool tags = t->has[FILTER_TAGS] || t->has[FILTER_TAGS_IGNORE];

	if (is_tag && branches && !tags)
		return no(ret_why, xstrdup("\"on\" has patterns for branches "
					   "only, and this is a tag"));
	if (!is_tag && tags && !branches)
		return no(ret_why, xstrdup("\"on\" has patterns for tags only, "
					   "and this is a branch"));
	return true;
}

static bool
push_passes(const struct wtrigger *t, const struct push *p,
	const struct strv *changed, char **ret_why)
{
	const char *name = ref_short(p->ref);
	bool is_tag = ref_is_tag(p->ref);

	if (!is_tag && !ref_is_branch(p->ref))
		return no(ret_why, xasprintf("\"%s\" is neither a branch nor "
					     "a tag",
					   p->ref));
	if (!kind_passes(t, is_tag, ret_why) ||
		!name_passes(t, is_tag ? FILTER_TAGS : FILTER_BRANCHES,
			is_tag ? "tag" : "branch", name, ret_why))
		return false;
	/* A tag changes no files. */
	return is_tag || paths_pass(t, changed, ret_why);
}

static bool
action_passes(const struct wtrigger *t, const char *action, char **ret_why)
{
	static const char *const usual[] = { "opened", "synchronize",
		"reopened" };
	bool found = !action;

	if (t->has[FILTER_TYPES])
		found |= action && strv_has(&t->list[FILTER_TYPES], action);
	else
		for (size_t i = 0; i < ARRAY_LEN(usual); i++)
			found |= str_eq(action, usual[i]);
	if (found)
		return true;
	return no(ret_why, xasprintf("the pull request was \"%s\", which "
				     "\"types\" does not name",
				   action));
}

static bool
request_passes(const struct wtrigger *t, const struct push *p,
	const struct strv *changed, char **ret_why)
{
	if (!action_passes(t, p->action, ret_why))
		return false;
	if (p->base_ref && !name_passes(t, FILTER_BRANCHES, "target branch",
				   ref_short(p->base_ref), ret_why))
		return false;
	return paths_pass(t, changed, ret_why);
}

bool
plan_applies(const struct workflow *w, const struct push *p,
	const struct strv *changed, char **ret_why)
{
	static const struct wtrigger any = { .on = true };
	bool request = str_eq(p->event, "pull_request");
	const struct wtrigger *t = request ? &w->pull_request : &w->push;

	if (p->file && !str_eq(p->file, ydoc_file(w->doc)))
		return no(ret_why,
			xasprintf("only \"%s\" was asked for", p->file));
	if (str_eq(p->event, "manual"))
		return true; /* a person asked for this very run */
	if (!w->has_on) {
		t = &any;
		if (!request && ref_is_tag(p->ref))
			return no(ret_why, xstrdup("a workflow without \"on\" "
						   "runs for branches and pull "
						   "requests, and "
						   "this is a tag"));
	}
	if (!t->on)
		return no(ret_why, xasprintf("\"on\" does not name %s",
					   request ? "pull_request" : "push"));
	return request ? request_passes(t, p, changed, ret_why)
		       : push_passes(t, p, changed, ret_why);
}
