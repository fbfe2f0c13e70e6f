/* SPDX-License-Identifier: MIT */
/* A run's events as they were journalled, for those who want to know why. */
#include "base/base.h"
#include "core/inner.h"

struct story {
	struct json_out out;
};

/* The nonce is between the agent and its workers. */
static int
add_event(const struct event *ev, void *arg, struct err *e)
{
	struct story *s = arg;
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(json_decrefp) json_t *o = NULL;

	event_to_json(ev, &text);
	o = json_parse(text.data, text.len, e);
	if (!o)
		return -1;
	json_object_del(o, "nonce");
	json_object_del(jget_obj(o, "data"), "nonce");
	jset_int(o, "seq", ev->seq);
	jout_value(&s->out, NULL, o);
	return 0;
}

/* Who has the job slots. */
static void
put_slots(const struct core *c, struct json_out *o)
{
	jout_int(o, "slots", c->conf->conf.jobs);
	jout_arr(o, "busy");
	for (const struct live *l = c->lives; l; l = l->next) {
		bool works = false;

		for (const struct attempt *a = l->attempts; a; a = a->next)
			works |= a->job >= 0;
		if (works)
			jout_int(o, NULL, (int64_t)l->id);
	}
	jout_end(o);
}

void
story_ask(struct core *c, struct ask *a)
{
	const struct live *l = live_find(c, a->run);
	struct story s;
	struct run *r = NULL;

	if (l)
		r = run_clone(l->run);
	else if (run_load(c, a->run, &r, &a->err) < 0)
		return;
	buf_reset(&a->json);
	jout_start(&s.out, &a->json);
	jout_obj(&s.out, NULL);
	put_slots(c, &s.out);
	jout_arr(&s.out, "events");
	a->ok = journal_events(c->journal, a->run, 0, add_event, &s, &a->err) ==
		0;
	jout_end(&s.out);
	jout_end(&s.out);
	a->view = xcalloc(1, sizeof(*a->view));
	a->view->run = r;
	a->view->refs = 1;
}
