/* SPDX-License-Identifier: MIT */
/* See http.h. */
#include "base/base.h"
#include "cli/http.h"

#include "base/clock.h"
#include "base/enc.h"
#include "os/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define READ_SIZE 65536

struct conn {
	int fd;
	const struct http_call *q;
	struct http_answer *a;
	struct buf in;
	struct http_framing frame;
	int64_t deadline; /* CLOCK_BOOTTIME; 0: none */
};

void
http_answer_init(struct http_answer *a)
{
	*a = (struct http_answer){ 0 };
	buf_init(&a->body);
}

void
http_answer_release(struct http_answer *a)
{
	buf_release(&a->body);
}

/* A socket's name has 107 bytes at most: a longer one is reached through
 * its folder's descriptor, which must stay open until the connect. */
static int
fill_addr(struct sockaddr_un *sa, const char *path, int *ret_dir, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO(freep) char *dir = NULL;

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(sa->sun_path)) {
		memcpy(sa->sun_path, path, strlen(path) + 1);
		return 0;
	}
	dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return err_sys(e, "open '%s'", dir);
	if ((size_t)snprintf(sa->sun_path, sizeof(sa->sun_path),
		    "/proc/self/fd/%d/%s", *ret_dir,
		    slash ? slash + 1 : path) >= sizeof(sa->sun_path))
		return err_set(e, ERR_PERM, "the socket's name is too long");
	return 0;
}

static int
dial(const struct http_call *q, int64_t wait_ms, int *ret_fd, struct err *e)
{
	AUTO(fd_closep) int fd = -1, dir = -1;
	struct timeval tv = { wait_ms / 1000, wait_ms % 1000 * 1000 };
	struct sockaddr_un sa;

	if (fill_addr(&sa, q->socket, &dir, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	/* A full backlog makes connect wait, for as long as a send may. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == EAGAIN)
			return err_set(e, ERR_TEMP, "it does not answer");
		return err_set(e, ERR_TEMP, "%s", strerror(errno));
	}
	if (fd_nonblock(fd, e) < 0)
		return -1;
	*ret_fd = STEAL_FD(fd);
	return 0;
}

/* How long poll may wait, in view of the deadline and the tick. */
static int
poll_ms(const struct conn *c)
{
	int64_t left = -1;

	if (c->deadline)
		left = MAX(c->deadline - clock_boot_ms(), 0);
	if (c->q->tick_ms && (left < 0 || c->q->tick_ms < left))
		left = c->q->tick_ms;
	return (int)MIN(left, INT_MAX);
}

/* Waits for the socket; 1: the watch ended it. */
static int
wait_ready(struct conn *c, short events, struct err *e)
{
	struct pollfd p[2] = { { c->fd, events, 0 },
		{ c->q->watch_fd, POLLIN, 0 } };
	nfds_t n = c->q->watch_fd > 0 ? 2 : 1;

	for (;;) {
		int rc = poll(p, n, poll_ms(c));

		if (rc < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (rc > 0 && n == 2 && p[1].revents &&
			c->q->on_watch(c->q->arg))
			return 1;
		if (rc > 0 && p[0].revents)
			return 0;
		if (rc == 0 && c->q->tick_ms)
			c->q->on_tick(c->q->arg);
		if (c->deadline && clock_boot_ms() >= c->deadline)
			return err_set(e, ERR_TEMP, "it does not answer");
	}
}

/* An agent that refuses early closes its side: the answer is there all the
 * same, so a broken pipe is not the end. */
static int
send_request(struct conn *c, const struct buf *req, struct err *e)
{
	size_t at = 0;

	while (at < req->len) {
		ssize_t n = send(
			c->fd, req->data + at, req->len - at, MSG_NOSIGNAL);
		int rc;

		if (n >= 0) {
			at += (size_t)n;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return err_sys(e, "send");
		rc = wait_ready(c, POLLOUT, e);
		if (rc)
			return rc;
	}
	c->a->sent = true;
	return 0;
}

/* 1 with more bytes in c->in, 0 at the end of the stream, 2 when the watch
 * ended it. */
static int
receive(struct conn *c, struct err *e)
{
	for (;;) {
		char *at = buf_room(&c->in, READ_SIZE);
		ssize_t n = recv(c->fd, at, READ_SIZE, 0);
		int rc;

		if (n > 0) {
			buf_grown(&c->in, (size_t)n);
			return 1;
		}
		if (n == 0 || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return err_sys(e, "receive");
		rc = wait_ready(c, POLLIN, e);
		if (rc)
			return rc < 0 ? -1 : 2;
	}
}

static int
header_line(struct conn *c, char *line, struct err *e)
{
	char *value = strchr(line, ':');
	int64_t n;

	if (!value)
		return 0;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (!strcasecmp(line, "content-length")) {
		if (num_parse(value, 0, INT64_MAX, &n) < 0)
			return err_set(e, ERR_TEMP,
				"its answer has a bad Content-Length");
		if (c->frame.frame != FRAME_CHUNKED) {
			c->frame.frame = FRAME_LENGTH;
			c->frame.left = n;
		}
	} else if (!strcasecmp(line, "transfer-encoding")) {
		if (!strcasecmp(value, "chunked"))
			c->frame =
				(struct http_framing){ .frame = FRAME_CHUNKED };
	} else if (!strcasecmp(line, "content-type")) {
		snprintf(c->a->type, sizeof(c->a->type), "%s", value);
	}
	return 0;
}

/* The head is in c->in, head_len bytes of it. */
static int
parse_head(struct conn *c, size_t head_len, struct err *e)
{
	AUTO(freep) char *head = xstrndup(c->in.data, head_len);
	char *rest = head, *line = strsep(&rest, "\n");
	int64_t status;

	c->frame = (struct http_framing){ .frame = FRAME_CLOSE };
	if (strlen(line) < 12 || !str_starts(line, "HTTP/1.") || line[8] != ' ')
		return err_set(e, ERR_TEMP, "its answer is not HTTP");
	line[12] = '\0';
	if (num_parse(line + 9, 100, 599, &status) < 0)
		return err_set(e, ERR_TEMP, "its answer is not HTTP");
	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (header_line(c, line, e) < 0)
			return -1;
	}
	c->a->status = (int)status;
	if (status == 204 || status == 304)
		c->frame = (struct http_framing){ .frame = FRAME_LENGTH };
	return 0;
}

static int
read_head(struct conn *c, struct err *e)
{
	for (;;) {
		const char *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
		int rc;

		if (end) {
			size_t n = (size_t)(end - c->in.data);

			if (parse_head(c, n, e) < 0)
				return -1;
			buf_drop(&c->in, n + 4);
			if (c->a->status >= 200)
				return 0;
			c->a->status = 0;
			continue;
		}
		if (c->in.len > HTTP_HEAD_MAX)
			return err_set(e, ERR_TEMP, "its answer is not HTTP");
		rc = receive(c, e);
		if (rc == 2)
			return 1;
		if (rc == 0)
			return err_set(e, ERR_TEMP,
				"it closed the connection without an answer");
		if (rc < 0)
			return -1;
	}
}

static int
keep_body(const char *p, size_t n, void *arg)
{
	struct http_answer *a = arg;

	if (a->body.len + n > HTTP_BODY_MAX)
		return 1;
	buf_add(&a->body, p, n);
	return 0;
}

static int
read_body(struct conn *c, struct err *e)
{
	bool streams = c->q->on_body && c->a->status / 100 == 2;
	http_body_fn *fn = streams ? c->q->on_body : keep_body;
	void *arg = streams ? c->q->arg : c->a;

	for (;;) {
		int rc =
			http_unframe(&c->frame, c->in.data, c->in.len, fn, arg);

		buf_reset(&c->in);
		if (rc == 1)
			return 0;
		if (rc == 2 && streams)
			return 1;
		if (rc == 2)
			return err_set(e, ERR_TEMP, "its answer is too large");
		if (rc < 0)
			return err_set(e, ERR_TEMP, "its answer is garbled");
		c->deadline = c->q->idle_ms ? clock_boot_ms() + c->q->idle_ms
			      : streams     ? 0
					    : c->deadline;
		rc = receive(c, e);
		if (rc == 0 && c->frame.frame == FRAME_CLOSE)
			return 0;
		if (rc == 0)
			return err_set(e, ERR_TEMP, "its answer was cut short");
		if (rc != 1)
			return rc < 0 ? -1 : 1;
	}
}

int
http_call(const struct http_call *q, struct http_answer *a, struct err *e)
{
	int64_t wait_ms = q->answer_ms ? q->answer_ms : HTTP_ANSWER_MS;
	AUTO(buf_release) struct buf req = BUF_INIT;
	AUTO(fd_closep) int fd = -1;
	struct conn c = { .q = q, .a = a };
	int rc;

	c.deadline = clock_boot_ms() + wait_ms;
	if (dial(q, wait_ms, &fd, e) < 0)
		return -1;
	c.fd = fd;
	buf_addf(&req,
		"%s %s HTTP/1.1\r\nHost: localhost\r\n"
		"User-Agent: tellus/" PACKAGE_VERSION "\r\n"
		"Connection: close\r\n",
		q->method, q->path);
	if (q->body)
		buf_addf(&req,
			"Content-Type: application/json\r\n"
			"Content-Length: %zu\r\n",
			strlen(q->body));
	else if (!str_eq(q->method, "GET"))
		buf_addz(&req, "Content-Length: 0\r\n");
	buf_addf(&req, "\r\n%s", q->body ? q->body : "");
	buf_init(&c.in);
	rc = send_request(&c, &req, e);
	if (rc == 0)
		rc = read_head(&c, e);
	if (rc == 0)
		rc = read_body(&c, e);
	buf_release(&c.in);
	return rc;
}
