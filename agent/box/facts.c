/* SPDX-License-Identifier: MIT */
/*
 * What "tellus doctor" says about the sandbox: a line per fact, and for
 * what is wrong the way to mend it.  Changes nothing on the machine.
 */
#include "base/base.h"
#include "box/box.h"
#include "box/host.h"

#include <sys/utsname.h>

#define TEXT_MAX 300

struct facts {
	const struct box_host *h;
	box_fact_fn *fn;
	void *arg;
};

static void say(const struct facts *f, const char *level, const char *what,
	const char *remedy, const char *fmt, ...) PRINTF(5, 6);

static void
say(const struct facts *f, const char *level, const char *what,
	const char *remedy, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->fn(level, what, text, remedy, f->arg);
}

static void
say_kernel(const struct facts *f)
{
	struct utsname u;

	if (uname(&u) == 0)
		say(f, "ok", "kernel", "", "%s %s", u.sysname, u.release);
}

static void
say_userns(const struct facts *f)
{
	if (f->h->userns)
		say(f, "ok", "user namespaces", "", "work");
	else
		say(f, "fail", "user namespaces", HOST_USERNS_REMEDY,
			"can not be made here");
}

static void
say_overlay(const struct facts *f)
{
	if (f->h->overlay)
		say(f, "ok", "overlayfs", "",
			"works on the state's file "
			"system (%s.* attributes)",
			f->h->userxattr ? "user" : "trusted");
	else
		say(f, "warn", "overlayfs",
			"keep the state on ext4, xfs or btrfs, and load the "
			"module: modprobe overlay",
			"does not work on the state's file system; workspaces "
			"are copied, which is slower");
}

static void
say_filters(const struct facts *f)
{
	if (f->h->seccomp)
		say(f, "ok", "seccomp", "", "filters work");
	else
		say(f, "fail", "seccomp",
			"use a kernel with CONFIG_SECCOMP_FILTER",
			"filters do not work");
	if (f->h->landlock_abi > 0)
		say(f, f->h->landlock_abi >= 2 ? "ok" : "warn", "Landlock",
			f->h->landlock_abi >= 2 ? "" : "Linux 5.19 or newer",
			"ABI %d", f->h->landlock_abi);
	else
		say(f, "warn", "Landlock",
			"boot with lsm=landlock,... (Linux 5.13 or newer)",
			"is not there; the box is without its second wall");
}

static void
say_cgroup(const struct facts *f)
{
	static const char *const kind[] = { "none", "version 1", "version 2" };
	const struct box_host *h = f->h;
	bool all = h->cg_memory && h->cg_pids && h->cg_cpu;

	say(f,
		all                                       ? "ok"
		: h->root && h->cgroup == BOX_CGROUP_NONE ? "fail"
							  : "warn",
		"cgroups", h->why, "%s%s%s%s%s%s%s", kind[h->cgroup],
		h->cg_memory ? ", memory" : "", h->cg_pids ? ", pids" : "",
		h->cg_cpu ? ", cpu" : "", h->cg_kill ? ", kill" : "",
		h->cgroup_path[0] ? " below " : "", h->cgroup_path);
}

static void
say_user(const struct facts *f)
{
	const struct box_host *h = f->h;

	if (!h->root)
		say(f, "ok", "build user", "", "steps run as your own user, %u",
			h->build_uid);
	else if (h->build_uid == HOST_BUILD_ID)
		say(f, "warn", "build user",
			"adduser --system --group " HOST_BUILD_USER,
			"there is no user " HOST_BUILD_USER "; steps run as "
			"uid %u",
			h->build_uid);
	else
		say(f, "ok", "build user", "", "steps run as uid %u",
			h->build_uid);
}

static void
say_net(const struct facts *f, struct box_host *h)
{
	struct err e;

	if (box_probe_net(h, &e) == 0)
		say(f, "ok", "network", "", "outbound by %s", h->pasta);
	else
		say(f, "warn", "network",
			"apt-get install passt, and let the agent's user open "
			"/dev/net/tun; or set agent.network = host",
			"%s", e.msg);
}

void
box_facts(const struct box_conf *c, box_fact_fn *fn, void *arg)
{
	struct box_host h;
	struct facts f = { .h = &h, .fn = fn, .arg = arg };
	struct err e;

	say_kernel(&f);
	if (host_look(&h, c, false, &e) < 0) {
		say(&f, "fail", "build user",
			"set agent.build-user to an ordinary user", "%s",
			e.msg);
		return;
	}
	say_user(&f);
	say_userns(&f);
	say_overlay(&f);
	say_filters(&f);
	say_cgroup(&f);
	if (h.userns)
		say_net(&f, &h);
	if (c->weak)
		say(&f, "warn", "sandbox", "set agent.sandbox = strict",
			"agent.sandbox = weak: missing pieces are accepted");
}
