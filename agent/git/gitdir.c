/* SPDX-License-Identifier: MIT */
/*
 * See git.h: a step's own .git.  It looks like a fresh clone: the branch at
 * the commit, the other branches as origin's, tags.  What a step does to it
 * reaches nothing else.
 */
#include "base/base.h"
#include "base/enc.h"
#include "git/index.h"
#include "git/oidmap.h"
#include "git/tree.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>

#define HEADS "refs/heads/"
#define TAGS "refs/tags/"
#define ORIGIN "refs/remotes/origin/"
/* The rest is left out: it would be looked at by every git call. */
#define REFS_MAX 20000
#define PACK_THREADS 2

struct gitdir {
	struct repo *repo;
	const struct gitdir_spec *spec;
	int fd; /* of .git */
	git_oid sha;
	bool has_pack;
	struct oidmap packed; /* commits of the pack, when has_pack */
	struct strv lines;    /* packed-refs, unsorted */
};

/* "" or what stands after prefix. */
static const char *
after(const char *ref, const char *prefix)
{
	return ref && str_starts(ref, prefix) ? ref + strlen(prefix) : "";
}

static bool
ref_ok(const char *ref)
{
	int valid = 0;

	return git_reference_name_is_valid(&valid, ref) == 0 && valid;
}

static void
config_value(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "\t%s = \"", key);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)*value >= ' ')
			buf_addc(b, *value);
	}
	buf_addz(b, "\"\n");
}

static int
put_config(struct gitdir *g, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf url = BUF_INIT;

	/* The overlay of the box changes inode numbers and ctimes. */
	buf_addz(&b, "[core]\n"
		     "\trepositoryformatversion = 0\n"
		     "\tfilemode = true\n"
		     "\tbare = false\n"
		     "\tlogallrefupdates = true\n"
		     "\tcheckStat = minimal\n"
		     "\ttrustctime = false\n"
		     "[gc]\n"
		     "\tauto = 0\n");
	if (g->spec->url) {
		mirror_url_clean(g->spec->url, &url);
		buf_addz(&b, "[remote \"origin\"]\n");
		config_value(&b, "url", url.data);
		buf_addz(&b, "\tfetch = +" HEADS "*:" ORIGIN "*\n");
	}
	return fd_put_file(g->fd, "config", b.data, b.len, 0644, e);
}

static int
put_head(struct gitdir *g, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *branch = after(g->spec->ref, HEADS);

	if (*branch && ref_ok(g->spec->ref))
		buf_addf(&b, "ref: %s\n", g->spec->ref);
	else
		buf_addf(&b, "%s\n", g->spec->sha);
	return fd_put_file(g->fd, "HEAD", b.data, b.len, 0644, e);
}

/* ---- refs ---- */

static void
add_line(struct gitdir *g, const char *name, const char *sha, const char *peel)
{
	if (peel)
		strv_addf(&g->lines, "%s %s\n^%s\n", sha, name, peel);
	else
		strv_addf(&g->lines, "%s %s\n", sha, name);
}

/* A ref may only name what the step can see. */
static bool
is_visible(const struct gitdir *g, const git_oid *commit)
{
	return !g->has_pack || oidmap_get(&g->packed, commit, NULL);
}

static void
add_ref(struct gitdir *g, git_reference *ref)
{
	const char *name = git_reference_name(ref);
	const git_oid *target = git_reference_target(ref);
	AUTO(freep) char *to = NULL;
	git_object *commit = NULL;
	char hex[SHA_HEX + 1], peeled[SHA_HEX + 1];
	bool is_tag = str_starts(name, TAGS);

	if (!target)
		return;
	if (git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) < 0)
		return;
	if (is_visible(g, git_object_id(commit))) {
		git_oid_tostr(hex, sizeof(hex), target);
		git_oid_tostr(peeled, sizeof(peeled), git_object_id(commit));
		to = is_tag ? xstrdup(name)
			    : xasprintf(ORIGIN "%s", after(name, HEADS));
		add_line(g, to, hex, str_eq(hex, peeled) ? NULL : peeled);
	}
	git_object_free(commit);
}

static int
add_refs(struct gitdir *g, const char *glob, const char *except, struct err *e)
{
	git_reference_iterator *it = NULL;
	git_reference *ref = NULL;
	int rc = git_reference_iterator_glob_new(&it, g->repo->git, glob);

	if (rc < 0)
		return git_fail(e, rc, "refs of '%s'", g->repo->path);
	while (g->lines.len < REFS_MAX && git_reference_next(&ref, it) == 0) {
		if (!str_eq(git_reference_name(ref), except))
			add_ref(g, ref);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return 0;
}

/* Lines begin with the id; they are sorted by what comes after it. */
static int
by_ref(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + SHA_HEX, *(char *const *)b + SHA_HEX);
}

static int
put_refs(struct gitdir *g, struct err *e)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *ref = g->spec->ref;
	bool is_known = ref && ref_ok(ref);
	const char *branch = is_known ? after(ref, HEADS) : "";
	const char *tag = is_known ? after(ref, TAGS) : "";

	if (*branch) {
		AUTO(freep) char *remote = xasprintf(ORIGIN "%s", branch);

		add_line(g, ref, g->spec->sha, NULL);
		if (g->spec->url)
			add_line(g, remote, g->spec->sha, NULL);
	}
	if (add_refs(g, TAGS "*", NULL, e) < 0)
		return -1;
	if (g->spec->url && add_refs(g, HEADS "*", ref, e) < 0)
		return -1;
	if (*tag) {
		AUTO(freep) char *end = xasprintf(" %s\n", ref);
		bool there = false;

		for (size_t i = 0; i < g->lines.len; i++)
			there |= strstr(g->lines.v[i], end) != NULL;
		if (!there)
			add_line(g, ref, g->spec->sha, NULL);
	}
	if (g->lines.len)
		qsort(g->lines.v, g->lines.len, sizeof(char *), by_ref);
	buf_addz(&b, "# pack-refs with: peeled fully-peeled sorted \n");
	for (size_t i = 0; i < g->lines.len; i++)
		buf_addz(&b, g->lines.v[i]);
	return fd_put_file(g->fd, "packed-refs", b.data, b.len, 0644, e);
}

/* ---- objects ---- */

/* An annotated tag of a packed commit goes along; others do not matter. */
static int
pack_tag(const char *name, git_oid *id, void *arg)
{
	void **args = arg;
	struct gitdir *g = args[0];
	git_packbuilder *pack = args[1];
	git_object *any = NULL, *commit = NULL;

	(void)name;
	if (git_object_lookup(&any, g->repo->git, id, GIT_OBJECT_TAG) == 0 &&
		git_object_peel(&commit, any, GIT_OBJECT_COMMIT) == 0 &&
		oidmap_get(&g->packed, git_object_id(commit), NULL))
		git_packbuilder_insert(pack, id, NULL);
	git_object_free(any);
	git_object_free(commit);
	return 0;
}

static int
collect(struct gitdir *g, git_packbuilder *pack)
{
	AUTO(git_walkp) git_revwalk *walk = NULL;
	void *args[] = { g, pack };
	git_oid id;
	int rc = git_revwalk_new(&walk, g->repo->git);

	if (rc == 0)
		rc = git_revwalk_push(walk, &g->sha);
	while (rc == 0 && (rc = git_revwalk_next(&id, walk)) == 0)
		oidmap_put(&g->packed, &id, NULL);
	if (rc != GIT_ITEROVER)
		return rc;
	git_revwalk_reset(walk);
	rc = git_revwalk_push(walk, &g->sha);
	if (rc == 0)
		rc = git_packbuilder_insert_walk(pack, walk);
	if (rc == 0)
		rc = git_tag_foreach(g->repo->git, pack_tag, args);
	return rc;
}

static int
put_pack(struct gitdir *g, struct err *e)
{
	AUTO(git_packp) git_packbuilder *pack = NULL;
	AUTO(freep)
	char *dir = xasprintf("/proc/self/fd/%d/objects/pack", g->fd);
	int rc = git_packbuilder_new(&pack, g->repo->git);

	g->has_pack = true;
	if (rc == 0) {
		git_packbuilder_set_threads(pack, PACK_THREADS);
		rc = collect(g, pack);
	}
	if (rc == 0)
		rc = git_packbuilder_write(pack, dir, 0444, NULL, NULL);
	return rc < 0 ? git_fail(e, rc, "copy the history of %s", g->spec->sha)
		      : 0;
}

static int
put_objects(struct gitdir *g, struct err *e)
{
	AUTO(fd_closep) int info = -1;
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *list = g->spec->alternates_inside;

	if (!list)
		return put_pack(g, e);
	info = path_open_dir(g->fd, "objects/info", e);
	if (info < 0)
		return -1;
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ":");

		buf_addf(&b, "%.*s\n", (int)n, p);
		p += n + (p[n] == ':');
	}
	return fd_put_file(info, "alternates", b.data, b.len, 0644, e);
}

/* ---- index ---- */

static int
put_index(struct gitdir *g, struct err *e)
{
	AUTO(tree_ok_release) struct tree_ok ok = { 0 };
	AUTO(freep) char *path = xasprintf("/proc/self/fd/%d/index", g->fd);
	const struct gitdir_spec *s = g->spec;
	int roots[TREE_CHAIN_MAX + 1];
	size_t n = 0;
	git_oid tree;
	int rc;

	if (git_id(&tree, s->tree, e) < 0)
		return -1;
	roots[n] = path_open_dir(s->state_fd, s->tree_dir, e);
	if (roots[n] < 0)
		return -1;
	n++;
	/* Files that did not change stand in the trees below. */
	rc = tree_ok_load(&ok, s->state_fd, s->tree, e);
	for (size_t i = 1; rc == 1 && i < ok.chain.len && n < ARRAY_LEN(roots);
		i++) {
		AUTO(freep)
		char *dir = xasprintf("trees/%s/t/w", ok.chain.v[i]);

		roots[n] = path_open_dir(s->state_fd, dir, e);
		if (roots[n] < 0)
			rc = -1;
		else
			n++;
	}
	if (rc >= 0)
		rc = index_write(g->repo, path, &tree, roots, n, e);
	for (size_t i = 0; i < n; i++)
		fd_closep(&roots[i]);
	return rc;
}

static int
make_folders(struct gitdir *g, int dest_fd, struct err *e)
{
	static const char *const folders[] = { ".git/objects/info",
		".git/objects/pack", ".git/refs/heads", ".git/refs/tags",
		".git/info", ".git/branches" };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (path_mkdirs(dest_fd, folders[i], 0755, e) < 0)
			return -1;
	g->fd = path_open_dir(dest_fd, ".git", e);
	return g->fd < 0 ? -1 : 0;
}

int
gitdir_build(
	struct repo *r, int dest_fd, const struct gitdir_spec *s, struct err *e)
{
	struct gitdir g = {
		.repo = r, .spec = s, .fd = -1, .lines = STRV_INIT
	};
	int rc = git_id(&g.sha, s->sha, e);

	oidmap_init(&g.packed, 0);
	if (rc < 0 || make_folders(&g, dest_fd, e) < 0 ||
		put_config(&g, e) < 0 || put_objects(&g, e) < 0 ||
		put_refs(&g, e) < 0 || put_head(&g, e) < 0 ||
		put_index(&g, e) < 0)
		rc = -1;
	fd_closep(&g.fd);
	oidmap_release(&g.packed);
	strv_release(&g.lines);
	return rc;
}
