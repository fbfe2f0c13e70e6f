/* SPDX-License-Identifier: MIT */
/*
 * See source.h.  libgit2 has no time-outs and reads hostile bytes, so every
 * use of it is a child process that may be killed: fetching as a user who
 * sees the token and nothing else, reading as the build user who never sees
 * the token.
 */
#include "base/base.h"
#include "base/clock.h"
#include "git/git.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/source.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#define FETCH_IDLE_MS 30000
#define FETCH_MS 600000
#define FETCH_PROGRESS_MS 1000
#define LIST_MS 120000
#define READ_MS 600000
#define READ_MEMORY ((int64_t)8 << 30)
#define FETCH_USER "tellus-fetch"
#define FETCH_UID 65532
#define TOKEN_MAX 65536
#define SNAPSHOT_FOLDER "objects"

/* The address sanitizer reserves more address space than any limit. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#else
#define LIMIT_MEMORY READ_MEMORY
#endif

/* ---- where the repository is ---- */

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A linked working tree: ".git" is a file that names the real folder. */
static void
add_linked(struct source *s)
{
	AUTO(freep) char *file = xasprintf("%s/.git", s->path);
	AUTO(freep) char *text = NULL;
	AUTO(freep) char *dir = NULL;
	struct err ignore;

	if (fd_slurp_at(AT_FDCWD, file, 4096, &text, NULL, &ignore) < 0 ||
		!str_starts(text, "gitdir: "))
		return;
	text[strcspn(text, "\n")] = '\0';
	dir = text[8] == '/' ? xstrdup(text + 8)
			     : xasprintf("%s/%s", s->path, text + 8);
	strv_add(&s->ro_also, dir);
	/* worktrees/NAME of the main repository's folder */
	strv_addf(&s->ro_also, "%s/../..", dir);
}

static void
find_objects(struct source *s)
{
	AUTO(freep) char *inner = xasprintf("%s/.git/objects", s->path);
	AUTO(freep) char *bare = xasprintf("%s/objects", s->path);

	if (is_folder(inner))
		s->objects = STEAL(inner);
	else if (is_folder(bare) || s->remote)
		s->objects = STEAL(bare);
	else
		add_linked(s);
}

/* push.objects, each a folder that the child has to see. */
static void
add_alternates(struct source *s, const char *list)
{
	const char *at = list;

	s->alternates = xstrdup(list);
	while (*at) {
		size_t n = strcspn(at, ":");

		if (n)
			strv_give(&s->ro, xstrndup(at, n));
		at += n;
		at += *at == ':';
	}
}

static int
open_snapshot(struct source *s, struct worker *w, struct err *e)
{
	int64_t run = jget_int(w->spec.json, "plan_run", (int64_t)w->spec.run);
	AUTO(freep) char *name = xasprintf("runs/%" PRId64, run);
	AUTO(freep) char *before = NULL;
	AUTO(fd_closep) int dir = -1;

	dir = path_open_beneath(
		w->state_fd, name, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	s->snapshot_fd = worker_folder(w, dir, SNAPSHOT_FOLDER, 0700,
		w->host.build_uid, w->host.build_gid, e);
	if (s->snapshot_fd < 0)
		return -1;
	before = STEAL(s->alternates);
	s->alternates = before ? xasprintf("%s:/proc/self/fd/%d", before,
					 s->snapshot_fd)
			       : xasprintf("/proc/self/fd/%d", s->snapshot_fd);
	strv_addf(&s->ro, "/proc/self/fd/%d", s->snapshot_fd);
	return 0;
}

/* A link on the way to it is root's or ours, else its owner could send us
 * wherever he likes. */
static int
check_links(const char *path, struct err *e)
{
	AUTO(freep) char *part = xstrdup(path);
	char *at = part;

	while (*at) {
		struct stat st;
		char was;

		at += strspn(at, "/");
		at += strcspn(at, "/");
		was = *at;
		*at = '\0';
		if (lstat(part, &st) < 0)
			return err_sys(e, "'%s'", part);
		if (S_ISLNK(st.st_mode) && st.st_uid != 0 &&
			st.st_uid != geteuid())
			return err_set(e, ERR_PERM,
				"repository '%s': '%s' is a link that belongs "
				"to another user; write the path without it",
				path, part);
		*at = was;
	}
	return 0;
}

/*
 * The repository may belong to somebody who would like to see what root or
 * the build user may read: from here on it is this very folder.
 */
static int
open_path(struct source *s, struct err *e)
{
	AUTO(fd_closep) int root = path_open_dir(AT_FDCWD, "/", e);
	AUTO(freep) char *real = NULL;
	struct stat st;

	if (root < 0 || check_links(s->path, e) < 0)
		return -1;
	real = path_real(s->path, e);
	if (!real)
		return -1;
	s->dir_fd = path_open_beneath(
		root, real[1] ? real + 1 : ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (s->dir_fd < 0)
		return err_wrap(e, "repository");
	if (fstat(s->dir_fd, &st) < 0)
		return err_sys(e, "stat '%s'", s->path);
	s->owner = st.st_uid;
	strv_addf(&s->ro, "/proc/self/fd/%d", s->dir_fd);
	return 0;
}

int
source_open_objects(const struct source *s, struct err *e)
{
	AUTO(fd_closep) int dir = -1;
	const char *below;

	if (s->dir_fd >= 0)
		dir = fcntl(s->dir_fd, F_DUPFD_CLOEXEC, 0);
	else
		dir = path_open_dir(AT_FDCWD, s->path, e);
	if (dir < 0)
		return err_sys(e, "'%s'", s->path);
	below = str_ends(s->objects, "/.git/objects") ? ".git/objects"
						      : "objects";
	return path_open_beneath(dir, below, O_RDONLY | O_DIRECTORY, 0, e);
}

int
source_find(struct source *s, struct worker *w, struct err *e)
{
	const json_t *r = jget_obj(w->spec.json, "repository");
	const char *path = jget_str(r, "path");

	memset(s, 0, sizeof(*s));
	s->snapshot_fd = s->dir_fd = -1;
	if (path) {
		if (!is_folder(path))
			return err_set(e, ERR_ABSENT,
				"repository '%s': there is no folder '%s'",
				jget_str(r, "name"), path);
		s->path = xstrdup(path);
		if (open_path(s, e) < 0)
			return -1;
	} else {
		AUTO(buf_release) struct buf b = BUF_INIT;

		mirror_name(jget_str(r, "name"), &b);
		s->path = xasprintf("%s/mirrors/%s.git", w->state_path, b.data);
		strv_add(&s->ro, s->path);
		s->remote = true;
	}
	strv_add(&s->ro, "/usr");
	strv_add(&s->ro_also, "/etc");
	/* The boot id, which a base tree is marked with. */
	strv_add(&s->ro, "/proc/sys/kernel/random");
	find_objects(s);
	if (w->spec.push.objects && w->spec.push.objects[0])
		add_alternates(s, w->spec.push.objects);
	if (!w->spec.push.snapshot)
		return 0;
	/* Its configuration says where the working tree is. */
	if (w->host.root && s->owner != 0)
		return err_set(e, ERR_PERM,
			"'%s' belongs to another user, for whom root takes no "
			"snapshot of a working tree; let its owner do it",
			s->path);
	return open_snapshot(s, w, e);
}

void
source_release(struct source *s)
{
	freep(&s->path);
	freep(&s->objects);
	freep(&s->alternates);
	fd_closep(&s->snapshot_fd);
	fd_closep(&s->dir_fd);
	strv_release(&s->ro);
	strv_release(&s->ro_also);
}

/* ---- fetching ---- */

struct fetch {
	struct mirror_spec mirror;
	const char *ref, *sha;
	int progress_fd;
	int64_t said_ms;
};

static void
on_progress(int64_t bytes UNUSED, void *arg)
{
	struct fetch *f = arg;
	int64_t now = clock_boot_ms();

	if (now - f->said_ms < FETCH_PROGRESS_MS)
		return;
	f->said_ms = now;
	work_progress(f->progress_fd);
}

static int
fetch_child(void *arg, int progress_fd, json_t **ret UNUSED, struct err *e)
{
	struct fetch *f = arg;

	f->progress_fd = progress_fd;
	if (git_start(e) < 0)
		return -1;
	return mirror_fetch(&f->mirror, f->ref, f->sha, on_progress, f, e);
}

static void
fetch_user(const struct worker *w, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;

	*uid = w->host.build_uid;
	*gid = w->host.build_gid;
	if (!w->host.root)
		return;
	pw = getpwnam(FETCH_USER);
	*uid = pw ? pw->pw_uid : FETCH_UID;
	*gid = pw ? pw->pw_gid : FETCH_UID;
}

/* Each forge has its own user name for "the password is a token". */
static const char *
token_user(const char *kind)
{
	return str_eq(kind, "github") ? "x-access-token" : "oauth2";
}

static int
read_token(const char *file, char **ret, struct err *e)
{
	char *text;

	if (!file)
		return 0;
	if (fd_slurp_at(AT_FDCWD, file, TOKEN_MAX, &text, NULL, e) < 0)
		return err_wrap(e, "token file");
	text[strcspn(text, "\r\n")] = '\0';
	*ret = text;
	return 0;
}

static void
wipe(char **token)
{
	if (*token)
		explicit_bzero(*token, strlen(*token));
	freep(token);
}

int
source_fetch(struct source *s, struct worker *w, const char *sha, struct err *e)
{
	const json_t *r = jget_obj(w->spec.json, "repository");
	AUTO(freep) char *mirrors = xasprintf("%s/mirrors", w->state_path);
	AUTO(wipe) char *token = NULL;
	AUTO(fd_closep) int dir = -1;
	const char *url = jget_str(r, "url");
	const char *local = url && str_starts(url, "file://") ? url + 7 : NULL;
	const char *rw[] = { mirrors, "/dev/null", NULL };
	const char *ro[] = { "/usr", "/etc", "/run", "/proc", "/dev", local,
		NULL };
	struct box_helper h = { .drop = w->host.root,
		.rw = rw,
		.ro = ro,
		.deadline_ms = FETCH_MS,
		.idle_ms = FETCH_IDLE_MS,
		.memory_bytes = LIMIT_MEMORY };
	struct fetch f = { .ref = w->spec.push.ref, .sha = sha };

	if (!s->remote)
		return 0;
	if (read_token(jget_str(r, "token_file"), &token, e) < 0)
		return -1;
	f.mirror.path = s->path;
	f.mirror.url = url;
	f.mirror.token = token;
	f.mirror.token_user = token_user(jget_str(r, "kind"));
	fetch_user(w, &h.uid, &h.gid);
	/* The build user reads what the fetch user wrote, nobody else. */
	dir = worker_folder(
		w, w->state_fd, "mirrors", 0750, h.uid, w->host.build_gid, e);
	if (dir < 0)
		return -1;
	if (work_in_child(w, &h, fetch_child, &f, NULL, e) < 0)
		return err_wrap(e, "repository '%s' cannot be fetched",
			jget_str(r, "name"));
	return 0;
}

/* ---- listing ---- */

static int
list_child(void *arg, int progress_fd UNUSED, json_t **ret, struct err *e)
{
	const struct mirror_spec *m = arg;
	AUTO(strv_release) struct strv heads = STRV_INIT;

	if (git_start(e) < 0 || remote_heads(m, &heads, e) < 0)
		return -1;
	*ret = json_array();
	for (size_t i = 0; i < heads.len; i++)
		json_array_append_new(*ret, json_string(heads.v[i]));
	return 0;
}

int
source_list(struct source *s, struct worker *w, json_t **ret, struct err *e)
{
	const json_t *r = jget_obj(w->spec.json, "repository");
	AUTO(wipe) char *token = NULL;
	const char *url = jget_str(r, "url");
	const char *local = str_starts(url, "file://") ? url + 7 : NULL;
	const char *rw[] = { "/dev/null", NULL };
	const char *ro[] = { "/usr", "/etc", "/run", "/proc", "/dev", local,
		NULL };
	struct box_helper h = { .drop = w->host.root,
		.rw = rw,
		.ro = ro,
		.deadline_ms = LIST_MS,
		.memory_bytes = LIMIT_MEMORY };
	struct mirror_spec m = { .path = s->path, .url = url };

	if (read_token(jget_str(r, "token_file"), &token, e) < 0)
		return -1;
	m.token = token;
	m.token_user = token_user(jget_str(r, "kind"));
	fetch_user(w, &h.uid, &h.gid);
	return work_in_child(w, &h, list_child, &m, ret, e);
}

/* ---- reading ---- */

struct reading {
	const struct source *source;
	work_child_fn *fn;
	void *arg;
	bool check;
};

/*
 * access(2) asks for the real user without capabilities: exactly what
 * "readable by the build user" means.
 */
static int
check_access(const struct source *s, struct err *e)
{
	AUTO(freep) char *head = xasprintf("%s/HEAD", s->path);
	AUTO(freep) char *inner = xasprintf("%s/.git/HEAD", s->path);

	if (access(s->path, R_OK | X_OK) < 0)
		return err_sys(e, "read '%s'", s->path);
	if (access(head, R_OK) < 0 && access(inner, R_OK) < 0)
		return err_sys(e, "read '%s'", head);
	if (s->objects && access(s->objects, R_OK | X_OK) < 0)
		return err_sys(e, "read '%s'", s->objects);
	return 0;
}

static int
read_child(void *arg, int progress_fd, json_t **ret, struct err *e)
{
	const struct reading *r = arg;

	if (r->check && check_access(r->source, e) < 0)
		return -1;
	if (git_start(e) < 0)
		return -1;
	return r->fn(r->arg, progress_fd, ret, e);
}

int
source_child(struct source *s, struct worker *w, const char *const *rw,
	work_child_fn *fn, void *arg, json_t **ret, struct err *e)
{
	static const char *const all[] = { "/", NULL };
	AUTO(strv_release) struct strv ro = STRV_INIT;
	struct reading r = { s, fn, arg, w->host.root && !s->keep_read };
	struct box_helper h = { .uid = w->host.build_uid,
		.gid = w->host.build_gid,
		.drop = w->host.root,
		.keep_read = s->keep_read,
		.rw = rw,
		.deadline_ms = READ_MS,
		.memory_bytes = LIMIT_MEMORY };

	for (size_t i = 0; i < s->ro.len; i++)
		strv_add(&ro, s->ro.v[i]);
	for (size_t i = 0; !s->keep_read && i < s->ro_also.len; i++)
		strv_add(&ro, s->ro_also.v[i]);
	h.ro = (const char *const *)ro.v;
	/* A working tree's ignore rules may stand anywhere in the user's own
	 * files, and it is the user who asked for the snapshot. */
	if (w->spec.push.snapshot)
		h.ro = all;
	if (work_in_child(w, &h, read_child, &r, ret, e) == 0)
		return 0;
	if (!r.check || e->sys != EACCES)
		return -1;
	s->keep_read = true;
	return source_child(s, w, rw, fn, arg, ret, e);
}
