/* SPDX-License-Identifier: MIT */
/* See submit.h.  Pure but for realpath of the repository's folder. */
#include "base/base.h"
#include "base/enc.h"
#include "base/json.h"
#include "core/submit.h"
#include "os/path.h"

#define REFS_MAX 1000
#define NONCE_MIN 16
#define NONCE_MAX 64

void
submit_release(struct submit *s)
{
	for (size_t i = 0; i < s->npushes; i++)
		push_release(&s->pushes[i]);
	for (size_t i = 0; i < s->nseen; i++)
		push_release(&s->seen[i]);
	for (size_t i = 0; i < s->nignored; i++) {
		free(s->ignored[i].ref);
		free(s->ignored[i].why);
	}
	free(s->pushes);
	free(s->seen);
	free(s->ignored);
	strv_release(&s->keys);
	memset(s, 0, sizeof(*s));
}

/* By name, else by folder; a checkout's .git is the checkout. */
static const struct repo_conf *
find_repo(const struct config *conf, const char *name, const char *path)
{
	struct err e;
	AUTO(freep) char *real = path ? path_real(path, &e) : NULL;
	const struct repo_conf *r = name ? config_repo(conf, name) : NULL;

	if (r || !real)
		return r;
	for (size_t i = 0; i < conf->nrepos; i++) {
		AUTO(freep) char *other = NULL, *inner = NULL;

		if (!conf->repos[i].path)
			continue;
		other = path_real(conf->repos[i].path, &e);
		if (!other)
			continue;
		inner = xasprintf("%s/.git", other);
		if (str_eq(real, other) || str_eq(real, inner))
			return &conf->repos[i];
	}
	return NULL;
}

static void
ignore(struct submit *s, const char *ref, const char *why)
{
	s->ignored =
		xrealloc(s->ignored, (s->nignored + 1) * sizeof(*s->ignored));
	s->ignored[s->nignored].ref = xstrdup(ref);
	s->ignored[s->nignored++].why = xstrdup(why);
}

static bool
has_option(const json_t *o, const char *name)
{
	json_t *list = jget_arr(o, "options");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(json_string_value(json_array_get(list, i)), name))
			return true;
	return false;
}

static struct push *
add_push(struct push **list, size_t *n, struct submit *s, const json_t *o,
	const char *event)
{
	struct push *p;

	*list = xrealloc(*list, (*n + 1) * sizeof(*p));
	p = &(*list)[(*n)++];
	memset(p, 0, sizeof(*p));
	p->repository = xstrdup(s->repo->name);
	p->event = xstrdup(event);
	p->actor = xstrdup0(jget_str(o, "actor"));
	p->delivery = xstrdup0(jget_str(o, "nonce"));
	p->source = xstrdup(str_eq(event, "manual") ? "run" : "hook");
	p->file = xstrdup0(jget_str(o, "file"));
	p->rev = xstrdup0(jget_str(o, "rev"));
	p->snapshot = jget_bool(o, "snapshot", false);
	return p;
}

static int
add_ref(struct submit *s, const json_t *o, const json_t *r, const char *event,
	struct err *e)
{
	const char *ref = jget_str(r, "ref"), *old = jget_str(r, "old"),
		   *new = jget_str(r, "new"), *why = NULL;
	struct push *p;

	if (!ref || !ref_is_valid(ref))
		return err_set(e, ERR_PERM, "\"ref\" is not a valid ref");
	if (!new || !sha_is_valid(new) || (old && !sha_is_valid(old)))
		return err_set(e, ERR_PERM,
			"\"old\" and \"new\" of %s must be commit ids", ref);
	if (sha_is_zero(new))
		why = "the ref was deleted";
	else if (!ref_is_branch(ref) && !ref_is_tag(ref))
		why = "it is neither a branch nor a tag";
	else if (has_option(o, "ci.skip"))
		why = "the push option ci.skip was given";
	if (why) {
		ignore(s, ref, why);
		p = add_push(&s->seen, &s->nseen, s, o, event);
	} else {
		p = add_push(&s->pushes, &s->npushes, s, o, event);
	}
	p->ref = xstrdup(ref);
	p->sha = xstrdup(new);
	p->before = xstrdup(old ? old : SHA_ZERO);
	return 0;
}

static int
parse(const struct config *conf, const json_t *o, struct submit *s,
	struct err *e)
{
	const char *name = jget_str(o, "repository"),
		   *path = jget_str(o, "path"), *nonce = jget_str(o, "nonce"),
		   *event = jget_str(o, "event");
	json_t *refs = jget_arr(o, "refs");
	bool manual;

	if (!event)
		event = "push";
	manual = str_eq(event, "manual");
	if (!manual && !str_eq(event, "push"))
		return err_set(e, ERR_PERM,
			"\"event\" must be \"push\" or \"manual\"");
	if (!nonce || strlen(nonce) < NONCE_MIN || strlen(nonce) > NONCE_MAX ||
		!is_hex(nonce, strlen(nonce)))
		return err_set(e, ERR_PERM, "\"nonce\" must be 32 hex digits");
	if (json_array_size(refs) > REFS_MAX)
		return err_set(
			e, ERR_PERM, "more than %d refs in one push", REFS_MAX);
	s->repo = find_repo(conf, name, path);
	if (!s->repo)
		return err_set(e, ERR_ABSENT,
			"the repository '%s' is not configured; add a "
			"[repository] section with its path",
			name   ? name
			: path ? path
			       : "");
	strv_addf(&s->keys, "hook:%s", nonce);
	for (size_t i = 0; i < json_array_size(refs); i++)
		if (add_ref(s, o, json_array_get(refs, i), event, e) < 0)
			return -1;
	if (manual && !json_array_size(refs)) {
		struct push *p = add_push(&s->pushes, &s->npushes, s, o, event);

		p->sha = xstrdup(SHA_ZERO);
		p->before = xstrdup(SHA_ZERO);
	}
	return 0;
}

int
submit_parse(const struct config *conf, const char *text, size_t len,
	struct submit *ret, struct err *e)
{
	AUTO(submit_release) struct submit s = { 0 };
	json_t *o = json_parse(text, len, e);
	int rc;

	if (!o)
		return -1;
	rc = json_is_object(o) ? parse(conf, o, &s, e)
			       : err_set(e, ERR_PERM, "not an object");
	json_decref(o);
	if (rc < 0)
		return -1;
	*ret = s;
	memset(&s, 0, sizeof(s));
	return 0;
}
