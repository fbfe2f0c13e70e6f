/* SPDX-License-Identifier: MIT */
/*
 * Statuses to the forges.  An intent is a row of the outbox, written in the
 * transaction of the state that it tells of, removed after the forge's
 * answer.  Per repository, commit and context one is under way at a time
 * and an older one is never sent after a newer.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/enc.h"
#include "base/log.h"
#include "core/inner.h"

#include <sys/random.h>

#define SEND_TIMEOUT_MS 30000
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS 900000
#define GIVE_UP_MS ((int64_t)72 * 3600000)
#define SPACING_MS 1000 /* between two writes to one forge */
#define ACTIVE_MAX 8

#define SUBJECT_BUCKETS 1024

struct intent;

/* What statuses are of: repository, commit and context.  Its intents are
 * in order; only the first may be sent, and only if it is the last. */
struct subject {
	char *key;
	struct intent *first, *last;
	struct subject *next; /* in its bucket */
};

struct intent {
	struct core *core;
	uint64_t id; /* of its row */
	json_t *json;
	struct subject *subject;
	struct intent *newer; /* of the same subject */
	char *forge; /* the api's address: writes are spaced per forge */
	int tries;
	int64_t first_ms; /* wall: when it was made */
	int64_t due_ms;   /* boot */
	bool sending;
	enum { KEEP, DONE, BURY } outcome;
	char why[256];
	struct intent *prev, *next;
};

struct pace {
	char *forge;
	int64_t free_ms; /* boot: no write before */
	struct pace *next;
};

struct outbox {
	struct poster *poster;
	struct intent *first, *last; /* by id: oldest first */
	size_t n;
	struct subject *subjects[SUBJECT_BUCKETS];
	struct pace *paces;
	struct loop_timer timer;
};

static void pump(struct core *c);

static void
pump_later(void *arg)
{
	pump(arg);
}

/* Once, however many intents a turn brings. */
static void
pump_soon(struct core *c)
{
	loop_timer_set(c->loop, &c->outbox->timer, 0, pump_later, c);
}

/* ---- making them ---- */

static struct subject **
subject_at(struct outbox *o, const char *key)
{
	struct subject **at =
		&o->subjects[crc32c(0, key, strlen(key)) % SUBJECT_BUCKETS];

	while (*at && !str_eq((*at)->key, key))
		at = &(*at)->next;
	return at;
}

/* Takes the key. */
static void
subject_join(struct outbox *o, char *key, struct intent *in)
{
	struct subject **at = subject_at(o, key);

	if (!*at) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->key = STEAL(key);
	}
	free(key);
	in->subject = *at;
	if (in->subject->last)
		in->subject->last->newer = in;
	else
		in->subject->first = in;
	in->subject->last = in;
}

static void
subject_leave(struct outbox *o, struct intent *in)
{
	struct subject *s = in->subject, **at;
	struct intent **link = &s->first, *older = NULL;

	while (*link != in) {
		older = *link;
		link = &older->newer;
	}
	*link = in->newer;
	if (s->last == in)
		s->last = older;
	if (s->first)
		return;
	at = subject_at(o, s->key);
	*at = s->next;
	free(s->key);
	free(s);
}

static struct intent *
intent_new(struct core *c, uint64_t id, json_t *take)
{
	struct intent *in = xcalloc(1, sizeof(*in));
	const char *repo = jget_str(take, "repository");
	const char *sha = jget_str(take, "sha");
	const char *context = jget_str(take, "context");
	const struct repo_conf *conf =
		config_repo(&c->conf->conf, repo ? repo : "");
	struct outbox *o = c->outbox;

	in->core = c;
	in->id = id;
	in->json = take;
	subject_join(o,
		xasprintf("%s %s %s", repo ? repo : "", sha ? sha : "",
			context ? context : ""),
		in);
	in->forge = xstrdup(conf && conf->api ? conf->api : "");
	in->tries = (int)jget_int(take, "tries", 0);
	in->first_ms = jget_int(take, "first", clock_wall_ms());
	in->prev = o->last;
	if (o->last)
		o->last->next = in;
	else
		o->first = in;
	o->last = in;
	o->n++;
	return in;
}

static void
intent_free(struct outbox *o, struct intent *in)
{
	subject_leave(o, in);
	if (in->prev)
		in->prev->next = in->next;
	else
		o->first = in->next;
	if (in->next)
		in->next->prev = in->prev;
	else
		o->last = in->prev;
	o->n--;
	json_decref(in->json);
	free(in->forge);
	free(in);
}

struct made {
	uint64_t id;
	json_t *json;
};

/* The row is committed: it may be sent. */
static void
made_committed(struct core *c, bool committed, void *arg)
{
	struct made *m = arg;

	if (committed) {
		intent_new(c, m->id, m->json);
		crash_point("outbox.made");
		pump_soon(c);
	} else {
		json_decref(m->json);
	}
	free(m);
}

void
notify_put(struct core *c, json_t *take)
{
	struct err e = { 0 };
	struct made *m;
	char *text;

	if (!core_begin(c)) {
		json_decref(take);
		return;
	}
	m = xcalloc(1, sizeof(*m));
	m->json = take;
	text = json_dumps(m->json, JSON_COMPACT);
	if (journal_outbox_add(c->journal, text, strlen(text), &m->id, &e) <
		0) {
		core_fail(c, &e);
		json_decref(m->json);
		free(m);
	} else {
		core_defer(c, made_committed, m);
	}
	free(text);
}

/* ---- sending them ---- */

static struct pace *
pace_of(struct outbox *o, const char *forge)
{
	struct pace *p;

	for (p = o->paces; p; p = p->next)
		if (str_eq(p->forge, forge))
			return p;
	p = xcalloc(1, sizeof(*p));
	p->forge = xstrdup(forge);
	p->next = o->paces;
	o->paces = p;
	return p;
}

/* Full jitter: anything from nothing to the bound, which doubles. */
static int64_t
backoff(int tries)
{
	int64_t bound = BACKOFF_FIRST_MS;
	uint32_t r = 0;

	for (int i = 1; i < tries && bound < BACKOFF_MOST_MS; i++)
		bound *= 2;
	bound = MIN(bound, (int64_t)BACKOFF_MOST_MS);
	if (getrandom(&r, sizeof(r), 0) < 0)
		r = 0;
	return test_delay_ms(bound / 4 + (int64_t)(r % (uint32_t)bound));
}

static void
settled(struct core *c, bool committed, void *arg)
{
	struct intent *in = arg;

	if (!committed) {
		/* Sent, but not noted: it is sent again, which is harmless. */
		in->sending = false;
		in->due_ms = clock_boot_ms() + BACKOFF_FIRST_MS;
	} else {
		crash_point("outbox.removed");
		intent_free(c->outbox, in);
	}
	pump_soon(c);
}

static void
settle(struct intent *in)
{
	struct core *c = in->core;
	struct err e = { 0 };
	int rc;

	crash_point("outbox.before-remove");
	if (!core_begin(c)) {
		core_defer(c, settled, in);
		return;
	}
	rc = in->outcome == BURY
		     ? journal_outbox_bury(c->journal, in->id, in->why, &e)
		     : journal_outbox_del(c->journal, in->id, &e);
	if (rc < 0 && e.code != ERR_ABSENT)
		core_fail(c, &e);
	core_defer(c, settled, in);
}

static void
try_later(struct intent *in, int64_t wait_ms)
{
	struct core *c = in->core;
	struct err e = { 0 };
	char *text;

	in->sending = false;
	in->due_ms = clock_boot_ms() + (wait_ms ? wait_ms : backoff(in->tries));
	jset_int(in->json, "tries", in->tries);
	text = json_dumps(in->json, JSON_COMPACT);
	crash_point("outbox.later");
	if (core_begin(c) && journal_outbox_set(c->journal, in->id, text,
				     strlen(text), &e) < 0)
		core_fail(c, &e);
	free(text);
}

static void
bury(struct intent *in, const char *why)
{
	log_line(LOG_ERROR, "status of run %" PRId64 " given up: %s",
		jget_int(in->json, "run", 0), why);
	snprintf(in->why, sizeof(in->why), "%s", why);
	in->outcome = BURY;
	settle(in);
}

static void
answered(const struct status_answer *a, const struct err *net, void *arg)
{
	struct intent *in = arg;
	struct core *c = in->core;
	const struct repo_conf *repo =
		config_repo(&c->conf->conf, jget_str(in->json, "repository"));
	enum status_verdict v = STATUS_RETRY;
	struct err why = *net;
	int64_t wait_ms = 0;

	crash_point("outbox.answered");
	if (repo)
		v = forge_verdict(repo->kind, a, jget_str(in->json, "state"),
			&wait_ms, &why);
	in->tries++;
	if (v == STATUS_OK) {
		in->outcome = DONE;
		settle(in);
		return;
	}
	if (v == STATUS_DEAD) {
		bury(in, why.msg);
		return;
	}
	if (clock_wall_ms() - in->first_ms > GIVE_UP_MS) {
		bury(in, why.msg);
		return;
	}
	log_line(LOG_WARN,
		"status of run %" PRId64 " not taken: %s; tried "
		"%d times, it is tried again",
		jget_int(in->json, "run", 0), why.msg, in->tries);
	if (wait_ms)
		pace_of(c->outbox, in->forge)->free_ms =
			clock_boot_ms() + wait_ms;
	try_later(in, wait_ms);
	pump_soon(c);
}

static void
send_one(struct intent *in)
{
	struct core *c = in->core;
	const struct repo_conf *repo =
		config_repo(&c->conf->conf, jget_str(in->json, "repository"));
	struct status_request req = { 0 };
	struct status s = {
		.repository = jget_str(in->json, "repository"),
		.sha = jget_str(in->json, "sha"),
		.ref = jget_str(in->json, "ref"),
		.context = jget_str(in->json, "context"),
		.state = jget_str(in->json, "state"),
		.description = jget_str(in->json, "description"),
		.target_url = jget_str(in->json, "target_url"),
	};
	struct err e = { 0 };

	in->sending = true;
	if (!repo || !repo->token) {
		bury(in, "the repository or its token is no longer "
			 "configured");
		return;
	}
	if (forge_status(repo, &s, &req, &e) < 0) {
		bury(in, e.msg);
		return;
	}
	crash_point("outbox.before-send");
	if (poster_send(c->outbox->poster, &req, SEND_TIMEOUT_MS, answered, in,
		    &e) < 0) {
		in->tries++;
		if (e.code == ERR_TEMP) {
			log_line(LOG_WARN, "status: %s", e.msg);
			try_later(in, 0);
		} else {
			bury(in, e.msg);
		}
	}
	status_request_release(&req);
}

/* Is there a newer one?  Then this one need not be sent. */
static bool
outdated(const struct intent *in)
{
	return in->subject->last != in;
}

/* Is an older one still there (being sent)? */
static bool
must_wait(const struct intent *in)
{
	return in->subject->first != in;
}

static void
pump(struct core *c)
{
	struct outbox *o = c->outbox;
	int64_t now = clock_boot_ms(), next = INT64_MAX;

	for (struct intent *in = o->first, *after; in; in = after) {
		struct pace *p = pace_of(o, in->forge);
		int64_t due = MAX(in->due_ms, p->free_ms);

		after = in->next;
		if (in->sending || must_wait(in))
			continue;
		if (outdated(in)) {
			in->sending = true;
			in->outcome = DONE;
			settle(in);
			continue;
		}
		if (due > now) {
			next = MIN(next, due);
			continue;
		}
		if (poster_active(o->poster) >= ACTIVE_MAX)
			continue; /* an answer brings us back */
		p->free_ms = now + test_delay_ms(SPACING_MS);
		send_one(in);
	}
	if (next < INT64_MAX)
		loop_timer_set(
			c->loop, &o->timer, MAX(next - now, 1), pump_later, c);
}

/* ---- life ---- */

static int
load_one(uint64_t id, const char *json, size_t len, void *arg, struct err *e)
{
	struct core *c = arg;
	json_t *v = json_parse(json, len, e);

	if (!v)
		return -1;
	intent_new(c, id, v);
	return 0;
}

int
notify_init(struct core *c, struct err *e)
{
	struct outbox *o = xcalloc(1, sizeof(*o));

	c->outbox = o;
	o->poster = poster_new(c->loop);
	if (journal_outbox_each(c->journal, load_one, c, e) < 0)
		return err_wrap(e, "outbox");
	if (o->first)
		loop_timer_set(c->loop, &o->timer, 0, pump_later, c);
	return 0;
}

size_t
notify_waiting(const struct core *c)
{
	return c->outbox->n;
}

void
notify_free(struct core *c)
{
	struct outbox *o = c->outbox;

	if (!o)
		return;
	poster_free(o->poster);
	while (o->first)
		intent_free(o, o->first);
	while (o->paces) {
		struct pace *p = o->paces;

		o->paces = p->next;
		free(p->forge);
		free(p);
	}
	free(o);
	c->outbox = NULL;
}
