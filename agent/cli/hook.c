/* SPDX-License-Identifier: MIT */
/*
 * tellus hook: puts our post-receive into a repository and takes it away.
 * What it should call is in the repository's own configuration, written by
 * git itself.
 */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"

#include "base/enc.h"
#include "cli/exec.h"
#include "cli/repo.h"
#include "model/config.h"
#include "os/fd.h"
#include "os/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HOOK_MAX 65536
#define HOOK "post-receive"
#define BEFORE "post-receive.before-tellus"
/* A line of our hook that no other has. */
#define HOOK_MARK "# tellus: post-receive hook"

struct hook {
	struct cli *c;
	struct repo repo;
	char *config; /* the repository's configuration file */
	char *folder; /* where its hooks are */
	int dir;      /* that, open; -1: there is none */
};

static const char *const settings[] = { "tellus.socket", "tellus.repository",
	"tellus.program" };

static void
hook_release(struct hook *h)
{
	repo_release(&h->repo);
	free(h->config);
	free(h->folder);
	fd_closep(&h->dir);
}

/* core.hooksPath moves the hooks; git knows all places where it may be
 * set.  post-receive always runs in the git folder. */
static int
find_folder(struct hook *h, struct err *e)
{
	AUTO(freep) char *git = xasprintf("--git-dir=%s", h->repo.gitdir);
	const char *argv[] = { "git", git, "config", "--path", "core.hooksPath",
		NULL };
	AUTO(buf_release) struct buf out = BUF_INIT;
	int rc = exec_wait(argv, &out, e);

	if (rc < 0)
		return -1;
	out.data[strcspn(out.data, "\n")] = '\0';
	if (rc != 0 || !*out.data) {
		AUTO(freep) char *file = xasprintf("%s", h->config);

		*strrchr(file, '/') = '\0';
		h->folder = xasprintf("%s/hooks", file);
		return 0;
	}
	if (out.data[0] == '/')
		return err_set(e, ERR_PERM,
			"core.hooksPath of '%s' is '%s', which other "
			"repositories may share: have its post-receive call "
			"'tellus push', or set core.hooksPath in '%s' to hooks",
			h->repo.gitdir, out.data, h->config);
	h->folder = xasprintf("%s/%s", h->repo.gitdir, out.data);
	return 0;
}

static int
hook_open(struct hook *h, struct cli *c, struct err *e)
{
	int rc;

	*h = (struct hook){ .c = c, .dir = -1 };
	if (c->nargs > 1)
		rc = repo_at(&h->repo, c->args[1], e);
	else
		rc = repo_around(&h->repo, ".", e);
	if (rc < 0)
		return -1;
	h->config = repo_config_file(&h->repo);
	if (find_folder(h, e) < 0)
		return -1;
	h->dir = open(h->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

/* 1 ours, 0 somebody else's, -1 there is none. */
static int
whose(const struct hook *h, const char *name)
{
	AUTO(freep) char *text = NULL;
	struct err e;
	struct stat st;

	if (h->dir < 0 || fstatat(h->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) ||
		fd_slurp_at(h->dir, name, HOOK_MAX, &text, NULL, &e) < 0)
		return 0;
	return strstr(text, HOOK_MARK) != NULL;
}

static int
config_set(
	const struct hook *h, const char *key, const char *value, struct err *e)
{
	const char *argv[] = { "git", "config", "-f", h->config,
		"--replace-all", key, value, NULL };
	int rc = exec_wait(argv, NULL, e);

	if (rc > 0)
		return err_set(e, ERR_PERM, "git could not write %s into '%s'",
			key, h->config);
	return rc;
}

static char *
config_get(const struct hook *h, const char *key)
{
	const char *argv[] = { "git", "config", "-f", h->config, "--get", key,
		NULL };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct err e;

	if (exec_wait(argv, &out, &e) != 0)
		return NULL;
	out.data[strcspn(out.data, "\n")] = '\0';
	return buf_take(&out);
}

/* Keeps the owner of the repository where root installs. */
static void
give_hook_to_owner(const struct hook *h)
{
	AUTO(fd_closep)
	int fd = openat(h->dir, HOOK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (geteuid() == 0 && fd >= 0 && fstat(h->dir, &st) == 0 &&
		fchown(fd, st.st_uid, st.st_gid) < 0)
		fprintf(stderr, "tellus: the hook stays root's: %s\n",
			strerror(errno));
}

static int
put_hook(struct hook *h, struct err *e)
{
	AUTO(freep) char *from = agent_data_file("hooks/" HOOK);
	AUTO(freep) char *text = NULL;
	int ours = whose(h, HOOK);

	if (!from)
		return err_set(e, ERR_ABSENT,
			"hooks/" HOOK " of tellus is missing; is tellus "
			"installed completely?");
	if (fd_slurp_at(AT_FDCWD, from, HOOK_MAX, &text, NULL, e) < 0)
		return -1;
	if (h->dir < 0) {
		if (mkdir(h->folder, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "mkdir '%s'", h->folder);
		h->dir = path_open_dir(AT_FDCWD, h->folder, e);
		if (h->dir < 0)
			return -1;
	}
	if (ours == 0 && faccessat(h->dir, BEFORE, F_OK, 0) == 0)
		return err_set(e, ERR_PERM,
			"'%s/" HOOK "' is not of tellus, and '" BEFORE
			"' is there already; put one of them away",
			h->folder);
	if (ours == 0 && renameat(h->dir, HOOK, h->dir, BEFORE) < 0)
		return err_sys(e, "rename '%s/" HOOK "'", h->folder);
	if (fd_put_file(h->dir, HOOK, text, strlen(text), 0755, e) == 0) {
		give_hook_to_owner(h);
		return 0;
	}
	if (ours == 0)
		renameat(h->dir, BEFORE, h->dir, HOOK);
	return -1;
}

/* --name, or what the agent's configuration calls this path. */
static char *
repository_name(const struct hook *h, bool *ret_known)
{
	const struct hook_opts *o = h->c->opts;
	AUTO(freep) char *path = NULL;
	struct config conf;
	char *name = o->name ? xstrdup(o->name) : NULL;
	struct err e;

	*ret_known = false;
	config_init(&conf);
	if (config_find(h->c->config, &path) == 0 &&
		config_load_public(&conf, path, &e) == 0) {
		for (size_t i = 0; i < conf.nrepos; i++) {
			const struct repo_conf *r = &conf.repos[i];
			AUTO(freep)
			char *real = r->path ? path_real(r->path, &e) : NULL;
			bool same = str_eq(real, h->repo.gitdir) ||
				    str_eq(real, h->repo.top);

			if (!name && same)
				name = xstrdup(r->name);
			*ret_known |= same && str_eq(name, r->name);
		}
	}
	config_release(&conf);
	return name ? name : repo_short_name(&h->repo);
}

/* $PATH as the hook sees it may be another one. */
static char *
own_program(struct err *e)
{
	return path_real("/proc/self/exe", e);
}

static int
install(struct hook *h, struct err *e)
{
	AUTO(freep)
	char *socket = NULL, *full = NULL, *program = NULL, *name = NULL;
	bool known;

	program = own_program(e);
	if (!program || agent_socket(h->c, &socket, e) < 0)
		return -1;
	if (socket[0] != '/') {
		AUTO(freep) char *cwd = path_real(".", e);

		if (!cwd)
			return -1;
		full = xasprintf("%s/%s", cwd, socket);
	}
	name = repository_name(h, &known);
	if (config_set(h, "tellus.socket", full ? full : socket, e) < 0 ||
		config_set(h, "tellus.repository", name, e) < 0 ||
		config_set(h, "tellus.program", program, e) < 0)
		return -1;
	if (put_hook(h, e) < 0)
		return -1;
	printf("installed %s/" HOOK "\n", h->folder);
	if (whose(h, BEFORE) == 0)
		printf("the hook that was there runs first: %s/" BEFORE "\n",
			h->folder);
	printf("the agent calls the repository '%s' and listens at %s\n", name,
		full ? full : socket);
	if (!known)
		printf("its configuration needs, if it is not there yet:\n"
		       "[repository \"%s\"]\n\tpath = %s\n",
			name, h->repo.gitdir);
	return 0;
}

static int
hook_remove(struct hook *h, struct err *e)
{
	bool had = whose(h, HOOK) == 1;

	if (had && unlinkat(h->dir, HOOK, 0) < 0)
		return err_sys(e, "remove '%s/" HOOK "'", h->folder);
	if (had && whose(h, BEFORE) >= 0 &&
		renameat(h->dir, BEFORE, h->dir, HOOK) < 0)
		return err_sys(e, "rename '%s/" BEFORE "'", h->folder);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *argv[] = { "git", "config", "-f", h->config,
			"--unset-all", settings[i], NULL };

		/* 5: there was no such setting. */
		if (exec_wait(argv, NULL, e) < 0)
			return -1;
	}
	printf(had ? "removed %s/" HOOK "\n"
		   : "%s/" HOOK " is not of tellus; nothing was removed\n",
		h->folder);
	return 0;
}

static int
status(struct hook *h, struct err *e)
{
	const struct hook_opts *o = h->c->opts;
	AUTO(freep) char *name = config_get(h, "tellus.repository");
	AUTO(freep) char *socket = config_get(h, "tellus.socket");
	AUTO(freep) char *program = config_get(h, "tellus.program");
	AUTO(buf_release) struct buf b = BUF_INIT;
	bool ours = whose(h, HOOK) == 1;
	struct json_out j;

	(void)e;
	if (!o->json) {
		printf("%s  %s\n", h->repo.gitdir,
			ours ? "installed" : "not installed");
		printf("  repository  %s\n  socket      %s\n"
		       "  program     %s\n",
			name ? name : "-", socket ? socket : "-",
			program ? program : "-");
		if (ours && whose(h, BEFORE) >= 0)
			printf("  runs first  %s/" BEFORE "\n", h->folder);
		return 0;
	}
	jout_start(&j, &b);
	jout_obj(&j, NULL);
	jout_str(&j, "path", h->repo.gitdir);
	jout_bool(&j, "installed", ours);
	jout_opt(&j, "repository", name);
	jout_opt(&j, "socket", socket);
	jout_opt(&j, "program", program);
	jout_bool(&j, "before", whose(h, BEFORE) >= 0);
	jout_end(&j);
	puts(b.data);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct hook *h, struct err *e);
} verbs[] = {
	{ "install", install },
	{ "remove", hook_remove },
	{ "status", status },
};

int
cmd_hook(struct cli *c)
{
	AUTO(hook_release) struct hook h = { .dir = -1 };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!str_eq(c->args[0], verbs[i].name))
			continue;
		if (hook_open(&h, c, &e) < 0 || verbs[i].fn(&h, &e) < 0)
			return cli_fail(CLI_USAGE, "%s", e.msg);
		return CLI_OK;
	}
	return cli_fail(CLI_USAGE,
		"'%s' is not something a hook can do: install, remove or "
		"status",
		c->args[0]);
}
