/* SPDX-License-Identifier: MIT */
/* See sweep.h. */
#include "base/base.h"
#include "base/enc.h"
#include "base/strv.h"
#include "box/box.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/sweep.h"

#include <fcntl.h>

typedef int entry_fn(int dirfd, const char *name, void *arg, struct err *e);

/* Calls fn for each entry of dirfd/name that does not begin with a dot; an
 * absent folder has none. */
static int
each_entry(int dirfd, const char *name, entry_fn *fn, void *arg, struct err *e)
{
	AUTO(strv_release) struct strv names = STRV_INIT;
	AUTO(fd_closep)
	int fd = path_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0)
		return e->code == ERR_ABSENT ? 0 : -1;
	if (path_names(dirfd, name, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++)
		if (names.v[i][0] != '.' && fn(fd, names.v[i], arg, e) < 0)
			return -1;
	return 0;
}

static int
sweep_attempt(int run_fd, const char *name, void *arg UNUSED, struct err *e)
{
	AUTO(fd_closep)
	int fd = openat(
		run_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0; /* plan.json and the like */
	return path_remove_tree(fd, "layers", e);
}

static int
sweep_entry(int runs_fd, const char *name, void *arg UNUSED, struct err *e)
{
	if (each_entry(runs_fd, name, sweep_attempt, NULL, e) < 0)
		return err_wrap(e, "run %s", name);
	return 0;
}

int
sweep_run(int state_fd, const char *run, struct err *e)
{
	AUTO(fd_closep)
	int fd = path_open_beneath(
		state_fd, "runs", O_RDONLY | O_DIRECTORY, 0, e);

	if (fd < 0 || !path_is_clean(run) || strchr(run, '/'))
		return err_set(e, ERR_PERM, "'%s' is no run", run);
	return sweep_entry(fd, run, NULL, e);
}

struct keep {
	uint64_t below;
	char *const *runs;
	size_t n;
};

static int
sweep_unless_kept(int runs_fd, const char *name, void *arg, struct err *e)
{
	const struct keep *k = arg;
	int64_t id;

	if (num_parse(name, 0, INT64_MAX, &id) < 0 || (uint64_t)id >= k->below)
		return 0;
	for (size_t i = 0; i < k->n; i++)
		if (str_eq(k->runs[i], name))
			return 0;
	return sweep_entry(runs_fd, name, NULL, e);
}

int
sweep_others(int state_fd, uint64_t below, char *const *runs, size_t n,
	struct err *e)
{
	struct keep k = { below, runs, n };

	return each_entry(state_fd, "runs", sweep_unless_kept, &k, e);
}

static const struct {
	const char *from, *shown;
} levels[] = {
	{ "ok", "OK" },
	{ "warn", "WARN" },
	{ "fail", "FAIL" },
};

static void
print_fact(const char *level, const char *what, const char *text,
	const char *remedy, void *arg)
{
	bool *good = arg;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq(levels[i].from, level))
			level = levels[i].shown;
	printf("%-4s  %s: %s\n", level, what, text);
	if (remedy && *remedy)
		printf("      %s\n", remedy);
	if (str_eq(level, "FAIL"))
		*good = false;
}

bool
worker_doctor(const char *state)
{
	struct box_conf c = { .probe_dir = state };
	bool good = true;

	box_facts(&c, print_fact, &good);
	return good;
}
