/* SPDX-License-Identifier: MIT */
/* See stream.h. */
#include "base/base.h"
#include "cli/stream.h"

#include "cli/agent.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/term.h"
#include "os/fd.h"

#include <signal.h>
#include <sys/signalfd.h>

#define RECORD_MAX (4 * 1024 * 1024)
#define TICK_MS 1000
#define SIDE_CALL_MS 5000 /* cancel, header, log: beside the stream */

struct stream {
	const struct follow *f;
	struct render *r;
	int signal_fd;
	int interrupts;
	bool left, garbled;
	struct buf line;
};

int
signals_to_fd(struct err *e)
{
	static int fd = -1;
	sigset_t set;

	if (fd >= 0)
		return fd;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "signalfd");
	return fd;
}

static int
side_call(struct stream *s, const char *method, const char *what,
	struct http_answer *a)
{
	AUTO(freep)
	char *path = xasprintf("/api/v1/runs/%" PRId64 "%s", s->f->run, what);
	struct http_call q = { .socket = s->f->socket,
		.method = method,
		.path = path,
		.answer_ms = SIDE_CALL_MS };
	struct err e;

	if (http_call(&q, a, &e) < 0 || a->status / 100 != 2)
		return -1;
	return 0;
}

static void
fetch_head(struct stream *s)
{
	AUTO(http_answer_release) struct http_answer a;
	json_t *run = NULL;
	struct err e;

	http_answer_init(&a);
	if (side_call(s, "GET", "", &a) == 0)
		run = json_parse(a.body.data, a.body.len, &e);
	/* Without an answer the number alone is shown. */
	render_head(s->r, run);
	render_set_link(s->r, jget_str(run, "url"));
	json_decref(run);
}

static int
on_record(struct stream *s)
{
	struct err e;
	json_t *o;

	if (!s->line.len)
		return 0; /* a heartbeat */
	o = json_parse(s->line.data, s->line.len, &e);
	buf_reset(&s->line);
	if (!o) {
		s->garbled = true;
		return 1;
	}
	if (!render_has_head(s->r) && render_wants_head(o))
		fetch_head(s);
	render_record(s->r, o);
	json_decref(o);
	if (render_status(s->r) < 0)
		s->left = true;
	return s->left || render_state(s->r);
}

static int
on_bytes(const char *p, size_t n, void *arg)
{
	struct stream *s = arg;

	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t take = nl ? (size_t)(nl - p) : n;

		if (s->line.len + take > RECORD_MAX) {
			s->garbled = true;
			return 1;
		}
		buf_add(&s->line, p, take);
		if (!nl)
			return 0;
		p += take + 1, n -= take + 1;
		if (on_record(s))
			return 1;
	}
	return 0;
}

static void
cancel(struct stream *s)
{
	AUTO(http_answer_release) struct http_answer a;
	bool done;

	http_answer_init(&a);
	done = side_call(s, "POST", "/cancel", &a) == 0;
	render_pause(s->r);
	if (done)
		fprintf(stderr,
			"tellus: canceling run %" PRId64
			"; Ctrl-C again to leave\n",
			s->f->run);
	else
		fprintf(stderr,
			"tellus: run %" PRId64
			" could not be canceled; Ctrl-C again to "
			"leave\n",
			s->f->run);
}

static int
on_signal(void *arg)
{
	struct stream *s = arg;
	struct signalfd_siginfo si;

	if (read(s->signal_fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	if (s->f->cancels && si.ssi_signo != SIGHUP && !s->interrupts++) {
		cancel(s);
		return 0;
	}
	s->left = true;
	return 1;
}

static void
on_tick(void *arg)
{
	struct stream *s = arg;

	render_tick(s->r);
}

/* After live lines, which keep only the end of it. */
static void
replay_step(int job, int step, const char *job_name, const char *step_name,
	void *arg)
{
	struct stream *s = arg;
	AUTO(http_answer_release) struct http_answer a;
	AUTO(buf_release) struct buf out = BUF_INIT;
	AUTO(freep) char *what = xasprintf("/log?job=%d&step=%d", job, step);
	struct term_filter filter = { .keep_colors = s->f->render.color };
	struct err e;

	http_answer_init(&a);
	if (side_call(s, "GET", what, &a) < 0 || !a.body.len)
		return;
	buf_addf(&out, "\noutput of %s / %s:\n", job_name ? job_name : "?",
		step_name ? step_name : "?");
	term_filter(&filter, &out, a.body.data, a.body.len);
	if (out.data[out.len - 1] != '\n')
		buf_addc(&out, '\n');
	if (filter.colored)
		buf_addz(&out, "\033[0m");
	fd_write_all(s->f->render.fd, out.data, out.len, &e);
}

static enum follow_end
settle(struct stream *s, int rc, const struct http_answer *a, char **ret_state,
	struct err *e)
{
	if (rc >= 0 && a->status / 100 != 2 && !s->left) {
		AUTO(freep) char *text = agent_detail(a);

		err_set(e, ERR_PERM, "%s", text);
		return FOLLOW_LOST;
	}
	if (render_state(s->r)) {
		if (s->f->replay && s->f->render.live)
			render_failed_steps(s->r, replay_step, s);
		*ret_state = xstrdup(render_state(s->r));
		return FOLLOW_ENDED;
	}
	render_pause(s->r);
	if (s->left)
		return FOLLOW_LEFT;
	if (rc >= 0)
		err_set(e, ERR_TEMP,
			s->garbled ? "it sent something unreadable"
				   : "it ended before the run did");
	return FOLLOW_LOST;
}

enum follow_end
follow_run(const struct follow *f, char **ret_state, struct err *e)
{
	AUTO(http_answer_release) struct http_answer a;
	AUTO(render_freep) struct render *r = render_new(&f->render, f->run);
	AUTO(freep)
	char *path = xasprintf("/api/v1/runs/%" PRId64 "/stream", f->run);
	struct stream s = { .f = f, .r = r };
	struct http_call q = { .socket = f->socket,
		.method = "GET",
		.path = path,
		.on_body = on_bytes,
		.on_watch = on_signal,
		.idle_ms = STREAM_IDLE_MS,
		.arg = &s };
	enum follow_end end;
	int rc;

	http_answer_init(&a);
	buf_init(&s.line);
	s.signal_fd = signals_to_fd(e);
	if (s.signal_fd < 0)
		return FOLLOW_LOST;
	q.watch_fd = s.signal_fd;
	if (f->render.live) {
		q.tick_ms = TICK_MS;
		q.on_tick = on_tick;
	}
	rc = http_call(&q, &a, e);
	end = settle(&s, rc, &a, ret_state, e);
	buf_release(&s.line);
	return end;
}

void
follow_to_stdout(const struct cli *c, struct follow *f)
{
	f->render = (struct render_opts){ .fd = STDOUT_FILENO,
		.live = c->tty && !str_eq(getenv("TERM"), "dumb"),
		.color = c->color };
}
