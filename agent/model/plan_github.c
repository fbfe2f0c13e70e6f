/* SPDX-License-Identifier: MIT */
/* See plan.h: the "github" context of expressions.  Its "event" holds what
 * we know under the names that GitHub's own payloads have. */
#include "base/base.h"
#include "model/plan.h"

#define WORKSPACE "/workspace" /* box/box.h: where every job finds it */

static void
give(json_t *to, const char *key, json_t *value)
{
	json_object_set_new(to, key, value);
}

/* Text, "" where there is none: comparisons then need no care. */
static void
give_str(json_t *to, const char *key, const char *value)
{
	give(to, key, json_string(value ? value : ""));
}

static json_t *
with_login(const char *login)
{
	json_t *o = json_object();

	give_str(o, "login", login);
	return o;
}

static json_t *
head_commit(const struct push *p)
{
	json_t *o = json_object(), *author = json_object();

	give_str(o, "id", p->sha);
	give_str(o, "message", p->title);
	give_str(author, "name", p->author);
	give(o, "author", author);
	give_str(o, "url", p->link);
	return o;
}

static json_t *
request_side(const char *ref, const char *sha)
{
	json_t *o = json_object();

	give_str(o, "ref", ref);
	give_str(o, "sha", sha);
	return o;
}

static json_t *
pull_request(const struct push *p)
{
	json_t *o = json_object();

	give(o, "number", json_integer(p->number));
	give_str(o, "title", p->title);
	give_str(o, "html_url", p->link);
	give(o, "user", with_login(p->actor));
	give(o, "head", request_side(p->head_ref, p->sha));
	give(o, "base", request_side(p->base_ref, p->base_sha));
	return o;
}

static json_t *
event(const struct push *p, bool request)
{
	json_t *o = json_object(), *repository = json_object();
	const char *name = p->repository ? p->repository : "";
	const char *base = strrchr(name, '/');

	give_str(repository, "full_name", name);
	give_str(repository, "name", base ? base + 1 : name);
	give(o, "repository", repository);
	give(o, "sender", with_login(p->actor));
	if (request) {
		give_str(o, "action", p->action);
		give(o, "number", json_integer(p->number));
		give(o, "pull_request", pull_request(p));
		return o;
	}
	give_str(o, "ref", p->ref);
	give_str(o, "before", p->before);
	give_str(o, "after", p->sha);
	give(o, "forced", json_boolean(p->forced));
	give(o, "created", json_boolean(p->before && sha_is_zero(p->before)));
	give(o, "head_commit", head_commit(p));
	return o;
}

/* "main", "v1"; "7/head" of refs/pull/7/head. */
static const char *
ref_name(const char *ref)
{
	static const char pull[] = "refs/pull/";

	if (str_starts(ref, pull))
		return ref + strlen(pull);
	return ref_short(ref);
}

static void
give_repository(json_t *to, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t len = slash ? (size_t)(slash - name) : strlen(name);

	give_str(to, "repository", name);
	give(to, "repository_owner", json_stringn(name, len));
}

json_t *
plan_github_context(const struct push *p, uint64_t run, int attempt,
	const char *workflow, const char *job)
{
	json_t *o = json_object();
	bool request = str_eq(p->event, "pull_request");
	const char *ref = p->ref ? p->ref : "";

	give_repository(o, p->repository ? p->repository : "");
	give_str(o, "event_name",
		str_eq(p->event, "manual") ? "workflow_dispatch" : p->event);
	give_str(o, "ref", ref);
	give_str(o, "ref_name", ref_name(ref));
	give_str(o, "ref_type", ref_is_tag(ref) ? "tag" : "branch");
	give_str(o, "sha", p->sha);
	give_str(o, "actor", p->actor);
	give_str(o, "triggering_actor", p->actor);
	give_str(o, "base_ref", request ? p->base_ref : NULL);
	give_str(o, "head_ref", request ? p->head_ref : NULL);
	give_str(o, "workflow", workflow);
	give_str(o, "job", job);
	give_str(o, "workspace", WORKSPACE);
	if (run) {
		AUTO(freep) char *id = xasprintf("%" PRIu64, run);

		give_str(o, "run_id", id);
		give_str(o, "run_number", id);
		give(o, "run_attempt", json_integer(attempt));
	}
	give(o, "event", event(p, request));
	return o;
}
