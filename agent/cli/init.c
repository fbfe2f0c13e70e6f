/* SPDX-License-Identifier: MIT */
/* tellus init: a starter workflow that fits what the repository holds. */
#include "base/base.h"
#include "cli/agent.h"

#include "cli/repo.h"
#include "os/fd.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TEMPLATE_MAX 65536

/* The first that is there decides: build tools before the Makefile that
 * often stands beside them. */
static const struct {
	const char *file, *starter;
} kinds[] = {
	{ "Cargo.toml", "cargo" },
	{ "go.mod", "go" },
	{ "package.json", "node" },
	{ "pyproject.toml", "python" },
	{ "setup.py", "python" },
	{ "CMakeLists.txt", "cmake" },
	{ "meson.build", "meson" },
	{ "configure.ac", "autotools" },
	{ "Makefile", "make" },
	{ "makefile", "make" },
	{ "GNUmakefile", "make" },
};

static const char *
starter_for(int top)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (faccessat(top, kinds[i].file, F_OK, 0) == 0)
			return kinds[i].starter;
	return "plain";
}

static char *
read_starter(const char *name, struct err *e)
{
	const char *templates = getenv("TELLUS_TEMPLATES");
	AUTO(freep) char *file = xasprintf("templates/init/%s.yml", name);
	AUTO(freep)
	char *path = templates ? xasprintf("%s/init/%s.yml", templates, name)
			       : agent_data_file(file);
	char *text = NULL;

	if (!path) {
		err_set(e, ERR_ABSENT,
			"%s of tellus is missing; is tellus installed "
			"completely?",
			file);
		return NULL;
	}
	if (fd_slurp_at(AT_FDCWD, path, TEMPLATE_MAX, &text, NULL, e) < 0)
		return NULL;
	return text;
}

/* Never over a file that is there, whoever was faster. */
static int
write_new(int top, const char *text, struct err *e)
{
	AUTO(fd_closep)
	int fd = openat(top, ".tellus.yml",
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_PERM,
			"there is a .tellus.yml already; it was left as it is");
	if (fd < 0)
		return err_sys(e, "create '.tellus.yml'");
	return fd_write_all(fd, text, strlen(text), e);
}

int
cmd_init(struct cli *c)
{
	AUTO(repo_release) struct repo repo = { 0 };
	AUTO(fd_closep) int top = -1;
	AUTO(freep) char *text = NULL;
	const char *starter;
	struct err e;

	(void)c;
	if (repo_around(&repo, ".", &e) < 0)
		return cli_fail(CLI_USAGE, "%s; try: git init", e.msg);
	if (!repo.top)
		return cli_fail(CLI_USAGE,
			"'%s' is a bare repository: it has no files to look "
			"at; use a clone of it",
			repo.gitdir);
	top = open(repo.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return cli_fail(
			CLI_USAGE, "open '%s': %s", repo.top, strerror(errno));
	if (faccessat(top, ".tellus", F_OK, 0) == 0)
		return cli_fail(CLI_USAGE,
			"there is a .tellus folder already; it was left as it "
			"is");
	starter = starter_for(top);
	text = read_starter(starter, &e);
	if (!text || write_new(top, text, &e) < 0)
		return cli_fail(CLI_USAGE, "%s", e.msg);
	printf("wrote %s/.tellus.yml (%s); try it: tellus run\n", repo.top,
		starter);
	return CLI_OK;
}
