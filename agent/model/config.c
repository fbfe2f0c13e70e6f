/* SPDX-License-Identifier: MIT */
/*
 * See config.h: finding the file, reading it into the structs, looking
 * things up.  What has to fit together is checked in config_check.c.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/enc.h"
#include "model/config.h"
#include "model/config_key.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#define CONFIG_MAX ((size_t)4 << 20) /* far more than people write */
#define REPOS_MAX 2000
#define NAME_MAX_BYTES 250
#define ROOT_STATE "/var/lib/tellus"
#define SYSTEM_CONFIG "/etc/tellus/config"

static const struct {
	enum forge_kind kind;
	const char *name;
} kinds[] = {
	{ FORGE_GITHUB, "github" },
	{ FORGE_GITLAB, "gitlab" },
	{ FORGE_GITEA, "gitea" },
	{ FORGE_LOCAL, "local" },
};

const char *
forge_kind_name(enum forge_kind k)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].kind == k)
			return kinds[i].name;
	return "none";
}

enum forge_kind
forge_kind_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kinds[i].name, name))
			return kinds[i].kind;
	return FORGE_NONE;
}

static const char *
env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* $XDG_NAME/tail, or ~/dflt/tail; NULL when there is no home. */
static char *
xdg_path(const char *name, const char *dflt, const char *tail)
{
	const char *base = env(name), *home = env("HOME");

	if (base && *base == '/') /* relative ones are to be ignored */
		return xasprintf("%s/%s", base, tail);
	return home ? xasprintf("%s/%s/%s", home, dflt, tail) : NULL;
}

static char *
default_state(void)
{
	char *path = NULL;

	if (geteuid() != 0)
		path = xdg_path("XDG_STATE_HOME", ".local/state", "tellus");
	return path ? path : xstrdup(ROOT_STATE);
}

void
config_init(struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->memory_budget = -1;
	c->disk_floor = c->disk_budget = -1;
	c->keep_ms = (int64_t)90 * 86400000;
	config_key_defaults("agent", c);
	c->state = default_state();
}

static void
repo_release(struct repo_conf *r)
{
	key_release("repository", r);
	free(r->name);
	free(r->api);
	free(r->webhook_secret);
	free(r->token);
	free(r->signing_secret);
}

void
config_release(struct config *c)
{
	for (size_t i = 0; i < c->nrepos; i++)
		repo_release(&c->repos[i]);
	free(c->repos);
	key_release("agent", c);
	free(c->file);
	free(c->api_token);
	memset(c, 0, sizeof(*c));
}

int
config_find(const char *file, char **ret_path)
{
	char *user;

	if (!file)
		file = env("TELLUS_CONFIG");
	if (file) {
		*ret_path = xstrdup(file);
		return 0;
	}
	user = xdg_path("XDG_CONFIG_HOME", ".config", "tellus/config");
	*ret_path = user;
	if (user && access(user, F_OK) == 0)
		return 0;
	free(user);
	*ret_path = NULL;
	if (access(SYSTEM_CONFIG, F_OK) < 0)
		return 1;
	*ret_path = xstrdup(SYSTEM_CONFIG);
	return 0;
}

const struct repo_conf *
config_repo(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nrepos; i++)
		if (!strcasecmp(c->repos[i].name, name))
			return &c->repos[i];
	return NULL;
}

unsigned int
loader_line(const struct loader *l, const char *section, size_t index,
	const char *key)
{
	for (size_t i = 0; i < l->nseen; i++) {
		const struct config_seen *s = &l->seen[i];

		if (s->index == index && str_eq(s->key->section, section) &&
			(!key || str_eq(s->key->key, key)))
			return s->line;
	}
	return 0;
}

/* Names end up in addresses, paths of pages and log lines. */
static bool
name_is_good(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > NAME_MAX_BYTES || !utf8_valid(name, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f ||
			strchr("\\?#%\"<>|*:", name[i]))
			return false;
	for (const char *at = name;; at++) {
		size_t part = strcspn(at, "/");

		if (!part || *at == '.' || *at == '-')
			return false;
		at += part;
		if (!*at)
			return true;
	}
}

/* The repository of that name, made where it is new; case matters here, so
 * that config_check can refuse two spellings. */
static int
repo_at(struct loader *l, const char *name, size_t *ret, struct err *e)
{
	struct config *c = l->c;

	for (*ret = 0; *ret < c->nrepos; ++*ret)
		if (str_eq(c->repos[*ret].name, name))
			return 0;
	if (!name_is_good(name))
		return err_set(e, ERR_PERM,
			"\"%.100s\" can not be the name of "
			"a repository; write it as the forge does, "
			"[repository \"owner/name\"]",
			name);
	if (c->nrepos == REPOS_MAX)
		return err_set(
			e, ERR_PERM, "more than %d repositories", REPOS_MAX);
	c->repos = grow(c->repos, c->nrepos, &l->repos_cap, sizeof(*c->repos));
	memset(&c->repos[c->nrepos], 0, sizeof(*c->repos));
	c->repos[c->nrepos].name = xstrdup(name);
	config_key_defaults("repository", &c->repos[c->nrepos]);
	c->repos[c->nrepos].poll_ms = -1;
	c->nrepos++;
	return 0;
}

static int
forge_at(struct loader *l, const char *name, size_t *ret, struct err *e)
{
	for (*ret = 0; *ret < l->nforges; ++*ret)
		if (str_eq(l->forges[*ret].name, name))
			return 0;
	if (!name_is_good(name))
		return err_set(e, ERR_PERM,
			"\"%.100s\" can not be the name of a forge", name);
	l->forges =
		grow(l->forges, l->nforges, &l->forges_cap, sizeof(*l->forges));
	memset(&l->forges[l->nforges], 0, sizeof(*l->forges));
	l->forges[l->nforges].name = xstrdup(name);
	l->nforges++;
	return 0;
}

/* The struct that a section's keys are stored in. */
static int
section_at(struct loader *l, const char *section, const char *sub,
	void **ret_base, size_t *ret_index, struct err *e)
{
	bool named = !str_eq(section, "agent");

	if (named && !sub)
		return err_set(e, ERR_PERM,
			"the section needs a name: [%s \"NAME\"]", section);
	if (!named && sub)
		return err_set(e, ERR_PERM,
			"the section has no second name: write [agent]");
	*ret_index = 0;
	if (!named) {
		*ret_base = l->c;
		return 0;
	}
	if (str_eq(section, "repository")) {
		if (repo_at(l, sub, ret_index, e) < 0)
			return -1;
		*ret_base = &l->c->repos[*ret_index];
		return 0;
	}
	if (forge_at(l, sub, ret_index, e) < 0)
		return -1;
	*ret_base = &l->forges[*ret_index];
	return 0;
}

static int
unknown_key(const char *section, const char *key, struct err *e)
{
	AUTO(freep) char *near = key_nearest(section, key);

	err_set(e, ERR_PERM, "unknown key \"%.100s.%.100s\"", section, key);
	if (near) {
		AUTO(freep) char *first = xstrdup(e->msg);

		err_set(e, ERR_PERM, "%s; did you mean \"%s\"?", first, near);
	}
	return -1;
}

static int
store(struct loader *l, const char *section, const char *sub, const char *key,
	const char *value, unsigned int line, struct err *e)
{
	const struct config_key *k = key_find(section, key);
	unsigned int before;
	size_t index = 0;
	void *base = NULL;

	if (!k)
		return unknown_key(section, key, e);
	if (section_at(l, section, sub, &base, &index, e) < 0)
		return -1;
	before = loader_line(l, section, index, key);
	if (before && !str_eq(k->type, "paths"))
		return err_set(e, ERR_PERM,
			"%s%s%s.%s is set already in "
			"line %u; keep one of them",
			section, sub ? "." : "", sub ? sub : "", key, before);
	if (key_store(k, base, value, e) < 0)
		return err_wrap(e, "%s.%s", section, key);
	l->seen = grow(l->seen, l->nseen, &l->seen_cap, sizeof(*l->seen));
	l->seen[l->nseen++] = (struct config_seen){ k, index, line };
	return 0;
}

static int
on_key(const char *section, const char *sub, const char *key, const char *value,
	unsigned int line, void *arg, struct err *e)
{
	struct loader *l = arg;

	if (store(l, section, sub, key, value, line, e) < 0)
		return err_wrap(e, "%s:%u", l->file, line);
	return 0;
}

/* model/ stands below os/, so this is a small reader of its own. */
static int
slurp(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return err_sys(e, "open '%s'", path);
	do {
		n = fread(buf_room(out, BUFSIZ), 1, BUFSIZ, f);
		buf_grown(out, n);
	} while (n && out->len <= CONFIG_MAX);
	if (ferror(f)) {
		err_sys(e, "read '%s'", path);
		fclose(f);
		return -1;
	}
	fclose(f);
	if (out->len > CONFIG_MAX)
		return err_set(e, ERR_PERM, "'%s' is larger than 4 MiB", path);
	return 0;
}

static int
load(struct config *c, const char *path, bool with_secrets, struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct loader l = {
		.c = c, .file = path, .with_secrets = with_secrets
	};
	int rc;

	if (slurp(path, &text, e) < 0)
		return -1;
	free(c->file);
	c->file = xstrdup(path);
	rc = gitconfig_parse(path, text.data, text.len, on_key, &l, e);
	if (!rc)
		rc = config_check(&l, e);
	for (size_t i = 0; i < l.nforges; i++) {
		key_release("forge", &l.forges[i]);
		free(l.forges[i].name);
	}
	free(l.forges);
	free(l.seen);
	return rc;
}

int
config_load(struct config *c, const char *path, struct err *e)
{
	return load(c, path, true, e);
}

int
config_load_public(struct config *c, const char *path, struct err *e)
{
	return load(c, path, false, e);
}
