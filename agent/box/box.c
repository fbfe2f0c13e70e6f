/* SPDX-License-Identifier: MIT */
/*
 * The parent's side of a box: prepares the plan, starts init, hears how it
 * went, and in the end makes sure that nothing is left.  See box.h.
 */
#include "base/base.h"
#include "box/box.h"
#include "box/cgroup.h"
#include "box/init.h"
#include "box/net.h"
#include "box/plan.h"
#include "box/seccomp.h"
#include "box/sys.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct box {
	pid_t pid; /* of init */
	int pidfd; /* of init: readable when the whole box has ended */
	int ctl;
	const struct box_host *host;
	struct cgroup group;
	struct net net;
	int state_fd;
	char *work; /* to be emptied in the end, or NULL */
	struct rusage usage;
};

static void
box_free(struct box *b)
{
	fd_closep(&b->pidfd);
	fd_closep(&b->ctl);
	fd_closep(&b->state_fd);
	cgroup_release(&b->group);
	net_release(&b->net);
	free(b->work);
	free(b);
}

static int
check_spec(const struct box_spec *s, struct err *e)
{
	if (!s->argv || !s->argv[0] || s->argv[0][0] != '/')
		return err_set(e, ERR_PERM,
			"the command must be an absolute path in the box");
	if (!s->upper || (!s->plain && !s->work))
		return err_set(e, ERR_PERM, "a box needs its layer folders");
	if (!s->plain && (!s->nlower || s->nlower > BOX_LOWER_MAX))
		return err_set(e, ERR_PERM,
			"a box takes 1 to %d layers, not %zu", BOX_LOWER_MAX,
			s->nlower);
	if (!s->cwd || s->cwd[0] != '/')
		return err_set(e, ERR_PERM,
			"the working directory '%s' is not absolute",
			s->cwd ? s->cwd : "");
	return 0;
}

static int
find_state(struct plan *p, int state_fd, struct err *e)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", state_fd);
	n = readlink(link, p->state, sizeof(p->state) - 1);
	if (n < 0)
		return err_sys(e, "find the path of the state folder");
	p->state[n] = '\0';
	if (fstat(state_fd, &p->st) < 0)
		return err_sys(e, "stat '%s'", p->state);
	return 0;
}

/* Where our arguments and environment lie: fields 48 to 51 of our stat. */
static int
find_args(struct plan *p, struct err *e)
{
	AUTO(freep) char *text = NULL;
	unsigned long from, to;
	const char *at;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/stat", 8192, &text, NULL, e) < 0)
		return -1;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 48; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %lu %*u %*u %lu", &from, &to) != 2 || to < from)
		return err_set(e, ERR_PERM, "/proc/self/stat is too short");
	p->args = (char *)(uintptr_t)from;
	p->args_len = to - from;
	return 0;
}

/*
 * overlayfs leaves work/work, which belongs to root where root mounted.  It
 * is nearly always these three empty folders, and then three calls do.
 */
static int
empty_work(int state_fd, const char *work, struct err *e)
{
	static const char *const usual[] = { "work/incompat/volatile",
		"work/incompat", "work" };
	AUTO(fd_closep) int fd = -1;

	fd = path_open_beneath(state_fd, work, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return err_wrap(e, "overlay work folder");
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		unlinkat(fd, usual[i], AT_REMOVEDIR);
	if (faccessat(fd, "work", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (path_remove_tree(fd, "work", e) < 0)
		return err_wrap(e, "'%s'", work);
	return 0;
}

static int
choose_resolv(struct plan *p, struct err *e)
{
	struct err ignored;

	switch (p->spec->net) {
	case BOX_NET_NONE:
		break;
	case BOX_NET_OUTBOUND:
		if (!p->host->pasta[0])
			return err_set(e, ERR_PERM,
				"the box can not be connected: no pasta(1) "
				"that works was found");
		snprintf(p->resolv, sizeof(p->resolv), "%s", NET_RESOLV);
		break;
	case BOX_NET_HOST:
		if (sys_get(AT_FDCWD, "/etc/resolv.conf", p->resolv,
			    sizeof(p->resolv)) < 0)
			return err_sys(&ignored, "no resolver"), 0;
		break;
	}
	return 0;
}

static void
copy_strings(struct strv *to, char *const *from)
{
	for (; from && *from; from++)
		strv_add(to, *from);
}

static void
plan_release(struct plan *p)
{
	strv_release(&p->argv);
	strv_release(&p->envp);
	free(p->cwd);
}

static int
plan_box(struct plan *p, const struct box_host *h, const struct box_spec *s,
	struct err *e)
{
	p->host = h;
	p->spec = s;
	if (check_spec(s, e) < 0 || find_state(p, s->state_fd, e) < 0 ||
		find_args(p, e) < 0 || choose_resolv(p, e) < 0)
		return -1;
	copy_strings(&p->argv, s->argv);
	copy_strings(&p->envp, s->envp);
	p->cwd = xstrdup(s->cwd);
	if (!p->envp.v) /* execve(2) wants a list, if an empty one */
		p->envp.v = xcalloc(1, sizeof(char *));
	if (h->seccomp) {
		p->filter = seccomp_filter(e);
		if (!p->filter)
			return -1;
	}
	return s->plain ? 0 : empty_work(s->state_fd, s->work, e);
}

static int
start_init(struct box *b, struct plan *p, int *ret_report, struct err *e)
{
	AUTO(fd_closep) int child_ctl = -1;
	AUTO(fd_closep) int child_report = -1;
	uint64_t flags =
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	int pair[2];

	if (!p->host->root)
		flags |= CLONE_NEWUSER;
	/* As root it is made for pasta beforehand. */
	if (p->spec->net != BOX_NET_HOST && p->netns < 0)
		flags |= CLONE_NEWNET;
	if (fd_socketpair(pair, e) < 0)
		return -1;
	b->ctl = pair[0];
	p->ctl = child_ctl = pair[1];
	if (fd_pipe(pair, e) < 0)
		return -1;
	*ret_report = pair[0];
	p->report = child_report = pair[1];
	b->pid = sys_clone(flags, &b->pidfd, cgroup_clone_fd(&b->group));
	if (b->pid < 0) {
		b->pidfd = -1;
		return err_sys(e, "make the namespaces of a box");
	}
	if (!b->pid)
		init_run(p);
	return cgroup_join(&b->group, b->pid, e);
}

static int
connect_box(struct box *b, const struct plan *p, struct err *e)
{
	if (p->spec->net != BOX_NET_OUTBOUND)
		return 0;
	if (!p->host->root && net_take(&b->net, b->pid, e) < 0)
		return -1;
	return net_connect(&b->net, p->host, p->host->pasta, e);
}

static int
start(struct box *b, struct plan *p, int *ret_report, struct err *e)
{
	const struct box_spec *s = p->spec;

	if (cgroup_make(&b->group, p->host, s->name, &s->limits, e) < 0)
		return -1;
	if (s->net == BOX_NET_OUTBOUND && p->host->root) {
		if (net_make(&b->net, p->host, e) < 0)
			return -1;
		p->netns = b->net.netns;
	}
	if (start_init(b, p, ret_report, e) < 0)
		return -1;
	return connect_box(b, p, e);
}

/* Waits until exec has succeeded, or hears why not. */
static int
hear_report(int report, struct err *e)
{
	struct report r;
	ssize_t n;

	do
		n = read(report, &r, sizeof(r));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(r))
		return err_set(e, ERR_TEMP, "the box ended while it was made");
	*e = r.e;
	if (!r.exec && e->code != ERR_TEMP)
		e->code = ERR_PERM;
	return -1;
}

int
box_open(struct box **ret, const struct box_host *h, const struct box_spec *s,
	struct err *e)
{
	AUTO(fd_closep) int report = -1;
	AUTO(plan_release)
	struct plan p = { .netns = -1, .ctl = -1, .report = -1 };
	struct box *b;
	struct err ignored;

	if (plan_box(&p, h, s, e) < 0)
		return -1;
	b = xcalloc(1, sizeof(*b));
	b->pidfd = b->ctl = -1;
	b->state_fd = fcntl(s->state_fd, F_DUPFD_CLOEXEC, 3);
	b->work = s->plain ? NULL : xstrdup(s->work);
	b->host = h;
	cgroup_init(&b->group);
	net_init(&b->net);
	if (start(b, &p, &report, e) < 0)
		goto fail;
	if (fd_send(b->ctl, "g", 1, -1, e) < 0)
		e->code = ERR_NONE; /* it died: the report says why */
	if (hear_report(report, e) < 0)
		goto fail;
	*ret = b;
	return 0;
fail:
	box_close(b, NULL, &ignored);
	return -1;
}

int
box_fd(const struct box *b)
{
	return b->pidfd;
}

void
box_term(struct box *b)
{
	sys_pidfd_signal(b->pidfd, SIGTERM);
}

void
box_kill(struct box *b)
{
	sys_pidfd_signal(b->pidfd, SIGKILL);
}

/* When the box dies as a whole only init's report, if it came, knows the
 * step's own status. */
static int
read_status(const struct box *b)
{
	int status;

	if (recv(b->ctl, &status, sizeof(status), MSG_DONTWAIT) ==
		(ssize_t)sizeof(status))
		return status;
	return SIGKILL; /* as waitpid(2) has "killed by 9" */
}

static int64_t
cpu_ms(const struct rusage *u)
{
	return (int64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000 +
	       (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000;
}

/* init is reaped only after everything in its pid namespace is. */
static void
reap(struct box *b)
{
	if (b->pidfd < 0)
		return;
	box_kill(b);
	while (syscall(SYS_wait4, b->pid, NULL, 0, &b->usage) < 0 &&
		errno == EINTR)
		;
}

int
box_close(struct box *b, struct box_result *ret, struct err *e)
{
	int r;

	reap(b);
	if (ret) {
		*ret = (struct box_result){ .wstatus = read_status(b),
			.memory_peak = -1,
			.cpu_ms = cpu_ms(&b->usage) };
		cgroup_count(&b->group, ret);
	}
	r = cgroup_remove(&b->group, b->host, e);
	if (b->work && empty_work(b->state_fd, b->work, e) < 0)
		r = -1;
	box_free(b);
	return r;
}
