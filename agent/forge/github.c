/* SPDX-License-Identifier: MIT */
/*
 * Payloads of GitHub, and of Gitea and Forgejo, which took over their
 * shape.  Fields: docs.github.com "Webhook events and payloads"; Gitea's
 * modules/structs/hook.go.  What differs is in struct dialect.
 */
#include "base/base.h"
#include "forge/field.h"
#include "forge/forge.h"
#include "forge/kind.h"

struct dialect {
	const char *source;
	/* Gitea sends GitHub's header too, so the own ones go first. */
	const char *event_headers[4];
	const char *sync_action; /* new commits in a pull request */
};

static const struct dialect github = {
	.source = "github",
	.event_headers = { "X-GitHub-Event" },
	.sync_action = "synchronize",
};

static const struct dialect gitea = {
	.source = "gitea",
	.event_headers = { "X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event",
		"X-GitHub-Event" },
	.sync_action = "synchronized",
};

/* The commit's title, author and page, as far as the payload has them. */
static int
read_head_commit(const json_t *root, struct push *p, struct err *e)
{
	if (field_text(root, "head_commit.message", &p->title, e) < 0 ||
		field_text(root, "head_commit.author.name", &p->author, e) <
			0 ||
		field_link(root, "compare", &p->link, e) < 0 ||
		field_link(root, "compare_url", &p->link, e) < 0 ||
		field_link(root, "head_commit.url", &p->link, e) < 0)
		return -1;
	return field_text(root, "sender.login", &p->actor, e);
}

/* The ref of an annotated tag points at the tag, not at the commit. */
static int
read_tagged(const json_t *root, struct push *p, struct err *e)
{
	const json_t *head;

	if (!ref_is_tag(p->ref))
		return 0;
	if (field_any(root, "head_commit", &head, e) < 0)
		return -1;
	if (!head)
		return 0;
	return field_sha(root, "head_commit.id", &p->sha, e);
}

static int
read_push(const json_t *root, struct delivery *d, struct err *e)
{
	struct push *p = &d->push;
	const char *message = NULL;

	d->what = DELIVERY_PUSH;
	p->event = xstrdup("push");
	if (field_ref(root, "ref", &p->ref, e) < 0 ||
		field_sha(root, "before", &p->before, e) < 0 ||
		field_sha(root, "after", &p->sha, e) < 0)
		return -1;
	if (delivery_ref_ignored(d, p->sha))
		return 0;
	if (read_head_commit(root, p, e) < 0 || read_tagged(root, p, e) < 0 ||
		field_bool(root, "forced", &p->forced, e) < 0 ||
		field_str(root, "head_commit.message", &message, e) < 0)
		return -1;
	if (message && message_asks_skip(message))
		return delivery_ignore(d, "the commit's message asks for no "
					  "run");
	return 0;
}

/* Another repository, or one that is gone by now, is a fork. */
static int
read_fork(const json_t *root, bool *ret, struct err *e)
{
	const json_t *head;
	int64_t from, to;

	if (field_any(root, "pull_request.head.repo", &head, e) < 0 ||
		field_int(root, "pull_request.base.repo.id", &to, e) < 0)
		return -1;
	*ret = true;
	if (!head)
		return 0;
	if (field_int(root, "pull_request.head.repo.id", &from, e) < 0)
		return -1;
	*ret = from != to;
	return 0;
}

static int
read_request_texts(const json_t *root, struct push *p, struct err *e)
{
	if (field_text(root, "pull_request.title", &p->title, e) < 0 ||
		field_text(root, "pull_request.user.login", &p->author, e) <
			0 ||
		field_text(root, "sender.login", &p->actor, e) < 0)
		return -1;
	return field_link(root, "pull_request.html_url", &p->link, e);
}

static bool
action_starts(const struct dialect *dia, const char *action)
{
	static const char *const starting[] = { "opened", "reopened",
		"ready_for_review" };

	for (size_t i = 0; i < ARRAY_LEN(starting); i++)
		if (str_eq(action, starting[i]))
			return true;
	return str_eq(action, dia->sync_action);
}

static int
read_request(const struct dialect *dia, const json_t *root, struct delivery *d,
	struct err *e)
{
	struct push *p = &d->push;

	d->what = DELIVERY_PUSH;
	p->event = xstrdup("pull_request");
	if (field_name(root, "action", &p->action, e) < 0)
		return -1;
	if (!action_starts(dia, p->action))
		return delivery_ignore(d,
			"the action \"%.50s\" of a pull "
			"request starts nothing",
			p->action);
	if (str_eq(p->action, dia->sync_action)) {
		free(p->action);
		p->action = xstrdup("synchronize");
	}
	if (field_int(root, "number", &p->number, e) < 0 ||
		field_sha(root, "pull_request.head.sha", &p->sha, e) < 0 ||
		field_branch(root, "pull_request.head.ref", &p->head_ref, e) <
			0 ||
		field_sha(root, "pull_request.base.sha", &p->base_sha, e) < 0 ||
		field_branch(root, "pull_request.base.ref", &p->base_ref, e) <
			0 ||
		read_fork(root, &p->fork, e) < 0 ||
		read_request_texts(root, p, e) < 0)
		return -1;
	p->before = xstrdup(SHA_ZERO);
	p->ref = xasprintf("refs/pull/%" PRId64 "/head", p->number);
	return 0;
}

/* Events about an organisation or an app belong to no repository. */
static int
read_repository(
	const json_t *root, bool required, struct delivery *d, struct err *e)
{
	const json_t *v;

	if (field_any(root, "repository", &v, e) < 0)
		return -1;
	if (!v && !required)
		return 0;
	return field_name(root, "repository.full_name", &d->repository, e);
}

static int
parse(const struct dialect *dia, const struct forge_request *r,
	const json_t *root, struct delivery *d, struct err *e)
{
	const char *event = NULL;
	bool push, request;

	for (size_t i = 0; i < ARRAY_LEN(dia->event_headers) && !event; i++)
		if (dia->event_headers[i])
			event = r->header(dia->event_headers[i], r->arg);
	if (!event || !*event)
		return err_set(e, ERR_PERM, "the header %s is missing",
			dia == &github ? "X-GitHub-Event" : "X-Gitea-Event");
	push = str_eq(event, "push");
	request = str_eq(event, "pull_request");
	if (read_repository(root, push || request, d, e) < 0)
		return -1;
	d->push.source = xstrdup(dia->source);
	if (push)
		return read_push(root, d, e);
	if (request)
		return read_request(dia, root, d, e);
	if (str_eq(event, "ping")) {
		d->what = DELIVERY_PING;
		return 0;
	}
	if (str_eq(event, "create") || str_eq(event, "delete"))
		return delivery_ignore(d,
			"the event \"%s\" starts nothing; a "
			"push tells of new branches and tags",
			event);
	return delivery_ignore(d, "the event \"%.50s\" starts nothing", event);
}

int
github_parse(const struct forge_request *r, const json_t *root,
	struct delivery *d, struct err *e)
{
	return parse(&github, r, root, d, e);
}

int
gitea_parse(const struct forge_request *r, const json_t *root,
	struct delivery *d, struct err *e)
{
	return parse(&gitea, r, root, d, e);
}
