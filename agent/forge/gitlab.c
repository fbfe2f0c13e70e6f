/* SPDX-License-Identifier: MIT */
/*
 * Payloads of GitLab: docs.gitlab.com "Webhook events".  Which event it is
 * is read from the body, which newer GitLabs sign, not from the header.
 */
#include "base/base.h"
#include "forge/field.h"
#include "forge/forge.h"
#include "forge/kind.h"

#define COMMITS_MAX 100 /* it sends 20 at most */

/* The commit of the payload's list that is built; NULL for none. */
static int
find_commit(
	const json_t *root, const char *sha, const json_t **ret, struct err *e)
{
	const json_t *list;

	*ret = NULL;
	if (field_any(root, "commits", &list, e) < 0)
		return -1;
	if (list && !json_is_array(list))
		return err_set(e, ERR_PERM, "\"commits\" is not an array");
	for (size_t i = 0; i < MIN(json_array_size(list), COMMITS_MAX); i++) {
		const json_t *c = json_array_get(list, i);

		if (str_eq(jget_str(c, "id"), sha))
			*ret = c;
	}
	return 0;
}

static int
read_commit(const json_t *c, struct push *p, const char **ret_message,
	struct err *e)
{
	if (!c)
		return 0;
	if (field_text(c, "message", &p->title, e) < 0 ||
		field_text(c, "author.name", &p->author, e) < 0 ||
		field_link(c, "url", &p->link, e) < 0 ||
		field_str(c, "message", ret_message, e) < 0)
		return err_wrap(e, "in the commit");
	return 0;
}

/* "git push -o ci.skip" has no value, which arrives as true; any other
 * that the pusher gave means the same.  What has another shape (a list, in
 * old GitLabs) asks for nothing. */
static bool
options_ask_skip(const json_t *root)
{
	const json_t *options = json_object_get(root, "push_options");
	const json_t *skip =
		json_object_get(json_object_get(options, "ci"), "skip");

	return skip && !json_is_false(skip) && !json_is_null(skip);
}

/* checkout_sha is the commit also where "after" is an annotated tag; it is
 * null when the ref was deleted. */
static int
read_push(const json_t *root, struct delivery *d, struct err *e)
{
	struct push *p = &d->push;
	const char *message = NULL, *checkout = NULL;
	AUTO(freep) char *after = NULL;
	const json_t *commit;

	d->what = DELIVERY_PUSH;
	p->event = xstrdup("push");
	if (field_ref(root, "ref", &p->ref, e) < 0 ||
		field_sha(root, "before", &p->before, e) < 0 ||
		field_sha(root, "after", &after, e) < 0 ||
		field_str(root, "checkout_sha", &checkout, e) < 0)
		return -1;
	if (delivery_ref_ignored(d, after))
		return 0;
	if (!checkout)
		return delivery_ignore(d, "the push names no commit to build");
	if (field_sha(root, "checkout_sha", &p->sha, e) < 0 ||
		find_commit(root, p->sha, &commit, e) < 0 ||
		read_commit(commit, p, &message, e) < 0 ||
		field_text(root, "user_username", &p->actor, e) < 0)
		return -1;
	if (options_ask_skip(root))
		return delivery_ignore(d, "the push option ci.skip asks for no "
					  "run");
	if (message && message_asks_skip(message))
		return delivery_ignore(d, "the commit's message asks for no "
					  "run");
	return 0;
}

#define ATTR "object_attributes."

/* An update starts something only when it brings commits: then the old
 * head is told. */
static bool
action_starts(const char *action, const char *oldrev)
{
	if (str_eq(action, "open") || str_eq(action, "reopen"))
		return true;
	return str_eq(action, "update") && oldrev;
}

/* In the words that workflows use. */
static const char *
common_action(const char *action)
{
	if (str_eq(action, "open"))
		return "opened";
	return str_eq(action, "reopen") ? "reopened" : "synchronize";
}

/* The source is null when the fork is gone. */
static int
read_fork(const json_t *root, bool *ret, struct err *e)
{
	const json_t *source;
	int64_t from, to;

	if (field_any(root, ATTR "source_project_id", &source, e) < 0 ||
		field_int(root, ATTR "target_project_id", &to, e) < 0)
		return -1;
	*ret = true;
	if (!source)
		return 0;
	if (field_int(root, ATTR "source_project_id", &from, e) < 0)
		return -1;
	*ret = from != to;
	return 0;
}

static int
read_request_texts(const json_t *root, struct push *p, struct err *e)
{
	if (field_text(root, ATTR "title", &p->title, e) < 0 ||
		field_text(root, ATTR "last_commit.author.name", &p->author,
			e) < 0 ||
		field_text(root, "user.username", &p->actor, e) < 0)
		return -1;
	return field_link(root, ATTR "url", &p->link, e);
}

static int
read_request(const json_t *root, struct delivery *d, struct err *e)
{
	struct push *p = &d->push;
	const char *message = NULL, *oldrev = NULL;
	const char *action = NULL;

	d->what = DELIVERY_PUSH;
	p->event = xstrdup("pull_request");
	if (field_str(root, ATTR "action", &action, e) < 0 ||
		field_str(root, ATTR "oldrev", &oldrev, e) < 0)
		return -1;
	if (!action) /* hooks of the whole system leave it out at times */
		return delivery_ignore(d, "the merge request names no action");
	if (!action_starts(action, oldrev))
		return delivery_ignore(d,
			"the action \"%.50s\" of a merge "
			"request%s starts nothing",
			action,
			str_eq(action, "update") ? " without new commits" : "");
	if (field_int(root, ATTR "iid", &p->number, e) < 0 ||
		field_sha(root, ATTR "last_commit.id", &p->sha, e) < 0 ||
		field_branch(root, ATTR "source_branch", &p->head_ref, e) < 0 ||
		field_branch(root, ATTR "target_branch", &p->base_ref, e) < 0 ||
		read_fork(root, &p->fork, e) < 0 ||
		read_request_texts(root, p, e) < 0 ||
		field_str(root, ATTR "last_commit.message", &message, e) < 0)
		return -1;
	if (oldrev && field_sha(root, ATTR "oldrev", &p->before, e) < 0)
		return -1;
	if (!p->before)
		p->before = xstrdup(SHA_ZERO);
	p->action = xstrdup(common_action(action));
	p->ref = xasprintf("refs/merge-requests/%" PRId64 "/head", p->number);
	if (message && message_asks_skip(message))
		return delivery_ignore(d, "the commit's message asks for no "
					  "run");
	return 0;
}

/* Hooks of a project name the event in object_kind, those of the whole
 * system in event_name. */
static int
read_event(const json_t *root, const char **ret, struct err *e)
{
	*ret = NULL;
	if (field_str(root, "object_kind", ret, e) < 0)
		return -1;
	if (!*ret && field_str(root, "event_name", ret, e) < 0)
		return -1;
	if (!*ret)
		return err_set(e, ERR_PERM, "\"object_kind\" is missing");
	return 0;
}

int
gitlab_parse(const struct forge_request *r UNUSED, const json_t *root,
	struct delivery *d, struct err *e)
{
	const char *event;
	const json_t *project;
	bool push, request;

	if (read_event(root, &event, e) < 0)
		return -1;
	push = str_eq(event, "push") || str_eq(event, "tag_push");
	request = str_eq(event, "merge_request");
	if (field_any(root, "project", &project, e) < 0)
		return -1;
	if (push || request || json_object_get(project, "path_with_namespace"))
		if (field_name(root, "project.path_with_namespace",
			    &d->repository, e) < 0)
			return -1;
	d->push.source = xstrdup("gitlab");
	if (push)
		return read_push(root, d, e);
	if (request)
		return read_request(root, d, e);
	return delivery_ignore(d, "the event \"%.50s\" starts nothing", event);
}
