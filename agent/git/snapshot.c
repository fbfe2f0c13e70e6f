/* SPDX-License-Identifier: MIT */
/*
 * See git.h: the working tree as a commit.  The repository is opened with
 * an object store of ours in front of its own, and its index is read but
 * never written.  Here alone the user's own git configuration counts: it
 * is his tree, and his ignore rules.
 */
#include "base/base.h"
#include "git/lib.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <git2/sys/odb_backend.h>
#include <sys/stat.h>

/* A file above this is more likely a mistake than a source. */
#define FILE_MAX_BYTES ((int64_t)1 << 30)
/* Above the priorities that the library gives: new objects go there. */
#define OURS_FIRST 100

struct snapshot {
	git_repository *git;
	int root;         /* of the working tree */
	git_commit *head; /* NULL: there is no commit yet */
	git_tree *tree;
	git_index *index; /* in memory */
	git_index *theirs;
};

static const int user_levels[] = { GIT_CONFIG_LEVEL_XDG,
	GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_SYSTEM };

/* NULL: where git looks; "": nowhere. */
static void
set_user_config(const char *where)
{
	for (size_t i = 0; i < ARRAY_LEN(user_levels); i++)
		git_libgit2_opts(
			GIT_OPT_SET_SEARCH_PATH, user_levels[i], where);
}

/* ---- the object store ---- */

static int
make_store(const char *objects, const char *theirs, struct err *e)
{
	AUTO(fd_closep) int dir = -1;
	AUTO(fd_closep) int info = -1;
	AUTO(freep) char *line = xasprintf("%s\n", theirs);

	if (mkdir(objects, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir '%s'", objects);
	dir = path_open_dir(AT_FDCWD, objects, e);
	if (dir < 0 || path_mkdirs(dir, "info", 0755, e) < 0 ||
		path_mkdirs(dir, "pack", 0755, e) < 0)
		return -1;
	info = path_open_dir(dir, "info", e);
	if (info < 0)
		return -1;
	return fd_put_file(info, "alternates", line, strlen(line), 0644, e);
}

static int
use_store(struct snapshot *s, const char *objects, struct err *e)
{
	AUTO(git_odbp) git_odb *odb = NULL;
	AUTO(freep)
	char *theirs =
		xasprintf("%s/objects", git_repository_commondir(s->git));
	AUTO(freep) char *real = path_real(theirs, e);
	git_odb_backend *b = NULL;
	int rc;

	if (!real || make_store(objects, real, e) < 0)
		return -1;
	rc = git_repository_odb(&odb, s->git);
	/* Writing what is there already would touch their files' times. */
	for (size_t i = 0; rc == 0 && i < git_odb_num_backends(odb); i++) {
		rc = git_odb_get_backend(&b, odb, i);
		if (rc == 0)
			b->freshen = NULL;
	}
	if (rc == 0)
		rc = git_odb_backend_loose(&b, objects, -1, 0, 0755, 0444);
	if (rc == 0)
		rc = git_odb_add_backend(odb, b, OURS_FIRST);
	return rc < 0 ? git_fail(e, rc, "objects folder '%s'", objects) : 0;
}

static int
load_head(struct snapshot *s, struct err *e)
{
	git_oid id;
	int rc = git_reference_name_to_id(&id, s->git, "HEAD");

	if (rc == 0)
		rc = git_commit_lookup(&s->head, s->git, &id);
	else if (rc == GIT_ENOTFOUND || rc == GIT_EUNBORNBRANCH)
		return 0;
	if (rc == 0)
		rc = git_commit_tree(&s->tree, s->head);
	return rc < 0 ? git_fail(e, rc, "HEAD of the repository") : 0;
}

static int
open_all(struct snapshot *s, const char *worktree, const char *objects,
	struct err *e)
{
	int rc = git_repository_open_ext(&s->git, worktree, 0, NULL);

	if (rc < 0)
		return git_fail(e, rc, "open repository '%s'", worktree);
	if (git_repository_is_bare(s->git))
		return err_set(
			e, ERR_PERM, "'%s' has no working tree", worktree);
	s->root = path_open_dir(AT_FDCWD, git_repository_workdir(s->git), e);
	if (s->root < 0 || use_store(s, objects, e) < 0 || load_head(s, e) < 0)
		return -1;
	rc = git_repository_index(&s->theirs, s->git);
	if (rc < 0)
		return git_fail(e, rc, "read the index of '%s'", worktree);
	rc = git_index_new(&s->index);
	if (rc == 0 && s->tree)
		rc = git_index_read_tree(s->index, s->tree);
	return rc < 0 ? git_fail(e, rc, "read HEAD's tree") : 0;
}

/* ---- the changes ---- */

/* A sparse checkout leaves files out; they are as the index has them. */
static const git_index_entry *
left_out(struct snapshot *s, const char *path)
{
	const git_index_entry *entry = git_index_get_bypath(s->theirs, path, 0);

	return entry && entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE
		       ? entry
		       : NULL;
}

static int
take_out(struct snapshot *s, const char *path, struct err *e)
{
	const git_index_entry *entry = left_out(s, path);
	int rc = entry ? git_index_add(s->index, entry)
		       : git_index_remove(s->index, path, 0);

	if (rc == GIT_ENOTFOUND)
		return 0;
	return rc < 0 ? git_fail(e, rc, "take out '%s'", path) : 0;
}

static git_filemode_t
mode_of(struct snapshot *s, const char *path, const struct stat *st)
{
	const git_index_entry *old;
	git_config *config = NULL;
	int honest = 1;

	if (S_ISLNK(st->st_mode))
		return GIT_FILEMODE_LINK;
	if (git_repository_config_snapshot(&config, s->git) == 0)
		git_config_get_bool(&honest, config, "core.filemode");
	git_config_free(config);
	old = git_index_get_bypath(s->index, path, 0);
	if (!honest)
		return old && old->mode == GIT_FILEMODE_BLOB_EXECUTABLE
			       ? GIT_FILEMODE_BLOB_EXECUTABLE
			       : GIT_FILEMODE_BLOB;
	return st->st_mode & S_IXUSR ? GIT_FILEMODE_BLOB_EXECUTABLE
				     : GIT_FILEMODE_BLOB;
}

/* A file in the place of a folder, or the other way round. */
static int
put_in(struct snapshot *s, const char *path, const struct stat *st,
	struct err *e)
{
	git_index_entry entry = { .path = path, .mode = mode_of(s, path, st) };
	AUTO(freep) char *shown = git_shown(path);
	int rc = git_blob_create_from_workdir(&entry.id, s->git, path);

	if (rc == GIT_ENOTFOUND)
		return take_out(s, path, e); /* deleted this very moment */
	if (rc == 0)
		rc = git_index_add(s->index, &entry);
	return rc < 0 ? git_fail(e, rc, "read '%s'", shown) : 0;
}

static int
take_path(struct snapshot *s, const char *path, struct err *e)
{
	AUTO(freep) char *shown = git_shown(path);
	struct stat st;

	/* "dir/" is a repository inside the repository: not ours. */
	if (!*path || str_ends(path, "/"))
		return 0;
	if (fstatat(s->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? take_out(s, path, e)
			       : err_sys(e, "look at '%s'", shown);
	if (S_ISDIR(st.st_mode))
		return take_out(s, path, e);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	if (st.st_size > FILE_MAX_BYTES)
		return err_set(e, ERR_PERM,
			"'%s' is larger than 1 GiB: put it into .gitignore",
			shown);
	return put_in(s, path, &st, e);
}

static int
take_delta(struct snapshot *s, const git_diff_delta *d, struct err *e)
{
	if (d->old_file.mode == GIT_FILEMODE_COMMIT ||
		d->new_file.mode == GIT_FILEMODE_COMMIT)
		return 0;
	switch (d->status) {
	case GIT_DELTA_ADDED:
	case GIT_DELTA_DELETED:
	case GIT_DELTA_MODIFIED:
	case GIT_DELTA_UNTRACKED:
	case GIT_DELTA_TYPECHANGE:
	case GIT_DELTA_CONFLICTED:
		return take_path(s,
			d->new_file.path ? d->new_file.path : d->old_file.path,
			e);
	case GIT_DELTA_UNREADABLE: {
		AUTO(freep) char *shown = git_shown(d->new_file.path);

		return err_set(e, ERR_DENIED, "'%s' can not be read", shown);
	}
	default:
		return 0;
	}
}

/* With the index: it knows added files that the rules would ignore, and
 * which files need not be read. */
static int
take_changes(struct snapshot *s, struct err *e)
{
	git_diff_options o;
	git_diff *diff = NULL;
	int rc;

	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
		  GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INCLUDE_UNREADABLE |
		  GIT_DIFF_IGNORE_SUBMODULES | GIT_DIFF_SKIP_BINARY_CHECK;
	o.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
	rc = git_diff_tree_to_workdir_with_index(&diff, s->git, s->tree, &o);
	if (rc < 0)
		return git_fail(e, rc, "look for changed files");
	rc = 0;
	for (size_t i = 0; rc == 0 && i < git_diff_num_deltas(diff); i++)
		rc = take_delta(s, git_diff_get_delta(diff, i), e);
	git_diff_free(diff);
	return rc;
}

/* ---- the commit ---- */

static int
signature(struct snapshot *s, git_signature **ret)
{
	if (git_signature_default(ret, s->git) == 0)
		return 0;
	return git_signature_now(ret, "Tellus", "tellus@localhost");
}

static int
commit(struct snapshot *s, const git_oid *tree_id, git_oid *ret)
{
	AUTO(git_treep) git_tree *tree = NULL;
	git_signature *who = NULL;
	const git_commit *parents[] = { s->head };
	int rc = git_tree_lookup(&tree, s->git, tree_id);

	if (rc == 0)
		rc = signature(s, &who);
	if (rc == 0)
		rc = git_commit_create(ret, s->git, NULL, who, who, NULL,
			"The working tree, with its uncommitted changes\n",
			tree, s->head ? 1 : 0, parents);
	git_signature_free(who);
	return rc;
}

static int
finish(struct snapshot *s, char ret_sha[41], bool *ret_dirty, struct err *e)
{
	git_oid tree, id;
	bool dirty = true;
	int rc = git_index_write_tree_to(&tree, s->index, s->git);

	if (rc == 0 && s->head && git_oid_equal(&tree, git_tree_id(s->tree))) {
		id = *git_commit_id(s->head);
		dirty = false;
	} else if (rc == 0) {
		rc = commit(s, &tree, &id);
	}
	if (rc < 0)
		return git_fail(e, rc, "write the snapshot");
	git_oid_tostr(ret_sha, SHA_HEX + 1, &id);
	*ret_dirty = dirty;
	return 0;
}

int
snapshot_make(const char *worktree, const char *objects, char ret_sha[41],
	bool *ret_dirty, struct err *e)
{
	struct snapshot s = { .root = -1 };
	int rc;

	set_user_config(NULL);
	rc = open_all(&s, worktree, objects, e);
	if (rc == 0)
		rc = take_changes(&s, e);
	if (rc == 0)
		rc = finish(&s, ret_sha, ret_dirty, e);
	git_index_free(s.index);
	git_index_free(s.theirs);
	git_tree_free(s.tree);
	git_commit_free(s.head);
	git_repository_free(s.git);
	fd_closep(&s.root);
	set_user_config("");
	return rc;
}
