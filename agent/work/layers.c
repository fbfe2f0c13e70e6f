/* SPDX-License-Identifier: MIT */
/*
 * The workspace of a job: the commit's base tree, over it a layer with
 * .git, over that one layer per step.  A step that failed keeps its layer
 * for the steps that clean up; one that was interrupted loses it.
 */
#include "base/base.h"
#include "git/git.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/copy.h"
#include "work/planner.h"
#include "work/step.h"

#include <fcntl.h>
#include <sys/stat.h>

#define GIT_LAYER "git"
/* A step that took longer than this is worth a sync of its layer. */
#define SYNC_AFTER_MS 1000

/* Where the box shows each, and with which mode. */
static const struct {
	const char *name;
	mode_t mode;
} parts[] = {
	{ "w", 0755 },
	{ "home", 0755 },
	{ "tmp", 01777 },
	{ "cmd", 0755 },
};

/* An empty layer: dirfd/name with its four folders, owned by the build
 * user.  What was there before is thrown away. */
static int
make_empty(struct worker *w, int dirfd, const char *name, struct err *e)
{
	AUTO(fd_closep) int dir = -1;

	if (path_remove_tree(dirfd, name, e) < 0)
		return -1;
	dir = worker_folder(
		w, dirfd, name, 0700, w->host.build_uid, w->host.build_gid, e);
	for (size_t i = 0; dir >= 0 && i < ARRAY_LEN(parts); i++) {
		int part = worker_folder(w, dir, parts[i].name, parts[i].mode,
			w->host.build_uid, w->host.build_gid, e);

		if (part < 0)
			return -1;
		close(part);
	}
	return STEAL_FD(dir);
}

static int
open_layers(struct worker *w, struct err *e)
{
	return worker_folder(w, w->attempt_fd, "layers", 0711,
		w->host.root ? 0 : w->host.build_uid,
		w->host.root ? 0 : w->host.build_gid, e);
}

struct gitdir {
	const struct job *job;
	struct gitdir_spec spec;
	int dest_fd;
};

static int
gitdir_child(
	void *arg, int progress_fd UNUSED, json_t **ret UNUSED, struct err *e)
{
	struct gitdir *g = arg;
	const struct source *s = &g->job->source;
	AUTO(repo_closep) struct repo *r = NULL;

	if (repo_open(&r, s->path, s->alternates, e) < 0)
		return -1;
	return gitdir_build(r, g->dest_fd, &g->spec, e);
}

/*
 * The objects are shown read-only where the build user may see them anyhow
 * and they are all in one place; else those needed are copied.
 */
static bool
shares_objects(const struct job *j)
{
	AUTO(fd_closep) int fd = -1;
	struct err ignored;

	if (!j->source.objects || j->source.alternates || j->source.keep_read)
		return false;
	fd = source_open_objects(&j->source, &ignored);
	return fd >= 0;
}

static int
build_git(struct job *j, int dest, struct err *e)
{
	struct worker *w = j->w;
	const json_t *repo = jget_obj(w->spec.json, "repository");
	const char *sha = jget_str(w->spec.json, "sha");
	AUTO(freep) char *tree_dir = xasprintf("%s/w", j->tree.v[0]);
	AUTO(freep) char *rw_dest = xasprintf("/proc/self/fd/%d", dest);
	AUTO(freep) char *trees = xasprintf("%s/trees", w->state_path);
	AUTO(buf_release) struct buf url = BUF_INIT;
	const char *rw[] = { rw_dest, NULL };
	struct gitdir g = { .job = j, .dest_fd = dest };

	if (jget_str(repo, "url"))
		mirror_url_clean(jget_str(repo, "url"), &url);
	strv_add(&j->source.ro, trees);
	g.spec.sha = sha;
	g.spec.ref = w->spec.push.ref;
	g.spec.tree = jget_str(w->spec.json, "tree");
	g.spec.url = url.len ? url.data : NULL;
	g.spec.alternates_inside = shares_objects(j) ? BOX_OBJECTS : NULL;
	g.spec.state_fd = w->state_fd;
	g.spec.tree_dir = tree_dir;
	if (source_child(&j->source, w, rw, gitdir_child, &g, NULL, e) == 0)
		return 0;
	return err_wrap(e, ".git of the workspace");
}

/* The folder beside the layer of a done step: the job's .git as the step
 * saw it. */
static char *
earlier_git(const struct job *j)
{
	const json_t *done;
	size_t i;

	json_array_foreach(jget_arr(j->w->spec.json, "done"), i, done)
	{
		const char *layer = jget_str(done, "layer");
		const char *slash = layer ? strrchr(layer, '/') : NULL;
		char *path;
		struct err ignore;
		int fd;

		if (!slash)
			continue;
		path = xasprintf(
			"%.*s/" GIT_LAYER, (int)(slash - layer), layer);
		fd = path_open_beneath(j->w->state_fd, path,
			O_RDONLY | O_DIRECTORY, 0, &ignore);
		if (fd >= 0) {
			close(fd);
			return path;
		}
		free(path);
	}
	return NULL;
}

static int
make_git(struct job *j, struct err *e)
{
	struct worker *w = j->w;
	AUTO(fd_closep) int layers = open_layers(w, e);
	AUTO(fd_closep) int dir = -1;
	AUTO(fd_closep) int dest = -1;
	char *earlier = earlier_git(j);

	if (layers < 0) {
		free(earlier);
		return -1;
	}
	if (earlier) {
		strv_give(&j->layers, earlier);
		return 0;
	}
	dir = make_empty(w, layers, GIT_LAYER, e);
	if (dir < 0)
		return -1;
	dest = path_open_dir(dir, "w", e);
	if (dest < 0 || build_git(j, dest, e) < 0)
		return -1;
	strv_addf(&j->layers, "%s/layers/" GIT_LAYER, w->attempt_path);
	return 0;
}

/* The base tree may have been removed since the job was planned. */
static int
find_tree(struct job *j, struct err *e)
{
	struct worker *w = j->w;
	const char *tree = jget_str(w->spec.json, "tree");
	AUTO(freep) char *trees = xasprintf("%s/trees", w->state_path);
	const char *rw[] = { trees, NULL };
	struct tree_again again = { w, &j->source, tree };
	int rc = tree_find(w->state_fd, tree, worker_kind(w), &j->tree, e);

	if (rc > 0)
		tree_touch(w->state_fd, tree);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (source_fetch(&j->source, w, jget_str(w->spec.json, "sha"), e) < 0 ||
		source_child(&j->source, w, rw, planner_tree, &again, NULL, e) <
			0)
		return -1;
	rc = tree_find(w->state_fd, tree, worker_kind(w), &j->tree, e);
	if (rc == 0)
		return err_set(e, ERR_TEMP,
			"the base tree of the commit is gone again");
	return rc < 0 ? -1 : 0;
}

/* The box shows the objects exactly where the .git that was made (now, or
 * by an earlier attempt) counts on it. */
static void
find_objects(struct job *j)
{
	AUTO(freep)
	char *path =
		xasprintf("%s/w/.git/objects/info/alternates", j->layers.v[0]);
	AUTO(fd_closep) int fd = -1;
	struct err ignore;

	fd = path_open_beneath(j->w->state_fd, path, O_RDONLY, 0, &ignore);
	if (fd < 0 || !j->source.objects)
		return;
	j->objects_fd = source_open_objects(&j->source, &ignore);
	if (j->objects_fd >= 0 && fstat(j->objects_fd, &j->objects_is) == 0)
		j->objects = xstrdup(j->source.objects);
}

int
layers_prepare(struct job *j, struct err *e)
{
	if (source_find(&j->source, j->w, e) < 0 || find_tree(j, e) < 0 ||
		make_git(j, e) < 0)
		return -1;
	find_objects(j);
	return 0;
}

static int
put_file(struct worker *w, int dir, const char *name, const char *text,
	size_t len, mode_t mode, struct err *e)
{
	AUTO(fd_closep) int fd = -1;

	fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "create '%s'", name);
	if (fd_write_all(fd, text, len, e) < 0)
		return err_wrap(e, "'%s'", name);
	return worker_give(w, dir, name, e);
}

/* Copies a layer's folders, but not the command folder: each step has its
 * own. */
static int
copy_layer(struct step *s, const char *layer, struct err *e)
{
	static const char *const names[] = { "w", "home", "tmp" };
	const struct worker *w = s->job->w;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", layer, names[i]);
		AUTO(fd_closep) int from = -1;
		AUTO(fd_closep) int to = -1;

		from = path_open_beneath(
			w->state_fd, path, O_RDONLY | O_DIRECTORY, 0, e);
		if (from < 0 && e->code == ERR_ABSENT)
			continue; /* a base tree has the workspace only */
		to = path_open_dir(s->layer_fd, names[i], e);
		if (from < 0 || to < 0 ||
			copy_folder(from, to, w->host.build_uid,
				w->host.build_gid, e) < 0)
			return -1;
	}
	return 0;
}

/* Without overlayfs a layer is the whole tree. */
static int
fill_plain(struct step *s, struct err *e)
{
	const struct job *j = s->job;

	if (j->layers.len > 1)
		return copy_layer(s, j->layers.v[j->layers.len - 1], e);
	if (j->tree.len > 1)
		return err_set(e, ERR_PERM,
			"the base tree '%s' was made for overlayfs, which "
			"this machine no longer has: remove the folder "
			"'trees' of the agent's state",
			j->tree.v[0]);
	if (copy_layer(s, j->tree.v[0], e) < 0)
		return -1;
	return copy_layer(s, j->layers.v[0], e);
}

/*
 * The folders of a new layer hide those beneath: the permissions and times
 * that a step sees on them are to be those that the step before left.
 */
static int
dress_parts(const struct step *s, struct err *e)
{
	const struct job *j = s->job;
	const char *beneath = j->layers.v[j->layers.len - 1];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		AUTO(freep) char *path = NULL;
		AUTO(fd_closep) int from = -1;
		AUTO(fd_closep) int to = -1;

		if (str_eq(parts[i].name, "cmd"))
			continue; /* each step has its own */
		path = xasprintf("%s/%s", beneath, parts[i].name);
		/* The step may have taken every permission from it. */
		from = path_open_beneath(
			s->job->w->state_fd, path, O_PATH | O_DIRECTORY, 0, e);
		if (from < 0)
			return -1;
		to = path_open_dir(s->layer_fd, parts[i].name, e);
		if (to < 0 || copy_dress(from, to, e) < 0)
			return err_wrap(e, "'%s'", path);
	}
	return 0;
}

int
layer_make(struct step *s, struct err *e)
{
	static const char *const files[] = { "output", "env", "path",
		"summary" };
	struct worker *w = s->job->w;
	AUTO(fd_closep) int layers = open_layers(w, e);
	AUTO(fd_closep) int work = -1;
	AUTO(fd_closep) int cmd = -1;
	const char *name = strrchr(s->layer, '/') + 1;

	work = worker_folder(w, w->attempt_fd, WORK_FOLDER, 0700,
		w->host.build_uid, w->host.build_gid, e);
	if (layers < 0 || work < 0)
		return -1;
	s->layer_fd = make_empty(w, layers, name, e);
	if (s->layer_fd < 0)
		return -1;
	if (!w->host.overlay && fill_plain(s, e) < 0)
		return err_wrap(e, "copy the workspace");
	cmd = path_open_dir(s->layer_fd, "cmd", e);
	if (cmd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (put_file(w, cmd, files[i], "", 0, 0644, e) < 0)
			return -1;
	if (put_file(w, cmd, SHELL_SCRIPT, s->script, strlen(s->script), 0755,
		    e) < 0)
		return -1;
	return dress_parts(s, e);
}

void
layer_lower(const struct job *j, struct strv *out)
{
	for (size_t i = j->layers.len; i > 0; i--)
		strv_add(out, j->layers.v[i - 1]);
	strv_copy(out, &j->tree);
}

int
layer_seal(struct step *s, struct err *e)
{
	if (s->ms < SYNC_AFTER_MS)
		return 0;
	if (syncfs(s->layer_fd) < 0)
		return err_sys(e, "sync the layer of step '%s'", s->name);
	s->synced = true;
	return 0;
}
