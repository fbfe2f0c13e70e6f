/* SPDX-License-Identifier: MIT */
/*
 * What has to fit together once the whole file is known: repositories and
 * their forges, addresses of APIs, secrets.  Every complaint names the line
 * of the key at fault.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "base/log.h"
#include "model/config.h"
#include "model/config_key.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#define SECRET_MAX 4096
#define SIGNING_MIN 24 /* bytes of key; the Standard Webhooks' limits */
#define SIGNING_MAX 64
/* "<state>/sock" has to fit into sockaddr_un.sun_path. */
#define SOCKET_PATH_MAX 107

/* Where a kind of forge lives, and where its API is found from the host of
 * the address to fetch from: a token must never go to another host. */
static const struct {
	enum forge_kind kind;
	const char *host, *api;
	const char *api_path; /* on other hosts */
} homes[] = {
	{ FORGE_GITHUB, "github.com", "https://api.github.com", "/api/v3" },
	{ FORGE_GITLAB, "gitlab.com", "https://gitlab.com/api/v4", "/api/v4" },
	{ FORGE_GITEA, "codeberg.org", "https://codeberg.org/api/v1",
		"/api/v1" },
};

static int
read_secret(int fd, const char *path, char **ret, struct err *e)
{
	char text[SECRET_MAX + 1];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return err_sys(e, "read '%s'", path);
	if (n > SECRET_MAX)
		return err_set(e, ERR_PERM, "'%s' is longer than %d bytes",
			path, SECRET_MAX);
	if (n && text[n - 1] == '\n')
		n--;
	if (n && text[n - 1] == '\r')
		n--;
	if (!n)
		return err_set(e, ERR_PERM,
			"'%s' is empty; an empty secret "
			"protects nothing",
			path);
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return err_set(e, ERR_PERM,
				"'%s' has more than one "
				"line or a control character",
				path);
	*ret = xstrndup(text, (size_t)n);
	explicit_bzero(text, sizeof(text));
	return 0;
}

int
secret_read(const char *path, char **ret, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc = -1;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		err_sys(e, "stat '%s'", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_PERM, "'%s' is not a file", path);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		err_set(e, ERR_PERM,
			"'%s' can be changed by others; chmod 600 "
			"it",
			path);
	else
		rc = read_secret(fd, path, ret, e);
	if (!rc && (st.st_mode & S_IROTH))
		log_line(LOG_WARN,
			"'%s' can be read by everybody; chmod 600 "
			"it",
			path);
	close(fd);
	return rc;
}

static int
at_key(const struct loader *l, const char *section, size_t i, const char *key,
	struct err *e)
{
	unsigned int line = loader_line(l, section, i, key);

	if (!line) /* a default */
		return err_wrap(e, "%s: %s.%s", l->file, section, key);
	return err_wrap(e, "%s:%u: %s.%s", l->file, line, section, key);
}

static int
at_repo(const struct loader *l, size_t i, struct err *e)
{
	return err_wrap(e, "%s:%u: repository \"%s\"", l->file,
		loader_line(l, "repository", i, NULL), l->c->repos[i].name);
}

static const struct forge_conf *
forge_section(const struct loader *l, const char *name)
{
	for (size_t i = 0; name && i < l->nforges; i++)
		if (str_eq(l->forges[i].name, name))
			return &l->forges[i];
	return NULL;
}

static int
check_forges(const struct loader *l, struct err *e)
{
	for (size_t i = 0; i < l->nforges; i++) {
		const struct forge_conf *f = &l->forges[i];

		if (f->kind || forge_kind_from_name(f->name) != FORGE_NONE)
			continue;
		return err_set(e, ERR_PERM,
			"%s:%u: forge \"%s\" needs kind = "
			"github, gitlab or gitea",
			l->file, loader_line(l, "forge", i, NULL), f->name);
	}
	return 0;
}

static enum forge_kind
kind_of_host(const char *url)
{
	AUTO(freep) char *host = url ? url_host(url) : NULL;

	for (size_t i = 0; host && i < ARRAY_LEN(homes); i++)
		if (!strcasecmp(host, homes[i].host))
			return homes[i].kind;
	return FORGE_NONE;
}

static int
unknown_forge(const struct loader *l, const char *name, struct err *e)
{
	static const char *const kinds[] = { "github", "gitlab", "gitea",
		"local" };
	const char *near = nearest_name(name, kinds, ARRAY_LEN(kinds));

	for (size_t i = 0; !near && i < l->nforges; i++)
		near = nearest_name(
			name, (const char *const *)&l->forges[i].name, 1);
	if (near)
		return err_set(e, ERR_PERM,
			"there is no forge \"%s\"; did you "
			"mean \"%s\"?",
			name, near);
	return err_set(e, ERR_PERM,
		"there is no forge \"%s\"; write github, "
		"gitlab, gitea or local, or add [forge \"%s\"]",
		name, name);
}

static int
set_kind(const struct loader *l, size_t i, struct err *e)
{
	struct repo_conf *r = &l->c->repos[i];
	const struct forge_conf *f = forge_section(l, r->forge);

	if (f)
		r->kind = forge_kind_from_name(f->kind ? f->kind : f->name);
	else if (r->forge)
		r->kind = forge_kind_from_name(r->forge);
	else
		r->kind = r->path ? FORGE_LOCAL : kind_of_host(r->url);
	if (r->forge && r->kind == FORGE_NONE) {
		unknown_forge(l, r->forge, e);
		return at_key(l, "repository", i, "forge", e);
	}
	return 0;
}

/* The API next to the host that the repository is fetched from. */
static char *
api_of_host(enum forge_kind kind, const char *url)
{
	AUTO(freep) char *host = url ? url_host(url) : NULL;
	const char *scheme = "https";

	if (url && str_starts(url, "http://"))
		scheme = "http";
	else if (host && !str_starts(url, "https://"))
		host[strcspn(host, ":")] = '\0'; /* the port is ssh's */
	for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
		if (homes[i].kind != kind)
			continue;
		if (host && strcasecmp(host, homes[i].host))
			return xasprintf(
				"%s://%s%s", scheme, host, homes[i].api_path);
		if (host || kind != FORGE_GITEA)
			return xstrdup(homes[i].api);
	}
	return NULL;
}

static void
set_api(const struct loader *l, struct repo_conf *r)
{
	const struct forge_conf *f = forge_section(l, r->forge);

	if (!f && !r->forge)
		f = forge_section(l, forge_kind_name(r->kind));
	r->api = f && f->api ? xstrdup(f->api) : api_of_host(r->kind, r->url);
}

/* A repository that nobody hears of or that can not be fetched. */
static int
check_repo(const struct loader *l, size_t i, struct err *e)
{
	struct repo_conf *r = &l->c->repos[i];
	bool remote = r->kind != FORGE_NONE && r->kind != FORGE_LOCAL;

	if (!r->url && !r->path)
		return err_set(e, ERR_PERM,
			"it needs url (where to fetch it) "
			"or path (where it is on this machine)");
	if (r->url && r->path)
		return err_set(e, ERR_PERM,
			"it has both url and path; keep "
			"one of them");
	if (r->webhook_secret_file && !remote)
		return err_set(e, ERR_PERM,
			"it has a webhook-secret-file but "
			"no forge; add forge = github, gitlab or gitea");
	if (r->signing_secret_file && r->kind != FORGE_GITLAB)
		return err_set(e, ERR_PERM,
			"webhook-signing-secret-file is "
			"for gitlab; use webhook-secret-file");
	if (r->statuses_set && r->statuses && !(remote && r->token_file))
		return err_set(e, ERR_PERM,
			"statuses need a forge and a "
			"token-file");
	if (remote && r->token_file && !r->api)
		return err_set(e, ERR_PERM,
			"the address of its API is not "
			"known; set forge.%s.api",
			r->forge ? r->forge : forge_kind_name(r->kind));
	return 0;
}

static int
check_signing(const char *secret, const char *path, struct err *e)
{
	AUTO(buf_release) struct buf key = BUF_INIT;
	const char *text = secret + strlen("whsec_");

	if (!str_starts(secret, "whsec_") ||
		base64_get(&key, text, strlen(text)) < 0 ||
		key.len < SIGNING_MIN || key.len > SIGNING_MAX)
		return err_set(e, ERR_PERM,
			"'%s' holds no signing token; it "
			"is whsec_ and 24 to 64 bytes in base64",
			path);
	explicit_bzero(key.data, key.len);
	return 0;
}

static int
read_secrets(const struct loader *l, size_t i, struct err *e)
{
	struct repo_conf *r = &l->c->repos[i];
	const struct {
		const char *key, *path;
		char **to;
	} files[] = {
		{ "webhook-secret-file", r->webhook_secret_file,
			&r->webhook_secret },
		{ "webhook-signing-secret-file", r->signing_secret_file,
			&r->signing_secret },
		{ "token-file", r->token_file, &r->token },
	};

	for (size_t k = 0; k < ARRAY_LEN(files); k++) {
		if (!files[k].path)
			continue;
		if (secret_read(files[k].path, files[k].to, e) < 0 ||
			(files[k].to == &r->signing_secret &&
				check_signing(r->signing_secret, files[k].path,
					e) < 0))
			return at_key(l, "repository", i, files[k].key, e);
	}
	return 0;
}

/* Forges do not tell names apart by case, so neither do we. */
static int
check_names(const struct loader *l, size_t i, struct err *e)
{
	const struct config *c = l->c;

	for (size_t j = 0; j < i; j++)
		if (!strcasecmp(c->repos[i].name, c->repos[j].name))
			return err_set(e, ERR_PERM,
				"the same name, but for "
				"case, is in line %u",
				loader_line(l, "repository", j, NULL));
	return 0;
}

static int
check_agent(const struct loader *l, struct err *e)
{
	struct config *c = l->c;

	if (strlen(c->state) + strlen("/sock") > SOCKET_PATH_MAX) {
		err_set(e, ERR_PERM,
			"the path is too long for a socket in "
			"it; %zu bytes are possible",
			SOCKET_PATH_MAX - strlen("/sock"));
		return at_key(l, "agent", 0, "state", e);
	}
	if (c->socket && strlen(c->socket) > SOCKET_PATH_MAX) {
		err_set(e, ERR_PERM,
			"the path of a socket has at most %d "
			"bytes",
			SOCKET_PATH_MAX);
		return at_key(l, "agent", 0, "socket", e);
	}
	if (l->with_secrets && c->api_token_file &&
		secret_read(c->api_token_file, &c->api_token, e) < 0)
		return at_key(l, "agent", 0, "api-token-file", e);
	return 0;
}

int
config_check(struct loader *l, struct err *e)
{
	if (check_agent(l, e) < 0 || check_forges(l, e) < 0)
		return -1;
	for (size_t i = 0; i < l->c->nrepos; i++) {
		struct repo_conf *r = &l->c->repos[i];

		r->statuses_set =
			loader_line(l, "repository", i, "statuses") != 0;
		r->private_pages = str_eq(r->visibility, "private");
		if (set_kind(l, i, e) < 0)
			return -1;
		set_api(l, r);
		if (check_names(l, i, e) < 0 || check_repo(l, i, e) < 0)
			return at_repo(l, i, e);
		if (!r->statuses_set)
			r->statuses = r->token_file && r->api;
		if (l->with_secrets && read_secrets(l, i, e) < 0)
			return -1;
	}
	return 0;
}
