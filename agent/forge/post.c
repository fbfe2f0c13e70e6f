/* SPDX-License-Identifier: MIT */
/*
 * See post.h.  libcurl's multi interface tells which sockets and which
 * timer it wants, and our loop watches them.  What an answer means is not
 * known here (verdict.c), nor when to try again.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/strv.h"
#include "forge/forge.h"
#include "forge/post.h"
#include "os/loop.h"

#include <curl/curl.h>
#include <strings.h>

#define ACTIVE_MAX 8
#define ANSWER_MAX ((size_t)256 << 10)
#define HEADERS_MAX ((size_t)64 << 10) /* of all lines together */
#define CONNECT_MS 10000L

struct transfer {
	struct poster *p;
	struct transfer *next;
	CURL *easy;
	struct curl_slist *lines;
	char *url, *body;
	int64_t timeout_ms;
	post_done_fn *done;
	void *arg;
	/* the answer */
	struct buf text;
	struct strv headers;
	size_t header_bytes;
	const char *too_long; /* what of it was, or NULL */
	bool redirected;
	char why[CURL_ERROR_SIZE];
};

struct poster {
	struct loop *l;
	CURLM *multi; /* NULL until the first call out */
	struct loop_timer timer;
	struct transfer *running, *waiting, **waiting_end;
	size_t nrunning, nwaiting;
};

struct poster *
poster_new(struct loop *l)
{
	struct poster *p = xcalloc(1, sizeof(*p));

	p->l = l;
	p->waiting_end = &p->waiting;
	return p;
}

static void
transfer_free(struct transfer *t)
{
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->lines);
	free(t->url);
	free(t->body);
	buf_release(&t->text);
	strv_release(&t->headers);
	free(t);
}

static void
free_list(struct poster *p, struct transfer *t)
{
	while (t) {
		struct transfer *next = t->next;

		if (p->multi && t->easy)
			curl_multi_remove_handle(p->multi, t->easy);
		transfer_free(t);
		t = next;
	}
}

void
poster_free(struct poster *p)
{
	if (!p)
		return;
	free_list(p, p->running);
	free_list(p, p->waiting);
	if (p->multi)
		curl_multi_cleanup(p->multi);
	loop_timer_cancel(p->l, &p->timer);
	free(p);
}

size_t
poster_active(const struct poster *p)
{
	return p->nrunning + p->nwaiting;
}

/* Anything but n ends the transfer. */
static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count;

	if (n > ANSWER_MAX - t->text.len) {
		t->too_long = "the answer is longer than 256 KiB";
		return 0;
	}
	buf_add(&t->text, data, n);
	return n;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count, len = n;

	if (len > 5 && !memcmp(data, "HTTP/", 5))
		strv_release(&t->headers); /* after a 100, say */
	t->header_bytes += n;
	if (t->header_bytes > HEADERS_MAX) {
		t->too_long = "the answer's headers are longer than 64 KiB";
		return 0;
	}
	while (len && strchr("\r\n", data[len - 1]))
		len--;
	strv_give(&t->headers, xstrndup(data, len));
	return n;
}

static const char *
answer_header(const char *name, void *arg)
{
	const struct transfer *t = arg;
	size_t n = strlen(name);

	for (size_t i = 0; i < t->headers.len; i++) {
		const char *line = t->headers.v[i];

		if (!strncasecmp(line, name, n) && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

static int
set_up(struct transfer *t, struct err *e)
{
	CURL *c = t->easy;
	CURLcode rc = CURLE_OK;

	rc |= curl_easy_setopt(c, CURLOPT_URL, t->url);
	rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	rc |= curl_easy_setopt(c, CURLOPT_POST, 1L);
	rc |= curl_easy_setopt(
		c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(t->body));
	rc |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, t->body);
	rc |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->lines);
	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	/* an empty proxy also shuts out what the environment says */
	rc |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(
		c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
	rc |= curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	return rc ? err_set(e, ERR_PERM, "libcurl lacks an option") : 0;
}

/* Errors that the same request will meet again. */
static enum err_code
code_of(CURLcode rc)
{
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		return ERR_DENIED;
	case CURLE_URL_MALFORMAT:
	case CURLE_SSL_CACERT_BADFILE:
		return ERR_PERM;
	default:
		return ERR_TEMP;
	}
}

/* Scheme, host and port of both are the same, and nobody is named in it. */
static bool
same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST,
		CURLUPART_PORT };
	CURLU *u = curl_url(), *v = curl_url();
	bool same = u && v && !curl_url_set(u, CURLUPART_URL, a, 0) &&
		    !curl_url_set(v, CURLUPART_URL, b, 0);
	char *user = NULL;

	for (size_t i = 0; same && i < ARRAY_LEN(parts); i++) {
		char *x = NULL, *y = NULL;

		same = !curl_url_get(u, parts[i], &x, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(v, parts[i], &y, CURLU_DEFAULT_PORT) &&
		       !strcasecmp(x, y);
		curl_free(x);
		curl_free(y);
	}
	if (same && curl_url_get(v, CURLUPART_USER, &user, 0) == CURLUE_OK)
		same = false;
	curl_free(user);
	curl_url_cleanup(u);
	curl_url_cleanup(v);
	return same;
}

/*
 * Where to send the same request again, or NULL.  Only for codes that keep
 * the method (GitHub sends 301 for a renamed repository and expects that
 * too), once, and never to another origin, which would get the token.
 */
static char *
next_url(const struct transfer *t, long code)
{
	char *to = NULL;

	if (t->redirected || (code != 301 && code != 307 && code != 308))
		return NULL;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
	return to && same_origin(t->url, to) ? xstrdup(to) : NULL;
}

static void start_waiting(struct poster *p);

static void
unlink_running(struct transfer *t)
{
	struct transfer **at = &t->p->running;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->p->nrunning--;
}

static void
finish(struct transfer *t, long code, const struct err *e)
{
	struct status_answer a = {
		.code = code,
		.body = t->text.data,
		.len = t->text.len,
		.header = answer_header,
		.arg = t,
		.now_s = clock_wall_ms() / 1000,
		.err = code ? NULL : e,
	};

	t->done(&a, e, t->arg);
	transfer_free(t);
}

/* The same request once more; false when it can not be made. */
static bool
send_again(struct transfer *t, char *url)
{
	free(t->url);
	t->url = url;
	t->redirected = true;
	t->header_bytes = 0;
	buf_reset(&t->text);
	strv_release(&t->headers);
	return !curl_easy_setopt(t->easy, CURLOPT_URL, t->url) &&
	       !curl_multi_add_handle(t->p->multi, t->easy);
}

static void
on_end(struct transfer *t, CURLcode rc)
{
	struct err e = { 0 };
	long code = 0;
	char *url;

	curl_multi_remove_handle(t->p->multi, t->easy);
	if (!rc)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
	url = rc ? NULL : next_url(t, code);
	if (url && send_again(t, url))
		return;
	unlink_running(t);
	if (rc)
		err_set(&e, code_of(rc), "%s: %s", t->url,
			t->too_long ? t->too_long
			: t->why[0] ? t->why
				    : curl_easy_strerror(rc));
	finish(t, rc ? 0 : code, &e);
}

/* Callbacks come after libcurl has returned, so they may send again. */
static void
take_ended(struct poster *p)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(p->multi, &left))) {
		struct transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		on_end(t, m->data.result);
	}
	start_waiting(p);
}

static void
on_ready(int fd, uint32_t events, void *arg)
{
	struct poster *p = arg;
	int mask = 0, running;

	if (events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(p->multi, fd, mask, &running);
	take_ended(p);
}

static void
on_timer(void *arg)
{
	struct poster *p = arg;
	int running;

	curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_ended(p);
}

static int
want_socket(
	CURL *easy UNUSED, curl_socket_t fd, int what, void *arg, void *known)
{
	struct poster *p = arg;
	uint32_t events = 0;
	struct err e;

	if (what == CURL_POLL_REMOVE) {
		loop_del(p->l, fd);
		curl_multi_assign(p->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	if (known)
		return loop_mod(p->l, fd, events, &e);
	curl_multi_assign(p->multi, fd, p);
	return loop_add(p->l, fd, events, on_ready, p, &e);
}

static int
want_timer(CURLM *multi UNUSED, long ms, void *arg)
{
	struct poster *p = arg;

	if (ms < 0)
		loop_timer_cancel(p->l, &p->timer);
	else
		loop_timer_set(p->l, &p->timer, ms, on_timer, p);
	return 0;
}

/* libcurl costs a process that never calls out nothing this way. */
static int
start_curl(struct poster *p, struct err *e)
{
	static bool done;
	CURLMcode rc = CURLM_OK;

	if (p->multi)
		return 0;
	if (!done && curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(e, ERR_TEMP, "libcurl can not start");
	done = true;
	p->multi = curl_multi_init();
	if (!p->multi)
		return err_set(e, ERR_TEMP, "libcurl can not start");
	rc |= curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	rc |= curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	rc |= curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	rc |= curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	rc |= curl_multi_setopt(
		p->multi, CURLMOPT_MAXCONNECTS, (long)ACTIVE_MAX);
	return rc ? err_set(e, ERR_TEMP, "libcurl lacks an option") : 0;
}

static void
start_waiting(struct poster *p)
{
	while (p->nrunning < ACTIVE_MAX && p->waiting) {
		struct transfer *t = p->waiting;

		p->waiting = t->next;
		if (!p->waiting)
			p->waiting_end = &p->waiting;
		p->nwaiting--;
		t->next = p->running;
		p->running = t;
		p->nrunning++;
		/* fails for lack of memory only, and then libcurl's timer
		 * never reports it: so it is reported here */
		if (curl_multi_add_handle(p->multi, t->easy)) {
			struct err e;

			unlink_running(t);
			err_set(&e, ERR_TEMP, "libcurl takes no request");
			finish(t, 0, &e);
		}
	}
}

static int
add_line(struct transfer *t, const char *line, struct err *e)
{
	struct curl_slist *lines;

	if (strpbrk(line, "\r\n"))
		return err_set(e, ERR_PERM, "a header line has a line break");
	lines = curl_slist_append(t->lines, line);
	if (!lines)
		return err_set(e, ERR_TEMP, "out of memory");
	t->lines = lines;
	return 0;
}

static int
copy_request(struct transfer *t, const struct status_request *r, struct err *e)
{
	t->url = xstrdup(r->url);
	t->body = xstrdup(r->body ? r->body : "");
	for (size_t i = 0; i < r->headers.len; i++)
		if (add_line(t, r->headers.v[i], e) < 0)
			return -1;
	if (r->auth && add_line(t, r->auth, e) < 0)
		return -1;
	/* no round trip to ask whether a body is welcome */
	return add_line(t, "Expect:", e);
}

int
poster_send(struct poster *p, const struct status_request *r,
	int64_t timeout_ms, post_done_fn *done, void *arg, struct err *e)
{
	struct transfer *t;

	if (!str_starts(r->url, "https://") && !str_starts(r->url, "http://"))
		return err_set(e, ERR_PERM,
			"\"%.100s\" is neither http nor "
			"https",
			r->url);
	if (start_curl(p, e) < 0)
		return -1;
	t = xcalloc(1, sizeof(*t));
	buf_init(&t->text);
	t->p = p;
	t->timeout_ms = timeout_ms;
	t->done = done;
	t->arg = arg;
	t->easy = curl_easy_init();
	if (!t->easy)
		err_set(e, ERR_TEMP, "libcurl can not start");
	if (!t->easy || copy_request(t, r, e) < 0 || set_up(t, e) < 0) {
		transfer_free(t);
		return -1;
	}
	*p->waiting_end = t;
	p->waiting_end = &t->next;
	p->nwaiting++;
	start_waiting(p);
	return 0;
}
