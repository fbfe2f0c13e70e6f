/* SPDX-License-Identifier: MIT */
/*
 * See root.h.  In order: an empty tmpfs, the host's pieces in it, the
 * private file systems, the layers, then pivot_root and goodbye to the host.
 * The host's pieces are taken while the host's tree is still our root.
 */
#include "base/base.h"
#include "box/layers.h"
#include "box/mounts.h"
#include "box/root.h"
#include "os/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RO (MOUNT_SAFE | MOUNT_ATTR_RDONLY)

static const char *const dirs[] = {
	"usr",
	"etc",
	"dev",
	"proc",
	"workspace",
	"home",
	"home/build",
	"tmp",
	"run",
	"run/tellus",
	"var",
	"dev/pts",
	"dev/shm",
};

static const struct {
	const char *at, *to;
} links[] = {
	{ "var/run", "/run" },
	{ "var/tmp", "/tmp" },
	{ "etc/mtab", "/proc/self/mounts" },
	{ "dev/fd", "/proc/self/fd" },
	{ "dev/stdin", "/proc/self/fd/0" },
	{ "dev/stdout", "/proc/self/fd/1" },
	{ "dev/stderr", "/proc/self/fd/2" },
	{ "dev/ptmx", "pts/ptmx" },
};

/* Files that the box has of its own; resolv.conf is made by hand. */
static const struct {
	const char *at, *text;
} files[] = {
	{ "etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
			"build:x:1000:1000:build:" BOX_HOME ":/bin/sh\n"
			"nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n" },
	{ "etc/group", "root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n" },
	{ "etc/hosts", "127.0.0.1\tlocalhost " BOX_HOSTNAME "\n"
		       "::1\tlocalhost ip6-localhost\n" },
	{ "etc/hostname", BOX_HOSTNAME "\n" },
};

/* Taken from the host's root as they are there: links or folders. */
static const char *const top[] = {
	"bin",
	"sbin",
	"lib",
	"lib32",
	"lib64",
	"libx32",
};

static const char *const etc[] = {
	"ld.so.cache",
	"ld.so.conf",
	"ld.so.conf.d",
	"alternatives",
	"localtime",
	"timezone",
	"ssl",
	"pki",
	"ca-certificates",
	"ca-certificates.conf",
	"crypto-policies",
	"nsswitch.conf",
	"protocols",
	"services",
	"mime.types",
	"debian_version",
	"os-release",
};

static const char *const nodes[] = {
	"null",
	"zero",
	"full",
	"random",
	"urandom",
	"tty",
};

/* Of the kernel, not of the box: hidden behind /dev/null. */
static const char *const masked[] = {
	"kcore",
	"keys",
	"kmsg",
	"sysrq-trigger",
	"timer_list",
};

static int
make_file(int root, const char *name, const char *text, struct err *e)
{
	int fd = openat(
		root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	ssize_t done;

	if (fd < 0)
		return err_sys(e, "create '%s'", name);
	done = write(fd, text, n);
	close(fd);
	if (done != (ssize_t)n)
		return err_sys(e, "write '%s'", name);
	return 0;
}

static int
make_skeleton(const struct plan *p, int root, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(root, dirs[i], 0755) < 0)
			return err_sys(e, "mkdir '%s'", dirs[i]);
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].to, root, links[i].at) < 0)
			return err_sys(e, "symlink '%s'", links[i].at);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (make_file(root, files[i].at, files[i].text, e) < 0)
			return -1;
	return make_file(root, "etc/resolv.conf", p->resolv, e);
}

/* Makes the place for a mount: a folder or an empty file. */
static int
make_place(int root, const char *name, bool dir, struct err *e)
{
	int r = dir ? mkdirat(root, name, 0755)
		    : mknodat(root, name, S_IFREG | 0644, 0);

	if (r < 0 && errno != EEXIST)
		return err_sys(e, "create '%s'", name);
	return 0;
}

/*
 * Shows /name of the host at the same place.  A link stays a link: it leads
 * into /usr, or to something that the box is not meant to have.
 */
static int
show_host(int root, const char *name, struct err *e)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/%s", name);
	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return err_sys(e, "readlink '%s'", path);
		target[n] = '\0';
		if (symlinkat(target, root, name) < 0)
			return err_sys(e, "symlink '%s'", name);
		return 0;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	if (make_place(root, name, S_ISDIR(st.st_mode), e) < 0)
		return -1;
	return mount_bind(AT_FDCWD, path, root, name, RO, e);
}

/* A folder of the new root, without following a link out of it. */
static int
open_inside(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* mkdir -p of all but the last part, then the place itself. */
static int
make_places(int root, const char *path, bool dir, struct err *e)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *at = strchr(part, '/'); at; at = strchr(at + 1, '/')) {
		int fd;

		*at = '\0';
		fd = open_inside(root, part);
		if (fd < 0 && make_place(root, part, true, e) < 0)
			return -1;
		if (fd >= 0)
			close(fd);
		*at = '/';
	}
	return make_place(root, path, dir, e);
}

/* Not in what the box has of its own: those are mounted over it. */
static bool
is_private(const char *at)
{
	static const char *const own[] = { BOX_WORKSPACE, BOX_HOME, BOX_CMD,
		"/tmp", "/dev", "/proc", "/var/tmp", "/var/run" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		size_t n = strlen(own[i]);

		if (strncmp(at, own[i], n) == 0 && (!at[n] || at[n] == '/'))
			return true;
	}
	return false;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* More of the host, at the same path: the administrator's wish, or, with
 * another place, the objects of a repository. */
static int
expose(int root, const char *path, const char *at, const struct stat *want,
	struct err *e)
{
	AUTO(fd_closep) int from = -1;
	struct stat st;
	int fd;

	if (path[0] != '/')
		return err_set(e, ERR_PERM,
			"'%s' is no absolute path and can not be shown in "
			"the box",
			path);
	if (is_private(at))
		return err_set(e, ERR_PERM,
			"'%s' can not be shown in the box, which has a folder "
			"of its own there",
			path);
	from = open(path, O_PATH | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0) {
		err_sys(e, "'%s' can not be shown in the box", path);
		e->code = ERR_PERM;
		return -1;
	}
	if (want && !is_same(want, &st))
		return err_set(e, ERR_PERM,
			"'%s' is another folder now and is not shown in the "
			"box",
			path);
	at += strspn(at, "/");
	if (!*at)
		return err_set(e, ERR_PERM,
			"the whole '/' can not be shown in the box");
	fd = open_inside(root, at);
	if (fd < 0) {
		if (make_places(root, at, S_ISDIR(st.st_mode), e) < 0)
			return -1;
		fd = open_inside(root, at);
	}
	if (fd < 0)
		return err_sys(e, "make a place for '%s'", path);
	close(fd);
	return mount_bind(from, "", root, at, RO, e);
}

static int
show_pieces(const struct plan *p, int root, struct err *e)
{
	const struct box_spec *s = p->spec;
	char name[64];

	if (mount_bind(AT_FDCWD, "/usr", root, "usr", RO, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(top); i++)
		if (show_host(root, top[i], e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(etc); i++) {
		snprintf(name, sizeof(name), "etc/%s", etc[i]);
		if (show_host(root, name, e) < 0)
			return -1;
	}
	if (s->objects &&
		expose(root, s->objects, BOX_OBJECTS, s->objects_is, e) < 0)
		return -1;
	for (size_t i = 0; s->expose && s->expose[i]; i++)
		if (expose(root, s->expose[i], s->expose[i], NULL, e) < 0)
			return -1;
	return 0;
}

static int
make_dev(int root, struct err *e)
{
	static const char *const shm[] = { "mode", "1777", NULL };
	static const char *const pts[] = { "newinstance", "", "ptmxmode",
		"0666", "mode", "0620", NULL };

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		char at[32], from[32];

		snprintf(at, sizeof(at), "dev/%s", nodes[i]);
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		if (make_place(root, at, false, e) < 0 ||
			mount_bind(AT_FDCWD, from, root, at,
				MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e) < 0)
			return -1;
	}
	if (mount_fs(root, "dev/shm", "tmpfs", shm, MOUNT_SAFE, e) < 0)
		return -1;
	return mount_fs(root, "dev/pts", "devpts", pts,
		MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
}

static int
make_proc(int root, int *ret_proc, struct err *e)
{
	static const char *const none[] = { NULL };
	uint64_t attrs = MOUNT_SAFE | MOUNT_ATTR_NOEXEC;
	int proc = mount_new("proc", none, attrs, e);

	if (proc < 0 || mount_attach(proc, root, "proc", e) < 0)
		return -1;
	close(proc);
	/* A second view, never attached, that the masks do not cover. */
	*ret_proc =
		open_tree(root, "proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (*ret_proc < 0)
		return err_sys(e, "open the box's /proc");
	if (mount_bind(root, "proc/sys", root, "proc/sys",
		    attrs | MOUNT_ATTR_RDONLY, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(masked); i++) {
		char at[32];

		snprintf(at, sizeof(at), "proc/%s", masked[i]);
		if (faccessat(root, at, F_OK, 0) == 0 &&
			mount_bind(root, "dev/null", root, at,
				attrs | MOUNT_ATTR_RDONLY, e) < 0)
			return -1;
	}
	return 0;
}

/* The trick of pivot_root(2): the old root ends up on top of the new one,
 * from where it is detached, with everything mounted in it. */
static int
pivot(int root, struct err *e)
{
	if (fchdir(root) < 0)
		return err_sys(e, "chdir to the new root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "detach the host's tree");
	if (chdir("/") < 0)
		return err_sys(e, "chdir '/'");
	return 0;
}

int
root_enter(const struct plan *p, int *ret_proc, struct err *e)
{
	static const char *const options[] = { "mode", "0755", "size", "1m",
		"nr_inodes", "2000", NULL };
	int root;

	/* Nothing that we mount may reach the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make the mounts private");
	root = mount_new("tmpfs", options, MOUNT_SAFE, e);
	if (root < 0 || mount_attach(root, AT_FDCWD, "/", e) < 0)
		return -1;
	if (make_skeleton(p, root, e) < 0 || show_pieces(p, root, e) < 0 ||
		make_dev(root, e) < 0 || make_proc(root, ret_proc, e) < 0 ||
		layers_mount(p, root, e) < 0 || pivot(root, e) < 0 ||
		mount_freeze(root, e) < 0)
		return -1;
	close(root);
	return 0;
}
