/* SPDX-License-Identifier: MIT */
/* See room.h. */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "core/room.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#define PROC_MAX 65536
#define FLOOR_MOST ((int64_t)512 << 20)
#define FLOOR_PERCENT 5
#define BUDGET_PERCENT 80
#define UNBOUNDED ((int64_t)1 << 50) /* cgroup v1 writes a huge number */

enum room
room_decide(int64_t want, int64_t held, int64_t budget)
{
	if (budget <= 0)
		return ROOM_FITS;
	if (want > budget)
		return ROOM_NEVER;
	return want <= budget - held ? ROOM_FITS : ROOM_WAITS;
}

int64_t
room_default_floor(int64_t total)
{
	return MIN(FLOOR_MOST, total / 100 * FLOOR_PERCENT);
}

/* ---- what the machine has ---- */

/* A line "name: N kB" of /proc/meminfo in bytes; -1: there is none. */
static int64_t
meminfo(const char *name)
{
	AUTO(freep) char *text = NULL;
	struct err e;
	const char *at;

	if (fd_slurp_at(AT_FDCWD, "/proc/meminfo", PROC_MAX, &text, NULL, &e) <
		0)
		return -1;
	at = strstr(text, name);
	return at ? (int64_t)strtoll(at + strlen(name), NULL, 10) << 10 : -1;
}

/* A number in a file of the agent's own memory cgroup; -1: none or "max". */
static int64_t
cgroup_number(const char *dir, const char *file)
{
	AUTO(freep) char *path = xasprintf("%s/%s", dir, file);
	AUTO(freep) char *text = NULL;
	struct err e;
	int64_t v;

	if (fd_slurp_at(AT_FDCWD, path, PROC_MAX, &text, NULL, &e) < 0)
		return -1;
	text[strcspn(text, "\n")] = 0;
	return num_parse(text, 0, UNBOUNDED, &v) < 0 ? -1 : v;
}

/* The folder of the agent's own memory cgroup, by a line of
 * /proc/self/cgroup: "0::/path", or "N:memory:/path" with version 1. */
static char *
cgroup_dir(bool *ret_v1)
{
	AUTO(freep) char *text = NULL;
	struct err e;
	const char *at;

	if (fd_slurp_at(AT_FDCWD, "/proc/self/cgroup", PROC_MAX, &text, NULL,
		    &e) < 0)
		return NULL;
	at = strstr(text, ":memory:");
	*ret_v1 = at != NULL;
	if (at)
		at += strlen(":memory:");
	else if (str_starts(text, "0::"))
		at = text + strlen("0::");
	else
		return NULL;
	return xasprintf("/sys/fs/cgroup%s%.*s", *ret_v1 ? "/memory" : "",
		(int)strcspn(at, "\n"), at);
}

/* The limit of the agent's own memory cgroup and what is used of it; -1:
 * none. */
static int64_t
cgroup_memory(int64_t *ret_used)
{
	bool v1 = false;
	AUTO(freep) char *dir = cgroup_dir(&v1);

	if (!dir)
		return -1;
	*ret_used = cgroup_number(
		dir, v1 ? "memory.usage_in_bytes" : "memory.current");
	return cgroup_number(dir, v1 ? "memory.limit_in_bytes" : "memory.max");
}

int64_t
room_memory_available(void)
{
	int64_t host = meminfo("MemAvailable:"), used = -1;
	int64_t limit = cgroup_memory(&used);

	if (limit < 0 || used < 0)
		return host;
	limit = MAX(limit - used, 0);
	return host < 0 ? limit : MIN(host, limit);
}

int64_t
room_memory_budget(const struct config *conf)
{
	int64_t total, limit, used;

	if (conf->memory_budget >= 0)
		return conf->memory_budget;
	total = meminfo("MemTotal:");
	limit = cgroup_memory(&used);
	if (limit > 0 && (total < 0 || limit < total))
		total = limit;
	return total < 0 ? 0 : total / 100 * BUDGET_PERCENT;
}

/* ---- memory ---- */

/* What the job may use: a person's word with a retry, the workflow's, the
 * configuration's; one without a limit is counted with an even share. */
static int64_t
job_memory(struct live *l, int job, int64_t budget)
{
	const struct config *conf = &l->core->conf->conf;
	int64_t own = job_limit(l, job, "memory", conf->memory);

	return own > 0 ? own : budget / conf->jobs;
}

static int64_t
job_disk(struct live *l, int job, int64_t budget UNUSED)
{
	return job_limit(l, job, "disk", l->core->conf->conf.disk);
}

/* What the attempts at work were promised, and by which runs. */
static int64_t
held_by(struct core *c,
	int64_t (*want)(struct live *l, int job, int64_t budget),
	int64_t budget, struct buf *runs)
{
	int64_t held = 0;

	for (struct live *l = c->lives; l; l = l->next) {
		int64_t its = 0;

		for (struct attempt *a = l->attempts; a; a = a->next)
			if (a->job >= 0)
				its += want(l, a->job, budget);
		if (its > 0)
			buf_addf(runs, "%s%" PRIu64, runs->len ? ", " : "run ",
				l->id);
		held += its;
	}
	return held;
}

static enum room
memory_room(struct live *l, int job, struct room_why *why)
{
	int64_t budget = room_memory_budget(&l->core->conf->conf);
	int64_t want = job_memory(l, job, budget), held;
	AUTO(buf_release) struct buf runs = BUF_INIT;
	AUTO(buf_release) struct buf w = BUF_INIT;
	AUTO(buf_release) struct buf h = BUF_INIT;
	AUTO(buf_release) struct buf b = BUF_INIT;
	enum room room;

	held = held_by(l->core, job_memory, budget, &runs);
	room = room_decide(want, held, budget);
	size_add(&w, want);
	size_add(&h, held);
	size_add(&b, budget);
	why->what = "memory";
	why->most = budget;
	if (room == ROOM_NEVER)
		err_set(&why->text, ERR_PERM,
			"job '%s' asks for %s of memory; this agent may give "
			"%s (agent.memory-budget)",
			l->run->jobs[job].name, w.data, b.data);
	if (room == ROOM_WAITS)
		err_set(&why->text, ERR_TEMP,
			"waits for %s of memory: %s of %s are reserved by %s",
			w.data, h.data, b.data, runs.data);
	return room;
}

/* ---- disk ---- */

int64_t
room_disk_floor(const struct core *c)
{
	int64_t floor = c->conf->conf.disk_floor;
	struct statvfs v;

	if (floor >= 0)
		return floor;
	if (fstatvfs(c->state_fd, &v) < 0)
		return 0;
	return room_default_floor((int64_t)v.f_blocks * (int64_t)v.f_frsize);
}

bool
room_on_disk(const struct core *c, struct err *why)
{
	AUTO(buf_release) struct buf f = BUF_INIT;
	int64_t floor = room_disk_floor(c);
	struct statvfs v;

	if (fstatvfs(c->state_fd, &v) < 0)
		return true;
	if (v.f_files && !v.f_favail && floor) {
		err_set(why, ERR_TEMP,
			"waits for disk: no inode is left in '%s'",
			c->conf->conf.state);
		return false;
	}
	if ((int64_t)v.f_bavail * (int64_t)v.f_frsize >= floor)
		return true;
	/* Not how much is free: that changes all the time. */
	size_add(&f, floor);
	err_set(why, ERR_TEMP,
		"waits for disk: less than %s are free in '%s' "
		"(agent.disk-floor)",
		f.data, c->conf->conf.state);
	return false;
}

/* What a job says that it may write must be there, above the floor and what
 * the others may still write. */
static enum room
disk_room(struct live *l, int job, struct room_why *why)
{
	struct core *c = l->core;
	int64_t want = job_disk(l, job, 0), floor = room_disk_floor(c), held;
	AUTO(buf_release) struct buf runs = BUF_INIT;
	AUTO(buf_release) struct buf w = BUF_INIT;
	AUTO(buf_release) struct buf m = BUF_INIT;
	struct statvfs v;

	why->what = "disk";
	if (!room_on_disk(c, &why->text))
		return ROOM_WAITS;
	if (want <= 0 || fstatvfs(c->state_fd, &v) < 0)
		return ROOM_FITS;
	why->most = (int64_t)v.f_blocks * (int64_t)v.f_frsize - floor;
	held = held_by(c, job_disk, 0, &runs);
	size_add(&w, want);
	size_add(&m, why->most);
	if (want > why->most) {
		err_set(&why->text, ERR_PERM,
			"job '%s' asks for %s of disk; the file system of '%s' "
			"may give %s (agent.disk-floor is kept free)",
			l->run->jobs[job].name, w.data, c->conf->conf.state,
			m.data);
		return ROOM_NEVER;
	}
	if (want <= (int64_t)v.f_bavail * (int64_t)v.f_frsize - floor - held)
		return ROOM_FITS;
	/* Not how much is free: that changes all the time. */
	err_set(&why->text, ERR_TEMP, "waits for %s of disk%s%s", w.data,
		runs.len ? ", besides what is reserved by " : "",
		runs.len ? runs.data : "");
	return ROOM_WAITS;
}

enum room
room_for_job(struct live *l, int job, struct room_why *why)
{
	enum room room = memory_room(l, job, why);

	return room == ROOM_FITS ? disk_room(l, job, why) : room;
}
