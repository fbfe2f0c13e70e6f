/* SPDX-License-Identifier: MIT */
/* See access.h. */
#include "base/base.h"
#include "web/access.h"
#include "base/enc.h"
#include "web/listen.h"
#include "web/routes.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define GROUPS_MAX 1024

void
access_peer(struct conn *c)
{
	struct ucred u;
	socklen_t len = sizeof(u);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0)
		return;
	c->uid = u.uid;
	c->gid = u.gid;
}

/* ---- the Host header ---- */

static bool
is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 ||
	       inet_pton(AF_INET6, host, &any) == 1;
}

/* The host of "http://ci.example.org:8420/path". */
static char *
url_host(const char *url)
{
	const char *at = strstr(url, "://");
	AUTO(freep) char *authority = NULL;

	at = at ? at + 3 : url;
	authority = xstrndup(at, strcspn(at, "/?#"));
	return listen_host(authority);
}

static bool
host_is_ours(const struct request *r)
{
	const struct config *conf = &r->conf->conf;
	const char *header = request_header(r, "Host");
	AUTO(freep) char *host = NULL;
	AUTO(freep) char *listened = NULL;
	AUTO(freep) char *public = NULL;

	if (!header)
		return true; /* HTTP/1.0: no browser */
	host = listen_host(header);
	if (is_address(host) || !strcasecmp(host, "localhost"))
		return true;
	listened = listen_host(conf->listen ? conf->listen : "");
	public = url_host(conf->url ? conf->url : "");
	return *host &&
	       (!strcasecmp(host, listened) || !strcasecmp(host, public));
}

/* ---- the token ---- */

/* Digests are compared, so that not even the length shows in the time. */
static bool
same_secret(const char *a, const char *b)
{
	unsigned char x[SHA256_DIGEST_LENGTH], y[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)a, strlen(a), x);
	SHA256((const unsigned char *)b, strlen(b), y);
	return CRYPTO_memcmp(x, y, sizeof(x)) == 0;
}

static bool
has_token(const struct request *r)
{
	const char *want = r->conf->conf.api_token;
	const char *got = request_header(r, "Authorization");

	return want && *want && got && !strncasecmp(got, "Bearer ", 7) &&
	       same_secret(got + 7, want);
}

bool
access_is_admin(const struct request *r)
{
	if (r->conn->is_unix)
		return r->conn->uid == 0 || r->conn->uid == geteuid();
	return has_token(r);
}

static bool
check_admin(struct request *r)
{
	if (access_is_admin(r))
		return true;
	if (r->conn->is_unix) {
		reply_problem(r, 403,
			"only root and the agent's own user may do this");
	} else if (!r->conf->conf.api_token || !*r->conf->conf.api_token) {
		reply_problem(r, 403,
			"actions over TCP are off: set agent.api-token-file, "
			"or use the unix socket");
	} else {
		reply_header(r, "WWW-Authenticate", "Bearer");
		reply_problem(r, 401,
			"this needs the header \"Authorization: Bearer\" "
			"with the token of agent.api-token-file");
	}
	return false;
}

bool
access_check(struct request *r)
{
	if (!r->conn->is_unix && !(r->route->flags & ROUTE_ANY_HOST) &&
		!host_is_ours(r)) {
		reply_problem(r, 421,
			"the agent does not go by this name: use its address, "
			"or set agent.url to what it is called");
		return false;
	}
	if (r->route->who == WHO_UNIX && !r->conn->is_unix) {
		reply_problem(
			r, 403, "this can be done over the unix socket only");
		return false;
	}
	return r->route->who != WHO_ADMIN || check_admin(r);
}

/* ---- repositories ---- */

static bool
peer_in_group(const struct conn *c, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (c->gid == gid)
		return true;
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == gid)
			return true;
	return false;
}

bool
access_may_push(const struct request *r, const struct repo_conf *repo)
{
	const struct conn *c = r->conn;
	struct stat st;

	if (access_is_admin(r))
		return true;
	if (!c->is_unix || !repo->path || stat(repo->path, &st) < 0)
		return false;
	if (st.st_uid == c->uid)
		return true;
	return (st.st_mode & S_IWGRP) && peer_in_group(c, st.st_gid);
}

bool
access_may_read(const struct request *r, const char *repository)
{
	const struct repo_conf *repo =
		repository ? config_repo(&r->conf->conf, repository) : NULL;

	/* A repository that was taken out of the configuration may have been
	 * a private one. */
	if (!repo)
		return access_is_admin(r);
	return !repo->private_pages || access_may_push(r, repo);
}

char *
access_name(const struct request *r)
{
	if (!r->conn->is_unix)
		return xstrdup("token");
	if (r->conn->uid == 0)
		return xstrdup("root");
	return xasprintf("uid %lu", (unsigned long)r->conn->uid);
}

/* ---- bad signatures ---- */

#define PENALTY_ROWS 256
#define PENALTY_MS 60000

struct penalty {
	struct {
		char addr[INET6_ADDRSTRLEN];
		int64_t since_ms;
		unsigned int n;
	} row[PENALTY_ROWS];
};

struct penalty *
penalty_new(void)
{
	return xcalloc(1, sizeof(struct penalty));
}

void
penalty_free(struct penalty *p)
{
	free(p);
}

/* The row of an address, else the oldest one. */
static size_t
penalty_row(const struct penalty *p, const char *addr)
{
	size_t oldest = 0;

	for (size_t i = 0; i < PENALTY_ROWS; i++) {
		if (p->row[i].n && !strcmp(p->row[i].addr, addr))
			return i;
		if (p->row[i].since_ms < p->row[oldest].since_ms)
			oldest = i;
	}
	return oldest;
}

void
penalty_add(struct penalty *p, const char *addr, int64_t now_ms)
{
	size_t i = penalty_row(p, addr);

	if (strcmp(p->row[i].addr, addr) ||
		now_ms - p->row[i].since_ms >= PENALTY_MS) {
		snprintf(p->row[i].addr, sizeof(p->row[i].addr), "%s", addr);
		p->row[i].since_ms = now_ms;
		p->row[i].n = 0;
	}
	p->row[i].n++;
}

bool
penalty_is_due(const struct penalty *p, const char *addr, int64_t now_ms)
{
	size_t i = penalty_row(p, addr);

	return !strcmp(p->row[i].addr, addr) && p->row[i].n >= PENALTY_TRIES &&
	       now_ms - p->row[i].since_ms < PENALTY_MS;
}
