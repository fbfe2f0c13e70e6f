/* SPDX-License-Identifier: MIT */
/*
 * Which program runs a step's script.  The box has the host's /usr, so that
 * what is there can be looked up here; a name that is not found goes
 * through env(1), whose message names it.
 */
#include "base/base.h"
#include "base/strv.h"
#include "work/step.h"

#define SCRIPT BOX_CMD "/" SHELL_SCRIPT

static const struct {
	const char *name, *line;
} shells[] = {
	{ "bash", "bash --noprofile --norc -eo pipefail {0}" },
	{ "sh", "sh -e {0}" },
	{ "python", "python3 {0}" },
	{ "pwsh", "pwsh -command . '{0}'" },
	{ "node", "node {0}" },
};

static char *
find_program(const char *name)
{
	static const char *const dirs[] = { "/usr/local/bin", "/usr/bin",
		"/bin" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *path = xasprintf("%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* One word of a template, with {0} replaced by the script's path. */
static void
add_word(struct strv *argv, const char *word, size_t n)
{
	AUTO(freep) char *w = xstrndup(word, n);
	char *at = strstr(w, "{0}");

	if (at)
		strv_addf(argv, "%.*s" SCRIPT "%s", (int)(at - w), w, at + 3);
	else
		strv_add(argv, w);
}

static void
add_program(struct strv *argv, const char *word, size_t n)
{
	AUTO(freep) char *name = xstrndup(word, n);
	AUTO(freep) char *path = NULL;

	if (strchr(name, '/')) {
		strv_add(argv, name);
		return;
	}
	path = find_program(name);
	if (path) {
		strv_add(argv, path);
		return;
	}
	strv_add(argv, "/usr/bin/env");
	strv_add(argv, name);
}

static void
split(struct strv *argv, const char *line)
{
	for (const char *at = line; *at;) {
		size_t n = strcspn(at, " \t");

		if (n && !argv->len)
			add_program(argv, at, n);
		else if (n)
			add_word(argv, at, n);
		at += n;
		at += strspn(at, " \t");
	}
}

int
shell_argv(struct strv *argv, const char *shell, struct err *e)
{
	AUTO(freep) char *bash = shell ? NULL : find_program("bash");

	if (!shell)
		shell = bash ? "bash" : "sh";
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (str_eq(shell, shells[i].name))
			shell = shells[i].line;
	if (!strstr(shell, "{0}"))
		return err_set(e, ERR_PERM,
			"shell '%s' is not known: use bash, sh, python, node, "
			"pwsh or a command line with {0} for the script",
			shell);
	split(argv, shell);
	return 0;
}
