/* SPDX-License-Identifier: MIT */
/* A person's hand: retry, cancel, approve. */
#include "base/base.h"
#include "base/crash.h"
#include "core/inner.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>

/* The run, brought into memory if it is final. */
static struct live *
bring(struct core *c, struct ask *a)
{
	struct live *l = live_find(c, a->run);
	struct run *r;

	if (l)
		return l;
	if (run_load(c, a->run, &r, &a->err) < 0)
		return NULL;
	return live_add(c, r);
}

static void
give_view(struct ask *a, const struct live *l)
{
	a->view = xcalloc(1, sizeof(*a->view));
	a->view->run = run_clone(l->run);
	a->view->refs = 1;
	a->ok = true;
}

/* An event that says who wants it. */
static int
say(struct live *l, struct ask *a, enum event_kind kind)
{
	struct event ev;

	event_init(&ev, kind);
	jset_str(ev.data, "by", a->by);
	if (core_event(l, &ev) == 0)
		return 0;
	return err_set(&a->err, ERR_TEMP, "the journal cannot be written");
}

/* ---- retry ---- */

/* The event, with what of the options it takes over. */
static void
retried_event(struct event *ev, const struct run *r, const struct ask *a)
{
	static const char *const taken[] = { "job", "from", "skip", "set",
		"limits" };

	event_init(ev, EV_RETRIED);
	ev->attempt = r->attempt + 1;
	jset_str(ev->data, "by", a->by);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		json_t *v = json_object_get(a->options, taken[i]);

		if (v && !json_is_null(v))
			json_object_set(ev->data, taken[i], v);
	}
}

/* The layer of a step that is not run again must be there still. */
static int
check_layer(const struct core *c, const struct run_job *j,
	const struct run_step *s, struct err *e)
{
	int fd;

	if (!s->layer || !run_state_is_final(s->state))
		return 0;
	fd = path_open_beneath(
		c->state_fd, s->layer, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return err_set(e, ERR_PERM,
			"the files of step '%s' are no longer kept: say --job "
			"'%s' without --from, and it runs from its first step",
			s->name, j->id);
	close(fd);
	return 0;
}

static int
check_layers(const struct core *c, const struct run *after, struct err *e)
{
	for (size_t i = 0; i < after->njobs; i++) {
		const struct run_job *j = &after->jobs[i];

		if (j->state != RUN_QUEUED)
			continue;
		for (size_t k = 0; k < j->nsteps; k++)
			if (check_layer(c, j, &j->steps[k], e) < 0)
				return -1;
	}
	return 0;
}

/* Everything that could be refused is tried on a copy. */
static int
try_retry(struct live *l, const struct event *ev, struct err *e)
{
	AUTO(run_freep) struct run *copy = run_clone(l->run);
	struct event tried = *ev;

	tried.seq = copy->next_seq;
	if (run_apply(copy, &tried, e) < 0)
		return -1;
	return check_layers(l->core, copy, e);
}

static void
push_of_ref(
	struct push *p, const struct run *old, const char *ref, const char *by)
{
	push_copy(p, &old->push);
	str_set(&p->event, "manual");
	str_set(&p->sha, SHA_ZERO);
	str_set(&p->before, SHA_ZERO);
	str_set(&p->rev, ref);
	str_set(&p->file, old->file);
	str_set(&p->actor, by);
	str_set(&p->source, "run");
	str_set(&p->title, NULL);
	str_set(&p->delivery, NULL);
	p->snapshot = p->dirty = p->forced = false;
	free(p->ref);
	p->ref = str_starts(ref, "refs/") ? xstrdup(ref)
					  : xasprintf("refs/heads/%s", ref);
}

/* A new run of the same workflow, of what the ref is now. */
static void
retry_ref(struct core *c, struct ask *a, const struct run *old, const char *ref)
{
	AUTO(push_release) struct push p;
	uint64_t id;

	push_of_ref(&p, old, ref, a->by);
	if (!ref_is_valid(p.ref)) {
		err_set(&a->err, ERR_PERM, "'%s' is not the name of a ref",
			ref);
		return;
	}
	if (!core_begin(c) || admit_one(c, &p, &id, &a->err) < 0) {
		err_set(&a->err, ERR_TEMP, "the journal cannot be written");
		return;
	}
	a->runs = xcalloc(1, sizeof(*a->runs));
	a->runs[0] = id;
	a->nruns = 1;
	a->ok = true;
	core_want_dispatch(c);
}

static bool
may_retry(const struct run *r, struct err *e)
{
	enum run_state to = r->planned ? RUN_QUEUED : RUN_RECEIVED;

	if (run_next(r->state, EV_RETRIED, to) == RUN_BAD_MOVE) {
		err_set(e, ERR_PERM,
			"run %" PRIu64 " is %s and cannot be retried", r->id,
			run_state_name(r->state));
		return false;
	}
	if (r->push.fork && !r->approved) {
		err_set(e, ERR_PERM,
			"run %" PRIu64 " waits for approval: tellus approve "
			"%" PRIu64,
			r->id, r->id);
		return false;
	}
	return true;
}

void
hand_retry(struct core *c, struct ask *a)
{
	const char *ref = jget_str(a->options, "ref");
	struct live *l = bring(c, a);
	struct event ev;

	if (!l)
		return;
	if (ref) {
		retry_ref(c, a, l->run, ref);
		return;
	}
	if (!may_retry(l->run, &a->err))
		return;
	retried_event(&ev, l->run, a);
	if (try_retry(l, &ev, &a->err) < 0) {
		event_release(&ev);
		return;
	}
	if (core_event(l, &ev) < 0) {
		err_set(&a->err, ERR_TEMP, "the journal cannot be written");
		return;
	}
	l->start_failures = 0;
	l->retry_at_ms = 0;
	crash_point("admit.retried");
	notify_state(l);
	give_view(a, l);
	core_want_dispatch(c);
}

/* ---- cancel and approve ---- */

void
hand_cancel(struct core *c, struct ask *a)
{
	struct live *l = bring(c, a);

	if (!l)
		return;
	if (run_next(l->run->state, EV_CANCELED, 0) == RUN_BAD_MOVE) {
		err_set(&a->err, ERR_PERM, "run %" PRIu64 " is %s already",
			l->id, run_state_name(l->run->state));
		return;
	}
	if (say(l, a, EV_CANCELED) < 0)
		return;
	crash_point("admit.canceled");
	give_view(a, l);
	core_want_dispatch(c);
}

void
hand_approve(struct core *c, struct ask *a)
{
	struct live *l = bring(c, a);

	if (!l)
		return;
	if (l->run->state != RUN_BLOCKED || l->run->cancel_wanted ||
		!str_eq(l->run->reason.class, "approval")) {
		err_set(&a->err, ERR_PERM,
			"run %" PRIu64 " is %s and does not wait for approval",
			l->id, run_state_name(l->run->state));
		return;
	}
	if (say(l, a, EV_APPROVED) < 0)
		return;
	crash_point("admit.approved");
	give_view(a, l);
	core_want_dispatch(c);
}
