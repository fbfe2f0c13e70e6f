/* SPDX-License-Identifier: MIT */
/* See live.h: the life of a stream, and its way from the core to a client. */
#include "base/base.h"
#include "web/live.h"
#include "base/clock.h"
#include "base/enc.h"
#include "web/access.h"
#include "web/api.h"
#include "web/routes.h"

#include <sys/socket.h>

struct live_all {
	struct stream *first;
	size_t n;
};

/* What the core's thread hands over; its letter is posted once at a time. */
struct stream_box {
	pthread_mutex_t lock;
	struct letter letter;
	struct stream *stream;
	struct mail *mail;
	struct run_view *view;   /* the newest of one run */
	struct run_view **views; /* of all runs, one each */
	size_t nviews, cap;
	bool has_news, is_posted;
};

struct live_all *
live_new(struct web *w UNUSED)
{
	return xcalloc(1, sizeof(struct live_all));
}

void
live_free(struct live_all *l)
{
	free(l);
}

size_t
live_count(const struct web *w)
{
	return w->live->n;
}

/* ---- news ---- */

static void
resume(struct stream *s)
{
	if (!s->is_suspended)
		return;
	s->is_suspended = false;
	MHD_resume_connection(s->req->mc);
}

static void
add_view(struct run_view ***list, size_t *n, size_t *cap, struct run_view *take)
{
	for (size_t i = 0; i < *n; i++)
		if ((*list)[i]->run->id == take->run->id) {
			run_view_unref((*list)[i]);
			(*list)[i] = take;
			return;
		}
	*list = grow(*list, *n, cap, sizeof(**list));
	(*list)[(*n)++] = take;
}

/* On the core's thread, with its watchers locked. */
static void
on_change(uint64_t run UNUSED, struct run_view *take, void *arg)
{
	struct stream_box *b = arg;
	bool post;

	pthread_mutex_lock(&b->lock);
	if (take && b->stream->make == record_make_all) {
		add_view(&b->views, &b->nviews, &b->cap, take);
	} else if (take) {
		run_view_unref(b->view);
		b->view = take;
	}
	b->has_news = true;
	post = !b->is_posted;
	b->is_posted = true;
	pthread_mutex_unlock(&b->lock);
	if (post)
		mail_post(b->mail, &b->letter);
}

static void
open_news(struct letter *l)
{
	struct stream_box *b =
		(struct stream_box *)((char *)l -
				      offsetof(struct stream_box, letter));
	struct stream *s = b->stream;

	pthread_mutex_lock(&b->lock);
	b->is_posted = false;
	if (b->view) {
		run_view_unref(s->view);
		s->view = STEAL(b->view);
	}
	for (size_t i = 0; i < b->nviews; i++)
		add_view(&s->news, &s->nnews, &s->news_cap, b->views[i]);
	b->nviews = 0;
	pthread_mutex_unlock(&b->lock);
	resume(s);
}

static void
box_free(struct stream_box *b)
{
	for (size_t i = 0; i < b->nviews; i++)
		run_view_unref(b->views[i]);
	free(b->views);
	run_view_unref(b->view);
	pthread_mutex_destroy(&b->lock);
	mail_unref(b->mail);
	free(b);
}

/* ---- its life ---- */

static void
stream_free(void *data)
{
	struct stream *s = data;
	struct web *w = s->web;

	if (s->box) {
		core_unwatch(w->core, s->watch);
		mail_cancel(w->mail, &s->box->letter);
		box_free(s->box);
	}
	loop_timer_cancel(w->loop, &s->heartbeat);
	if (s->prev)
		s->prev->next = s->next;
	else
		w->live->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	w->live->n--;
	for (size_t i = 0; i < s->nnews; i++)
		run_view_unref(s->news[i]);
	free(s->news);
	run_view_unref(s->view);
	record_release(s);
	buf_release(&s->out);
	free(s);
}

/* Has the client closed its side? */
static bool
is_gone(const struct stream *s)
{
	char c;

	return recv(s->req->conn->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A suspended connection is deaf: a client that has gone is noticed here,
 * or by what is written to it. */
static void
beat(void *arg)
{
	struct stream *s = arg;

	if (is_gone(s))
		s->ending = true;
	else if (s->make != log_make)
		buf_addz(&s->out, s->sse ? ":\n\n" : "\n");
	loop_timer_set(s->web->loop, &s->heartbeat, LIVE_HEARTBEAT_MS, beat, s);
	resume(s);
}

static ssize_t
take_out(struct stream *s, char *to, size_t max)
{
	size_t n = MIN(max, s->out.len - s->sent);

	memcpy(to, s->out.data + s->sent, n);
	s->sent += n;
	if (s->sent == s->out.len) {
		s->sent = 0;
		buf_reset(&s->out);
		if (s->out.cap > 2 * LIVE_CHUNK)
			buf_release(&s->out);
	}
	return (ssize_t)n;
}

static ssize_t
on_read(void *cls, uint64_t pos UNUSED, char *to, size_t max)
{
	struct stream *s = cls;

	if (!s->out.len && !s->finished && !s->ending)
		s->make(s);
	if (s->out.len)
		return take_out(s, to, max);
	if (s->finished || s->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	s->is_suspended = true;
	MHD_suspend_connection(s->req->mc);
	return 0;
}

void
live_end_all(struct web *w)
{
	for (struct stream *s = w->live->first; s; s = s->next) {
		s->ending = true;
		resume(s);
	}
}

/* ---- starting one ---- */

static bool
may_start(struct request *r)
{
	size_t n = 0;

	for (struct stream *s = r->web->live->first; s; s = s->next)
		n += str_eq(s->req->conn->addr, r->conn->addr);
	if (r->web->live->n < LIVE_STREAMS &&
		(r->conn->is_loopback || n < LIVE_PER_ADDRESS))
		return true;
	reply_header(r, "Retry-After", "15");
	reply_problem(r, 503, "too many streams are open; try again later");
	return false;
}

/* Takes over r->data.  NULL: refused and answered. */
static struct stream *
stream_new(struct request *r, stream_make_fn *make)
{
	struct web *w = r->web;
	struct stream *s;

	if (!may_start(r))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->web = w;
	s->req = r;
	s->make = make;
	s->job = s->step = -1;
	s->told_state = -1;
	buf_init(&s->out);
	s->next = w->live->first;
	if (s->next)
		s->next->prev = s;
	w->live->first = s;
	w->live->n++;
	if (r->data_free)
		r->data_free(r->data);
	r->data = s;
	r->data_free = stream_free;
	return s;
}

static void
stream_watch(struct stream *s, uint64_t run)
{
	struct stream_box *b = xcalloc(1, sizeof(*b));

	pthread_mutex_init(&b->lock, NULL);
	b->letter.open = open_news;
	b->stream = s;
	b->mail = mail_ref(s->web->mail);
	s->box = b;
	s->follow = true;
	s->watch = core_watch(s->web->core, run, on_change, b);
	loop_timer_set(s->web->loop, &s->heartbeat, LIVE_HEARTBEAT_MS, beat, s);
}

static void
stream_start(struct stream *s, const char *type)
{
	struct MHD_Response *resp = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, LIVE_CHUNK, on_read, s, NULL);

	reply_header(s->req, "Content-Type", type);
	reply_header(s->req, "Cache-Control", "no-store");
	reply_header(s->req, "X-Accel-Buffering", "no");
	reply_response(s->req, 200, resp);
}

/* ---- records ---- */

static void
start_records(struct request *r, struct run_view *v)
{
	struct stream *s = stream_new(r, record_make);

	if (!s)
		return;
	s->sse = str_eq(r->route->pattern, "/events");
	s->view = run_view_ref(v);
	stream_watch(s, v->run->id);
	stream_start(s, s->sse ? "text/event-stream" : "application/x-ndjson");
}

void
live_records(struct request *r)
{
	api_with_run(r, start_records);
}

void
live_events(struct request *r)
{
	AUTO(freep) char *run = request_arg(r, "run");
	struct stream *s;
	int64_t id;

	if (run) {
		if (num_parse(run, 1, INT64_MAX, &id) < 0) {
			reply_problem(r, 400, "\"run\" is not a run's number");
			return;
		}
		r->id = (uint64_t)id;
		api_with_run(r, start_records);
		return;
	}
	s = stream_new(r, record_make_all);
	if (!s)
		return;
	s->sse = true;
	/* So that the client knows at once that it is connected. */
	buf_addz(&s->out, "retry: 2000\n\n");
	stream_watch(s, 0);
	stream_start(s, "text/event-stream");
}

/* ---- output ---- */

/* A job by id, name or index; -1: there is none. */
static int
find_job(const struct run *r, const char *text)
{
	int64_t n;

	for (size_t i = 0; i < r->njobs; i++)
		if (str_eq(r->jobs[i].id, text) ||
			str_eq(r->jobs[i].name, text))
			return (int)i;
	if (num_parse(text, 0, (int64_t)r->njobs - 1, &n) < 0)
		return -1;
	return (int)n;
}

static int
find_step(const struct run *r, int job, const char *text)
{
	const struct run_job *j;
	int64_t n;

	if (job < 0)
		return -1;
	j = &r->jobs[job];
	for (size_t i = 0; i < j->nsteps; i++)
		if (str_eq(j->steps[i].name, text))
			return (int)i;
	if (num_parse(text, 0, (int64_t)j->nsteps - 1, &n) < 0)
		return -1;
	return (int)n;
}

static void
start_log(struct request *r, struct run_view *v, const char *job,
	const char *step, bool follow)
{
	const struct run *run = v->run;
	int j = job ? find_job(run, job) : run->njobs == 1 ? 0 : -1;
	int k = step ? find_step(run, j, step) : -1;
	struct stream *s;

	if (job && j < 0) {
		reply_problem(r, 404, "run %" PRIu64 " has no job '%.100s'",
			run->id, job);
		return;
	}
	if (step && k < 0) {
		reply_problem(r, 404,
			"run %" PRIu64 " has no step '%.100s' in that job",
			run->id, step);
		return;
	}
	s = stream_new(r, log_make);
	if (!s)
		return;
	s->job = job ? j : -1;
	s->step = k;
	s->view = run_view_ref(v);
	if (follow)
		stream_watch(s, run->id);
	stream_start(s, "text/plain; charset=utf-8");
}

static void
log_found(struct request *r, struct run_view *v)
{
	AUTO(freep) char *job = request_arg(r, "job");
	AUTO(freep) char *step = request_arg(r, "step");

	start_log(r, v, job, step, request_flag(r, "follow"));
}

void
live_log(struct request *r)
{
	api_with_run(r, log_found);
}

static void
step_log_found(struct request *r, struct run_view *v)
{
	/* curl -N follows: it ends when the step does. */
	start_log(r, v, r->arg[0], r->arg[1], true);
}

void
live_step_log(struct request *r)
{
	api_with_run(r, step_log_found);
}
