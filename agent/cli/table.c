/* SPDX-License-Identifier: MIT */
/* The subcommands of tellus and their options, as data. */
#include "base/base.h"
#include "cli/cmd.h"
#include "cli/opts.h"

/* clang-format off */
#define FLAG(type, member, name, letter, help) \
	{ name, letter, OPT_FLAG, offsetof(type, member), NULL, help }
#define TEXT(type, member, name, letter, arg, help) \
	{ name, letter, OPT_TEXT, offsetof(type, member), arg, help }
#define LIST(type, member, name, arg, help) \
	{ name, 0, OPT_LIST, offsetof(type, member), arg, help }
#define NUM(type, member, name, letter, arg, help) \
	{ name, letter, OPT_NUM, offsetof(type, member), arg, help }

static const struct opt global_opts[] = {
	TEXT(struct cli, socket, "socket", 0, "PATH",
		"the agent's socket"),
	TEXT(struct cli, config, "config", 0, "FILE",
		"the configuration; it leads to the socket"),
	FLAG(struct cli, local, "local", 0,
		"ask the private agent of 'tellus run'"),
	FLAG(struct cli, no_color, "no-color", 0,
		"plain text on a terminal, too"),
	FLAG(struct cli, help, "help", 'h', "explain and exit"),
	FLAG(struct cli, version, "version", 0, "print the version and exit"),
};

static const struct opt run_opts[] = {
	TEXT(struct run_opts, file, "file", 0, "FILE",
		"only this workflow file of the repository"),
};

static const struct opt list_opts[] = {
	TEXT(struct list_opts, repository, "repository", 0, "NAME",
		"only runs of this repository"),
	TEXT(struct list_opts, ref, "ref", 0, "REF",
		"only runs of this branch, tag or full ref"),
	TEXT(struct list_opts, sha, "sha", 0, "COMMIT",
		"only runs of this commit (40 hex digits)"),
	TEXT(struct list_opts, state, "state", 0, "STATE",
		"only runs in this state (queued, running, failed ...)"),
	NUM(struct list_opts, before, "before", 0, "RUN",
		"only runs older than this one"),
	NUM(struct list_opts, limit, "limit", 'n', "N",
		"at most N runs (20; at most 500)"),
	FLAG(struct list_opts, json, "json", 0, "the agent's JSON array"),
};

static const struct opt show_opts[] = {
	FLAG(struct show_opts, json, "json", 0, "the agent's JSON object"),
};

static const struct opt log_opts[] = {
	FLAG(struct log_opts, follow, "follow", 'f',
		"go on until the run ends; exit 1 if it failed"),
};

static const struct opt retry_opts[] = {
	TEXT(struct retry_opts, job, "job", 0, "JOB",
		"only this job and what needs it"),
	TEXT(struct retry_opts, from, "from", 0, "STEP",
		"go on from this step of the job"),
	LIST(struct retry_opts, skip, "skip", "STEP",
		"go on as if this step were done"),
	LIST(struct retry_opts, set, "set", "NAME=VALUE",
		"set a variable, above the workflow's"),
	LIST(struct retry_opts, limit, "limit", "NAME=VALUE",
		"a limit: memory=4G, cpu=2, pids=500, disk, output"),
	TEXT(struct retry_opts, ref, "ref", 0, "REF",
		"a new run of the workflow, of what REF is now"),
	FLAG(struct retry_opts, follow, "follow", 'f',
		"show the run until it ends; exit 1 if it failed"),
};

static const struct opt lint_opts[] = {
	FLAG(struct lint_opts, json, "json", 0, "an array of problems"),
};

static const struct opt gc_opts[] = {
	FLAG(struct gc_opts, dry_run, "dry-run", 'n',
		"only say what would be removed"),
	FLAG(struct gc_opts, json, "json", 0, "the agent's JSON object"),
};

static const struct opt hook_opts[] = {
	TEXT(struct hook_opts, name, "name", 0, "NAME",
		"the repository's name in the agent's configuration"),
	FLAG(struct hook_opts, json, "json", 0, "status as a JSON object"),
};

static const struct opt doctor_opts[] = {
	FLAG(struct doctor_opts, json, "json", 0, "an array of checks"),
};

static const struct opt push_opts[] = {
	TEXT(struct push_opts, repository, "repository", 0, "NAME",
		"the repository's name in the agent's configuration"),
	FLAG(struct push_opts, detach, "detach", 0,
		"do not wait for the runs"),
};

static const struct cmd cmds[] = {
	{ "run", "[REV]", "run the workflow here and now",
		"Runs the workflow of the repository around the current folder:\n"
		"the working tree with its uncommitted files, or the commit REV.\n"
		"A private agent is started for it and ends when it is idle.\n"
		"Ctrl-C cancels the run, a second Ctrl-C leaves.\n"
		"Exits 0 when the run passed and 1 when it did not.\n",
		OPT_TABLE(run_opts, struct run_opts), 0, 1, cmd_run },
	{ "list", "", "list runs, newest first",
		"Lists the runs that the agent knows, newest first.\n",
		OPT_TABLE(list_opts, struct list_opts), 0, 0, cmd_list },
	{ "show", "RUN", "show a run, its jobs and steps",
		"Shows what a run is doing or did, and why it failed.\n",
		OPT_TABLE(show_opts, struct show_opts), 1, 1, cmd_show },
	{ "why", "RUN", "explain why a run failed or waits",
		"Says the reason of a failure, where and when it was, the last lines of\n"
		"output, limits and use, what the agent did by itself, and what to do;\n"
		"or what a run waits for.\n",
		OPT_TABLE(show_opts, struct show_opts), 1, 1, cmd_why },
	{ "journal", "RUN", "list the events of a run",
		"Lists what the journal has of a run, one event a line.\n",
		OPT_TABLE(show_opts, struct show_opts), 1, 1, cmd_journal },
	{ "log", "RUN [JOB [STEP]]", "print the output of a run",
		"Prints the output of the steps.  Off a terminal these are the\n"
		"steps' bytes and nothing else; on a terminal colours are kept\n"
		"and every other escape sequence is dropped.\n",
		OPT_TABLE(log_opts, struct log_opts), 1, 3, cmd_log },
	{ "retry", "RUN", "run a finished run again",
		"Starts a new attempt of a run that has ended: of every job that did\n"
		"not pass.  A run that is blocked goes on where it stopped.\n",
		OPT_TABLE(retry_opts, struct retry_opts), 1, 1, cmd_retry },
	{ "approve", "RUN", "let a pull request from a fork run",
		"Lets a run start that waits for approval.  It gets no secret and\n"
		"no network.\n",
		NULL, 0, 0, 1, 1, cmd_approve },
	{ "cancel", "RUN", "cancel a run",
		"Ends a run: its steps get TERM, and KILL ten seconds later.  What\n"
		"has an undo is undone.\n",
		NULL, 0, 0, 1, 1, cmd_cancel },
	{ "gc", "", "remove what nobody needs any more",
		"Has the agent keep its disk budget now, as it does by itself: the\n"
		"longest unused trees, layers and mirrors go first, then outputs;\n"
		"never what a run needs that is not over.\n",
		OPT_TABLE(gc_opts, struct gc_opts), 0, 0, cmd_gc },
	{ "lint", "[FILE...]", "check workflow files",
		"Checks .tellus.yml, .tellus/*.yml or the files given, without an\n"
		"agent.  Exits 2 when something is wrong.\n",
		OPT_TABLE(lint_opts, struct lint_opts), 0, -1, cmd_lint },
	{ "init", "", "write a starter workflow",
		"Looks at the repository and writes a .tellus.yml that fits.  An\n"
		"existing workflow is never overwritten.\n",
		NULL, 0, 0, 0, 0, cmd_init },
	{ "hook", "install|remove|status [REPO]",
		"connect a repository with the agent",
		"install  writes hooks/post-receive and the tellus.* settings into\n"
		"         the repository REPO; a hook that is there runs first\n"
		"remove   takes both away and puts the earlier hook back\n"
		"status   says what is installed\n"
		"Without REPO it is the repository around the current folder.\n",
		OPT_TABLE(hook_opts, struct hook_opts), 1, 2, cmd_hook },
	{ "doctor", "", "check that everything works",
		"Asks the agent how it is, or checks the machine itself where no\n"
		"agent answers.  Each line says OK, WARN or FAIL and what to do.\n",
		OPT_TABLE(doctor_opts, struct doctor_opts), 0, 0, cmd_doctor },
	{ "push", "", "tell the agent of a push (called by post-receive)",
		"Reads \"OLD NEW REF\" lines from standard input, tells the agent\n"
		"and shows the runs.  It never fails: where no agent answers, the\n"
		"push is noted in the repository and runs when the agent starts.\n",
		OPT_TABLE(push_opts, struct push_opts), 0, 0, cmd_push },
	{ "version", "", "print the version", "", NULL, 0, 0, 0, 0, NULL },
	{ "help", "[COMMAND]", "explain a command", "", NULL, 0, 0, 0, 1,
		NULL },
};
/* clang-format on */

const struct cmd *
cmd_table(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(cmds);
	return cmds;
}

const struct opt *
cmd_global_opts(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(global_opts);
	return global_opts;
}
