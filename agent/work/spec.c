/* SPDX-License-Identifier: MIT */
/*
 * See spec.h.  tellusd wrote the file, so a wrong one is a mistake of ours
 * and not of the user's: everything is checked once here, and the rest of
 * the worker may rely on it.
 */
#include "base/base.h"
#include "base/enc.h"
#include "os/fd.h"
#include "work/spec.h"

#define SPEC_MAX (8 << 20)
#define SPEC_VERSION 1
#define NONCE_HEX 32

static int
bad(struct err *e, const char *member)
{
	return err_set(
		e, ERR_PERM, "spec.json: '%s' is missing or wrong", member);
}

static int
check_repository(const json_t *r, struct err *e)
{
	const char *path = jget_str(r, "path");

	if (!jget_str(r, "name"))
		return bad(e, "repository.name");
	if (!path && !jget_str(r, "url"))
		return err_set(e, ERR_PERM,
			"repository '%s' has neither url nor path",
			jget_str(r, "name"));
	if (path && path[0] != '/')
		return bad(e, "repository.path");
	return 0;
}

/* What a job's steps need beyond what planning needs. */
static int
check_job(struct spec *s, struct err *e)
{
	static const char *const limits[] = { "memory", "cpu", "pids", "disk",
		"output" };
	const json_t *plan = jget_obj(s->json, "plan");
	const json_t *lim = jget_obj(s->json, "limits");
	const char *sha = jget_str(s->json, "sha");
	const char *tree = jget_str(s->json, "tree");

	s->job = (int)jget_int(s->json, "job", -1);
	if (s->job < 0)
		return bad(e, "job");
	if (!plan || !jget_arr(plan, "steps"))
		return bad(e, "plan.steps");
	if (!sha || !sha_is_valid(sha))
		return bad(e, "sha");
	if (!tree || !sha_is_valid(tree))
		return bad(e, "tree");
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (jget_int(lim, limits[i], 0) < 0)
			return bad(e, "limits");
	return 0;
}

static int
check(struct spec *s, struct err *e)
{
	const char *kind = jget_str(s->json, "kind");

	if (jget_int(s->json, "version", 0) != SPEC_VERSION)
		return bad(e, "version");
	if (!str_eq(kind, "plan") && !str_eq(kind, "job"))
		return bad(e, "kind");
	s->is_plan = str_eq(kind, "plan");
	s->run = (uint64_t)jget_int(s->json, "run", 0);
	s->attempt = (int)jget_int(s->json, "attempt", 0);
	s->nonce = jget_str(s->json, "nonce");
	if (!s->run || (int64_t)s->run < 0)
		return bad(e, "run");
	if (s->attempt < 1)
		return bad(e, "attempt");
	if (!s->nonce || strlen(s->nonce) != NONCE_HEX ||
		!is_hex(s->nonce, NONCE_HEX))
		return bad(e, "nonce");
	if (check_repository(jget_obj(s->json, "repository"), e) < 0)
		return -1;
	if (push_from_json(&s->push, jget_obj(s->json, "push"), e) < 0)
		return err_wrap(e, "spec.json");
	return s->is_plan ? 0 : check_job(s, e);
}

int
spec_load(struct spec *s, int attempt_fd, struct err *e)
{
	AUTO(freep) char *text = NULL;
	size_t len;

	memset(s, 0, sizeof(*s));
	s->job = -1;
	if (fd_slurp_at(attempt_fd, "spec.json", SPEC_MAX, &text, &len, e) < 0)
		return -1;
	s->json = json_parse(text, len, e);
	if (!s->json)
		return err_wrap(e, "spec.json");
	if (check(s, e) == 0)
		return 0;
	spec_release(s);
	return -1;
}

void
spec_release(struct spec *s)
{
	if (s->json)
		json_decref(s->json);
	push_release(&s->push);
	memset(s, 0, sizeof(*s));
	s->job = -1;
}
