/* SPDX-License-Identifier: MIT */
/*
 * The command line of tellus: a table of subcommands, a table of options
 * for each, and what all of them share.  This layer prints and decides the
 * exit status; it has no CI logic of its own.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

/* Exit codes (design: the same for every subcommand). */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the run failed: run, log -f and retry -f only */
	CLI_USAGE = 2,  /* wrong usage or configuration */
	CLI_AGENT = 3,  /* the agent could not be reached, or failed */
};

enum opt_kind {
	OPT_FLAG, /* bool */
	OPT_TEXT, /* const char *, borrowed from argv */
	OPT_NUM,  /* int64_t, at least 1 */
	OPT_LIST, /* struct opt_list, may be given several times */
};

#define OPT_LIST_MAX 100
struct opt_list {
	const char *v[OPT_LIST_MAX]; /* borrowed from argv */
	size_t n;
};

struct opt {
	const char *name; /* without the dashes */
	char letter;      /* or 0 */
	enum opt_kind kind;
	size_t at;       /* offset in the command's struct of options */
	const char *arg; /* what its value is called in the help */
	const char *help;
};

struct cli;

struct cmd {
	const char *name, *args, *line;
	const char *help; /* paragraphs for "tellus CMD --help" */
	const struct opt *opts;
	size_t nopts, optsize;
	int min_args, max_args; /* max -1: any number */
	int (*fn)(struct cli *c);
};

struct cli {
	const char *socket, *config; /* global options */
	bool local, no_color, help, version;
	const struct cmd *cmd;
	void *opts; /* the command's struct of options */
	int nargs;
	char **args;
	bool tty;   /* standard output is a terminal */
	bool color; /* and may be coloured */
};

#define OPT_TABLE(t, type) (t), ARRAY_LEN(t), sizeof(type)

/* The whole of main(). */
int cli_main(int argc, char **argv);

const struct cmd *cmd_table(size_t *ret_n);
const struct opt *cmd_global_opts(size_t *ret_n);

/* Sets values from the words of argv that are options; the others are moved
 * to the front of argv and *argc is their number.  With stop_at_word the
 * first other word ends it.  gbase and base may be NULL where their table
 * is empty. */
struct opt_set {
	const struct opt *opts;
	size_t n;
	void *base;
};
int opts_parse(const struct opt_set *sets, size_t nsets, int *argc, char **argv,
	bool stop_at_word, struct err *e);

/* "tellus: ..." on standard error; returns code. */
int cli_fail(int code, const char *fmt, ...) PRINTF(2, 3);

/* A run's number from the command line; CLI_OK or the exit code, after
 * saying what is wrong. */
int cli_run_number(const char *text, int64_t *ret);

/* "tellus CMD --help" and "tellus help". */
void cmd_print_help(const struct cmd *cmd);
void cmd_print_overview(FILE *to);

/* The subcommands: one file each. */
int cmd_run(struct cli *c);
int cmd_list(struct cli *c);
int cmd_show(struct cli *c);
int cmd_log(struct cli *c);
int cmd_retry(struct cli *c);
int cmd_approve(struct cli *c);
int cmd_cancel(struct cli *c);
int cmd_journal(struct cli *c);
int cmd_why(struct cli *c);
int cmd_gc(struct cli *c);
int cmd_lint(struct cli *c);
int cmd_init(struct cli *c);
int cmd_hook(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_push(struct cli *c);

#endif
