/* SPDX-License-Identifier: MIT */
/*
 * What other threads ask of the core: queued, taken by the loop, answered
 * after the commit of that turn.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "core/inner.h"

#include <sys/eventfd.h>

static void
answer(struct core *c, bool committed, void *arg)
{
	struct ask *a = arg;

	crash_point("ask.answer");
	if (!committed && a->ok) {
		a->ok = false;
		err_set(&a->err, ERR_TEMP,
			"the journal could not be written; try again later");
	}
	if (a->kind == ASK_DELIVER && a->ok)
		admit_taken(c);
	else if (a->kind == ASK_DELIVER && a->err.code == ERR_TEMP)
		admit_put_off(c);
	a->done(a);
}

void
ask_answer(struct core *c, struct ask *a)
{
	core_defer(c, answer, a);
}

static int
add_row(uint64_t run UNUSED, const char *json, size_t len, void *arg,
	struct err *e UNUSED)
{
	struct buf *b = arg;

	if (b->len > 1)
		buf_addc(b, ',');
	buf_add(b, json, len);
	return 0;
}

static void
ask_runs(struct core *c, struct ask *a)
{
	buf_reset(&a->json);
	buf_addc(&a->json, '[');
	a->ok = journal_list(c->journal, &a->filter, add_row, &a->json,
			&a->err) == 0;
	buf_addc(&a->json, ']');
}

static struct run_view *
view_new(struct run *take)
{
	struct run_view *v = xcalloc(1, sizeof(*v));

	v->run = take;
	v->refs = 1;
	return v;
}

static void
ask_run(struct core *c, struct ask *a)
{
	struct live *l = live_find(c, a->run);
	struct run *r = NULL;

	if (l)
		r = run_clone(l->run);
	else if (run_load(c, a->run, &r, &a->err) < 0)
		return;
	a->view = view_new(r);
	a->ok = true;
}

static void
ask_status(struct core *c, struct ask *a)
{
	struct journal_stats st = { 0 };
	int64_t running = 0, queued = 0;
	struct json_out o;

	for (struct live *l = c->lives; l; l = l->next) {
		running += l->run->state == RUN_RUNNING;
		queued += l->run->state < RUN_RUNNING;
	}
	if (journal_stats(c->journal, &st, &a->err) < 0)
		return;
	buf_reset(&a->json);
	jout_start(&o, &a->json);
	jout_obj(&o, NULL);
	jout_str(&o, "version", PACKAGE_VERSION);
	jout_int(&o, "pid", getpid());
	jout_int(&o, "epoch", (int64_t)c->epoch);
	jout_int(&o, "uptime_ms", clock_boot_ms() - c->started_ms);
	jout_int(&o, "running", running);
	jout_int(&o, "queued", queued);
	jout_int(&o, "outbox", (int64_t)st.outbox);
	jout_int(&o, "dead", (int64_t)st.dead);
	jout_str(&o, "state", c->conf->conf.state);
	jout_obj(&o, "journal");
	jout_int(&o, "runs", (int64_t)st.runs);
	jout_int(&o, "events", (int64_t)st.events);
	jout_int(&o, "file_bytes", st.file_bytes);
	jout_int(&o, "used_bytes", st.used_bytes);
	jout_end(&o);
	jout_end(&o);
	a->ok = true;
}

static void
take_ask(struct core *c, struct ask *a)
{
	a->ok = a->later = false;
	memset(&a->err, 0, sizeof(a->err));
	c->last_busy_ms = clock_boot_ms();
	switch (a->kind) {
	case ASK_DELIVER:
		admit_deliver(c, a);
		break;
	case ASK_RUNS:
		ask_runs(c, a);
		break;
	case ASK_RUN:
		ask_run(c, a);
		break;
	case ASK_RETRY:
		hand_retry(c, a);
		break;
	case ASK_CANCEL:
		hand_cancel(c, a);
		break;
	case ASK_APPROVE:
		hand_approve(c, a);
		break;
	case ASK_STATUS:
		ask_status(c, a);
		break;
	case ASK_STORY:
		story_ask(c, a);
		break;
	case ASK_TRIM:
		trim_ask(c, a);
		break;
	}
	if (!a->later)
		ask_answer(c, a);
}

void
ask_woken(int fd, uint32_t events UNUSED, void *arg)
{
	struct core *c = arg;
	struct ask *list;
	eventfd_t n;

	if (eventfd_read(fd, &n) < 0)
		return;
	pthread_mutex_lock(&c->mutex);
	list = c->asks;
	c->asks = NULL;
	c->asks_tail = &c->asks;
	pthread_mutex_unlock(&c->mutex);
	while (list) {
		struct ask *a = list;

		list = a->next;
		take_ask(c, a);
	}
}

void
core_ask(struct core *c, struct ask *a)
{
	bool closed;

	a->next = NULL;
	pthread_mutex_lock(&c->mutex);
	closed = c->closed;
	if (!closed) {
		*c->asks_tail = a;
		c->asks_tail = &a->next;
	}
	pthread_mutex_unlock(&c->mutex);
	if (closed) {
		a->ok = false;
		err_set(&a->err, ERR_TEMP, "the agent is stopping");
		a->done(a);
		return;
	}
	eventfd_write(c->wake_fd, 1);
}

void
ask_refuse(struct ask *a)
{
	a->ok = false;
	err_set(&a->err, ERR_TEMP, "the agent is stopping");
	a->done(a);
}

void
ask_close(struct core *c)
{
	struct ask *list;

	pthread_mutex_lock(&c->mutex);
	c->closed = true;
	list = STEAL(c->asks);
	c->asks_tail = &c->asks;
	pthread_mutex_unlock(&c->mutex);
	while (list) {
		struct ask *a = list;

		list = a->next;
		ask_refuse(a);
	}
}
