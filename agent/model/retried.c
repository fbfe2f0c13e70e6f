/* SPDX-License-Identifier: MIT */
/* "retried": what of a run is done again; see run.h. */
#include "base/base.h"
#include "base/enc.h"
#include "model/apply_int.h"

#define KEEP SIZE_MAX

bool
run_job_needs(const struct run *r, size_t a, size_t b)
{
	for (size_t i = 0; i < r->jobs[a].nneeds; i++) {
		size_t n = (size_t)r->jobs[a].needs[i];

		if (n == b || run_job_needs(r, n, b))
			return true;
	}
	return false;
}

/* Nothing of it holds from step "from" on. */
static void
job_reset(struct run_job *j, size_t from)
{
	j->state = RUN_QUEUED;
	j->finished_ms = 0;
	if (!from)
		j->started_ms = 0;
	j->lost = j->idle = j->undo_lost = 0;
	memset(j->used, 0, sizeof(j->used));
	json_decref(j->outputs);
	j->outputs = NULL;
	str_set(&j->wait_for, NULL);
	reason_release(&j->reason);
	for (size_t i = from; i < j->nsteps; i++)
		if (!j->steps[i].waived)
			apply_step_reset(&j->steps[i]);
}

static bool
was_undone(const struct run_step *s)
{
	return s->undo.registered && s->undo.state != RUN_QUEUED;
}

static bool
job_was_undone(const struct run_job *j)
{
	for (size_t i = 0; i < j->nsteps; i++)
		if (was_undone(&j->steps[i]))
			return true;
	return false;
}

static bool
is_step(const struct run_step *s, const char *name)
{
	return str_eq(s->id, name) || str_eq(s->name, name);
}

/* nsteps: it has none of that name. */
static size_t
find_step(const struct run_job *j, const char *name)
{
	size_t i = 0;

	while (i < j->nsteps && !is_step(&j->steps[i], name))
		i++;
	return i;
}

/* njobs: the event does not say. */
static int
find_job(const struct run *r, const char *name, size_t *ret, struct err *e)
{
	*ret = r->njobs;
	if (!name)
		return 0;
	for (size_t i = 0; i < r->njobs; i++)
		if (str_eq(r->jobs[i].id, name) ||
			str_eq(r->jobs[i].name, name))
			*ret = i;
	if (*ret < r->njobs)
		return 0;
	return err_set(
		e, ERR_ABSENT, "run %" PRIu64 " has no job '%s'", r->id, name);
}

/* The one job that has the step, of those that did not pass if several. */
static int
job_of_step(const struct run *r, const char *name, size_t *ret, struct err *e)
{
	size_t open = 0, all = 0, at = 0;

	for (size_t i = 0; i < r->njobs; i++) {
		const struct run_job *j = &r->jobs[i];

		if (find_step(j, name) == j->nsteps)
			continue;
		all++;
		if (j->state != RUN_PASSED)
			open++;
		if (all == 1 || (open == 1 && j->state != RUN_PASSED))
			at = i;
	}
	if (!all)
		return err_set(e, ERR_ABSENT,
			"run %" PRIu64 " has no step '%s'", r->id, name);
	if (all > 1 && open != 1)
		return err_set(e, ERR_PERM,
			"several jobs have a step '%s': say which with --job",
			name);
	*ret = at;
	return 0;
}

/* Where a retry begins. */
struct resume {
	size_t job, from; /* job: njobs when it names none */
	bool partly;      /* from a step on, by a person's word */
	bool only;        /* that job was named */
};

static int
check_skips(const struct run_job *j, const json_t *skip, struct err *e)
{
	const json_t *one;
	size_t i;

	json_array_foreach(skip, i, one)
	{
		const char *name = json_string_value(one);

		if (!name || find_step(j, name) == j->nsteps)
			return err_set(e, ERR_ABSENT,
				"job '%s' has no step '%s'", j->name,
				name ? name : "");
	}
	return 0;
}

static bool
is_skipped(const struct run_step *s, const json_t *skip)
{
	const json_t *one;
	size_t i;

	json_array_foreach(skip, i,
		one) if (is_step(s, json_string_value(one))) return true;
	return false;
}

/* Is there nothing left to do of that step? */
static bool
is_behind(const struct run_step *s)
{
	if (s->waived)
		return true;
	if (was_undone(s))
		return false;
	return s->state == RUN_PASSED || s->state == RUN_SKIPPED ||
	       (s->state == RUN_FAILED && s->ignored);
}

/* The first step that has something left to do.  What comes after one that
 * is skipped now was skipped because of it, and comes again. */
static size_t
first_open(const struct run_job *j, const json_t *skip)
{
	bool after_skip = false;
	size_t i;

	for (i = 0; i < j->nsteps; i++) {
		if (is_skipped(&j->steps[i], skip))
			after_skip = true;
		else if (after_skip || !is_behind(&j->steps[i]))
			break;
	}
	return i;
}

static int
check_from(
	const struct run_job *j, size_t from, const json_t *skip, struct err *e)
{
	size_t first = first_open(j, skip);
	const struct run_step *s = &j->steps[first];
	AUTO(freep) char *word = NULL;

	if (from <= first)
		return 0;
	word = shell_quote(s->name);
	if (was_undone(s))
		return err_set(e, ERR_PERM,
			"step '%s' has been undone: it must run again, so say "
			"--from %s",
			s->name, word);
	return err_set(e, ERR_PERM,
		"step '%s' comes before '%s' and did not pass: say --from %s, "
		"or --skip %s as well",
		s->name, j->steps[from].name, word, word);
}

/* A step that may or may not have run wants a person's word. */
static int
check_unknown(const struct run_job *j, struct err *e)
{
	for (size_t i = 0; i < j->nsteps; i++) {
		AUTO(freep) char *word = NULL;

		if (j->steps[i].state != RUN_BLOCKED)
			continue;
		word = shell_quote(j->steps[i].name);
		return err_set(e, ERR_PERM,
			"step '%s' may or may not have happened: say --from %s "
			"to run it again, or --skip %s",
			j->steps[i].name, word, word);
	}
	return 0;
}

static int
resume_point(const struct run *r, const struct event *ev, struct resume *p,
	struct err *e)
{
	const char *from = jget_str(ev->data, "from");
	const json_t *skip = jget_arr(ev->data, "skip");
	const char *any =
		from ? from : json_string_value(json_array_get(skip, 0));
	const struct run_job *j;

	if (find_job(r, jget_str(ev->data, "job"), &p->job, e) < 0)
		return -1;
	p->only = p->job < r->njobs;
	if (!any)
		return 0;
	if (!p->only && job_of_step(r, any, &p->job, e) < 0)
		return -1;
	j = &r->jobs[p->job];
	p->partly = true;
	if (check_skips(j, skip, e) < 0)
		return -1;
	p->from = first_open(j, skip);
	if (!from)
		return 0;
	p->from = find_step(j, from);
	if (p->from == j->nsteps)
		return err_set(e, ERR_ABSENT, "job '%s' has no step '%s'",
			j->name, from);
	return check_from(j, p->from, skip, e);
}

/* Whether that job runs again, and in *ret_from from which step. */
static bool
is_retried(
	const struct run *r, size_t i, const struct resume *p, size_t *ret_from)
{
	const struct run_job *j = &r->jobs[i];

	*ret_from = 0;
	if (i == p->job) {
		*ret_from = p->partly ? p->from : 0;
		return true;
	}
	if (job_was_undone(j))
		return true;
	for (size_t k = 0; k < r->njobs; k++)
		if (run_job_needs(r, i, k) &&
			(k == p->job || job_was_undone(&r->jobs[k])))
			return true;
	if (p->only)
		return false;
	if (j->state == RUN_PASSED)
		return r->state == RUN_PASSED && !p->partly;
	/* What stopped for a person goes on where it stopped. */
	if (j->state == RUN_BLOCKED && r->state == RUN_BLOCKED)
		*ret_from = first_open(j, NULL);
	return true;
}

/* Jobs that go on by themselves must know where. */
static int
check_blocked(const struct run *r, const struct resume *p, struct err *e)
{
	for (size_t i = 0; i < r->njobs; i++) {
		size_t from;

		if (i == p->job && p->partly)
			continue;
		if (r->jobs[i].state == RUN_BLOCKED &&
			is_retried(r, i, p, &from) &&
			check_unknown(&r->jobs[i], e) < 0)
			return -1;
	}
	return 0;
}

static void
waive(struct run_job *j, const json_t *skip, int64_t time_ms)
{
	for (size_t i = 0; i < j->nsteps; i++) {
		struct run_step *s = &j->steps[i];

		if (!is_skipped(s, skip))
			continue;
		apply_step_reset(s);
		s->state = RUN_SKIPPED;
		s->waived = true;
		s->started_ms = s->finished_ms = time_ms;
	}
}

static void
merge(json_t **to, const json_t *from)
{
	if (!from)
		return;
	if (!*to)
		*to = json_object();
	json_object_update(*to, (json_t *)(uintptr_t)from);
}

int
apply_retried(struct run *r, const struct event *ev, struct err *e)
{
	struct resume p = { .job = r->njobs };
	size_t *from;

	if (resume_point(r, ev, &p, e) < 0 || check_blocked(r, &p, e) < 0)
		return -1;
	/* First all are looked at, as they are. */
	from = xcalloc(r->njobs, sizeof(*from));
	for (size_t i = 0; i < r->njobs; i++)
		if (!is_retried(r, i, &p, &from[i]))
			from[i] = KEEP;
	for (size_t i = 0; i < r->njobs; i++)
		if (from[i] != KEEP)
			job_reset(&r->jobs[i], from[i]);
	free(from);
	if (p.partly)
		waive(&r->jobs[p.job], jget_arr(ev->data, "skip"), ev->time_ms);
	merge(&r->set, jget_obj(ev->data, "set"));
	merge(&r->limits, jget_obj(ev->data, "limits"));
	r->attempt++;
	r->finished_ms = 0;
	r->plan_lost = 0;
	str_set(&r->nonce, NULL);
	r->cancel_wanted = false;
	str_set(&r->cancel_by, NULL);
	r->end_state = RUN_CANCELED;
	reason_release(&r->reason);
	return 0;
}
