/* SPDX-License-Identifier: MIT */
/*
 * The floor of a delivery: libmicrohttpd on one thread of our own loop,
 * reads the body, verifies the HMAC, answers 202.  No parsing, no journal.
 * usage: floor-mhd SECRET; prints its port, ends at the end of its input.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <arpa/inet.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct req {
	char *buf;
	size_t len;
};

static const char *secret;
static struct MHD_Response *taken, *refused;

static int
good(struct MHD_Connection *c, const struct req *r)
{
	const char *h = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
		"X-Hub-Signature-256");
	unsigned char md[32];
	char hex[65];

	HMAC(EVP_sha256(), secret, (int)strlen(secret),
		(unsigned char *)r->buf, r->len, md, NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	return h && strlen(h) == 71 && !CRYPTO_memcmp(hex, h + 7, 64);
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data,
	size_t *size, void **ctx)
{
	struct req *r = *ctx;

	(void)cls;
	(void)url;
	(void)method;
	(void)version;
	if (!r) {
		*ctx = calloc(1, sizeof(*r));
		return MHD_YES;
	}
	if (*size) {
		r->buf = realloc(r->buf, r->len + *size);
		memcpy(r->buf + r->len, data, *size);
		r->len += *size;
		*size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(c, good(c, r) ? 202 : 401,
		good(c, r) ? taken : refused);
}

static void
done(void *cls, struct MHD_Connection *c, void **ctx,
	enum MHD_RequestTerminationCode why)
{
	struct req *r = *ctx;

	(void)cls;
	(void)c;
	(void)why;
	if (r)
		free(r->buf);
	free(r);
	*ctx = NULL;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const union MHD_DaemonInfo *ep, *port;
	struct MHD_Daemon *d;
	struct pollfd p[2];

	if (argc != 2)
		return 2;
	secret = argv[1];
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	taken = MHD_create_response_from_buffer(11, (void *)"{\"run\": 1}\n",
		MHD_RESPMEM_PERSISTENT);
	refused = MHD_create_response_from_buffer(0, (void *)"",
		MHD_RESPMEM_PERSISTENT);
	d = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, NULL,
		MHD_OPTION_SOCK_ADDR, &a, MHD_OPTION_NOTIFY_COMPLETED, done,
		NULL, MHD_OPTION_CONNECTION_LIMIT, 1100U, MHD_OPTION_END);
	if (!d)
		return 1;
	ep = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);
	port = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
	printf("%u\n", port->port);
	fflush(stdout);
	p[0] = (struct pollfd){ .fd = ep->listen_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = 0, .events = POLLIN };
	for (;;) {
		MHD_UNSIGNED_LONG_LONG ms;
		int wait = MHD_get_timeout(d, &ms) == MHD_YES ? (int)ms : -1;

		poll(p, 2, wait);
		if (p[1].revents)
			return 0;
		MHD_run(d);
	}
}
