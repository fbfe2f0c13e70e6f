/* SPDX-License-Identifier: MIT */
/*
 * See treewrite.h.  The caller's thread walks the tree and makes folders;
 * it hands the files over in small units to a second thread, and helps it
 * when it is done walking.
 */
#include "base/base.h"
#include "git/treewrite.h"
#include "git/treename.h"
#include "git/treescan.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Neighbours share delta bases, so a unit is some files of one folder. */
#define UNIT_FILES 64
/* Objects are read whole, so of files above this only one is held at a
 * time, whatever the number of threads. */
#define LARGE_BYTES ((size_t)32 << 20)

struct item {
	char *name;
	git_oid id;
	enum entry_kind kind;
};

struct unit {
	struct unit *next;
	char *dir; /* "" or a path below the root */
	size_t len;
	struct item items[UNIT_FILES];
};

struct writer {
	struct repo *repo;
	int root;
	bool has_large;
	pthread_mutex_t large; /* held while a large file is */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct unit *head, **tail;
	bool closed, failed;
	struct err err;  /* the first one */
	struct buf path; /* of the folder at hand: walking thread only */
};

/* Entries of one folder; names point into the object. */
struct folder {
	git_odb_object *object;
	struct entry *v;
	size_t len, cap;
};

static void
unit_free(struct unit *u)
{
	for (size_t i = 0; i < u->len; i++)
		free(u->items[i].name);
	free(u->dir);
	free(u);
}

static void
unit_freep(struct unit **u)
{
	if (*u)
		unit_free(*u);
}

static void
folder_release(struct folder *f)
{
	git_odb_object_free(f->object);
	free(f->v);
}

/* ---- writing files: both threads ---- */

static int
item_fail(const struct unit *u, const struct item *it, struct err *e)
{
	AUTO(freep)
	char *path = xasprintf("%s%s%s", u->dir, *u->dir ? "/" : "", it->name);
	AUTO(freep) char *shown = git_shown(path);

	return err_sys(e, "write '%s'", shown);
}

static int
write_link(int dir, const struct unit *u, const struct item *it,
	const char *data, size_t n, struct err *e)
{
	AUTO(freep) char *target = xstrndup(data, n);

	if (strlen(target) != n) {
		AUTO(freep) char *shown = git_shown(it->name);

		return err_set(e, ERR_PERM,
			"'%s': the link's target has a NUL in it", shown);
	}
	if (symlinkat(target, dir, it->name) < 0)
		return item_fail(u, it, e);
	return 0;
}

static int
copy_item(git_odb *odb, int dir, const struct unit *u, const struct item *it,
	struct err *e)
{
	AUTO(git_objp) git_odb_object *o = NULL;
	AUTO(fd_closep) int fd = -1;
	const char *data;
	size_t n;
	int rc = git_odb_read(&o, odb, &it->id);

	if (rc < 0) {
		AUTO(freep) char *shown = git_shown(it->name);

		return git_fail(e, rc, "'%s'", shown);
	}
	data = git_odb_object_data(o);
	n = git_odb_object_size(o);
	if (it->kind == ENTRY_LINK)
		return write_link(dir, u, it, data, n, e);
	fd = openat(dir, it->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		it->kind == ENTRY_EXEC ? 0755 : 0644);
	if (fd < 0)
		return item_fail(u, it, e);
	return fd_write_all(fd, data, n, e);
}

static bool
is_large(git_odb *odb, const struct item *it)
{
	git_object_t type;
	size_t size;

	return git_odb_read_header(&size, &type, odb, &it->id) == 0 &&
	       size > LARGE_BYTES;
}

static int
write_item(struct writer *w, git_odb *odb, int dir, const struct unit *u,
	const struct item *it, struct err *e)
{
	int rc;

	if (!w->has_large || !is_large(odb, it))
		return copy_item(odb, dir, u, it, e);
	pthread_mutex_lock(&w->large);
	rc = copy_item(odb, dir, u, it, e);
	pthread_mutex_unlock(&w->large);
	return rc;
}

static int
write_unit(struct writer *w, git_odb *odb, const struct unit *u, struct err *e)
{
	AUTO(fd_closep)
	int dir =
		*u->dir ? path_open_beneath(w->root, u->dir, O_DIRECTORY, 0, e)
			: fcntl(w->root, F_DUPFD_CLOEXEC, 0);

	if (dir < 0)
		return *u->dir ? -1 : err_sys(e, "open the tree's folder");
	for (size_t i = 0; i < u->len; i++)
		if (write_item(w, odb, dir, u, &u->items[i], e) < 0)
			return -1;
	return 0;
}

static void
set_failed(struct writer *w, const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	if (!w->failed)
		w->err = *e;
	w->failed = true;
	pthread_mutex_unlock(&w->lock);
}

/* The next unit; NULL when all are taken, or one has failed. */
static struct unit *
take_unit(struct writer *w)
{
	struct unit *u;

	pthread_mutex_lock(&w->lock);
	while (!w->head && !w->closed && !w->failed)
		pthread_cond_wait(&w->changed, &w->lock);
	u = w->failed ? NULL : w->head;
	if (u) {
		w->head = u->next;
		if (!w->head)
			w->tail = &w->head;
	}
	pthread_mutex_unlock(&w->lock);
	return u;
}

static void
write_units(struct writer *w, git_odb *odb)
{
	struct unit *u;
	struct err e;

	while ((u = take_unit(w))) {
		if (write_unit(w, odb, u, &e) < 0)
			set_failed(w, &e);
		unit_free(u);
	}
}

static void *
second_thread(void *arg)
{
	struct writer *w = arg;
	AUTO(repo_closep) struct repo *r = NULL;
	struct err e;

	if (repo_again(&r, w->repo, &e) < 0)
		set_failed(w, &e);
	else
		write_units(w, r->odb);
	return NULL;
}

static void
give_unit(struct writer *w, struct unit *u)
{
	pthread_mutex_lock(&w->lock);
	*w->tail = u;
	w->tail = &u->next;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static void
close_queue(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

/* ---- walking: the caller's thread ---- */

static int
entry_order(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name,
		((const struct entry *)b)->name);
}

static int
twice(struct writer *w, const char *name, struct err *e)
{
	AUTO(freep)
	char *path =
		xasprintf("%s%s%s", w->path.data, w->path.len ? "/" : "", name);
	AUTO(freep) char *shown = git_shown(path);

	return err_set(
		e, ERR_PERM, "'%s' is in the commit more than once", shown);
}

/* id may be NULL: an empty folder.  Sorted by name alone; git's own order
 * depends on what an entry is. */
static int
folder_load(
	struct writer *w, const git_oid *id, struct folder *f, struct err *e)
{
	const char *at, *end;
	struct entry entry;
	int more;

	if (!id)
		return 0;
	if (tree_read(w->repo->odb, id, &f->object, &at, &end, e) < 0)
		return -1;
	while ((more = entry_next(&at, end, &entry)) > 0) {
		f->v = grow(f->v, f->len, &f->cap, sizeof(*f->v));
		f->v[f->len++] = entry;
	}
	if (more < 0)
		return err_set(e, ERR_PERM, "a tree object is damaged");
	if (f->len)
		qsort(f->v, f->len, sizeof(*f->v), entry_order);
	for (size_t i = 1; i < f->len; i++)
		if (str_eq(f->v[i - 1].name, f->v[i].name))
			return twice(w, f->v[i].name, e);
	return 0;
}

static bool
is_dir(const struct entry *entry)
{
	return entry->kind == ENTRY_DIR || entry->kind == ENTRY_SUBMODULE;
}

/* A submodule is an empty folder. */
static const git_oid *
dir_id(const struct entry *entry)
{
	return entry && entry->kind == ENTRY_DIR ? &entry->id : NULL;
}

static bool
is_same(const struct entry *a, const struct entry *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == ENTRY_SUBMODULE ||
	       !memcmp(&a->id, &b->id, sizeof(a->id));
}

static int walk(struct writer *w, int dir, const git_oid *old,
	const git_oid *tree, struct err *e);

static int
walk_dir(struct writer *w, int parent, const struct entry *old,
	const struct entry *entry, struct err *e)
{
	AUTO(fd_closep) int dir = -1;
	size_t keep = w->path.len;
	int rc;

	if (keep)
		buf_addc(&w->path, '/');
	buf_addz(&w->path, entry->name);
	if (mkdirat(parent, entry->name, 0755) < 0) {
		AUTO(freep) char *shown = git_shown(w->path.data);

		return err_sys(e, "mkdir '%s'", shown);
	}
	dir = openat(parent, entry->name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open a new folder");
	rc = walk(w, dir, dir_id(old), dir_id(entry), e);
	w->path.len = keep;
	w->path.data[keep] = '\0';
	return rc;
}

static void
add_file(struct writer *w, struct unit **u, const struct entry *entry)
{
	struct item *it;

	if (!*u) {
		*u = xcalloc(1, sizeof(**u));
		(*u)->dir = xstrdup(w->path.data);
	}
	it = &(*u)->items[(*u)->len++];
	it->name = xstrdup(entry->name);
	it->id = entry->id;
	it->kind = entry->kind;
	if ((*u)->len == UNIT_FILES)
		give_unit(w, STEAL(*u));
}

/* What hides an entry of the layers below: see overlayfs(5). */
static int
put_whiteout(int dir, const struct entry *entry, struct err *e)
{
	if (mknodat(dir, entry->name, S_IFCHR, makedev(0, 0)) < 0) {
		AUTO(freep) char *shown = git_shown(entry->name);

		return err_sys(e, "hide '%s'", shown);
	}
	return 0;
}

/* One name: either of old and new may be NULL. */
static int
walk_name(struct writer *w, int dir, struct unit **u, const struct entry *old,
	const struct entry *entry, struct err *e)
{
	if (!entry)
		return put_whiteout(dir, old, e);
	if (old && is_same(old, entry))
		return 0;
	if (!is_dir(entry)) {
		add_file(w, u, entry);
		return 0;
	}
	return walk_dir(w, dir, old && is_dir(old) ? old : NULL, entry, e);
}

static bool
has_failed(struct writer *w)
{
	bool failed;

	pthread_mutex_lock(&w->lock);
	failed = w->failed;
	pthread_mutex_unlock(&w->lock);
	return failed;
}

static int
walk(struct writer *w, int dir, const git_oid *old, const git_oid *tree,
	struct err *e)
{
	AUTO(folder_release) struct folder a = { 0 };
	AUTO(folder_release) struct folder b = { 0 };
	AUTO(unit_freep) struct unit *u = NULL;
	size_t i = 0, j = 0;

	if (folder_load(w, old, &a, e) < 0 || folder_load(w, tree, &b, e) < 0)
		return -1;
	while ((i < a.len || j < b.len) && !has_failed(w)) {
		int cmp = i == a.len   ? 1
			  : j == b.len ? -1
				       : strcmp(a.v[i].name, b.v[j].name);
		const struct entry *x = cmp <= 0 ? &a.v[i++] : NULL;
		const struct entry *y = cmp >= 0 ? &b.v[j++] : NULL;

		if (walk_name(w, dir, &u, x, y, e) < 0)
			return -1;
	}
	if (u)
		give_unit(w, STEAL(u));
	return 0;
}

int
tree_write(struct repo *r, int dir, const git_oid *old, const git_oid *tree,
	int64_t largest, struct err *e)
{
	struct writer w = { .repo = r, .root = dir, .path = BUF_INIT };
	pthread_t thread;
	bool threaded;

	w.tail = &w.head;
	w.has_large = largest > (int64_t)LARGE_BYTES;
	pthread_mutex_init(&w.large, NULL);
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.changed, NULL);
	/* Without a second thread this one does it all. */
	threaded = pthread_create(&thread, NULL, second_thread, &w) == 0;
	if (walk(&w, dir, old, tree, e) < 0)
		set_failed(&w, e);
	close_queue(&w);
	write_units(&w, r->odb);
	if (threaded)
		pthread_join(thread, NULL);
	for (struct unit *u = w.head, *next; u; u = next) {
		next = u->next;
		unit_free(u);
	}
	pthread_mutex_destroy(&w.lock);
	pthread_mutex_destroy(&w.large);
	pthread_cond_destroy(&w.changed);
	buf_release(&w.path);
	if (w.failed)
		*e = w.err;
	return w.failed ? -1 : 0;
}
