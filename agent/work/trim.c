/* SPDX-License-Identifier: MIT */
/* See trim.h. */
#include "base/base.h"
#include "base/crash.h"
#include "base/enc.h"
#include "git/git.h"
#include "os/path.h"
#include "work/trim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

/* What was made or used this lately may be about to be used. */
#define YOUNG_MS 600000
#define RANK_CACHE 0  /* can be made again: trees, layers, mirrors */
#define RANK_OUTPUT 1 /* what a run printed cannot */

struct item {
	char *path; /* below the state folder */
	int rank;
	int64_t bytes, used_s; /* when it was last of use */
	bool is_tree, gone;
	struct strv below; /* trees: those that it lies upon */
};

struct trim {
	int state_fd;
	const struct trim_spec *spec;
	struct item *items;
	size_t n, cap;
	int64_t total, now_s, young_s;
};

/* ---- what there is ---- */

static struct item *
add_item(struct trim *t, const char *path, int rank, int64_t used_s)
{
	struct item *i;

	t->items = grow(t->items, t->n, &t->cap, sizeof(*t->items));
	i = &t->items[t->n++];
	memset(i, 0, sizeof(*i));
	i->path = xstrdup(path);
	i->rank = rank;
	i->used_s = used_s;
	return i;
}

static int
measure(struct trim *t, struct item *i, struct err *e)
{
	int64_t files;

	if (path_usage(t->state_fd, i->path, &i->bytes, &files, e) < 0)
		return e->code == ERR_ABSENT ? 0 : -1;
	t->total += i->bytes;
	return 0;
}

static int64_t
mtime_of(const struct trim *t, const char *path)
{
	struct stat st;

	if (fstatat(t->state_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_mtim.tv_sec;
}

static bool
is_live(const struct trim *t, const char *name)
{
	for (size_t i = 0; i < t->spec->nlive; i++)
		if (str_eq(t->spec->live[i], name))
			return true;
	return false;
}

static bool
is_folder(const struct trim *t, const char *path)
{
	struct stat st;

	return fstatat(t->state_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

/* A run that is over: the layers of each attempt, and the rest. */
static int
add_run(struct trim *t, const char *name, struct err *e)
{
	AUTO(strv_release) struct strv attempts = STRV_INIT;
	AUTO(freep) char *run = xasprintf("runs/%s", name);
	struct item *whole;
	int64_t layers = 0;

	if (path_names(t->state_fd, run, &attempts, e) < 0)
		return -1;
	for (size_t k = 0; k < attempts.len; k++) {
		AUTO(freep)
		char *path = xasprintf("%s/%s/layers", run, attempts.v[k]);
		AUTO(freep)
		char *left =
			xasprintf("%s/%s/.gone-layers", run, attempts.v[k]);
		AUTO(freep)
		char *events = xasprintf("%s/%s/events", run, attempts.v[k]);
		/* An earlier trim was killed in it. */
		if (!t->spec->dry_run && is_folder(t, left) &&
			path_remove_tree(t->state_fd, left, e) < 0)
			return -1;
		if (!is_folder(t, path))
			continue;
		if (measure(t,
			    add_item(t, path, RANK_CACHE, mtime_of(t, events)),
			    e) < 0)
			return -1;
		layers += t->items[t->n - 1].bytes;
	}
	whole = add_item(t, run, RANK_OUTPUT, mtime_of(t, run));
	if (measure(t, whole, e) < 0)
		return -1;
	/* Its layers are counted already. */
	whole->bytes -= layers;
	t->total -= layers;
	return 0;
}

static int
add_runs(struct trim *t, struct err *e)
{
	AUTO(strv_release) struct strv names = STRV_INIT;

	if (path_names(t->state_fd, "runs", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		int64_t id;

		if (num_parse(names.v[i], 1, INT64_MAX, &id) < 0 ||
			(uint64_t)id >= t->spec->below ||
			is_live(t, names.v[i]))
			continue;
		if (add_run(t, names.v[i], e) < 0)
			return err_wrap(e, "run %s", names.v[i]);
	}
	return 0;
}

static int
add_trees(struct trim *t, struct err *e)
{
	AUTO(strv_release) struct strv names = STRV_INIT;

	if (path_names(t->state_fd, "trees", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(freep) char *path = xasprintf("trees/%s", names.v[i]);
		AUTO(freep) char *ok = xasprintf("%s/ok", path);
		struct item *item;
		struct err ignore;

		if (names.v[i][0] == '.')
			continue; /* a lock, or one that is being made */
		item = add_item(t, path, RANK_CACHE, mtime_of(t, ok));
		item->is_tree = true;
		tree_chain(t->state_fd, names.v[i], &item->below, &ignore);
		if (measure(t, item, e) < 0)
			return err_wrap(e, "tree %s", names.v[i]);
	}
	return 0;
}

static int
add_mirrors(struct trim *t, struct err *e)
{
	AUTO(strv_release) struct strv names = STRV_INIT;

	if (path_names(t->state_fd, "mirrors", &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(freep) char *path = xasprintf("mirrors/%s", names.v[i]);
		AUTO(freep) char *fetched = xasprintf("%s/FETCH_HEAD", path);
		int64_t at = MAX(mtime_of(t, path), mtime_of(t, fetched));

		if (names.v[i][0] == '.')
			continue;
		if (measure(t, add_item(t, path, RANK_CACHE, at), e) < 0)
			return err_wrap(e, "mirror %s", names.v[i]);
	}
	return 0;
}

/* ---- what may go ---- */

static const char *
tree_name(const struct item *i)
{
	return i->path + strlen("trees/");
}

/* Does a tree that stays lie upon it, or a run that is not over need it? */
static bool
tree_is_needed(const struct trim *t, const struct item *tree)
{
	AUTO(freep) char *name = xasprintf("tree:%s", tree_name(tree));

	if (is_live(t, name))
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].is_tree && !t->items[i].gone &&
			strv_has(&t->items[i].below, tree_name(tree)))
			return true;
	return false;
}

static bool
may_go(const struct trim *t, const struct item *i)
{
	if (i->gone)
		return false;
	/* Only a run that is over has layers here. */
	if (str_starts(i->path, "runs/"))
		return true;
	if (t->now_s - i->used_s < t->young_s)
		return false;
	if (i->is_tree)
		return !tree_is_needed(t, i);
	/* A box may show the objects of a mirror. */
	return !str_starts(i->path, "mirrors/") || !t->spec->nlive;
}

static bool
is_old(const struct trim *t, const struct item *i)
{
	return t->spec->keep_s && t->now_s - i->used_s > t->spec->keep_s;
}

/* The cheapest to lose, and of these the longest unused. */
static struct item *
next_to_go(const struct trim *t, bool old)
{
	struct item *best = NULL;

	for (size_t k = 0; k < t->n; k++) {
		struct item *i = &t->items[k];

		if (!may_go(t, i) || (old && !is_old(t, i)))
			continue;
		if (!best || i->rank < best->rank ||
			(i->rank == best->rank && i->used_s < best->used_s))
			best = i;
	}
	return best;
}

static int64_t
free_bytes(const struct trim *t)
{
	struct statvfs v;

	if (fstatvfs(t->state_fd, &v) < 0)
		return INT64_MAX;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

static bool
is_too_much(const struct trim *t, int64_t freed)
{
	const struct trim_spec *s = t->spec;

	if (s->budget_bytes && t->total - freed > s->budget_bytes)
		return true;
	/* A dry run frees nothing, so it is added up. */
	return free_bytes(t) + (s->dry_run ? freed : 0) < s->floor_bytes;
}

/* Out of the way first, so that nobody finds half of it. */
static int
remove_item(const struct trim *t, const struct item *i, struct err *e)
{
	const char *slash = strrchr(i->path, '/');
	AUTO(freep)
	char *aside = xasprintf(
		"%.*s/.gone-%s", (int)(slash - i->path), i->path, slash + 1);

	crash_point("trim.before");
	if (renameat(t->state_fd, i->path, t->state_fd, aside) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "move '%s'", i->path);
	crash_point("trim.aside");
	return path_remove_tree(t->state_fd, aside, e);
}

static void
note(json_t *list, const struct item *i)
{
	json_t *o = json_object();

	jset_str(o, "what", i->path);
	jset_int(o, "bytes", i->bytes);
	json_array_append_new(list, o);
}

/* Has somebody begun to use the tree since it was looked at? */
static bool
was_touched(const struct trim *t, const struct item *i)
{
	AUTO(freep) char *ok = xasprintf("%s/ok", i->path);

	return i->is_tree && mtime_of(t, ok) != i->used_s;
}

static int
drop(const struct trim *t, struct item *i, json_t *list, int64_t *freed,
	struct err *e)
{
	if (was_touched(t, i)) {
		i->used_s = INT64_MAX / 2;
		return 0;
	}
	if (!t->spec->dry_run && remove_item(t, i, e) < 0)
		return -1;
	i->gone = true;
	*freed += i->bytes;
	note(list, i);
	return 0;
}

static int
trim(const struct trim *t, json_t *list, int64_t *freed, struct err *e)
{
	struct item *i;

	while ((i = next_to_go(t, true)))
		if (drop(t, i, list, freed, e) < 0)
			return -1;
	while (is_too_much(t, *freed) && (i = next_to_go(t, false)))
		if (drop(t, i, list, freed, e) < 0)
			return -1;
	return 0;
}

/* What an earlier one was killed in. */
static int
finish_earlier(const struct trim *t, const char *folder, struct err *e)
{
	AUTO(strv_release) struct strv names = STRV_INIT;

	if (path_names(t->state_fd, folder, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		AUTO(freep) char *path = xasprintf("%s/%s", folder, names.v[i]);

		if (str_starts(names.v[i], ".gone-") &&
			path_remove_tree(t->state_fd, path, e) < 0)
			return -1;
	}
	return 0;
}

static int
look(struct trim *t, struct err *e)
{
	static const char *const folders[] = { "runs", "trees", "mirrors" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (!t->spec->dry_run && finish_earlier(t, folders[i], e) < 0)
			return -1;
	if (add_trees(t, e) < 0 || add_runs(t, e) < 0)
		return -1;
	return add_mirrors(t, e);
}

int
trim_state(int state_fd, const struct trim_spec *s, json_t **ret, struct err *e)
{
	struct trim t = { .state_fd = state_fd,
		.spec = s,
		.now_s = (int64_t)time(NULL),
		.young_s = test_delay_ms(YOUNG_MS) / 1000 };
	json_t *list = json_array(), *o = json_object();
	int64_t freed = 0;
	int rc = look(&t, e);

	if (rc == 0)
		rc = trim(&t, list, &freed, e);
	jset_int(o, "used", t.total);
	jset_int(o, "freed", freed);
	json_object_set_new(o, "removed", list);
	for (size_t i = 0; i < t.n; i++) {
		free(t.items[i].path);
		strv_release(&t.items[i].below);
	}
	free(t.items);
	*ret = o;
	return rc;
}
