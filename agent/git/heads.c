/* SPDX-License-Identifier: MIT */
/*
 * The branches and tags of a repository, here or on a server, as lines of
 * text: git.h has their form.
 */
#include "base/base.h"
#include "git/fetch.h"

#define PEELED "^{}"

static bool
is_wanted(const char *ref)
{
	return str_starts(ref, "refs/heads/") || str_starts(ref, "refs/tags/");
}

static int
add_head(struct strv *out, const git_oid *id, const git_oid *commit,
	const char *ref, struct err *e)
{
	char sha[SHA_HEX + 1], peeled[SHA_HEX + 1];

	if (out->len == HEADS_MAX)
		return err_set(e, ERR_PERM,
			"it has more than %d branches and tags", HEADS_MAX);
	git_oid_tostr(sha, sizeof(sha), id);
	git_oid_tostr(peeled, sizeof(peeled), commit);
	strv_addf(out, "%s %s %s", sha, peeled, ref);
	return 0;
}

/* A ref that leads nowhere is no head. */
static int
add_local(struct strv *out, const git_reference *ref, struct err *e)
{
	AUTO(git_refp) git_reference *direct = NULL;
	git_object *commit = NULL;
	int rc;

	if (!is_wanted(git_reference_name(ref)) ||
		git_reference_resolve(&direct, ref) < 0 ||
		git_reference_peel(&commit, direct, GIT_OBJECT_COMMIT) < 0)
		return 0;
	rc = add_head(out, git_reference_target(direct), git_object_id(commit),
		git_reference_name(ref), e);
	git_object_free(commit);
	return rc;
}

int
repo_heads(struct repo *r, struct strv *out, struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int rc = git_reference_iterator_new(&it, r->git), bad = 0;

	while (rc == 0 && !bad) {
		rc = git_reference_next(&ref, it);
		if (rc < 0)
			break;
		bad = add_local(out, ref, e);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	if (bad)
		return -1;
	if (rc < 0 && rc != GIT_ITEROVER)
		return git_fail(e, rc, "read the refs of '%s'", r->path);
	return 0;
}

/* Behind a tag object comes its commit, as NAME^{}. */
static const git_oid *
peeled_of(const git_remote_head **heads, size_t n, size_t i)
{
	size_t len = strlen(heads[i]->name);

	if (i + 1 < n && !strncmp(heads[i + 1]->name, heads[i]->name, len) &&
		str_eq(heads[i + 1]->name + len, PEELED))
		return &heads[i + 1]->oid;
	return &heads[i]->oid;
}

int
remote_heads(const struct mirror_spec *m, struct strv *out, struct err *e)
{
	struct fetch f = { .spec = m };
	git_remote *remote = NULL;
	const git_remote_head **heads;
	size_t n = 0;
	int rc = 0;

	if (!mirror_url_ok(m->url, e) || fetch_trust(m, e) < 0 ||
		fetch_connect(&f, &remote, &heads, &n, e) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (is_wanted(heads[i]->name) &&
			!str_ends(heads[i]->name, PEELED))
			rc = add_head(out, &heads[i]->oid,
				peeled_of(heads, n, i), heads[i]->name, e);
	git_remote_free(remote);
	return rc;
}
