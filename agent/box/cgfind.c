/* SPDX-License-Identifier: MIT */
/*
 * Where our cgroups are: the mounts, our own place in them, and whether it
 * is ours to divide.  See cgroup.h.  Boxes are made below the group that we
 * are in, so that a limit on the agent holds for them too.
 */
#include "base/base.h"
#include "box/cgroup.h"
#include "box/sys.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define SUBTREE "tellus"    /* the boxes' parent */
#define LEAF "tellus-agent" /* v2: where we sit ourselves */
#define TEXT_MAX (1 << 20)
#define MOVE_PASSES 5

static const char *const controller[BOX_CG_KINDS] = {
	"",
	"memory",
	"pids",
	"cpu",
	"cpuacct",
};

/* One line of mountinfo or of /proc/self/cgroup, cut into words. */
static size_t
cut(char *line, const char *at, char **words, size_t max)
{
	size_t n = 0;
	char *word;

	while (n < max && (word = strsep(&line, at)))
		words[n++] = word;
	return n;
}

static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += len)
		if ((at == list || at[-1] == ',') &&
			(at[len] == ',' || !at[len]))
			return true;
	return false;
}

/* Our own group in a hierarchy, as /proc/self/cgroup has it. */
static int
own_path(enum box_cg kind, char *out, size_t size)
{
	AUTO(freep) char *text = NULL;
	char *at, *line, *part[3];
	struct err e;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/cgroup", TEXT_MAX, &text, NULL,
		    &e) < 0)
		return -1;
	at = text;
	while ((line = strsep(&at, "\n"))) {
		if (cut(line, ":", part, 3) != 3)
			continue;
		if (kind == BOX_CG_UNIFIED
				? str_eq(part[0], "0") && !*part[1]
				: has_word(part[1], controller[kind])) {
			snprintf(out, size, "%s", part[2]);
			return 0;
		}
	}
	return -1;
}

/* mountinfo: id parent dev ROOT POINT options [tags] - TYPE source SUPER */
static void
use_mount(char *line, char dirs[BOX_CG_KINDS][512])
{
	char *tail = strstr(line, " - "), *word[5], *end[3];
	bool v2;

	if (!tail)
		return;
	*tail = '\0';
	if (cut(line, " ", word, 5) != 5 || cut(tail + 3, " ", end, 3) != 3)
		return;
	v2 = str_eq(end[0], "cgroup2");
	if (!v2 && !str_eq(end[0], "cgroup"))
		return;
	for (size_t i = 0; i < BOX_CG_KINDS; i++) {
		char own[256];
		const char *below = own;

		if (v2 != (i == BOX_CG_UNIFIED) || dirs[i][0] ||
			(!v2 && !has_word(end[2], controller[i])) ||
			own_path((enum box_cg)i, own, sizeof(own)) < 0)
			continue;
		/* A container may see only its own part of the tree. */
		if (!str_eq(word[3], "/") && str_starts(own, word[3]))
			below = own + strlen(word[3]);
		if (str_eq(below, "/"))
			below = "";
		snprintf(dirs[i], sizeof(dirs[i]), "%.200s%s", word[4], below);
	}
}

static void
find_own(char dirs[BOX_CG_KINDS][512])
{
	AUTO(freep) char *text = NULL;
	char *at, *line;
	struct err e;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &text, NULL,
		    &e) < 0)
		return;
	at = text;
	while ((line = strsep(&at, "\n")))
		use_mount(line, dirs);
}

static bool
make_subtree(const char *own, bool change, char out[512])
{
	snprintf(out, 512, "%.400s/%s", own, SUBTREE);
	if (!change ? access(own, W_OK) == 0
		    : mkdir(out, 0755) == 0 || errno == EEXIST)
		return true;
	out[0] = '\0';
	return false;
}

static void
probe_v1(struct box_host *h, char own[BOX_CG_KINDS][512], bool change,
	struct buf *why)
{
	if (!h->root) {
		buf_addz(why, "cgroups of version 1 can not be given to an "
			      "ordinary user: limits are per process (boot "
			      "with systemd.unified_cgroup_hierarchy=1); ");
		return;
	}
	for (size_t i = 0; i < BOX_CG_KINDS; i++)
		if (own[i][0])
			make_subtree(own[i], change, h->cg_dir[i]);
	h->cg_memory = h->cg_dir[BOX_CG_MEMORY][0] != '\0';
	h->cg_pids = h->cg_dir[BOX_CG_PIDS][0] != '\0';
	h->cg_cpu = h->cg_dir[BOX_CG_CPU][0] != '\0';
	if (h->cg_memory || h->cg_pids)
		h->cgroup = BOX_CGROUP_V1;
	else
		buf_addz(why, "the cgroup folders can not be written: mount "
			      "them read-write; ");
	snprintf(h->cgroup_path, sizeof(h->cgroup_path), "%s",
		h->cg_dir[BOX_CG_MEMORY]);
}

/* systemd marks what a unit with Delegate=yes may divide. */
static bool
is_delegated(const char *dir)
{
	char value[8] = "";

	if (getxattr(dir, "trusted.delegate", value, sizeof(value)) <= 0 &&
		getxattr(dir, "user.delegate", value, sizeof(value)) <= 0)
		return false;
	return value[0] == '1';
}

/* Moves all processes of a group that is ours into a leaf of it. */
static int
move_to_leaf(const char *own, struct err *e)
{
	AUTO(freep) char *procs = xasprintf("%s/cgroup.procs", own);
	AUTO(freep) char *leaf = xasprintf("%s/%s", own, LEAF);
	AUTO(freep) char *to = xasprintf("%s/cgroup.procs", leaf);
	struct err ignored;

	if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make the cgroup '%s'", leaf);
	/* More than once: they fork meanwhile. */
	for (int i = 0; i < MOVE_PASSES; i++) {
		AUTO(freep) char *text = NULL;
		char *at, *line;

		if (fd_slurp_at(AT_FDCWD, procs, TEXT_MAX, &text, NULL, e) < 0)
			return -1;
		if (!*text)
			break;
		at = text;
		while ((line = strsep(&at, "\n")))
			if (*line) /* else it has ended since */
				sys_put(AT_FDCWD, to, line, &ignored);
	}
	return 0;
}

/* The real root has no type; it alone may hold processes and divide. */
static bool
is_real_root(const char *dir)
{
	AUTO(freep) char *type = xasprintf("%s/cgroup.type", dir);

	return access(type, F_OK) < 0;
}

/* Cuts own down to where the mount begins. */
static void
cut_to_top(char *own)
{
	for (;;) {
		AUTO(freep) char *up = NULL;
		char *slash = strrchr(own, '/');

		if (!slash || slash == own)
			return;
		up = xasprintf("%.*s/cgroup.procs", (int)(slash - own), own);
		if (access(up, F_OK) < 0)
			return;
		*slash = '\0';
	}
}

/*
 * The v2 folder below which boxes may be made: the parent of our leaf, a
 * delegated group, the whole tree of a container, or, for root, the root of
 * the tree.
 */
static bool
choose_v2(const struct box_host *h, char *own, bool change)
{
	char *last = strrchr(own, '/');
	char path[256];
	struct err e;

	if (last && str_eq(last, "/" LEAF)) {
		*last = '\0';
		return true;
	}
	if (own_path(BOX_CG_UNIFIED, path, sizeof(path)) < 0)
		return false;
	if (str_eq(path, "/") || is_delegated(own))
		return is_real_root(own) || !change ||
		       move_to_leaf(own, &e) == 0;
	if (!h->root)
		return false;
	cut_to_top(own);
	return true;
}

static void
enable(const char *dir)
{
	static const char *const on[] = { "+memory", "+pids", "+cpu" };
	AUTO(freep) char *file = xasprintf("%s/cgroup.subtree_control", dir);
	struct err ignored;

	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		sys_put(AT_FDCWD, file, on[i], &ignored);
}

static void
probe_v2(struct box_host *h, char own[512], bool change, struct buf *why)
{
	AUTO(freep) char *file = NULL;
	char *dir = h->cg_dir[BOX_CG_UNIFIED];
	char have[256] = "";

	if (!choose_v2(h, own, change) || !make_subtree(own, change, dir)) {
		buf_addz(why, "our cgroup is not ours to divide: start the "
			      "agent as a service with Delegate=yes, or with "
			      "systemd-run --user --scope -p Delegate=yes; "
			      "until then limits are per process; ");
		return;
	}
	if (change) {
		enable(own);
		enable(dir);
	}
	/* What the boxes' parent can give on. */
	file = xasprintf("%s/cgroup.%s", change ? dir : own,
		change ? "subtree_control" : "controllers");
	if (sys_get(AT_FDCWD, file, have, sizeof(have)) > 0)
		have[strcspn(have, "\n")] = '\0';
	for (char *c = have; (c = strchr(c, ' ')); c++)
		*c = ',';
	h->cg_memory = has_word(have, "memory");
	h->cg_pids = has_word(have, "pids");
	h->cg_cpu = has_word(have, "cpu");
	h->cgroup = BOX_CGROUP_V2;
	snprintf(h->cgroup_path, sizeof(h->cgroup_path), "%s", dir);
	if (!h->cg_memory || !h->cg_pids || !h->cg_cpu)
		buf_addf(why,
			"of the cgroup controllers memory, pids and cpu we "
			"are given %s, and for the rest limits are per "
			"process: set Delegate=yes in the agent's service; ",
			*have ? have : "none");
}

void
cgroup_probe(struct box_host *h, bool change, struct buf *why)
{
	char own[BOX_CG_KINDS][512] = { { 0 } };
	bool v1;

	find_own(own);
	v1 = own[BOX_CG_MEMORY][0] || own[BOX_CG_PIDS][0];
	if (v1)
		probe_v1(h, own, change, why);
	else if (own[BOX_CG_UNIFIED][0])
		probe_v2(h, own[BOX_CG_UNIFIED], change, why);
	else
		buf_addz(why, "no cgroups are mounted: limits are per "
			      "process; ");
	if (h->cg_dir[BOX_CG_UNIFIED][0]) {
		AUTO(freep)
		char *kill = xasprintf(
			"%s/cgroup.kill", change ? h->cg_dir[BOX_CG_UNIFIED]
						 : own[BOX_CG_UNIFIED]);

		h->cg_kill = access(kill, W_OK) == 0;
	}
}
