/* SPDX-License-Identifier: MIT */
/* See git.h and lib.h: starting the library, and its errors as ours. */
#include "base/base.h"
#include "git/lib.h"
#include "base/enc.h"

#include <signal.h>

/* Enough for the trees of one checkout; the default is four times that. */
#define CACHE_MAX_BYTES ((ssize_t)64 << 20)
/* A child may have 1 GiB of memory in all. */
#define MAPPED_MAX_BYTES ((size_t)512 << 20)
#define SHOWN_MAX 300

static const int config_levels[] = {
	GIT_CONFIG_LEVEL_PROGRAMDATA,
	GIT_CONFIG_LEVEL_SYSTEM,
	GIT_CONFIG_LEVEL_XDG,
	GIT_CONFIG_LEVEL_GLOBAL,
};

/*
 * Hashes are always checked: base trees are shared between repositories by
 * their id, so a pack whose index lies about an id must not get in.
 */
int
git_start(struct err *e)
{
	int rc = git_libgit2_init();

	if (rc < 0)
		return git_fail(e, rc, "start libgit2");
	/* It writes to sockets that the server may have closed. */
	signal(SIGPIPE, SIG_IGN);
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, CACHE_MAX_BYTES);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, MAPPED_MAX_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(config_levels); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, config_levels[i], "");
	return 0;
}

void
git_stop(void)
{
	git_libgit2_shutdown();
}

static enum err_code
code_of(int rc, const git_error *last, int sys)
{
	if (rc == GIT_ENOTFOUND || rc == GIT_EMISMATCH)
		return ERR_ABSENT;
	if (last && last->klass == GIT_ERROR_ODB)
		return ERR_ABSENT;
	if (last && last->klass == GIT_ERROR_OS && sys)
		return err_code_from_errno(sys);
	return ERR_PERM;
}

int
git_fail(struct err *e, int rc, const char *fmt, ...)
{
	int sys = errno;
	const git_error *last = git_error_last();
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(freep) char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	if (last && last->message)
		utf8_addcut(&text, last->message, SHOWN_MAX);
	else
		buf_addf(&text, "libgit2 error %d", rc);
	return err_set(e, code_of(rc, last, sys), "%s: %s", what, text.data);
}

int
git_id(git_oid *ret, const char *sha, struct err *e)
{
	AUTO(freep) char *shown = NULL;

	if (sha && strlen(sha) == SHA_HEX && is_hex(sha, SHA_HEX) &&
		git_oid_fromstr(ret, sha) == 0)
		return 0;
	shown = git_shown(sha ? sha : "");
	return err_set(
		e, ERR_PERM, "'%s' is not a commit id of 40 digits", shown);
}

char *
git_shown(const char *text)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	utf8_addcut(&b, text, SHOWN_MAX);
	return buf_take(&b);
}

void
git_repop(git_repository **p)
{
	git_repository_free(*p);
}

void
git_odbp(git_odb **p)
{
	git_odb_free(*p);
}

void
git_objp(git_odb_object **p)
{
	git_odb_object_free(*p);
}

void
git_commitp(git_commit **p)
{
	git_commit_free(*p);
}

void
git_treep(git_tree **p)
{
	git_tree_free(*p);
}

void
git_refp(git_reference **p)
{
	git_reference_free(*p);
}

void
git_indexp(git_index **p)
{
	git_index_free(*p);
}

void
git_walkp(git_revwalk **p)
{
	git_revwalk_free(*p);
}

void
git_packp(git_packbuilder **p)
{
	git_packbuilder_free(*p);
}
