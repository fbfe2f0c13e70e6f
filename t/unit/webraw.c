/* SPDX-License-Identifier: MIT */
/*
 * A client that says exactly what it is told, for tests of the web server:
 *
 *	webraw send PORT MS     sends standard input, prints what comes back;
 *	                        the last line says "closed" when the server
 *	                        ended the connection, "reset" when it did so
 *	                        rudely, "open" when MS milliseconds passed
 *	                        without a byte
 *	webraw hold PORT N      opens N connections that each send a part of
 *	                        a request line, prints "ready", and at the end
 *	                        of standard input how many are still open
 *	webraw drip PORT MS HEAD-FILE
 *	                        sends the file, then a byte every 100 ms until
 *	                        the server closes or MS have passed; prints
 *	                        the milliseconds that it took
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/enc.h"
#include "os/fd.h"

#include <netinet/in.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#define SEND_MAX ((size_t)64 << 20)

static int
die(const char *what)
{
	fprintf(stderr, "webraw: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int
dial(const char *port_text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int64_t port;
	int fd;

	if (num_parse(port_text, 1, 65535, &port) < 0)
		die("the port is not a number");
	in.sin_port = htons((uint16_t)port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		die("connect");
	return fd;
}

/* 1 data, 0 closed, -1 nothing for that long. */
static int
wait_byte(int fd, int ms, char *to, size_t max, ssize_t *ret_n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return -1;
	*ret_n = read(fd, to, max);
	return *ret_n > 0;
}

static int
cmd_send(const char *port, const char *ms_text)
{
	AUTO(buf_release) struct buf in = BUF_INIT;
	char piece[65536];
	struct err e;
	int64_t ms;
	bool was_reset;
	ssize_t n = 0;
	int fd = dial(port), rc;

	if (num_parse(ms_text, 1, 600000, &ms) < 0 ||
		fd_slurp(0, SEND_MAX, &in, &e) < 0)
		die("send");
	was_reset = fd_write_all(fd, in.data, in.len, &e) < 0;
	while ((rc = wait_byte(fd, (int)ms, piece, sizeof(piece), &n)) > 0)
		fwrite(piece, 1, (size_t)n, stdout);
	was_reset |= !rc && n < 0;
	printf("\n%s\n", was_reset ? "reset" : rc ? "open" : "closed");
	close(fd);
	return 0;
}

static int
cmd_hold(const char *port, const char *count)
{
	int64_t n, open = 0;
	char c;
	int *fd;

	if (num_parse(count, 1, 5000, &n) < 0)
		die("hold");
	fd = xcalloc((size_t)n, sizeof(*fd));
	for (int64_t i = 0; i < n; i++) {
		fd[i] = dial(port);
		(void)!send(fd[i], "GET / HT", 8, MSG_NOSIGNAL);
	}
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		continue;
	for (int64_t i = 0; i < n; i++) {
		ssize_t k;

		open += wait_byte(fd[i], 0, &c, 1, &k) < 0;
		close(fd[i]);
	}
	free(fd);
	printf("%d\n", (int)open);
	return 0;
}

static int
cmd_drip(const char *port, const char *ms_text, const char *file)
{
	int64_t start = clock_boot_ms(), ms;
	AUTO(freep) char *head = NULL;
	struct err e;
	size_t len;
	ssize_t n;
	char c;
	int fd = dial(port);

	if (num_parse(ms_text, 1, 600000, &ms) < 0 ||
		fd_slurp_at(AT_FDCWD, file, SEND_MAX, &head, &len, &e) < 0 ||
		fd_write_all(fd, head, len, &e) < 0)
		die("drip");
	while (clock_boot_ms() - start < ms) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0 ||
			wait_byte(fd, 100, &c, 1, &n) == 0)
			break;
	}
	printf("%d\n", (int)(clock_boot_ms() - start));
	close(fd);
	return 0;
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && str_eq(argv[1], "send"))
		return cmd_send(argv[2], argv[3]);
	if (argc == 4 && str_eq(argv[1], "hold"))
		return cmd_hold(argv[2], argv[3]);
	if (argc == 5 && str_eq(argv[1], "drip"))
		return cmd_drip(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: webraw send|hold|drip PORT ...\n");
	return 2;
}
