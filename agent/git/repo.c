/* SPDX-License-Identifier: MIT */
/*
 * See git.h: reading commits, trees and refs.  A repository is opened by
 * its path alone (no search upwards, no GIT_* of the environment) and is
 * never written.
 */
#include "base/base.h"
#include "base/enc.h"
#include "git/lib.h"

#define SUBJECT_MAX 500
#define PERSON_MAX 200

static int
add_alternates(struct repo *r, const char *list, struct err *e)
{
	AUTO(freep) char *copy = xstrdup(list);
	char *save = NULL;

	for (char *p = strtok_r(copy, ":", &save); p;
		p = strtok_r(NULL, ":", &save)) {
		int rc = git_odb_add_disk_alternate(r->odb, p);

		if (rc < 0)
			return git_fail(e, rc, "objects folder '%s'", p);
	}
	return 0;
}

int
repo_open(struct repo **ret, const char *path, const char *alternates,
	struct err *e)
{
	AUTO(repo_closep) struct repo *r = xcalloc(1, sizeof(*r));
	int rc = git_repository_open_ext(
		&r->git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);

	if (rc == 0)
		rc = git_repository_odb(&r->odb, r->git);
	if (rc < 0)
		return git_fail(e, rc, "open repository '%s'", path);
	if (alternates && add_alternates(r, alternates, e) < 0)
		return -1;
	r->path = xstrdup(path);
	r->alternates = alternates ? xstrdup(alternates) : NULL;
	*ret = STEAL(r);
	return 0;
}

int
repo_again(struct repo **ret, const struct repo *r, struct err *e)
{
	return repo_open(ret, r->path, r->alternates, e);
}

void
repo_close(struct repo *r)
{
	if (!r)
		return;
	git_odb_free(r->odb);
	git_repository_free(r->git);
	free(r->path);
	free(r->alternates);
	free(r);
}

void
repo_closep(struct repo **r)
{
	repo_close(*r);
}

void
commit_info_release(struct commit_info *c)
{
	free(c->subject);
	free(c->author);
	free(c->email);
	memset(c, 0, sizeof(*c));
}

int
repo_peel(struct repo *r, const char *sha, git_commit **ret, struct err *e)
{
	git_object *any = NULL;
	git_oid id;
	int rc;

	if (git_id(&id, sha, e) < 0)
		return -1;
	rc = git_object_lookup(&any, r->git, &id, GIT_OBJECT_ANY);
	if (rc == 0)
		rc = git_object_peel(
			(git_object **)ret, any, GIT_OBJECT_COMMIT);
	git_object_free(any);
	if (rc == GIT_ENOTFOUND)
		return err_set(e, ERR_ABSENT, "commit %s is not in '%s'", sha,
			r->path);
	if (rc == GIT_EPEEL || rc == GIT_EINVALIDSPEC)
		return err_set(e, ERR_PERM, "%s is not a commit", sha);
	if (rc < 0)
		return git_fail(e, rc, "commit %s", sha);
	return 0;
}

static char *
clean(const char *s, size_t max)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	utf8_addcut(&b, s ? s : "", max);
	return buf_take(&b);
}

int
repo_commit(
	struct repo *r, const char *rev, struct commit_info *ret, struct err *e)
{
	AUTO(git_commitp) git_commit *c = NULL;
	const git_signature *who;

	if (repo_peel(r, rev, &c, e) < 0)
		return -1;
	memset(ret, 0, sizeof(*ret));
	who = git_commit_author(c);
	git_oid_tostr(ret->sha, sizeof(ret->sha), git_commit_id(c));
	git_oid_tostr(ret->tree, sizeof(ret->tree), git_commit_tree_id(c));
	ret->subject = clean(git_commit_summary(c), SUBJECT_MAX);
	ret->author = clean(who ? who->name : NULL, PERSON_MAX);
	ret->email = clean(who ? who->email : NULL, PERSON_MAX);
	ret->time_s = git_commit_time(c);
	return 0;
}

int
repo_resolve(struct repo *r, const char *rev, char ret_sha[41], struct err *e)
{
	git_object *any = NULL, *commit = NULL;
	AUTO(freep) char *shown = git_shown(rev);
	int rc = git_revparse_single(&any, r->git, rev);

	if (rc == 0)
		rc = git_object_peel(&commit, any, GIT_OBJECT_COMMIT);
	if (rc == 0)
		git_oid_tostr(ret_sha, SHA_HEX + 1, git_object_id(commit));
	git_object_free(any);
	git_object_free(commit);
	if (rc == GIT_ENOTFOUND)
		return err_set(e, ERR_ABSENT, "'%s' is no revision of '%s'",
			shown, r->path);
	if (rc < 0)
		return git_fail(e, rc, "revision '%s'", shown);
	return 0;
}

int
repo_ref(struct repo *r, const char *ref, char ret_sha[41], struct err *e)
{
	AUTO(freep) char *shown = git_shown(ref);
	AUTO(git_commitp) git_commit *c = NULL;
	char hex[SHA_HEX + 1];
	git_oid id;
	int rc = git_reference_name_to_id(&id, r->git, ref);

	if (rc == GIT_ENOTFOUND)
		return err_set(
			e, ERR_ABSENT, "'%s' has no ref '%s'", r->path, shown);
	if (rc < 0)
		return git_fail(e, rc, "ref '%s'", shown);
	git_oid_tostr(hex, sizeof(hex), &id);
	if (repo_peel(r, hex, &c, e) < 0)
		return err_wrap(e, "ref '%s'", shown);
	git_oid_tostr(ret_sha, SHA_HEX + 1, git_commit_id(c));
	return 0;
}

/* The entry at path ("" is the tree itself, then *ret stays NULL). */
static int
find_entry(struct repo *r, const char *tree, const char *path,
	git_tree **ret_tree, git_tree_entry **ret, struct err *e)
{
	AUTO(freep) char *shown = git_shown(path);
	git_oid id;
	int rc;

	if (git_id(&id, tree, e) < 0)
		return -1;
	rc = git_tree_lookup(ret_tree, r->git, &id);
	if (rc < 0)
		return git_fail(e, rc, "tree %s", tree);
	if (!*path)
		return 0;
	rc = git_tree_entry_bypath(ret, *ret_tree, path);
	if (rc == GIT_ENOTFOUND)
		return err_set(
			e, ERR_ABSENT, "'%s' is not in the commit", shown);
	return rc < 0 ? git_fail(e, rc, "'%s'", shown) : 0;
}

static bool
is_file(const git_tree_entry *entry)
{
	return entry && git_tree_entry_type(entry) == GIT_OBJECT_BLOB &&
	       git_tree_entry_filemode(entry) != GIT_FILEMODE_LINK;
}

static void
entryp(git_tree_entry **entry)
{
	git_tree_entry_free(*entry);
}

int
repo_blob(struct repo *r, const char *tree, const char *path, size_t max,
	struct buf *out, struct err *e)
{
	AUTO(freep) char *shown = git_shown(path);
	AUTO(git_treep) git_tree *t = NULL;
	AUTO(entryp) git_tree_entry *entry = NULL;
	AUTO(git_objp) git_odb_object *o = NULL;
	git_object_t type;
	size_t size;
	int rc;

	if (find_entry(r, tree, path, &t, &entry, e) < 0)
		return -1;
	if (!is_file(entry))
		return err_set(
			e, ERR_PERM, "'%s' is not a regular file", shown);
	rc = git_odb_read_header(
		&size, &type, r->odb, git_tree_entry_id(entry));
	if (rc == 0 && size > max)
		return err_set(e, ERR_PERM,
			"'%s' has %zu bytes, at most %zu are read", shown, size,
			max);
	if (rc == 0)
		rc = git_odb_read(&o, r->odb, git_tree_entry_id(entry));
	if (rc < 0)
		return git_fail(e, rc, "'%s'", shown);
	buf_add(out, git_odb_object_data(o), git_odb_object_size(o));
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
repo_list(struct repo *r, const char *tree, const char *path, struct strv *out,
	struct err *e)
{
	AUTO(freep) char *shown = git_shown(path);
	AUTO(git_treep) git_tree *t = NULL;
	AUTO(git_treep) git_tree *sub = NULL;
	AUTO(entryp) git_tree_entry *entry = NULL;
	size_t first = out->len;
	int rc;

	if (find_entry(r, tree, path, &t, &entry, e) < 0)
		return -1;
	if (entry && git_tree_entry_type(entry) != GIT_OBJECT_TREE)
		return err_set(e, ERR_PERM, "'%s' is not a folder", shown);
	if (entry) {
		rc = git_tree_lookup(&sub, r->git, git_tree_entry_id(entry));
		if (rc < 0)
			return git_fail(e, rc, "'%s'", shown);
	}
	for (size_t i = 0; i < git_tree_entrycount(sub ? sub : t); i++)
		strv_add(out, git_tree_entry_name(git_tree_entry_byindex(
				      sub ? sub : t, i)));
	if (out->len > first)
		qsort(out->v + first, out->len - first, sizeof(char *),
			by_name);
	return 0;
}

struct changed {
	size_t max;
	struct strv *out;
};

/* Ends the comparison as soon as there is one path too many. */
static int
changed_path(const git_diff *diff UNUSED, const git_diff_delta *delta,
	const char *spec UNUSED, void *arg)
{
	struct changed *c = arg;

	if (c->out->len >= c->max)
		return GIT_EUSER;
	strv_add(c->out, delta->new_file.path ? delta->new_file.path
					      : delta->old_file.path);
	return 0;
}

static int
tree_of(struct repo *r, const char *sha, git_tree **ret, struct err *e)
{
	AUTO(git_commitp) git_commit *c = NULL;
	int rc;

	if (repo_peel(r, sha, &c, e) < 0)
		return -1;
	rc = git_commit_tree(ret, c);
	return rc < 0 ? git_fail(e, rc, "tree of commit %s", sha) : 0;
}

int
repo_changed(struct repo *r, const char *from, const char *to, size_t max,
	struct strv *out, struct err *e)
{
	AUTO(git_treep) git_tree *a = NULL;
	AUTO(git_treep) git_tree *b = NULL;
	AUTO(strv_release) struct strv paths = STRV_INIT;
	struct changed c = { max, &paths };
	git_diff_options o;
	git_diff *diff = NULL;
	struct err unknown;
	int rc;

	if (tree_of(r, to, &b, e) < 0)
		return -1;
	if (tree_of(r, from, &a, &unknown) < 0)
		return 1;
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
	o.notify_cb = changed_path;
	o.payload = &c;
	rc = git_diff_tree_to_tree(&diff, r->git, a, b, &o);
	git_diff_free(diff);
	if (rc == GIT_EUSER)
		return 1;
	if (rc < 0)
		return git_fail(e, rc, "compare %s with %s", from, to);
	strv_copy(out, &paths);
	return 0;
}
