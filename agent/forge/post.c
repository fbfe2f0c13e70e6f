/* SPDX-License-Identifier: MIT */
/*
 * See post.h.  One multi handle of libcurl, driven by our loop; whoever
 * calls does not see curl.  What an answer means is verdict.c's business.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "forge/forge.h"
#include "forge/post.h"
#include "os/loop.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/socket.h>

#define BODY_MAX ((size_t)256 * 1024)
#define HEADERS_MAX ((size_t)64 * 1024)
#define CONNECT_TIMEOUT_MS 10000L
#define UNDER_WAY_MAX 8
#define REDIRECTS_MAX 1
#define IDLE_CONNECTIONS 8L /* as many as go out at once */

struct transfer {
	struct poster *poster;
	CURL *easy;
	struct curl_slist *headers;
	char *origin; /* scheme://host:port */
	char *body;
	struct buf answer;
	size_t header_bytes;
	bool body_too_long, headers_too_long;
	int redirects;
	int64_t timeout_ms, deadline_ms; /* boot clock, from its start */
	char error[CURL_ERROR_SIZE];
	post_done_fn *done;
	void *arg;
	bool started, failed;
	struct transfer *next;
};

struct poster {
	struct loop *loop;
	CURLM *multi;             /* NULL until the first request */
	struct loop_timer timer;  /* curl's */
	struct loop_timer failed; /* tells of those that did not start */
	struct transfer *first;   /* in the order of poster_send */
	size_t under_way;
};

/* ---- addresses ---- */

static char *
origin_of(const char *url)
{
	AUTO(freep) char *out = NULL;
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	CURLU *u = curl_url();

	if (u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
		curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
		!curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
		!curl_url_get(u, CURLUPART_HOST, &host, 0) &&
		!curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
		(str_eq(scheme, "https") || str_eq(scheme, "http")))
		out = xasprintf("%s://%s:%s", scheme, host, port);
	curl_free(user);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return STEAL(out);
}

/* Only these keep the method, or are meant to. */
static bool
may_follow(const struct transfer *t, long code, const char *to)
{
	AUTO(freep) char *origin = NULL;

	if (code != 301 && code != 307 && code != 308)
		return false;
	if (!to || t->redirects >= REDIRECTS_MAX)
		return false;
	origin = origin_of(to);
	return str_eq(origin, t->origin);
}

/* ---- a transfer ---- */

static void
transfer_free(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t->origin);
	free(t->body);
	buf_release(&t->answer);
	free(t);
}

static size_t
got_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (n > BODY_MAX - t->answer.len) {
		t->body_too_long = true;
		return 0;
	}
	buf_add(&t->answer, p, n);
	return n;
}

static size_t
got_header(char *p UNUSED, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (n > HEADERS_MAX - t->header_bytes) {
		t->headers_too_long = true;
		return 0;
	}
	t->header_bytes += n;
	return n;
}

static curl_socket_t
open_socket(
	void *arg UNUSED, curlsocktype purpose UNUSED, struct curl_sockaddr *a)
{
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int
add_header(struct transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (!list)
		return -1;
	t->headers = list;
	return 0;
}

static int
add_headers(struct transfer *t, const struct status_request *r)
{
	for (size_t i = 0; i < r->headers.len; i++)
		if (add_header(t, r->headers.v[i]) < 0)
			return -1;
	/* an answer is wanted, not a leave to send a small body */
	if (add_header(t, "Expect:") < 0)
		return -1;
	return r->auth ? add_header(t, r->auth) : 0;
}

/* Each setting is a promise of post.h: one that libcurl does not know is an
 * error. */
static int
set_options(struct transfer *t, const char *url)
{
	CURL *c = t->easy;
	CURLcode rc = CURLE_OK;

#define SET(name, value) (rc = rc ? rc : curl_easy_setopt(c, name, value))
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(t->body));
	SET(CURLOPT_POSTFIELDS, t->body);
	SET(CURLOPT_WRITEFUNCTION, got_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, got_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_PRIVATE, t);
#undef SET
	return rc ? -1 : 0;
}

static struct transfer *
transfer_new(struct poster *p, const struct status_request *r, struct err *e)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->poster = p;
	buf_init(&t->answer);
	t->body = xstrdup(r->body ? r->body : "");
	t->origin = origin_of(r->url);
	if (!t->origin) {
		err_set(e, ERR_PERM, "\"%s\" is not an http or https address",
			r->url);
		transfer_free(t);
		return NULL;
	}
	t->easy = curl_easy_init();
	if (!t->easy || add_headers(t, r) < 0 || set_options(t, r->url) < 0) {
		err_set(e, ERR_TEMP, "libcurl could not prepare the request");
		transfer_free(t);
		return NULL;
	}
	return t;
}

/* Nothing is sent yet: curl asks for its timer, the loop then runs it. */
static int
transfer_start(struct transfer *t)
{
	int64_t left = t->deadline_ms - clock_boot_ms();

	t->header_bytes = 0;
	t->error[0] = '\0';
	buf_reset(&t->answer);
	if (curl_easy_setopt(
		    t->easy, CURLOPT_TIMEOUT_MS, (long)MAX(left, (int64_t)1)) ||
		curl_multi_add_handle(t->poster->multi, t->easy))
		return -1;
	return 0;
}

/* ---- what came of it ---- */

static const char *
answer_header(const char *name, void *arg)
{
	struct transfer *t = arg;
	struct curl_header *h;

	if (curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h))
		return NULL;
	return h->value;
}

/* Trying again helps against a network, not against a configuration.  An
 * unsupported protocol is nonsense on the wire here: the address has been
 * checked. */
static enum err_code
code_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_URL_MALFORMAT:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return ERR_PERM;
	default:
		return ERR_TEMP;
	}
}

static void
why_none(const struct transfer *t, CURLcode rc, struct err *e)
{
	if (t->body_too_long)
		err_set(e, ERR_TEMP, "%s sent more than %zu KiB as its answer",
			t->origin, BODY_MAX / 1024);
	else if (t->headers_too_long)
		err_set(e, ERR_TEMP, "%s sent more than %zu KiB of headers",
			t->origin, HEADERS_MAX / 1024);
	else
		err_set(e, code_of(rc), "no answer from %s: %s", t->origin,
			t->error[0] ? t->error : curl_easy_strerror(rc));
}

static void
unlink_transfer(struct transfer *t)
{
	struct transfer **at = &t->poster->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

/* The callback may send again: the transfer is out of the list by then. */
static void
finish(struct transfer *t, CURLcode rc)
{
	struct status_answer a = { .now_s = clock_wall_ms() / 1000 };
	struct err e = { 0 };

	if (rc) {
		why_none(t, rc, &e);
		a.err = &e;
	} else {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a.code);
		a.body = t->answer.data;
		a.len = t->answer.len;
		a.header = answer_header;
		a.arg = t;
	}
	unlink_transfer(t);
	t->done(&a, &e, t->arg);
	transfer_free(t);
}

/* True when the same request is on its way to where the answer points. */
static bool
followed(struct transfer *t)
{
	char *to = NULL;
	long code = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
	if (!may_follow(t, code, to))
		return false;
	t->redirects++;
	return !curl_easy_setopt(t->easy, CURLOPT_URL, to) &&
	       !transfer_start(t);
}

static void start_waiting(struct poster *p);

/* From the loop, as poster_send promises. */
static void
tell_failed(void *arg)
{
	struct poster *p = arg;
	struct transfer *t = p->first;

	while (t && !t->failed)
		t = t->next;
	if (!t)
		return;
	loop_timer_set(p->loop, &p->failed, 0, tell_failed, p);
	p->under_way--;
	finish(t, CURLE_FAILED_INIT);
	start_waiting(p);
}

static void
start_waiting(struct poster *p)
{
	for (struct transfer *t = p->first, *next; t; t = next) {
		next = t->next;
		if (t->started)
			continue;
		if (p->under_way >= UNDER_WAY_MAX)
			return;
		t->started = true;
		p->under_way++;
		t->deadline_ms = clock_boot_ms() + t->timeout_ms;
		if (transfer_start(t) < 0) {
			t->failed = true;
			loop_timer_set(p->loop, &p->failed, 0, tell_failed, p);
		}
	}
}

static void
collect(struct poster *p)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(p->multi, &left))) {
		CURLcode rc = m->data.result;
		CURL *easy = m->easy_handle;
		struct transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
		/* m is gone with this */
		curl_multi_remove_handle(p->multi, easy);
		if (!rc && followed(t))
			continue;
		p->under_way--;
		finish(t, rc);
	}
	start_waiting(p);
}

/* ---- between curl and the loop ---- */

static void
socket_ready(int fd, uint32_t events, void *arg)
{
	struct poster *p = arg;
	int running, what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	curl_multi_socket_action(p->multi, fd, what, &running);
	collect(p);
}

static void
timer_fired(void *arg)
{
	struct poster *p = arg;
	int running;

	curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(p);
}

/* Where the loop cannot watch, the transfer ends by its deadline: an error
 * from here would end all others too. */
static int
watch_socket(
	CURL *easy UNUSED, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct poster *p = arg;
	uint32_t events = 0;
	struct err e;

	if (what == CURL_POLL_REMOVE) {
		if (watched)
			loop_del(p->loop, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (watched)
		loop_mod(p->loop, fd, events, &e);
	else if (loop_add(p->loop, fd, events, socket_ready, p, &e) == 0)
		curl_multi_assign(p->multi, fd, p);
	return 0;
}

static int
set_timer(CURLM *multi UNUSED, long ms, void *arg)
{
	struct poster *p = arg;

	if (ms < 0)
		loop_timer_cancel(p->loop, &p->timer);
	else
		loop_timer_set(p->loop, &p->timer, ms, timer_fired, p);
	return 0;
}

static int
open_multi(struct poster *p, struct err *e)
{
	static bool ready;
	CURLM *m;

	if (p->multi)
		return 0;
	if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(e, ERR_TEMP, "libcurl could not start");
	ready = true;
	m = curl_multi_init();
	if (!m)
		return err_set(e, ERR_TEMP, "libcurl could not start");
	curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(m, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(m, CURLMOPT_TIMERDATA, p);
	curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	p->multi = m;
	return 0;
}

/* ---- the poster ---- */

struct poster *
poster_new(struct loop *l)
{
	struct poster *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	return p;
}

void
poster_free(struct poster *p)
{
	if (!p)
		return;
	while (p->first) {
		struct transfer *t = p->first;

		p->first = t->next;
		if (t->started && !t->failed)
			curl_multi_remove_handle(p->multi, t->easy);
		transfer_free(t);
	}
	/* closes the idle connections, which the loop may watch */
	if (p->multi)
		curl_multi_cleanup(p->multi);
	loop_timer_cancel(p->loop, &p->timer);
	loop_timer_cancel(p->loop, &p->failed);
	free(p);
}

int
poster_send(struct poster *p, const struct status_request *r,
	int64_t timeout_ms, post_done_fn *done, void *arg, struct err *e)
{
	struct transfer **at = &p->first;
	struct transfer *t;

	if (open_multi(p, e) < 0)
		return -1;
	t = transfer_new(p, r, e);
	if (!t)
		return -1;
	t->timeout_ms = timeout_ms;
	t->done = done;
	t->arg = arg;
	while (*at)
		at = &(*at)->next;
	*at = t;
	start_waiting(p);
	return 0;
}

size_t
poster_active(const struct poster *p)
{
	size_t n = 0;

	for (const struct transfer *t = p->first; t; t = t->next)
		n++;
	return n;
}
