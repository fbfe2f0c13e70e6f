/* SPDX-License-Identifier: MIT */
/* Finding the subcommand, and help.  What each does is in its own file. */
#include "base/base.h"
#include "cli/cmd.h"

#include "base/enc.h"

#define CMDS_MAX 64

int
cli_fail(int code, const char *fmt, ...)
{
	AUTO(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "tellus: %s\n", text);
	return code;
}

int
cli_run_number(const char *text, int64_t *ret)
{
	if (num_parse(text, 1, INT64_MAX, ret) == 0)
		return CLI_OK;
	return cli_fail(CLI_USAGE,
		"'%s' is not the number of a run; try: tellus list", text);
}

static const struct cmd *
cmd_find(const char *name)
{
	size_t n;
	const struct cmd *t = cmd_table(&n);

	for (size_t i = 0; i < n; i++)
		if (str_eq(t[i].name, name))
			return &t[i];
	return NULL;
}

static int
unknown_command(const char *name)
{
	const char *names[CMDS_MAX], *near;
	size_t n;
	const struct cmd *t = cmd_table(&n);

	for (size_t i = 0; i < n && i < CMDS_MAX; i++)
		names[i] = t[i].name;
	near = nearest_name(name, names, MIN(n, CMDS_MAX));
	if (near)
		return cli_fail(CLI_USAGE,
			"unknown command '%s'; did you mean '%s'?", name, near);
	return cli_fail(
		CLI_USAGE, "unknown command '%s'; try: tellus help", name);
}

static void
print_opts(FILE *to, const struct opt *opts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf b = BUF_INIT;

		if (opts[i].letter)
			buf_addf(&b, "-%c, ", opts[i].letter);
		buf_addf(&b, "--%s", opts[i].name);
		if (opts[i].arg)
			buf_addf(&b, " %s", opts[i].arg);
		fprintf(to, "  %-24s %s\n", b.data, opts[i].help);
	}
}

void
cmd_print_overview(FILE *to)
{
	size_t n, ng;
	const struct cmd *t = cmd_table(&n);
	const struct opt *g = cmd_global_opts(&ng);

	fprintf(to, "usage: tellus [OPTION...] COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-10s %s\n", t[i].name, t[i].line);
	fprintf(to, "\noptions for every command:\n");
	print_opts(to, g, ng);
	fprintf(to, "\n'tellus COMMAND --help' says more.\n");
}

void
cmd_print_help(const struct cmd *cmd)
{
	size_t ng;
	const struct opt *g = cmd_global_opts(&ng);

	printf("usage: tellus %s%s%s%s\n\n", cmd->name,
		cmd->nopts ? " [OPTION...]" : "", *cmd->args ? " " : "",
		cmd->args);
	printf("%s", *cmd->help ? cmd->help : cmd->line);
	if (!*cmd->help)
		printf("\n");
	if (cmd->nopts) {
		printf("\noptions:\n");
		print_opts(stdout, cmd->opts, cmd->nopts);
	}
	printf("\noptions for every command:\n");
	print_opts(stdout, g, ng);
}

static int
help_command(const struct cli *c)
{
	const struct cmd *cmd;

	if (c->nargs < 1) {
		cmd_print_overview(stdout);
		return CLI_OK;
	}
	cmd = cmd_find(c->args[0]);
	if (!cmd)
		return unknown_command(c->args[0]);
	cmd_print_help(cmd);
	return CLI_OK;
}

static int
print_version(void)
{
	printf("tellus %s\n", PACKAGE_VERSION);
	return CLI_OK;
}

static int
run_command(struct cli *c, struct opt_set *global, int argc, char **argv)
{
	const struct cmd *cmd = c->cmd;
	AUTO(freep) void *opts = xcalloc(1, cmd->optsize + 1);
	struct opt_set sets[2] = { { cmd->opts, cmd->nopts, opts }, *global };
	struct err e;

	if (opts_parse(sets, ARRAY_LEN(sets), &argc, argv, false, &e) < 0)
		return cli_fail(
			CLI_USAGE, "%s (tellus %s --help)", e.msg, cmd->name);
	if (c->help) {
		cmd_print_help(cmd);
		return CLI_OK;
	}
	if (argc < cmd->min_args)
		return cli_fail(
			CLI_USAGE, "usage: tellus %s %s", cmd->name, cmd->args);
	if (cmd->max_args >= 0 && argc > cmd->max_args)
		return cli_fail(CLI_USAGE,
			"'%s' is one argument too many; usage: tellus %s %s",
			argv[cmd->max_args], cmd->name, cmd->args);
	c->opts = opts;
	c->nargs = argc;
	c->args = argv;
	if (c->version || str_eq(cmd->name, "version"))
		return print_version();
	c->tty = isatty(STDOUT_FILENO);
	c->color = c->tty && !c->no_color &&
		   (!getenv("NO_COLOR") || !*getenv("NO_COLOR"));
	return cmd->fn ? cmd->fn(c) : help_command(c);
}

int
cli_main(int argc, char **argv)
{
	struct cli c = { 0 };
	struct opt_set global = { .base = &c };
	struct err e;
	int rc;

	global.opts = cmd_global_opts(&global.n);
	argc = MAX(argc - 1, 0);
	argv++;
	if (opts_parse(&global, 1, &argc, argv, true, &e) < 0)
		return cli_fail(CLI_USAGE, "%s (tellus help)", e.msg);
	if (c.version)
		return print_version();
	if (argc < 1 || (c.help && argc < 1)) {
		cmd_print_overview(c.help ? stdout : stderr);
		return c.help ? CLI_OK : CLI_USAGE;
	}
	c.cmd = cmd_find(argv[0]);
	if (!c.cmd)
		return unknown_command(argv[0]);
	rc = run_command(&c, &global, argc - 1, argv + 1);
	if (fflush(stdout) != 0 && rc == CLI_OK)
		return cli_fail(CLI_AGENT, "cannot write: %s", strerror(errno));
	return rc;
}
