/* SPDX-License-Identifier: MIT */
/*
 * Sends the same request over N kept connections of this machine, each the
 * next as soon as the last was answered, TOTAL in all, and prints
 * "OK ERRORS RATE P50 P99 MAX" (requests a second, milliseconds).  With
 * --fresh each delivery gets a body and a signature of its own.
 *
 *	webload PORT N TOTAL PATH BODY-FILE [HEADER: VALUE]...
 *	webload --fresh PORT N TOTAL PATH SECRET-FILE
 *
 * Ends with status 1 when a request is not answered within 10 s (a stall).
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "os/fd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define STALL_MS 10000
#define CONNECTIONS_MAX 4000
#define TOTAL_MAX 10000000
#define EVENTS 256

struct client {
	int fd;
	int64_t sent_ns;
	struct buf in;
};

struct load {
	int64_t port, n, total;
	const char *path;
	char *secret;
	struct buf fixed; /* the request, when it is the same each time */
	struct client *clients;
	int epfd;
	int64_t sent, ok, errors, *took_ns;
};

static int
fail(const char *what)
{
	fprintf(stderr, "webload: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- requests ---- */

static void
put_request(struct buf *out, const char *path, const char *headers,
	const char *body, size_t len)
{
	buf_addf(out,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"Content-Type: application/json\r\n%s"
		"Content-Length: %zu\r\n\r\n",
		path, headers, len);
	buf_add(out, body, len);
}

static void
put_fresh(const struct load *l, struct buf *out)
{
	AUTO(buf_release) struct buf body = BUF_INIT;
	AUTO(buf_release) struct buf headers = BUF_INIT;
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int sum_len = 0;

	buf_addf(&body,
		"{\"ref\":\"refs/heads/main\",\"deleted\":false,"
		"\"before\":\"%040d\",\"after\":\"%040" PRIx64 "\","
		"\"sender\":{\"login\":\"load\"},\"repository\":"
		"{\"id\":1,\"full_name\":\"acme/load\"},"
		"\"head_commit\":{\"message\":\"m\"}}",
		0, (uint64_t)l->sent + 1);
	HMAC(EVP_sha256(), l->secret, (int)strlen(l->secret),
		(const unsigned char *)body.data, body.len, sum, &sum_len);
	hex_put(hex, sum, sum_len);
	buf_addf(&headers,
		"X-GitHub-Event: push\r\nX-GitHub-Delivery: load-%" PRId64
		"\r\nX-Hub-Signature-256: sha256=%s\r\n",
		l->sent, hex);
	put_request(out, l->path, headers.data, body.data, body.len);
}

/* ---- connections ---- */

static void
dial(struct load *l, struct client *c)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = c } };
	int one = 1;

	in.sin_port = htons((uint16_t)l->port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&in, sizeof(in)))
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		fail("epoll");
}

static void
send_next(struct load *l, struct client *c)
{
	AUTO(buf_release) struct buf fresh = BUF_INIT;
	const struct buf *out = &l->fixed;
	struct err e;

	if (l->sent == l->total)
		return;
	if (l->secret) {
		put_fresh(l, &fresh);
		out = &fresh;
	}
	l->sent++;
	c->sent_ns = clock_boot_ns();
	if (fd_write_all(c->fd, out->data, out->len, &e) < 0)
		fail("send");
}

/* A whole answer: its status, else 0. */
static int
answer_status(const struct buf *b)
{
	const char *end = strstr(b->data, "\r\n\r\n");
	const char *len = strcasestr(b->data, "\r\nContent-Length: ");
	int64_t n, status;
	AUTO(freep) char *text = NULL;

	if (!end || !len || len > end)
		return 0;
	len += strlen("\r\nContent-Length: ");
	text = xstrndup(len, strcspn(len, "\r"));
	if (num_parse(text, 0, INT32_MAX, &n) < 0 ||
		(int64_t)b->len < end + 4 - b->data + n)
		return 0;
	free(text);
	text = xstrndup(b->data + strlen("HTTP/1.1 "), 3);
	return num_parse(text, 100, 599, &status) < 0 ? 599 : (int)status;
}

static void
on_input(struct load *l, struct client *c)
{
	ssize_t n = read(c->fd, buf_room(&c->in, 4096), 4096);
	int status;

	if (n > 0) {
		buf_grown(&c->in, (size_t)n);
		status = answer_status(&c->in);
		if (!status)
			return;
		if (status < 300)
			l->took_ns[l->ok++] = clock_boot_ns() - c->sent_ns;
		else
			l->errors++;
		if (!strcasestr(c->in.data, "\r\nConnection: close")) {
			buf_reset(&c->in);
			send_next(l, c);
			return;
		}
	} else {
		l->errors++;
	}
	buf_reset(&c->in);
	close(c->fd);
	dial(l, c);
	send_next(l, c);
}

static void
load_release(struct load *l)
{
	for (int64_t i = 0; i < l->n; i++) {
		close(l->clients[i].fd);
		buf_release(&l->clients[i].in);
	}
	free(l->clients);
	free(l->took_ns);
	free(l->secret);
	buf_release(&l->fixed);
	close(l->epfd);
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double
ms_at(const struct load *l, int64_t percent)
{
	int64_t at = l->ok * percent / 100;

	if (!l->ok)
		return 0;
	return (double)l->took_ns[MIN(at, l->ok - 1)] / 1e6;
}

static int
run(struct load *l)
{
	struct epoll_event ev[EVENTS];
	int64_t start = clock_boot_ns();
	double s;

	for (int64_t i = 0; i < l->n; i++)
		dial(l, &l->clients[i]);
	for (int64_t i = 0; i < l->n; i++)
		send_next(l, &l->clients[i]);
	while (l->ok + l->errors < l->total) {
		int n = epoll_wait(l->epfd, ev, EVENTS, STALL_MS);

		if (n <= 0) {
			fprintf(stderr,
				"webload: stalled after %" PRId64 " answers\n",
				l->ok + l->errors);
			return 1;
		}
		for (int i = 0; i < n; i++)
			on_input(l, ev[i].data.ptr);
	}
	s = (double)(clock_boot_ns() - start) / 1e9;
	qsort(l->took_ns, (size_t)l->ok, sizeof(*l->took_ns), by_size);
	printf("%" PRId64 " %" PRId64 " %.0f %.2f %.2f %.2f\n", l->ok,
		l->errors, (double)l->total / s, ms_at(l, 50), ms_at(l, 99),
		ms_at(l, 100));
	return 0;
}

static void
read_body(struct load *l, const char *file, char **headers, int n)
{
	AUTO(buf_release) struct buf h = BUF_INIT;
	AUTO(freep) char *body = NULL;
	struct err e;
	size_t len;

	for (int i = 0; i < n; i++)
		buf_addf(&h, "%s\r\n", headers[i]);
	if (fd_slurp_at(AT_FDCWD, file, (size_t)64 << 20, &body, &len, &e) < 0)
		fail("the body");
	put_request(&l->fixed, l->path, h.data, body, len);
}

int
main(int argc, char **argv)
{
	struct load l = { .epfd = epoll_create1(EPOLL_CLOEXEC) };
	bool fresh = argc > 1 && str_eq(argv[1], "--fresh");
	char **a = argv + 1 + fresh;
	struct err e;
	int rc;

	argc -= 1 + fresh;
	if (argc < 5 || num_parse(a[0], 1, 65535, &l.port) < 0 ||
		num_parse(a[1], 1, CONNECTIONS_MAX, &l.n) < 0 ||
		num_parse(a[2], 1, TOTAL_MAX, &l.total) < 0) {
		fprintf(stderr, "usage: webload [--fresh] PORT N TOTAL PATH "
				"BODY-FILE|SECRET-FILE [HEADER]...\n");
		return 2;
	}
	buf_init(&l.fixed);
	l.path = a[3];
	if (fresh) {
		char *secret;

		if (fd_slurp_at(AT_FDCWD, a[4], 4096, &secret, NULL, &e) < 0)
			fail("the secret");
		secret[strcspn(secret, "\r\n")] = '\0';
		l.secret = secret;
	} else {
		read_body(&l, a[4], a + 5, argc - 5);
	}
	l.clients = xcalloc((size_t)l.n, sizeof(*l.clients));
	l.took_ns = xcalloc((size_t)l.total, sizeof(*l.took_ns));
	for (int64_t i = 0; i < l.n; i++)
		buf_init(&l.clients[i].in);
	rc = run(&l);
	load_release(&l);
	return rc;
}
