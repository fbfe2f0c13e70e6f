/* SPDX-License-Identifier: MIT */
/* See agent.h. */
#include "base/base.h"
#include "cli/agent.h"

#include "model/config.h"

#include <sys/stat.h>

static char *
home_path(const char *env, const char *below_home, const char *rest)
{
	const char *base = getenv(env), *home = getenv("HOME");

	if (base && base[0] == '/')
		return xasprintf("%s/%s", base, rest);
	return xasprintf("%s/%s/%s", home && *home ? home : "/nonexistent",
		below_home, rest);
}

char *
agent_local_state(void)
{
	return home_path("XDG_STATE_HOME", ".local/state", "tellus/local");
}

/* What the configuration says; 1 when there is none. */
static int
socket_from_config(const char *file, char **ret, struct err *e)
{
	AUTO(freep) char *path = NULL;
	struct config conf;
	int rc;

	if (config_find(file, &path) != 0)
		return 1;
	config_init(&conf);
	rc = config_load_public(&conf, path, e);
	if (rc == 0)
		*ret = conf.socket && *conf.socket
			       ? xstrdup(conf.socket)
			       : xasprintf("%s/sock", conf.state);
	config_release(&conf);
	return rc;
}

static char *
default_socket(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	struct config conf;
	char *path;

	if (access("/run/tellus/sock", F_OK) == 0)
		return xstrdup("/run/tellus/sock");
	if (run && run[0] == '/') {
		path = xasprintf("%s/tellus/sock", run);
		if (access(path, F_OK) == 0)
			return path;
		free(path);
	}
	config_init(&conf);
	path = conf.state ? xasprintf("%s/sock", conf.state) : NULL;
	config_release(&conf);
	if (path && access(path, F_OK) == 0)
		return path;
	free(path);
	return xstrdup("/run/tellus/sock");
}

int
agent_socket(const struct cli *c, char **ret_path, struct err *e)
{
	const char *env = getenv("TELLUS_SOCKET");
	int rc;

	if (c->socket) {
		*ret_path = xstrdup(c->socket);
		return 0;
	}
	if (c->local) {
		AUTO(freep) char *state = agent_local_state();

		*ret_path = xasprintf("%s/sock", state);
		return 0;
	}
	if (env && *env) {
		*ret_path = xstrdup(env);
		return 0;
	}
	rc = socket_from_config(c->config, ret_path, e);
	if (rc == 1)
		*ret_path = default_socket();
	return rc < 0 ? -1 : 0;
}

int
agent_unreached(const char *socket, const char *why)
{
	return cli_fail(CLI_AGENT,
		"agent could not be reached at %s: %s; is tellusd running? "
		"try: tellus doctor",
		socket, why);
}

char *
agent_detail(const struct http_answer *a)
{
	struct err e;
	json_t *o = json_parse(a->body.data, a->body.len, &e);
	const char *text = jget_str(o, "detail");
	char *ret;

	if (!text)
		text = jget_str(o, "title");
	ret = text ? xstrdup(text) : xasprintf("status %d", a->status);
	json_decref(o);
	return ret;
}

int
agent_refused(const struct http_answer *a)
{
	AUTO(freep) char *text = agent_detail(a);
	bool mine =
		a->status / 100 == 4 && a->status != 408 && a->status != 429;

	if (a->status == 503)
		return cli_fail(
			CLI_AGENT, "the agent cannot do it now: %s", text);
	return cli_fail(mine ? CLI_USAGE : CLI_AGENT, "%s", text);
}

int
agent_text(struct cli *c, const char *method, const char *path,
	const char *body, struct buf *ret)
{
	AUTO(http_answer_release) struct http_answer a;
	AUTO(freep) char *socket = NULL;
	struct http_call q = { .method = method, .path = path, .body = body };
	struct err e;

	http_answer_init(&a);
	if (agent_socket(c, &socket, &e) < 0)
		return cli_fail(CLI_USAGE, "%s", e.msg);
	q.socket = socket;
	if (http_call(&q, &a, &e) < 0)
		return agent_unreached(socket, e.msg);
	if (a.status / 100 != 2)
		return agent_refused(&a);
	buf_add(ret, a.body.data, a.body.len);
	return CLI_OK;
}

int
agent_call(struct cli *c, const char *method, const char *path,
	const char *body, json_t **ret)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = agent_text(c, method, path, body, &text);
	struct err e;

	if (rc != CLI_OK || !ret)
		return rc;
	*ret = json_parse(text.data, text.len, &e);
	if (!*ret)
		return cli_fail(CLI_AGENT,
			"the agent's answer cannot be read: %s", e.msg);
	return CLI_OK;
}

static char *
own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return xstrdup(".");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash && slash != path)
		*slash = '\0';
	return xstrdup(path);
}

/* The first folder that has the file; takes nothing. */
static char *
first_with(const char *const *folders, size_t n, const char *name, int mode)
{
	for (size_t i = 0; i < n; i++) {
		char *path;

		if (!folders[i])
			continue;
		path = xasprintf("%s/%s", folders[i], name);
		if (access(path, mode) == 0)
			return path;
		free(path);
	}
	return NULL;
}

char *
agent_program(const char *name)
{
	AUTO(freep) char *own = own_folder();
	AUTO(freep) char *sbin = xasprintf("%s/../sbin", own);
	const char *folders[] = { getenv("TELLUS_LIBEXECDIR"), own, sbin,
		TELLUS_SBINDIR };

	return first_with(folders, ARRAY_LEN(folders), name, X_OK);
}

char *
agent_data_file(const char *name)
{
	const char *templates = getenv("TELLUS_TEMPLATES");
	AUTO(freep) char *own = own_folder();
	AUTO(freep) char *share = xasprintf("%s/../share/tellus", own);
	AUTO(freep)
	char *beside = templates ? xasprintf("%s/..", templates) : NULL;
	const char *folders[] = { beside, own, share, TELLUS_DATADIR };

	return first_with(folders, ARRAY_LEN(folders), name, R_OK);
}
