/* SPDX-License-Identifier: MIT */
/*
 * load PORT CONNECTIONS COUNT SECRET: COUNT signed GitHub push deliveries
 * of about 10 KB, each another one, to 127.0.0.1 over that many kept
 * connections; prints deliveries per second.  Fails when an answer is not
 * 2xx or nothing is answered for 10 seconds.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY 10240
#define STALL_MS 10000

struct conn {
	int fd;
	char out[BODY + 1024], in[4096];
	size_t out_len, out_at, in_len;
};

static const char *secret;
static uint64_t sent, answered, wanted, salt;

static int
fcntl_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A push as GitHub sends it, filled up with the commits' messages. */
static size_t
make_body(char *to, uint64_t n)
{
	int len = snprintf(to, BODY,
		"{\"ref\":\"refs/heads/main\",\"before\":\"%040d\","
		"\"after\":\"%024llx%016llx\",\"created\":false,"
		"\"deleted\":false,\"forced\":false,"
		"\"sender\":{\"login\":\"bench\"},"
		"\"repository\":{\"id\":1,\"full_name\":\"acme/bench\"},"
		"\"head_commit\":{\"id\":\"x\",\"message\":\"m\","
		"\"author\":{\"name\":\"a\"}},\"commits\":[",
		0, (unsigned long long)salt, (unsigned long long)n);

	for (int i = 0; len < BODY - 400; i++)
		len += snprintf(to + len, (size_t)(BODY - len),
			"%s{\"id\":\"%040d\",\"message\":\"line %d of a commit "
			"message that says what was changed and why\",\"added\":"
			"[\"src/a.c\"],\"removed\":[],\"modified\":[\"README\"]}",
			i ? "," : "", i, i);
	len += snprintf(to + len, (size_t)(BODY - len), "]}");
	return (size_t)len;
}

static void
make_request(struct conn *c)
{
	static char body[BODY];
	unsigned char md[32];
	char hex[65];
	size_t n = make_body(body, ++sent);
	int head;

	HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)body,
		n, md, NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	head = snprintf(c->out, sizeof(c->out),
		"POST /hooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"Content-Type: application/json\r\nX-GitHub-Event: push\r\n"
		"X-GitHub-Delivery: %llx-%llx\r\n"
		"X-Hub-Signature-256: sha256=%s\r\n"
		"Content-Length: %zu\r\n\r\n",
		(unsigned long long)salt, (unsigned long long)sent, hex, n);
	memcpy(c->out + head, body, n);
	c->out_len = (size_t)head + n;
	c->out_at = c->in_len = 0;
}

static void
pump_out(struct conn *c)
{
	while (c->out_at < c->out_len) {
		ssize_t k = write(c->fd, c->out + c->out_at,
			c->out_len - c->out_at);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0) {
			perror("write");
			exit(1);
		}
		c->out_at += (size_t)k;
	}
}

/* One whole answer in c->in? */
static int
complete(struct conn *c)
{
	char *end, *len;

	c->in[c->in_len] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return 0;
	len = strcasestr(c->in, "content-length:");
	if (!len)
		return 1;
	return c->in_len >= (size_t)(end - c->in) + 4 +
			(size_t)strtoul(len + 15, NULL, 10);
}

static void
pump_in(struct conn *c)
{
	for (;;) {
		ssize_t k = read(c->fd, c->in + c->in_len,
			sizeof(c->in) - 1 - c->in_len);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0) {
			fprintf(stderr, "connection closed after %llu\n",
				(unsigned long long)answered);
			exit(1);
		}
		c->in_len += (size_t)k;
		if (!complete(c))
			continue;
		if (strncmp(c->in, "HTTP/1.1 2", 10)) {
			fprintf(stderr, "%s\n", c->in);
			exit(1);
		}
		answered++;
		if (sent >= wanted)
			return;
		make_request(c);
		pump_out(c);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[256];
	struct sockaddr_in a = { .sin_family = AF_INET };
	int nconns, ep = epoll_create1(0);
	struct conn *conns;
	double start;

	if (argc != 5)
		return 2;
	a.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	nconns = (int)strtol(argv[2], NULL, 10);
	wanted = strtoul(argv[3], NULL, 10);
	secret = argv[4];
	salt = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	conns = calloc((size_t)nconns, sizeof(*conns));
	for (int i = 0; i < nconns; i++) {
		struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
			.data = { .ptr = &conns[i] } };

		conns[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(conns[i].fd, (void *)&a, sizeof(a)) < 0) {
			perror("connect");
			return 1;
		}
		if (fcntl_nonblock(conns[i].fd) < 0 ||
			epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e) < 0)
			return 1;
	}
	start = now();
	for (int i = 0; i < nconns && sent < wanted; i++) {
		make_request(&conns[i]);
		pump_out(&conns[i]);
	}
	while (answered < wanted) {
		int n = epoll_wait(ep, ev, 256, STALL_MS);

		if (n == 0) {
			fprintf(stderr, "stalled after %llu answers\n",
				(unsigned long long)answered);
			return 1;
		}
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;

			pump_out(c);
			if (ev[i].events & EPOLLIN)
				pump_in(c);
		}
	}
	printf("%.0f\n", (double)wanted / (now() - start));
	return 0;
}
