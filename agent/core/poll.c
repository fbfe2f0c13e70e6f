/* SPDX-License-Identifier: MIT */
/*
 * At the start and now and then a worker lists each repository's branches
 * and tags, one repository at a time.  What is made of the list is
 * missed.c's.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/poll.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <signal.h>

#define LOOK_MS 900000 /* the worker's own limits are shorter */
#define SOONEST_MS 1000
#define AGAIN_MS 60000 /* after a failure, doubled with each */
#define DOUBLED_MAX 16
#define ANSWER_MAX ((size_t)8 << 20)
#define LINE_HEAD (2 * (SHA_HEX + 1)) /* "SHA COMMIT " */
#define FOLDER "poll"

struct polled {
	char *repository;
	int64_t due_ms;
	unsigned int failures;
	bool failing; /* and it was logged */
	bool configured;
};

static void plan_next(struct core *c);

static int64_t
interval_of(const struct core *c, const char *repository)
{
	const struct config *conf = &c->conf->conf;
	const struct repo_conf *r = config_repo(conf, repository);

	if (!r)
		return 0;
	return r->poll_ms >= 0 ? r->poll_ms : conf->poll_ms;
}

static struct polled *
polled_find(struct poller *p, const char *repository)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->list[i].repository, repository))
			return &p->list[i];
	return NULL;
}

/* ---- when ---- */

static void
drop_answer(struct poller *p)
{
	freep(&p->text);
	free(STEAL(p->heads));
	p->nheads = p->at = 0;
	p->first = false;
	strv_release(&p->touched);
	freep(&p->repository);
}

void
poll_over(struct core *c, const char *why)
{
	struct poller *p = c->poller;
	struct polled *one = polled_find(p, p->repository);
	int64_t wait = MAX(interval_of(c, p->repository), SOONEST_MS);

	if (one && why) {
		int64_t again = AGAIN_MS
				<< MIN(one->failures, (unsigned)DOUBLED_MAX);

		if (!one->failing)
			log_line(LOG_WARN,
				"repository '%s' cannot be looked at for "
				"missed pushes: %s",
				one->repository, why);
		one->failing = true;
		one->failures++;
		wait = MIN(wait, again);
	} else if (one) {
		if (one->failing)
			log_line(LOG_NOTICE,
				"repository '%s' can be looked at again",
				one->repository);
		one->failing = false;
		one->failures = 0;
	}
	if (one)
		one->due_ms = clock_boot_ms() + wait;
	if (!why)
		crash_point("missed.looked");
	drop_answer(p);
	plan_next(c);
}

/* ---- the answer ---- */

static int
by_ref(const void *a, const void *b)
{
	return strcmp(
		((const struct head *)a)->ref, ((const struct head *)b)->ref);
}

static bool
cut_line(char *line, struct head *ret)
{
	if (strlen(line) <= LINE_HEAD || line[SHA_HEX] != ' ' ||
		line[LINE_HEAD - 1] != ' ')
		return false;
	line[SHA_HEX] = line[LINE_HEAD - 1] = '\0';
	ret->sha = line;
	ret->commit = line + SHA_HEX + 1;
	ret->ref = line + LINE_HEAD;
	return sha_is_valid(ret->sha) && sha_is_valid(ret->commit) &&
	       !sha_is_zero(ret->sha) && ref_is_valid(ret->ref) &&
	       (ref_is_branch(ret->ref) || ref_is_tag(ret->ref));
}

static int
read_answer(struct core *c, struct err *e)
{
	struct poller *p = c->poller;
	char *save = NULL, *line;
	size_t cap = 0;

	if (fd_slurp_at(c->state_fd, FOLDER "/heads", ANSWER_MAX, &p->text,
		    NULL, e) < 0)
		return -1;
	line = strtok_r(p->text, "\n", &save);
	if (line && str_starts(line, "error "))
		return err_set(e, ERR_TEMP, "%s", line + strlen("error "));
	if (!line || !str_eq(line, "ok"))
		return err_set(e, ERR_TEMP, "the worker's answer is no list");
	while ((line = strtok_r(NULL, "\n", &save))) {
		p->heads = grow(p->heads, p->nheads, &cap, sizeof(*p->heads));
		if (cut_line(line, &p->heads[p->nheads]))
			p->nheads++;
	}
	if (p->nheads)
		qsort(p->heads, p->nheads, sizeof(*p->heads), by_ref);
	return 0;
}

const struct head *
poll_find(const struct poller *p, const char *ref)
{
	const struct head key = { .ref = ref };

	if (!p->nheads)
		return NULL;
	return bsearch(&key, p->heads, p->nheads, sizeof(*p->heads), by_ref);
}

/* ---- the worker ---- */

static int
take_answer(struct core *c, struct err *e)
{
	struct poller *p = c->poller;
	struct journal_head seen;
	int rc;

	if (read_answer(c, e) < 0)
		return -1;
	rc = journal_head_get(c->journal, p->repository, "", &seen, e);
	if (rc < 0)
		return -1;
	p->first = !rc;
	if (p->first)
		log_line(LOG_NOTICE,
			"repository '%s' is looked at for the first time: "
			"what it has does not run",
			p->repository);
	return 0;
}

static void
answered(pid_t pid UNUSED, int wstatus, void *arg)
{
	struct core *c = arg;
	struct poller *p = c->poller;
	struct err e = { 0 };

	p->child = NULL;
	loop_timer_cancel(c->loop, &p->deadline);
	crash_point("missed.answered");
	if (c->stopping)
		return;
	if (!WIFEXITED(wstatus) || WEXITSTATUS(wstatus))
		poll_over(c, "its worker ended without an answer");
	else if (!interval_of(c, p->repository))
		poll_over(c, NULL);
	else if (take_answer(c, &e) < 0)
		poll_over(c, e.msg);
	else
		missed_take(c);
}

static void
too_long(void *arg)
{
	struct core *c = arg;

	if (c->poller->child)
		child_signal(c->poller->child, SIGKILL);
}

static int
write_spec(struct core *c, const struct repo_conf *repo, struct err *e)
{
	AUTO(buf_release) struct buf spec = BUF_INIT;
	AUTO(fd_closep) int dir = -1;

	if (path_mkdirs(c->state_fd, FOLDER, 0700, e) < 0)
		return -1;
	dir = path_open_beneath(
		c->state_fd, FOLDER, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	unlinkat(dir, "heads", 0); /* an earlier look's */
	spec_heads(c, repo, &spec);
	return fd_put_file(dir, "spec.json", spec.data, spec.len, 0600, e);
}

static int
spawn_look(struct core *c, const struct repo_conf *repo, struct err *e)
{
	AUTO(freep) char *prog = xasprintf("%s/tellus-worker", c->libexecdir);
	AUTO(strv_release) struct strv env = STRV_INIT;
	char *argv[] = { (char *)"tellus-worker", (char *)"--heads",
		c->conf->conf.state, NULL };
	struct spawn s = {
		.path = prog, .argv = argv, .fd = { -1, 2, 2 }, .nfds = 3
	};
	pid_t pid;
	int pidfd;

	worker_env(&env);
	s.envp = env.v;
	if (write_spec(c, repo, e) < 0)
		return -1;
	crash_point("missed.spawn");
	if (spawn_run(&s, &pid, &pidfd, e) < 0)
		return -1;
	c->poller->child = child_watch(c->loop, pid, pidfd, answered, c, e);
	return c->poller->child ? 0 : -1;
}

static void
look(struct core *c, struct polled *one)
{
	const struct repo_conf *repo =
		config_repo(&c->conf->conf, one->repository);
	struct err e = { 0 };

	c->poller->repository = xstrdup(one->repository);
	if (spawn_look(c, repo, &e) < 0)
		poll_over(c, e.msg);
	else
		loop_timer_set(
			c->loop, &c->poller->deadline, LOOK_MS, too_long, c);
}

static void
plan_again(void *arg)
{
	plan_next(arg);
}

static void
plan_next(struct core *c)
{
	struct poller *p = c->poller;
	struct polled *next = NULL;
	int64_t wait;

	if (p->repository || c->stopping)
		return;
	loop_timer_cancel(c->loop, &p->timer);
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].configured &&
			(!next || p->list[i].due_ms < next->due_ms))
			next = &p->list[i];
	if (!next)
		return;
	wait = next->due_ms - clock_boot_ms();
	if (wait > 0)
		loop_timer_set(c->loop, &p->timer, wait, plan_again, c);
	else
		look(c, next);
}

void
poll_plan(struct core *c)
{
	const struct config *conf = &c->conf->conf;
	struct poller *p = c->poller;

	if (c->opts.private_agent)
		return;
	for (size_t i = 0; i < p->n; i++)
		p->list[i].configured =
			interval_of(c, p->list[i].repository) > 0;
	for (size_t i = 0; i < conf->nrepos; i++) {
		const char *name = conf->repos[i].name;

		if (polled_find(p, name) || !interval_of(c, name))
			continue;
		p->list = grow(p->list, p->n, &p->cap, sizeof(*p->list));
		p->list[p->n++] = (struct polled){
			.repository = xstrdup(name),
			.configured = true,
		};
	}
	for (size_t i = 0; i < p->n; i++)
		p->list[i].due_ms = MIN(p->list[i].due_ms,
			clock_boot_ms() +
				interval_of(c, p->list[i].repository));
	plan_next(c);
}

void
poll_init(struct core *c)
{
	c->poller = xcalloc(1, sizeof(*c->poller));
}

void
poll_free(struct core *c)
{
	struct poller *p = c->poller;

	if (!p)
		return;
	child_forget(p->child);
	drop_answer(p);
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].repository);
	free(p->list);
	free(STEAL(c->poller));
}
