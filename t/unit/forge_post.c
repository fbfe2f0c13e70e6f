/* SPDX-License-Identifier: MIT */
/*
 * What the poster promises to its caller: when callbacks come, how many are
 * under way, what is left after it.  The server is a socket in the same
 * loop; what servers can do wrong is in 0420-forge-post.sh.
 */
#include "base/base.h"
#include "forge/forge.h"
#include "forge/post.h"
#include "os/loop.h"

#include "tap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>

#define BODY "{\"state\":\"success\"}"
#define CLIENTS_MAX 32

static struct loop *loop;
static int server = -1, port;
static int clients[CLIENTS_MAX], nclients, nopen, most_open;
static bool silent; /* reads, but does not answer */

static void
client_ready(int fd, uint32_t events UNUSED, void *arg UNUSED)
{
	static const char answer[] = "HTTP/1.1 201 Created\r\n"
				     "Content-Length: 19\r\n"
				     "X-Test: one\r\n\r\n" BODY;
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n <= 0) {
		loop_del(loop, fd);
		close(fd);
		nopen--;
		return;
	}
	text[n] = '\0';
	if (!silent && write(fd, answer, sizeof(answer) - 1) < 0)
		printf("# write: %s\n", strerror(errno));
}

static void
server_ready(int fd, uint32_t events UNUSED, void *arg UNUSED)
{
	struct err e;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (c < 0 || nclients == CLIENTS_MAX)
		return;
	clients[nclients++] = c;
	nopen++;
	most_open = MAX(most_open, nopen);
	loop_add(loop, c, EPOLLIN, client_ready, NULL, &e);
}

static void
listen_on_any(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	struct err e;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(server, 32) < 0 ||
		getsockname(server, (struct sockaddr *)&a, &len) < 0) {
		perror("listen");
		exit(1);
	}
	port = ntohs(a.sin_port);
	loop_add(loop, server, EPOLLIN, server_ready, NULL, &e);
}

struct seen {
	struct poster *poster;
	int calls;
	long code;
	char body[64], header[16];
	enum err_code error;
	bool in_send, was_in_send;
	int send_again;
};

static int send_to(struct seen *s, const char *url, int64_t timeout_ms);

static void
on_answer(const struct status_answer *a, const struct err *e, void *arg)
{
	struct seen *s = arg;
	const char *h = a->header ? a->header("x-TEST", a->arg) : NULL;

	s->calls++;
	s->code = a->code;
	s->error = e->code;
	s->was_in_send |= s->in_send;
	snprintf(s->body, sizeof(s->body), "%.*s", (int)a->len,
		a->body ? a->body : "");
	snprintf(s->header, sizeof(s->header), "%s", h ? h : "");
	if (s->send_again-- > 0)
		send_to(s, NULL, 5000);
}

/* url NULL: our server.  What poster_send returns. */
static int
send_to(struct seen *s, const char *url, int64_t timeout_ms)
{
	struct status_request r = {
		.url = url ? xstrdup(url)
			   : xasprintf("http://127.0.0.1:%d/x", port),
		.auth = xstrdup("Authorization: Bearer t0ken"),
		.body = xstrdup("{}"),
	};
	struct err e;
	int rc;

	strv_add(&r.headers, "Content-Type: application/json");
	s->in_send = true;
	rc = poster_send(s->poster, &r, timeout_ms, on_answer, s, &e);
	s->in_send = false;
	status_request_release(&r);
	return rc;
}

/* Turns the loop until so many calls came, or nothing happens for 5 s. */
static void
run_until(const struct seen *s, int calls)
{
	struct err e;

	for (int i = 0; i < 1000 && s->calls < calls; i++)
		loop_once(loop, 5000, &e);
}

static size_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void
test_one(void)
{
	struct seen s = { .poster = poster_new(loop) };

	is_int(poster_active(s.poster), 0, "a new poster has nothing to do");
	is_int(send_to(&s, NULL, 5000), 0, "a request is taken");
	is_int(s.calls, 0, "nothing is called by poster_send");
	is_int(poster_active(s.poster), 1, "the request counts until then");
	run_until(&s, 1);
	is_int(s.calls, 1, "the callback comes from the loop");
	is_int(s.code, 201, "it has the code");
	is_str(s.body, BODY, "it has the body");
	is_str(s.header, "one", "headers are found in any case");
	is_int(s.error, ERR_NONE, "it has no error");
	is_int(poster_active(s.poster), 0, "nothing is left");
	s.send_again = 3;
	send_to(&s, NULL, 5000);
	run_until(&s, 5);
	is_int(s.calls, 5, "a callback may send again");
	ok(!s.was_in_send, "no callback ever ran inside of poster_send");
	is_int(nclients, 1, "one after the other goes over one connection");
	poster_free(s.poster);
}

static void
test_many(void)
{
	struct seen s = { .poster = poster_new(loop) };

	nclients = nopen = most_open = 0;
	for (int i = 0; i < 20; i++)
		send_to(&s, NULL, 5000);
	is_int(poster_active(s.poster), 20, "those that wait count too");
	run_until(&s, 20);
	is_int(s.calls, 20, "each of 20 has its callback");
	ok(most_open <= 8, "at most 8 were under way (%d)", most_open);
	poster_free(s.poster);
}

static void
test_bad_addresses(void)
{
	static const char *const urls[] = { "file:///etc/passwd", "ftp://h/x",
		"api.example.org", "https://", "", "http://me:pw@127.0.0.1/" };
	struct seen s = { .poster = poster_new(loop) };

	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		ok(send_to(&s, urls[i], 5000) < 0,
			"the address \"%s\" is refused at once", urls[i]);
	is_int(poster_active(s.poster), 0, "nothing of them is left");
	poster_free(s.poster);
	is_int(s.calls, 0, "nothing was called for them");
}

static void
test_deadline(void)
{
	struct seen s = { .poster = poster_new(loop) };

	silent = true;
	send_to(&s, NULL, 100);
	run_until(&s, 1);
	is_int(s.calls, 1, "without an answer the callback comes in time");
	is_int(s.code, 0, "it has no code");
	is_int(s.error, ERR_TEMP, "trying again may help");
	silent = false;
	send_to(&s, NULL, 5000);
	run_until(&s, 2);
	is_int(s.code, 201, "the next request is not disturbed");
	poster_free(s.poster);
}

static void
test_free(void)
{
	size_t before = open_fds();
	struct seen s = { .poster = poster_new(loop) };
	struct err e;

	silent = true;
	nclients = nopen = 0;
	for (int i = 0; i < 12; i++)
		send_to(&s, NULL, 5000);
	for (int i = 0; i < 100 && nclients < 8; i++)
		loop_once(loop, 1000, &e);
	is_int(nclients, 8, "eight are under way, four wait");
	poster_free(s.poster);
	for (int i = 0; i < 100 && nopen; i++)
		loop_once(loop, 1000, &e);
	is_int(nopen, 0, "when the poster goes, its connections are closed");
	is_int(s.calls, 0, "and nothing is called");
	is_int(open_fds(), before, "and no descriptor is left");
	silent = false;
}

int
main(void)
{
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	loop = loop_new(&e);
	if (!loop)
		return 1;
	listen_on_any();
	test_one();
	test_many();
	test_bad_addresses();
	test_deadline();
	test_free();
	loop_free(loop);
	close(server);
	return tap_done();
}
