/* SPDX-License-Identifier: MIT */
/*
 * See local.h.  The library's own local transport packs every ref that the
 * other side has; this packs the history of one commit, less what is here.
 */
#include "base/base.h"
#include "git/local.h"

#define PACK_THREADS 2

/* What both sides have need not be copied. */
static int
hide_known(git_repository *mirror, git_odb *theirs, git_revwalk *walk)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int rc = git_reference_iterator_new(&it, mirror);

	while (rc == 0 && git_reference_next(&ref, it) == 0) {
		git_object *commit = NULL;

		if (git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) == 0 &&
			git_odb_exists(theirs, git_object_id(commit)))
			rc = git_revwalk_hide(walk, git_object_id(commit));
		git_object_free(commit);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return rc;
}

static int
copy(git_repository *mirror, struct repo *src, const git_oid *sha)
{
	AUTO(git_packp) git_packbuilder *pack = NULL;
	AUTO(git_walkp) git_revwalk *walk = NULL;
	AUTO(freep)
	char *dir =
		xasprintf("%s/objects/pack", git_repository_commondir(mirror));
	int rc = git_packbuilder_new(&pack, src->git);

	if (rc == 0)
		rc = git_revwalk_new(&walk, src->git);
	if (rc == 0)
		rc = git_revwalk_push(walk, sha);
	if (rc == 0)
		rc = hide_known(mirror, src->odb, walk);
	if (rc < 0)
		return rc;
	git_packbuilder_set_threads(pack, PACK_THREADS);
	rc = git_packbuilder_insert_walk(pack, walk);
	if (rc == 0 && git_packbuilder_object_count(pack))
		rc = git_packbuilder_write(pack, dir, 0444, NULL, NULL);
	return rc;
}

/* Keeps the commit reachable for the next fetch; a ref that can not be
 * written costs only that. */
static void
note_ref(git_repository *mirror, const char *ref, const git_oid *sha)
{
	AUTO(git_refp) git_reference *made = NULL;
	char hex[SHA_HEX + 1];

	if (ref && git_reference_create(&made, mirror, ref, sha, 1, NULL) == 0)
		return;
	git_oid_tostr(hex, sizeof(hex), sha);
	AUTO(freep) char *own = xasprintf("refs/tellus/%s", hex);

	git_reference_create(&made, mirror, own, sha, 1, NULL);
}

int
local_fetch(git_repository *mirror, const char *path, const char *ref,
	const git_oid *sha, struct err *e)
{
	AUTO(repo_closep) struct repo *src = NULL;
	AUTO(git_commitp) git_commit *commit = NULL;
	char hex[SHA_HEX + 1];
	int rc;

	if (repo_open(&src, path, NULL, e) < 0)
		return -1;
	git_oid_tostr(hex, sizeof(hex), sha);
	if (repo_peel(src, hex, &commit, e) < 0)
		return -1;
	rc = copy(mirror, src, git_commit_id(commit));
	if (rc < 0)
		return git_fail(e, rc, "copy commit %s from '%s'", hex, path);
	note_ref(mirror, ref, git_commit_id(commit));
	return 0;
}
