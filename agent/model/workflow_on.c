/* SPDX-License-Identifier: MIT */
/* See workflow_int.h: what starts a workflow ("on"). */
#include "base/base.h"
#include "base/enc.h"
#include "model/filter.h"
#include "model/workflow_int.h"

enum {
	AT_PUSH = 1,
	AT_PULL = 2,
};

static const char *const actions[] = { "assigned", "auto_merge_disabled",
	"auto_merge_enabled", "closed", "converted_to_draft", "demilestoned",
	"dequeued", "edited", "enqueued", "labeled", "locked", "milestoned",
	"opened", "ready_for_review", "reopened", "review_request_removed",
	"review_requested", "synchronize", "unassigned", "unlabeled",
	"unlocked" };

static int
check_action(struct wreader *r, const struct ynode *n)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (str_eq(actions[i], n->text))
			return 0;
	return wread_unknown(r, n, "type", actions, ARRAY_LEN(actions));
}

static int
check_pattern(struct wreader *r, const struct ynode *n)
{
	struct err e = { .code = ERR_NONE };

	if (filter_check(n->text, &e) == 0)
		return 0;
	return ydoc_fault(r->w->doc, n, r->e, "the pattern \"%.100s\": %s",
		n->text, e.msg);
}

static int
add_entry(struct wreader *r, const struct ynode *key, const struct ynode *n,
	size_t which, struct strv *to)
{
	int rc;

	if (wread_scalar(r, key, n) < 0)
		return -1;
	rc = which == FILTER_TYPES ? check_action(r, n) : check_pattern(r, n);
	strv_add(to, n->text);
	return rc;
}

static int
check_positive(struct wreader *r, const struct ynode *key,
	const struct ynode *value, const struct strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->v[i][0] != '!')
			return 0;
	return ydoc_fault(r->w->doc, value, r->e,
		"\"%s\" %s has only patterns with \"!\", which match nothing; "
		"put \"**\" before them",
		key->text, r->where);
}

/* A list, or one entry without the list. */
static int
key_filter(struct wreader *r, const struct wkey *k, const struct ynode *key,
	const struct ynode *value, void *obj)
{
	struct wtrigger *t = obj;
	struct strv *to = &t->list[k->off];

	t->has[k->off] = true;
	if (value->kind == YNODE_SCALAR)
		return add_entry(r, key, value, k->off, to) < 0
			       ? -1
			       : check_positive(r, key, value, to);
	if (wread_kind(r, key, value, YNODE_LIST) < 0)
		return -1;
	if (!value->n)
		return ydoc_fault(r->w->doc, value, r->e, "\"%s\" %s is empty",
			key->text, r->where);
	for (size_t i = 0; i < value->n; i++)
		if (add_entry(r, key, value->item[i], k->off, to) < 0)
			return -1;
	return check_positive(r, key, value, to);
}

static const struct wkey trigger_keys[] = {
	/* clang-format off */
	{ "branches",		key_filter, FILTER_BRANCHES,
		NULL, NULL, AT_PUSH | AT_PULL },
	{ "branches-ignore",	key_filter, FILTER_BRANCHES_IGNORE,
		NULL, NULL, AT_PUSH | AT_PULL },
	{ "tags",		key_filter, FILTER_TAGS,
		NULL, NULL, AT_PUSH },
	{ "tags-ignore",	key_filter, FILTER_TAGS_IGNORE,
		NULL, NULL, AT_PUSH },
	{ "paths",		key_filter, FILTER_PATHS,
		NULL, NULL, AT_PUSH | AT_PULL },
	{ "paths-ignore",	key_filter, FILTER_PATHS_IGNORE,
		NULL, NULL, AT_PUSH | AT_PULL },
	{ "types",		key_filter, FILTER_TYPES,
		NULL, NULL, AT_PULL },
	/* clang-format on */
};

static int
read_trigger(struct wreader *r, const struct ynode *key,
	const struct ynode *value, unsigned int at, struct wtrigger *t)
{
	static const size_t pairs[] = { FILTER_BRANCHES, FILTER_TAGS,
		FILTER_PATHS };
	struct wreader below = *r;

	t->on = true;
	if (!value || ynode_is_null(value))
		return 0;
	if (wread_kind(r, key, value, YNODE_MAP) < 0)
		return -1;
	wread_where(&below, "in \"%s\" of \"on\"", key->text);
	if (wread_map(&below, value, trigger_keys, ARRAY_LEN(trigger_keys), at,
		    t) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (t->has[pairs[i]] && t->has[pairs[i] + 1])
			return ydoc_fault(r->w->doc, value, r->e,
				"\"%s\" and \"%s\" %s exclude each other; use "
				"\"!\" patterns in the first",
				trigger_keys[pairs[i]].name,
				trigger_keys[pairs[i] + 1].name, below.where);
	return 0;
}

enum event_use {
	USE_PUSH,
	USE_PULL,
	USE_MANUAL,
	USE_NONE,
};

static const struct {
	const char *name;
	enum event_use use;
} events[] = {
	{ "push", USE_PUSH },
	{ "pull_request", USE_PULL },
	{ "workflow_dispatch", USE_MANUAL },
	{ "branch_protection_rule", USE_NONE },
	{ "check_run", USE_NONE },
	{ "check_suite", USE_NONE },
	{ "create", USE_NONE },
	{ "delete", USE_NONE },
	{ "deployment", USE_NONE },
	{ "deployment_status", USE_NONE },
	{ "discussion", USE_NONE },
	{ "discussion_comment", USE_NONE },
	{ "fork", USE_NONE },
	{ "gollum", USE_NONE },
	{ "issue_comment", USE_NONE },
	{ "issues", USE_NONE },
	{ "label", USE_NONE },
	{ "merge_group", USE_NONE },
	{ "milestone", USE_NONE },
	{ "page_build", USE_NONE },
	{ "public", USE_NONE },
	{ "pull_request_review", USE_NONE },
	{ "pull_request_review_comment", USE_NONE },
	{ "pull_request_target", USE_NONE },
	{ "registry_package", USE_NONE },
	{ "release", USE_NONE },
	{ "repository_dispatch", USE_NONE },
	{ "schedule", USE_NONE },
	{ "status", USE_NONE },
	{ "watch", USE_NONE },
	{ "workflow_call", USE_NONE },
	{ "workflow_run", USE_NONE },
};

static int
unknown_event(struct wreader *r, const struct ynode *key)
{
	const char *names[ARRAY_LEN(events)];
	struct wreader below = *r;

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		names[i] = events[i].name;
	wread_where(&below, "in \"on\"");
	return wread_unknown(&below, key, "event", names, ARRAY_LEN(names));
}

/* value is NULL where the event stands alone. */
static int
read_event(
	struct wreader *r, const struct ynode *key, const struct ynode *value)
{
	size_t i = 0;

	if (key->kind != YNODE_SCALAR)
		return ydoc_fault(r->w->doc, key, r->e,
			"\"on\" lists events by their names");
	while (i < ARRAY_LEN(events) && !str_eq(events[i].name, key->text))
		i++;
	if (i == ARRAY_LEN(events))
		return unknown_event(r, key);
	switch (events[i].use) {
	case USE_PUSH:
		return read_trigger(r, key, value, AT_PUSH, &r->w->push);
	case USE_PULL:
		return read_trigger(
			r, key, value, AT_PULL, &r->w->pull_request);
	case USE_MANUAL:
		return 0; /* anybody may start any workflow by hand */
	default:
		wread_warn(r, key,
			"the event \"%s\" starts nothing here; "
			"push and pull_request do",
			key->text);
		return 0;
	}
}

int
wread_on(struct wreader *r, const struct ynode *n)
{
	r->w->has_on = true;
	if (n->kind == YNODE_SCALAR) {
		if (ynode_is_null(n))
			return ydoc_fault(r->w->doc, n, r->e,
				"\"on\" is empty; leave it away for pushes and "
				"pull requests, or name events");
		return read_event(r, n, NULL);
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct ynode *value =
			n->kind == YNODE_MAP ? n->item[i + 1] : NULL;

		if (read_event(r, n->item[i], value) < 0)
			return -1;
		i += n->kind == YNODE_MAP;
	}
	if (!n->n)
		return ydoc_fault(r->w->doc, n, r->e, "\"on\" names no event");
	return 0;
}
