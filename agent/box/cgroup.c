/* SPDX-License-Identifier: MIT */
/* The groups of one box: made, limited, counted, emptied, removed.  Which
 * folders there are is cgfind.c's business.  See cgroup.h. */
#include "base/base.h"
#include "base/clock.h"
#include "base/enc.h"
#include "box/cgroup.h"
#include "box/sys.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define CPU_PERIOD_US 100000
#define EMPTY_WAIT_MS 20000 /* thousands of processes take a second */
#define EMPTY_TICK_MS 10    /* where no event tells us */
#define FILE_MAX (1 << 20)

/* The parent, the box's init, is one more than the step's own processes. */
#define PIDS_EXTRA 1

struct limit {
	enum box_cg at;
	const char *file;
	int64_t value; /* 0: not limited */
	bool must;     /* older kernels and swapless ones lack some files */
};

void
cgroup_init(struct cgroup *g)
{
	for (size_t i = 0; i < BOX_CG_KINDS; i++)
		g->dir[i] = -1;
	g->name = NULL;
}

void
cgroup_release(struct cgroup *g)
{
	for (size_t i = 0; i < BOX_CG_KINDS; i++)
		fd_closep(&g->dir[i]);
	free(g->name);
	g->name = NULL;
}

static int
write_limits(const struct cgroup *g, const struct limit *rows, size_t n,
	struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		char text[32];

		if (!rows[i].value || g->dir[rows[i].at] < 0)
			continue;
		snprintf(text, sizeof(text), "%" PRId64, rows[i].value);
		if (sys_put(g->dir[rows[i].at], rows[i].file, text, e) < 0 &&
			rows[i].must)
			return err_wrap(e, "cgroup '%s'", g->name);
	}
	return 0;
}

static int
limit_v1(const struct cgroup *g, const struct box_limits *l, struct err *e)
{
	int64_t pids = l->pids ? l->pids + PIDS_EXTRA : 0;
	const struct limit rows[] = {
		{ BOX_CG_MEMORY, "memory.limit_in_bytes", l->memory_bytes,
			true },
		{ BOX_CG_MEMORY, "memory.memsw.limit_in_bytes", l->memory_bytes,
			false },
		{ BOX_CG_PIDS, "pids.max", pids, true },
		{ BOX_CG_CPU, "cpu.cfs_period_us",
			l->cpu_milli ? CPU_PERIOD_US : 0, true },
		{ BOX_CG_CPU, "cpu.cfs_quota_us",
			l->cpu_milli * CPU_PERIOD_US / 1000, true },
	};

	return write_limits(g, rows, ARRAY_LEN(rows), e);
}

static int
limit_v2(const struct cgroup *g, const struct box_host *h,
	const struct box_limits *l, struct err *e)
{
	int64_t pids = l->pids ? l->pids + PIDS_EXTRA : 0;
	const struct limit rows[] = {
		{ BOX_CG_UNIFIED, "memory.max",
			h->cg_memory ? l->memory_bytes : 0, true },
		{ BOX_CG_UNIFIED, "memory.oom.group", h->cg_memory ? 1 : 0,
			false },
		{ BOX_CG_UNIFIED, "pids.max", h->cg_pids ? pids : 0, true },
	};
	char text[64];
	struct err ignored;

	if (write_limits(g, rows, ARRAY_LEN(rows), e) < 0)
		return -1;
	if (h->cg_memory && l->memory_bytes)
		sys_put(g->dir[BOX_CG_UNIFIED], "memory.swap.max", "0",
			&ignored);
	if (!h->cg_cpu || !l->cpu_milli)
		return 0;
	snprintf(text, sizeof(text), "%" PRId64 " %d",
		l->cpu_milli * CPU_PERIOD_US / 1000, CPU_PERIOD_US);
	return sys_put(g->dir[BOX_CG_UNIFIED], "cpu.max", text, e);
}

static int
open_group(
	struct cgroup *g, const struct box_host *h, size_t kind, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", h->cg_dir[kind], g->name);
	/* cpu and cpuacct may be one and the same folder. */
	if (mkdir(path, 0755) < 0 &&
		!(errno == EEXIST && kind == BOX_CG_CPUACCT))
		return err_sys(e, "make the cgroup '%s'", path);
	g->dir[kind] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir[kind] < 0)
		return err_sys(e, "open the cgroup '%s'", path);
	return 0;
}

static int
name_group(struct cgroup *g, const char *name, struct err *e)
{
	if (!name || !*name || strchr(name, '/') || name[0] == '.' ||
		strlen(name) > NAME_MAX)
		return err_set(e, ERR_PERM, "'%s' is no name for a box",
			name ? name : "");
	g->name = xstrdup(name);
	return 0;
}

int
cgroup_make(struct cgroup *g, const struct box_host *h, const char *name,
	const struct box_limits *l, struct err *e)
{
	struct err ignored;

	if (name_group(g, name, e) < 0)
		return -1;
	if (h->cgroup == BOX_CGROUP_NONE)
		return 0;
	for (size_t i = 0; i < BOX_CG_KINDS; i++) {
		if (!h->cg_dir[i][0] || open_group(g, h, i, e) == 0)
			continue;
		if (e->sys != EEXIST || box_sweep(h, name, e) < 0 ||
			open_group(g, h, i, e) < 0)
			goto fail;
	}
	if (h->cgroup == BOX_CGROUP_V2 ? limit_v2(g, h, l, e) == 0
				       : limit_v1(g, l, e) == 0)
		return 0;
fail:
	cgroup_remove(g, h, &ignored);
	return -1;
}

int
cgroup_clone_fd(const struct cgroup *g)
{
	return g->dir[BOX_CG_UNIFIED];
}

int
cgroup_join(const struct cgroup *g, pid_t pid, struct err *e)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = BOX_CG_UNIFIED + 1; i < BOX_CG_KINDS; i++)
		if (g->dir[i] >= 0 &&
			sys_put(g->dir[i], "cgroup.procs", text, e) < 0)
			return err_wrap(e, "cgroup '%s'", g->name);
	return 0;
}

/* A file with one number in it, or, with key, that number of "key N". */
static int64_t
read_number(int dir, const char *file, const char *key)
{
	char text[4096], *at = text, *line;
	int64_t n;

	if (dir < 0 || sys_get(dir, file, text, sizeof(text)) < 0)
		return -1;
	while ((line = strsep(&at, "\n"))) {
		const char *value = line;

		if (key) {
			size_t len = strlen(key);

			if (strncmp(line, key, len) != 0 || line[len] != ' ')
				continue;
			value = line + len + 1;
		}
		return num_parse(value, 0, INT64_MAX, &n) < 0 ? -1 : n;
	}
	return -1;
}

/* The larger of two; for a counter whose file has moved over time. */
static int64_t
count_v2_v1(const struct cgroup *g, const char *v2, enum box_cg at,
	const char *v1, const char *key)
{
	int64_t n = read_number(g->dir[at], v1, key);

	return n >= 0 ? n : read_number(g->dir[BOX_CG_UNIFIED], v2, key);
}

void
cgroup_count(const struct cgroup *g, struct box_result *ret)
{
	int64_t n;

	ret->oom = count_v2_v1(g, "memory.events", BOX_CG_MEMORY,
			   "memory.oom_control", "oom_kill") > 0;
	ret->pids_hit = count_v2_v1(g, "pids.events", BOX_CG_PIDS,
				"pids.events", "max") > 0;
	ret->memory_peak = count_v2_v1(g, "memory.peak", BOX_CG_MEMORY,
		"memory.max_usage_in_bytes", NULL);
	n = read_number(g->dir[BOX_CG_CPUACCT], "cpuacct.usage", NULL);
	if (n >= 0) {
		ret->cpu_ms = n / 1000000;
		return;
	}
	n = read_number(g->dir[BOX_CG_UNIFIED], "cpu.stat", "usage_usec");
	if (n >= 0)
		ret->cpu_ms = n / 1000;
}

/* KILL to each process of a v1 group: by a pidfd, and only if the number is
 * still in the group once we hold it. */
static int
kill_listed(int dir, struct err *e)
{
	AUTO(freep) char *text = NULL;
	AUTO(freep) char *again = NULL;
	char *at, *line;

	if (fd_slurp_at(dir, "cgroup.procs", FILE_MAX, &text, NULL, e) < 0)
		return -1;
	at = text;
	while ((line = strsep(&at, "\n"))) {
		AUTO(fd_closep) int fd = -1;
		char pattern[32];
		int64_t pid;

		if (num_parse(line, 1, INT32_MAX, &pid) < 0)
			continue;
		fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
		if (fd < 0)
			continue;
		freep(&again);
		if (fd_slurp_at(
			    dir, "cgroup.procs", FILE_MAX, &again, NULL, e) < 0)
			return -1;
		snprintf(pattern, sizeof(pattern), "%" PRId64 "\n", pid);
		if (strstr(again, pattern))
			sys_pidfd_signal(fd, SIGKILL);
	}
	return 0;
}

static bool
is_empty(int dir)
{
	char text[64];
	int64_t n = read_number(dir, "cgroup.events", "populated");

	if (n >= 0)
		return n == 0;
	return sys_get(dir, "cgroup.procs", text, sizeof(text)) <= 0;
}

static void
wait_change(int dir)
{
	AUTO(fd_closep)
	int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char text[128];

	/* Reading arms the event; without one only time helps. */
	if (fd >= 0 && read(fd, text, sizeof(text)) > 0 &&
		strstr(text, "populated 0"))
		return;
	poll(&p, fd >= 0 ? 1 : 0, EMPTY_TICK_MS);
}

static int
kill_to_empty(int dir, const char *name, struct err *e)
{
	int64_t until = clock_boot_ms() + EMPTY_WAIT_MS;

	while (!is_empty(dir)) {
		if (sys_put(dir, "cgroup.kill", "1", e) < 0 &&
			kill_listed(dir, e) < 0)
			return -1;
		if (clock_boot_ms() > until)
			return err_set(e, ERR_TEMP,
				"processes of the box '%s' can not be killed "
				"(cgroup.procs lists them)",
				name);
		wait_change(dir);
	}
	return 0;
}

int
cgroup_remove(struct cgroup *g, const struct box_host *h, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < BOX_CG_KINDS; i++) {
		char path[PATH_MAX];

		if (g->dir[i] < 0)
			continue;
		if (kill_to_empty(g->dir[i], g->name, e) < 0) {
			r = -1;
			continue;
		}
		fd_closep(&g->dir[i]);
		snprintf(path, sizeof(path), "%s/%s", h->cg_dir[i], g->name);
		if (rmdir(path) < 0 && errno != ENOENT)
			r = err_sys(e, "remove the cgroup '%s'", path);
	}
	return r;
}

int
box_sweep(const struct box_host *h, const char *name, struct err *e)
{
	AUTO(cgroup_release) struct cgroup g;

	cgroup_init(&g);
	if (name_group(&g, name, e) < 0)
		return -1;
	for (size_t i = 0; i < BOX_CG_KINDS; i++) {
		char path[PATH_MAX];

		if (!h->cg_dir[i][0])
			continue;
		snprintf(path, sizeof(path), "%s/%s", h->cg_dir[i], name);
		g.dir[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (g.dir[i] < 0 && errno != ENOENT)
			return err_sys(e, "open the cgroup '%s'", path);
	}
	return cgroup_remove(&g, h, e);
}
