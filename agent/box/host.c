/* SPDX-License-Identifier: MIT */
/*
 * What this machine and this user can do, found out by doing it in a child
 * process, since a switch in /proc says little about what a container or a
 * security module allows.  See box.h.
 */
#include "base/base.h"
#include "box/box.h"
#include "box/cgroup.h"
#include "box/drop.h"
#include "box/host.h"
#include "box/landlock.h"
#include "box/seccomp.h"
#include "box/sys.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int
find_build_user(struct box_host *h, const char *name, struct err *e)
{
	const struct passwd *pw;

	if (!h->root) {
		h->build_uid = geteuid();
		h->build_gid = getegid();
		return 0;
	}
	errno = 0;
	pw = getpwnam(name ? name : HOST_BUILD_USER);
	if (!pw && name)
		return err_set(e, ERR_PERM,
			"agent.build-user: there is no user '%s'", name);
	h->build_uid = pw ? pw->pw_uid : HOST_BUILD_ID;
	h->build_gid = pw ? pw->pw_gid : HOST_BUILD_ID;
	if (!h->build_uid || !h->build_gid)
		return err_set(e, ERR_PERM,
			"agent.build-user: steps may not run as root; name "
			"an ordinary user");
	return 0;
}

/* Runs fn in a child process; true when it returned 0. */
static bool
try_in_child(int (*fn)(const struct box_host *h, const char *dir),
	const struct box_host *h, const char *dir)
{
	pid_t pid = sys_clone(0, NULL, -1);
	int status;

	if (pid < 0)
		return false;
	if (!pid)
		_exit(fn(h, dir) < 0 ? 1 : 0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return status == 0;
}

/* The user namespaces that a box makes, with what it does in them. */
static int
try_userns(const struct box_host *h, const char *dir UNUSED)
{
	struct err e;

	if (h->root && drop_user(h->build_uid, h->build_gid, &e) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER) < 0 ||
		sys_map_ids(BOX_UID, h->build_uid, BOX_UID, h->build_gid, &e) <
			0)
		return -1;
	return drop_bounding(&e);
}

static int
try_seccomp(const struct box_host *h UNUSED, const char *dir UNUSED)
{
	const struct sock_fprog *filter;
	struct err e;

	filter = seccomp_filter(&e);
	if (!filter || drop_new_privs(&e) < 0)
		return -1;
	return seccomp_enter(filter, &e);
}

static int
make_and_remove_in(const char *merged)
{
	int dir = open(merged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	/* "old" is in the layer below: this needs a whiteout. */
	return fd < 0 ? -1 : unlinkat(dir, "old", AT_REMOVEDIR);
}

/* In dir: l/old below, u above, k for work, all made by us before. */
static int
try_overlay(const struct box_host *h, const char *dir)
{
	int flags = CLONE_NEWNS | (h->root ? 0 : CLONE_NEWUSER);
	const char *options =
		h->userxattr
			? "userxattr,index=off,metacopy=off,volatile,"
			  "lowerdir=l,upperdir=u,workdir=k"
			: "redirect_dir=on,index=off,metacopy=off,volatile,"
			  "lowerdir=l,upperdir=u,workdir=k";
	struct err e;

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(flags) < 0)
		return -1;
	if (!h->root && sys_map_ids(BOX_UID, h->build_uid, BOX_UID,
				h->build_gid, &e) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(dir) < 0 ||
		mount("overlay", "u", "overlay", MS_NOSUID | MS_NODEV,
			options) < 0)
		return -1;
	return make_and_remove_in("u");
}

static bool
probe_overlay(const struct box_host *h, const char *where)
{
	AUTO(freep) char *dir = xasprintf("%s/.probe-%d", where, getpid());
	AUTO(fd_closep) int fd = -1;
	struct err e;
	bool works = false;

#ifdef ENABLE_CRASH_POINTS
	/* A machine without overlayfs, for tests. */
	if (getenv("TELLUS_NO_OVERLAY"))
		return false;
#endif
	if (mkdir(dir, 0700) < 0)
		return false;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && path_mkdirs(fd, "l/old", 0700, &e) == 0 &&
		path_mkdirs(fd, "u", 0700, &e) == 0 &&
		path_mkdirs(fd, "k", 0700, &e) == 0)
		works = try_in_child(try_overlay, h, dir);
	path_remove_tree(AT_FDCWD, dir, &e);
	return works;
}

static int
check_needed(const struct box_host *h, struct err *e)
{
	if (!h->userns && (!h->root || !h->weak))
		return err_set(e, ERR_PERM,
			"user namespaces do not work here: " HOST_USERNS_REMEDY
			"%s",
			h->root ? "; or set agent.sandbox = weak" : "");
	if (!h->seccomp && !h->weak)
		return err_set(e, ERR_PERM,
			"the kernel has no seccomp filters (CONFIG_SECCOMP_"
			"FILTER): use another kernel, or set agent.sandbox "
			"= weak");
	if (h->root && !h->weak && (!h->cg_memory || !h->cg_pids))
		return err_set(e, ERR_PERM,
			"steps can not be limited: %s; or set agent.sandbox = "
			"weak",
			h->why);
	return 0;
}

int
host_look(struct box_host *h, const struct box_conf *c, bool change,
	struct err *e)
{
	AUTO(buf_release) struct buf why = BUF_INIT;

	memset(h, 0, sizeof(*h));
	h->root = geteuid() == 0;
	h->weak = c->weak;
	h->userxattr = !h->root;
	if (find_build_user(h, c->build_user, e) < 0)
		return -1;
	h->userns = try_in_child(try_userns, h, NULL);
	h->seccomp = try_in_child(try_seccomp, h, NULL);
	h->landlock_abi = landlock_abi();
	h->overlay = c->probe_dir && probe_overlay(h, c->probe_dir);
	cgroup_probe(h, change, &why);
	/* The pieces each end with "; ". */
	snprintf(h->why, sizeof(h->why), "%.*s",
		why.len > 2 ? (int)why.len - 2 : 0, why.data);
	return 0;
}

int
box_probe(struct box_host *h, const struct box_conf *c, struct err *e)
{
	if (host_look(h, c, true, e) < 0)
		return -1;
	return check_needed(h, e);
}
