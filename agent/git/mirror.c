/* SPDX-License-Identifier: MIT */
/*
 * See git.h: bare mirrors.  PATH.lock is held (flock) while one is written;
 * readers need no lock, because objects and refs appear by renames.
 */
#include "base/base.h"
#include "base/enc.h"
#include "git/fetch.h"
#include "git/local.h"
#include "git/url.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Whoever waits for another one's fetch tells its caller so this often. */
#define LOCK_WAIT_MS 100
#define REFS_DEPTH_MAX 32
#define BOOT_FILE "tellus-boot"

struct mirror {
	struct fetch fetch;
	const char *ref, *sha;
	git_oid id;
	int lock;
	int parent;       /* the folder that the mirror is in */
	const char *name; /* its name there */
	git_repository *git;
	bool is_new;
};

static int
lock_mirror(struct mirror *m, struct err *e)
{
	AUTO(freep) char *name = xasprintf("%s.lock", m->name);
	const struct timespec pause = { 0, LOCK_WAIT_MS * 1000000L };

	m->lock = openat(m->parent, name,
		O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->lock < 0)
		return err_sys(e, "open '%s.lock'", m->fetch.spec->path);
	while (flock(m->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(
				e, "lock '%s.lock'", m->fetch.spec->path);
		if (m->fetch.progress)
			m->fetch.progress(0, m->fetch.arg);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- what a crash left behind ---- */

static bool
is_stale(const char *name)
{
	return str_ends(name, ".lock") || str_starts(name, "pack_git2_") ||
	       str_starts(name, "tmp_") || str_starts(name, "packed-refs_");
}

/* Only the lock's holder writes here, so every lock file is a dead one's. */
static void
sweep(int parent, const char *name, int depth)
{
	int fd = openat(
		parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!d) {
		fd_closep(&fd);
		return;
	}
	while ((entry = readdir(d))) {
		if (is_stale(entry->d_name))
			unlinkat(dirfd(d), entry->d_name, 0);
		else if (entry->d_type == DT_DIR && depth > 0 &&
			 *entry->d_name != '.')
			sweep(dirfd(d), entry->d_name, depth - 1);
	}
	closedir(d);
}

static void
sweep_all(struct mirror *m)
{
	AUTO(freep) char *refs = xasprintf("%s/refs", m->name);
	AUTO(freep) char *objects = xasprintf("%s/objects", m->name);

	sweep(m->parent, m->name, 0);
	sweep(m->parent, refs, REFS_DEPTH_MAX);
	sweep(m->parent, objects, 1);
}

/* ---- is it sound? ---- */

static bool
readable(git_repository *git, const git_oid *commit)
{
	AUTO(git_commitp) git_commit *c = NULL;
	AUTO(git_treep) git_tree *t = NULL;

	return git_commit_lookup(&c, git, commit) == 0 &&
	       git_commit_tree(&t, c) == 0;
}

static bool
refs_readable(git_repository *git)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	bool good = git_reference_iterator_new(&it, git) == 0;
	int rc = good ? 0 : -1;

	while (good && (rc = git_reference_next(&ref, it)) == 0) {
		git_object *commit = NULL;

		if (git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) == 0)
			good = readable(git, git_object_id(commit));
		else
			good = git_reference_type(ref) ==
			       GIT_REFERENCE_SYMBOLIC;
		git_object_free(commit);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return good && rc == GIT_ITEROVER;
}

/* After a reboot (a power cut, perhaps) everything is looked at once. */
static bool
sound_since_boot(struct mirror *m)
{
	AUTO(fd_closep)
	int fd = openat(m->parent, m->name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(freep) char *was = NULL;
	char boot[BOOT_ID_MAX];
	struct err e;

	if (fd < 0)
		return false;
	if (proc_boot_id(boot, &e) < 0)
		return true;
	if (fd_slurp_at(fd, BOOT_FILE, BOOT_ID_MAX, &was, NULL, &e) == 0 &&
		str_eq(was, boot))
		return true;
	if (!refs_readable(m->git))
		return false;
	/* Not being able to note it costs one more look. */
	fd_put_file(fd, BOOT_FILE, boot, strlen(boot), 0644, &e);
	return true;
}

/* The commit itself, or what a tag object leads to. */
static bool
leads_to_commit(git_repository *git, const git_oid *id)
{
	git_object *any = NULL, *commit = NULL;
	bool good = git_object_lookup(&any, git, id, GIT_OBJECT_ANY) == 0 &&
		    git_object_peel(&commit, any, GIT_OBJECT_COMMIT) == 0 &&
		    readable(git, git_object_id(commit));

	git_object_free(commit);
	git_object_free(any);
	return good;
}

/* 1 the commit is here, 0 it is not, -1 it is here and damaged. */
static int
has_commit(struct mirror *m)
{
	git_odb *odb = NULL;
	int rc = git_repository_odb(&odb, m->git);
	bool there;

	if (rc < 0)
		return -1;
	/* A fetch of this process may have added packs. */
	git_odb_refresh(odb);
	there = git_odb_exists(odb, &m->id);
	git_odb_free(odb);
	if (!there)
		return 0;
	return leads_to_commit(m->git, &m->id) ? 1 : -1;
}

/* ---- opening ---- */

static int
init(struct mirror *m, struct err *e)
{
	const char *path = m->fetch.spec->path;
	git_repository_init_options o;
	int rc;

	git_repository_init_options_init(
		&o, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	o.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT |
		  GIT_REPOSITORY_INIT_MKDIR;
	m->is_new = true;
	rc = git_repository_init_ext(&m->git, path, &o);
	if (rc < 0)
		return git_fail(e, rc, "make the mirror '%s'", path);
	sound_since_boot(m);
	return 0;
}

static int
start_anew(struct mirror *m, struct err *e)
{
	git_repository_free(STEAL(m->git));
	if (path_remove_tree(m->parent, m->name, e) < 0)
		return -1;
	return init(m, e);
}

/* Opening reads less than a fetch will need. */
static bool
open_sound(struct mirror *m)
{
	AUTO(git_refp) git_reference *head = NULL;
	git_config *config = NULL;
	bool good =
		git_repository_open_bare(&m->git, m->fetch.spec->path) == 0 &&
		git_reference_lookup(&head, m->git, "HEAD") == 0 &&
		git_repository_config_snapshot(&config, m->git) == 0;

	git_config_free(config);
	return good && sound_since_boot(m);
}

static int
open_mirror(struct mirror *m, struct err *e)
{
	struct stat st;

	if (fstatat(m->parent, m->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT
			       ? init(m, e)
			       : err_sys(e, "'%s'", m->fetch.spec->path);
	sweep_all(m);
	if (!open_sound(m))
		return start_anew(m, e);
	return 0;
}

/* ---- fetching ---- */

/* refs/heads/a is in the way of refs/heads/a/b, and the other way round:
 * the one that the server does not have any more makes room. */
static void
make_room(git_repository *git, const char *ref)
{
	AUTO(freep) char *prefix = xstrdup(ref);
	AUTO(freep) char *below = xasprintf("%s/*", ref);
	git_reference_iterator *it = NULL;
	const char *name;
	char *slash;

	while ((slash = strrchr(prefix, '/')) && slash > prefix) {
		*slash = '\0';
		git_reference_remove(git, prefix);
	}
	if (git_reference_iterator_glob_new(&it, git, below) < 0)
		return;
	while (git_reference_next_name(&name, it) == 0)
		git_reference_remove(git, name);
	git_reference_iterator_free(it);
}

static int
fetch_ref(struct mirror *m, struct err *e)
{
	AUTO(freep) char *spec = NULL;
	int valid = 0;

	if (!m->ref || git_reference_name_is_valid(&valid, m->ref) < 0 ||
		!valid || !str_starts(m->ref, "refs/"))
		return 0;
	make_room(m->git, m->ref);
	spec = xasprintf("+%s:%s", m->ref, m->ref);
	return fetch_refs(
		m->git, &m->fetch, (const char *[]){ spec }, 1, true, e);
}

static int
fetch_sha(struct mirror *m, struct err *e)
{
	AUTO(freep)
	char *spec = xasprintf("+%s:refs/tellus/%s", m->sha, m->sha);

	return fetch_refs(
		m->git, &m->fetch, (const char *[]){ spec }, 1, false, e);
}

static int
fetch_all(struct mirror *m, struct err *e)
{
	static const char *const specs[] = { "+refs/heads/*:refs/heads/*",
		"+refs/tags/*:refs/tags/*" };

	return fetch_refs(m->git, &m->fetch, specs, ARRAY_LEN(specs), false, e);
}

static int
gone(struct mirror *m, struct err *e)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;

	mirror_url_clean(m->fetch.spec->url, &clean);
	return err_set(e, ERR_ABSENT, "commit %s is not in '%s' (any more)",
		m->sha, clean.data);
}

/*
 * From the cheapest to the dearest.  That the commit is here counts, not
 * whether every ref could be written.  A server may refuse to give out a
 * commit by its id, so the second way may fail; the others may not.
 */
static int
fetch_remote(struct mirror *m, struct err *e)
{
	static const struct {
		int (*run)(struct mirror *m, struct err *e);
		bool may_fail;
	} ways[] = {
		{ fetch_ref, false },
		{ fetch_sha, true },
		{ fetch_all, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		int rc = ways[i].run(m, e);
		int has = has_commit(m);

		if (has > 0)
			return 0;
		if (has < 0) {
			m->fetch.looks_corrupt = true;
			return err_set(e, ERR_PERM,
				"the mirror '%s' is damaged",
				m->fetch.spec->path);
		}
		if (rc < 0 && !ways[i].may_fail)
			return -1;
	}
	return gone(m, e);
}

static int
fetch_any(struct mirror *m, struct err *e)
{
	AUTO(freep) char *local = url_local_path(m->fetch.spec->url);
	int has = has_commit(m);
	int rc;

	m->fetch.looks_corrupt = has < 0;
	if (has > 0)
		return 0;
	if (has < 0)
		return err_set(e, ERR_PERM, "commit %s is damaged in '%s'",
			m->sha, m->fetch.spec->path);
	if (!local)
		return fetch_remote(m, e);
	rc = local_fetch(m->git, local, m->ref, &m->id, e);
	if (rc == 0 && has_commit(m) <= 0) {
		m->fetch.looks_corrupt = true;
		return err_set(
			e, ERR_PERM, "commit %s could not be copied", m->sha);
	}
	return rc;
}

static int
fetch_locked(struct mirror *m, struct err *e)
{
	if (open_mirror(m, e) < 0)
		return -1;
	if (fetch_any(m, e) == 0)
		return 0;
	if (m->is_new || (!m->fetch.looks_corrupt && refs_readable(m->git)))
		return -1;
	if (start_anew(m, e) < 0)
		return -1;
	return fetch_any(m, e);
}

/* Splits the path; the folder that holds mirrors must be there. */
static int
place(struct mirror *m, struct err *e)
{
	const char *path = m->fetch.spec->path;
	const char *slash = strrchr(path, '/');
	AUTO(freep) char *dir = NULL;

	if (*path != '/' || !slash[1])
		return err_set(e, ERR_PERM,
			"the mirror's path '%s' is not absolute", path);
	dir = slash == path ? xstrdup("/")
			    : xstrndup(path, (size_t)(slash - path));
	m->name = slash + 1;
	m->parent = path_open_dir(AT_FDCWD, dir, e);
	return m->parent < 0 ? -1 : 0;
}

int
mirror_fetch(const struct mirror_spec *spec, const char *ref, const char *sha,
	mirror_progress_fn *progress, void *arg, struct err *e)
{
	struct mirror m = {
		.fetch = { .spec = spec, .progress = progress, .arg = arg },
		.ref = ref,
		.sha = sha,
		.lock = -1,
		.parent = -1,
	};
	int rc = -1;

	if (mirror_url_ok(spec->url, e) && git_id(&m.id, sha, e) == 0 &&
		place(&m, e) == 0 && fetch_trust(spec, e) == 0 &&
		lock_mirror(&m, e) == 0)
		rc = fetch_locked(&m, e);
	git_repository_free(m.git);
	fd_closep(&m.lock);
	fd_closep(&m.parent);
	return rc;
}

int
mirror_discard(const char *path, struct err *e)
{
	struct mirror_spec spec = { .path = path };
	struct mirror m = {
		.fetch = { .spec = &spec }, .lock = -1, .parent = -1
	};
	int rc = -1;

	if (place(&m, e) == 0 && lock_mirror(&m, e) == 0)
		rc = path_remove_tree(m.parent, m.name, e);
	fd_closep(&m.lock);
	fd_closep(&m.parent);
	return rc;
}
