/* SPDX-License-Identifier: MIT */
/*
 * Pushes that nobody told us of: at the start and now and then a worker
 * lists each repository's branches and tags, and what is not where it was
 * last heard of runs, once.  That record is written in the transaction of
 * the run, whoever told of the push.
 *
 * One repository at a time, and of a long list a part in each turn.  What a
 * push changes while a list is under way is left to that push.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "core/inner.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <signal.h>

#define LOOK_MS 900000 /* the worker's own limits are shorter */
#define SOONEST_MS 1000
#define AGAIN_MS 60000 /* after a failure, doubled with each */
#define DOUBLED_MAX 16
#define PART 1000 /* refs in one transaction */
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

/* A line of the answer, cut into its three words. */
struct head {
	const char *sha, *commit, *ref;
};

struct poller {
	struct polled *list;
	size_t n, cap;
	struct loop_timer timer, deadline;
	struct child *child;
	char *repository;    /* looked at now, or NULL */
	struct strv touched; /* its refs that were heard of meanwhile */
	char *text;          /* the answer, while it is gone through */
	struct head *heads;
	size_t nheads, at;
	bool first; /* never looked at before: nothing runs */
};

static void plan_next(struct core *c);
static void take_part(void *arg);

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

/* The look is over; why is NULL when it was good. */
static void
over(struct core *c, const char *why)
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

/* ---- what became of each ref ---- */

static int
run_missed(
	struct core *c, const struct head *h, const char *before, struct err *e)
{
	AUTO(push_release)
	struct push push = {
		.repository = xstrdup(c->poller->repository),
		.event = xstrdup("push"),
		.ref = xstrdup(h->ref),
		.before = xstrdup(before),
		.sha = xstrdup(h->sha),
		.source = xstrdup(PUSH_FOUND),
	};
	uint64_t run = 0;

	if (admit_one(c, &push, &run, e) < 0)
		return -1;
	log_line(LOG_NOTICE,
		"'%s': %s is at %.12s, which nobody told of; run %" PRIu64,
		push.repository, h->ref, h->sha, run);
	crash_point("missed.admitted");
	return 0;
}

static int
take_head(struct core *c, const struct head *h, struct err *e)
{
	struct poller *p = c->poller;
	struct journal_head known = { .sha = SHA_ZERO, .before = SHA_ZERO };
	int rc = journal_head_get(c->journal, p->repository, h->ref, &known, e);

	if (rc < 0)
		return -1;
	/* Forges tell of a tag object or of its commit. */
	if (rc && (str_eq(known.sha, h->sha) || str_eq(known.sha, h->commit)))
		return 0;
	if (strv_has(&p->touched, h->ref))
		return 0;
	if (rc || !p->first)
		return run_missed(c, h, known.sha, e);
	memcpy(known.sha, h->sha, sizeof(known.sha));
	known.found = true;
	return journal_head_put(c->journal, p->repository, h->ref, &known, e);
}

struct gone {
	struct poller *p;
	struct strv refs;
};

static int
note_gone(const char *ref, const struct journal_head *known UNUSED, void *arg,
	struct err *e UNUSED)
{
	struct gone *g = arg;
	const struct head key = { .ref = ref };

	if ((!g->p->nheads || !bsearch(&key, g->p->heads, g->p->nheads,
				      sizeof(*g->p->heads), by_ref)) &&
		!strv_has(&g->p->touched, ref))
		strv_add(&g->refs, ref);
	return 0;
}

/* Forgets what is no longer there, and notes that this was a whole look. */
static int
take_end(struct core *c, struct err *e)
{
	struct poller *p = c->poller;
	const struct journal_head seen = { .sha = SHA_ZERO,
		.before = SHA_ZERO };
	struct gone g = { p, STRV_INIT };
	int rc =
		journal_heads_each(c->journal, p->repository, note_gone, &g, e);

	for (size_t i = 0; rc == 0 && i < g.refs.len; i++)
		if (journal_head_del(
			    c->journal, p->repository, g.refs.v[i], e) < 0)
			rc = -1;
	strv_release(&g.refs);
	if (rc == 0 && p->first)
		rc = journal_head_put(c->journal, p->repository, "", &seen, e);
	return rc;
}

static void
part_done(struct core *c, bool committed, void *arg UNUSED)
{
	struct poller *p = c->poller;

	crash_point("missed.committed");
	if (!p->repository || c->stopping)
		return;
	if (!committed)
		over(c, "the journal cannot be written");
	else if (p->at > p->nheads)
		over(c, NULL);
	else
		loop_timer_set(c->loop, &p->timer, 0, take_part, c);
}

static int
take_some(struct core *c, struct err *e)
{
	struct poller *p = c->poller;

	for (int i = 0; i < PART && p->at < p->nheads; i++, p->at++)
		if (take_head(c, &p->heads[p->at], e) < 0)
			return -1;
	if (p->at < p->nheads)
		return 0;
	p->at++;
	return take_end(c, e);
}

static void
take_part(void *arg)
{
	struct core *c = arg;
	struct err e = { 0 };

	if (!core_begin(c) || !journal_has_room(c->journal)) {
		over(c, "there is no room for the journal");
		return;
	}
	crash_point("missed.part");
	if (take_some(c, &e) < 0)
		core_fail(c, &e);
	core_defer(c, part_done, NULL);
	core_want_dispatch(c);
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
		over(c, "its worker ended without an answer");
	else if (!interval_of(c, p->repository))
		over(c, NULL);
	else if (take_answer(c, &e) < 0)
		over(c, e.msg);
	else
		take_part(c);
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
		over(c, e.msg);
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

/* ---- for the others ---- */

/* Is it of a branch or tag, as a forge or a hook has it? */
static bool
is_known_kind(const struct push *p)
{
	return str_eq(p->event, "push") && !str_eq(p->source, "run") &&
	       p->ref && (ref_is_branch(p->ref) || ref_is_tag(p->ref));
}

static bool
is_move(const struct push *p)
{
	return is_known_kind(p) && !sha_is_zero(p->sha);
}

/* The list that is under way may be older than what we were just told. */
static void
touch(struct core *c, const struct push *p)
{
	struct poller *look = c->poller;

	if (look && look->repository && str_eq(look->repository, p->repository))
		strv_add(&look->touched, p->ref);
}

int
missed_note(struct core *c, const struct push *p, uint64_t run, struct err *e)
{
	struct journal_head was, now = { .run = run };
	const char *before = p->before ? p->before : SHA_ZERO;
	int rc;

	if (!is_move(p))
		return 0;
	rc = journal_head_get(c->journal, p->repository, p->ref, &was, e);
	if (rc < 0)
		return -1;
	now.found = str_eq(p->source, PUSH_FOUND);
	if (!now.found)
		touch(c, p);
	/* It was overtaken by the push that followed it. */
	if (rc && str_eq(was.before, p->sha) && !str_eq(was.sha, before))
		return 0;
	snprintf(now.sha, sizeof(now.sha), "%s", p->sha);
	snprintf(now.before, sizeof(now.before), "%s", before);
	return journal_head_put(c->journal, p->repository, p->ref, &now, e);
}

int
missed_seen(struct core *c, const struct push *p, struct err *e)
{
	if (!is_known_kind(p) || !sha_is_zero(p->sha))
		return missed_note(c, p, 0, e);
	touch(c, p);
	return journal_head_del(c->journal, p->repository, p->ref, e) < 0 ? -1
									  : 0;
}

int
missed_found(struct core *c, const struct push *p, uint64_t *ret, struct err *e)
{
	struct journal_head was;
	int rc;

	if (!is_move(p))
		return 0;
	rc = journal_head_get(c->journal, p->repository, p->ref, &was, e);
	if (rc <= 0)
		return rc;
	if (!was.found || !was.run || !str_eq(was.sha, p->sha))
		return 0;
	*ret = was.run;
	return 1;
}

void
missed_plan(struct core *c)
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
missed_init(struct core *c)
{
	c->poller = xcalloc(1, sizeof(*c->poller));
}

void
missed_free(struct core *c)
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
