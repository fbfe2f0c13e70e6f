/* SPDX-License-Identifier: MIT */
/* See treescan.h. */
#include "base/base.h"
#include "git/treescan.h"
#include "base/enc.h"
#include "git/oidmap.h"
#include "git/treename.h"

/* What is below a subtree. */
struct sum {
	int64_t files, bytes; /* folders count as files */
	int depth;            /* levels of folders below */
	size_t longest;       /* of the paths below */
};

struct scan {
	git_odb *odb;
	const struct tree_limits *lim;
	struct oidmap seen;
	struct buf path; /* of the entry at hand */
	int64_t largest;
	struct err *e;
};

int
tree_read(git_odb *odb, const git_oid *id, git_odb_object **ret,
	const char **ret_data, const char **ret_end, struct err *e)
{
	char hex[SHA_HEX + 1];
	int rc = git_odb_read(ret, odb, id);

	if (rc < 0) {
		git_oid_tostr(hex, sizeof(hex), id);
		return git_fail(e, rc, "tree %s", hex);
	}
	if (git_odb_object_type(*ret) != GIT_OBJECT_TREE) {
		git_oid_tostr(hex, sizeof(hex), id);
		return err_set(e, ERR_PERM, "object %s is not a tree", hex);
	}
	*ret_data = git_odb_object_data(*ret);
	*ret_end = *ret_data + git_odb_object_size(*ret);
	return 0;
}

static int
refuse(struct scan *s, const char *why)
{
	AUTO(freep) char *shown = git_shown(s->path.data);

	return err_set(s->e, ERR_PERM, "'%s': %s", shown, why);
}

static int
over_limit(struct scan *s, const char *what, int64_t limit)
{
	return err_set(s->e, ERR_PERM,
		"the commit has more than %" PRId64 " %s, which is refused",
		limit, what);
}

static int
scan_blob(struct scan *s, const struct entry *entry, struct sum *sum)
{
	git_object_t type;
	size_t size;
	int rc = git_odb_read_header(&size, &type, s->odb, &entry->id);

	if (rc < 0) {
		AUTO(freep) char *shown = git_shown(s->path.data);

		return git_fail(s->e, rc, "'%s'", shown);
	}
	if (type != GIT_OBJECT_BLOB)
		return refuse(s, "its object is not a file's");
	if (entry->kind == ENTRY_LINK && (!size || size > TREE_PATH_MAX))
		return refuse(s, "the link's target is empty or too long");
	if ((int64_t)size > MIN(TREE_MAX_BLOB, s->lim->max_bytes))
		return refuse(s, "the file is too large to be checked out");
	sum->files = 1;
	sum->bytes = (int64_t)size;
	s->largest = MAX(s->largest, (int64_t)size);
	return 0;
}

static int scan_tree(
	struct scan *s, const git_oid *id, int depth, struct sum *ret);

static int
scan_entry(
	struct scan *s, const struct entry *entry, int depth, struct sum *ret)
{
	const char *wrong = entry_name_wrong(entry);

	if (wrong)
		return refuse(s, wrong);
	switch (entry->kind) {
	case ENTRY_BAD: {
		AUTO(freep) char *shown = git_shown(s->path.data);

		return err_set(s->e, ERR_PERM,
			"'%s': the mode %o is not one that git writes", shown,
			entry->mode);
	}
	case ENTRY_DIR:
		if (scan_tree(s, &entry->id, depth + 1, ret) < 0)
			return -1;
		ret->files++;
		ret->depth++;
		return 0;
	case ENTRY_SUBMODULE:
		ret->files = 1;
		return 0;
	default:
		return scan_blob(s, entry, ret);
	}
}

static int
add_sum(struct scan *s, struct sum *to, const struct sum *sub, size_t name)
{
	size_t longest = name + (sub->longest ? 1 + sub->longest : 0);

	to->files += sub->files;
	to->bytes += sub->bytes;
	to->depth = MAX(to->depth, sub->depth);
	to->longest = MAX(to->longest, longest);
	if (to->files > s->lim->max_files)
		return over_limit(s, "files and folders", s->lim->max_files);
	if (to->bytes > s->lim->max_bytes)
		return over_limit(s, "bytes", s->lim->max_bytes);
	if (to->longest > TREE_PATH_MAX)
		return refuse(s, "a path below it is too long");
	return 0;
}

static int
scan_entries(struct scan *s, const char *at, const char *end, int depth,
	struct sum *sum)
{
	size_t keep = s->path.len;
	struct entry entry;
	int more;

	while ((more = entry_next(&at, end, &entry)) > 0) {
		struct sum sub = { 0 };

		if (keep)
			buf_addc(&s->path, '/');
		buf_addz(&s->path, entry.name);
		if (scan_entry(s, &entry, depth, &sub) < 0 ||
			add_sum(s, sum, &sub, entry.len) < 0)
			return -1;
		s->path.len = keep;
		s->path.data[keep] = '\0';
	}
	return more < 0 ? refuse(s, "the folder's object is damaged") : 0;
}

static int
scan_tree(struct scan *s, const git_oid *id, int depth, struct sum *ret)
{
	AUTO(git_objp) git_odb_object *o = NULL;
	const char *at, *end;
	struct sum sum = { 0 };
	bool seen = oidmap_get(&s->seen, id, &sum);

	if (depth + sum.depth > s->lim->max_depth)
		return err_set(s->e, ERR_PERM,
			"the commit's folders are deeper than %d levels",
			s->lim->max_depth);
	if (!seen) {
		if (tree_read(s->odb, id, &o, &at, &end, s->e) < 0 ||
			scan_entries(s, at, end, depth, &sum) < 0)
			return -1;
		oidmap_put(&s->seen, id, &sum);
	}
	*ret = sum;
	return 0;
}

int
tree_scan(git_odb *odb, const git_oid *tree, const struct tree_limits *lim,
	int64_t *ret_largest, struct err *e)
{
	struct scan s = { .odb = odb, .lim = lim, .path = BUF_INIT, .e = e };
	struct sum sum;
	int rc;

	oidmap_init(&s.seen, sizeof(struct sum));
	rc = scan_tree(&s, tree, 0, &sum);
	oidmap_release(&s.seen);
	buf_release(&s.path);
	if (rc == 0)
		*ret_largest = s.largest;
	return rc;
}
