/* SPDX-License-Identifier: MIT */
/* See repo.h. */
#include "base/base.h"
#include "cli/repo.h"

#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#define GITFILE_MAX 65536

void
repo_release(struct repo *r)
{
	free(r->gitdir);
	free(r->top);
	r->gitdir = r->top = NULL;
}

static bool
has(const char *folder, const char *name)
{
	AUTO(freep) char *path = xasprintf("%s/%s", folder, name);

	return access(path, F_OK) == 0;
}

static bool
is_gitdir(const char *path)
{
	if (!has(path, "HEAD"))
		return false;
	return has(path, "commondir") ||
	       (has(path, "objects") && has(path, "refs"));
}

/* The first line of a small file, without prefix; NULL when it has none. */
static char *
first_line(const char *path, const char *prefix)
{
	AUTO(freep) char *text = NULL;
	struct err e;

	if (fd_slurp_at(AT_FDCWD, path, GITFILE_MAX, &text, NULL, &e) < 0)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	if (!str_starts(text, prefix))
		return NULL;
	return xstrdup(text + strlen(prefix));
}

/* A path that a file in folder names. */
static char *
join(const char *folder, const char *name)
{
	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("%s/%s", folder, name);
}

static char *
gitdir_of_dotgit(const char *top)
{
	AUTO(freep) char *dotgit = xasprintf("%s/.git", top);
	AUTO(freep) char *target = NULL;
	struct stat st;

	if (stat(dotgit, &st) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode))
		return is_gitdir(dotgit) ? STEAL(dotgit) : NULL;
	target = first_line(dotgit, "gitdir: ");
	if (!target)
		return NULL;
	free(dotgit);
	dotgit = join(top, target);
	return is_gitdir(dotgit) ? STEAL(dotgit) : NULL;
}

int
repo_at(struct repo *r, const char *path, struct err *e)
{
	AUTO(freep) char *dir = path_real(path, e);
	AUTO(freep) char *git = NULL;

	*r = (struct repo){ 0 };
	if (!dir)
		return -1;
	git = gitdir_of_dotgit(dir);
	if (git) {
		r->gitdir = path_real(git, e);
		r->top = STEAL(dir);
	} else if (is_gitdir(dir)) {
		if (str_ends(dir, "/.git"))
			r->top = xstrndup(dir, strlen(dir) - strlen("/.git"));
		r->gitdir = STEAL(dir);
	} else {
		return err_set(
			e, ERR_ABSENT, "'%s' is not a git repository", path);
	}
	return r->gitdir ? 0 : -1;
}

int
repo_around(struct repo *r, const char *folder, struct err *e)
{
	AUTO(freep) char *dir = path_real(folder, e);

	*r = (struct repo){ 0 };
	if (!dir)
		return -1;
	for (;;) {
		char *slash = strrchr(dir, '/');

		if (repo_at(r, *dir ? dir : "/", e) == 0)
			return 0;
		if (!slash || !*dir)
			break;
		*slash = '\0';
	}
	return err_set(e, ERR_ABSENT,
		"there is no git repository here, or in a folder above");
}

char *
repo_config_file(const struct repo *r)
{
	AUTO(freep) char *file = xasprintf("%s/commondir", r->gitdir);
	AUTO(freep) char *common = first_line(file, "");
	AUTO(freep) char *dir = common ? join(r->gitdir, common) : NULL;

	return xasprintf("%s/config", dir ? dir : r->gitdir);
}

/* A name that the configuration accepts: others have their odd characters
 * replaced. */
static void
make_plain(char *name)
{
	for (char *p = name; *p; p++) {
		bool plain = (*p >= '0' && *p <= '9') ||
			     (*p >= 'a' && *p <= 'z') ||
			     (*p >= 'A' && *p <= 'Z');

		if (!plain && (p == name || !strchr("._-", *p)))
			*p = p == name ? 'r' : '-';
	}
}

char *
repo_short_name(const struct repo *r)
{
	const char *path = r->top ? r->top : r->gitdir;
	const char *slash = strrchr(path, '/');
	char *name = xstrdup(slash && slash[1] ? slash + 1 : "repository");

	if (str_ends(name, ".git") && strlen(name) > strlen(".git"))
		name[strlen(name) - strlen(".git")] = '\0';
	make_plain(name);
	return name;
}
