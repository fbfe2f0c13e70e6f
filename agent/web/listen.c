/* SPDX-License-Identifier: MIT */
/* See listen.h. */
#include "base/base.h"
#include "web/listen.h"
#include "base/enc.h"
#include "os/fd.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 1024

bool
listen_is_none(const char *address)
{
	return !address || !*address || str_eq(address, "none");
}

char *
listen_host(const char *address)
{
	const char *end = strrchr(address, ':');

	if (*address == '[') {
		end = strchr(++address, ']');
		return xstrndup(address, end ? (size_t)(end - address) : 0);
	}
	return xstrndup(
		address, end ? (size_t)(end - address) : strlen(address));
}

static int
bind_first(const struct addrinfo *list, const char *address, struct err *e)
{
	int one = 1;

	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		AUTO(fd_closep)
		int fd = socket(ai->ai_family,
			ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (!bind(fd, ai->ai_addr, ai->ai_addrlen) &&
			!listen(fd, BACKLOG))
			return STEAL_FD(fd);
	}
	return err_sys(e, "agent.listen: cannot listen on '%s'", address);
}

static void
bound_port(int fd, int *ret_port)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return;
	if (ss.ss_family == AF_INET6)
		*ret_port = ntohs(((struct sockaddr_in6 *)&ss)->sin6_port);
	else
		*ret_port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

int
listen_tcp(const char *address, int *ret_port, struct err *e)
{
	struct addrinfo hint = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	AUTO(freep) char *host = listen_host(address);
	const char *port = strrchr(address, ':');
	struct addrinfo *list = NULL;
	int64_t number;
	int fd, rc;

	if (!port || num_parse(port + 1, 0, 65535, &number) < 0)
		return err_set(e, ERR_PERM,
			"agent.listen: '%s' is not ADDRESS:PORT, "
			"for instance 127.0.0.1:8420",
			address);
	rc = getaddrinfo(*host ? host : NULL, port + 1, &hint, &list);
	if (rc)
		return err_set(e, ERR_PERM, "agent.listen: '%s': %s", address,
			gai_strerror(rc));
	fd = bind_first(list, address, e);
	freeaddrinfo(list);
	if (fd >= 0)
		bound_port(fd, ret_port);
	return fd;
}

/* Does anybody answer there? */
static bool
is_alive(const struct sockaddr_un *un)
{
	AUTO(fd_closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 &&
	       (!connect(fd, (const void *)un, sizeof(*un)) || errno == EAGAIN);
}

int
listen_unix(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	AUTO(fd_closep) int fd = -1;
	struct stat st;

	if (strlen(path) >= sizeof(un.sun_path))
		return err_set(e, ERR_PERM,
			"the socket's path '%s' is longer than %zu bytes: "
			"choose a shorter agent.state or agent.socket",
			path, sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, strlen(path));
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return err_set(e, ERR_PERM,
				"'%s' is there and is not a socket", path);
		if (is_alive(&un))
			return err_set(e, ERR_TEMP,
				"another agent answers on '%s'", path);
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
		return err_sys(e, "bind '%s'", un.sun_path);
	if (chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		err_sys(e, "listen on '%s'", un.sun_path);
		goto fail;
	}
	return STEAL_FD(fd);
fail:
	unlink(path);
	return -1;
}
