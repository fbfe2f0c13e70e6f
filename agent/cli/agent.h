/* SPDX-License-Identifier: MIT */
/* The agent as tellus sees it: where its socket is, and calls to its API. */
#ifndef CLI_AGENT_H
#define CLI_AGENT_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/http.h"

/* The socket by --socket, --local, $TELLUS_SOCKET, the configuration, the
 * defaults.  -1 only when the configuration cannot be read. */
int agent_socket(const struct cli *c, char **ret_path, struct err *e);

/* $XDG_STATE_HOME/tellus/local, or ~/.local/state/tellus/local. */
char *agent_local_state(void);

/* One call with an answer kept in memory.  CLI_OK and *ret (may be NULL in),
 * or the exit code after saying what went wrong.  An answer that is an
 * error is told as the agent's sentence. */
int agent_call(struct cli *c, const char *method, const char *path,
	const char *body, json_t **ret);
/* The same, with the answer's own text. */
int agent_text(struct cli *c, const char *method, const char *path,
	const char *body, struct buf *ret);

/* Says that the agent at socket cannot be reached; CLI_AGENT. */
int agent_unreached(const char *socket, const char *why);
/* Says what an answer that is no 2xx means; CLI_USAGE for 4xx that name the
 * user's own mistake, else CLI_AGENT. */
int agent_refused(const struct http_answer *a);
/* The "detail" of a problem answer, else its title or its status. */
char *agent_detail(const struct http_answer *a);

/* The path of a program of ours: below $TELLUS_LIBEXECDIR, beside tellus,
 * in ../sbin from there, or where it is installed.  NULL when nowhere. */
char *agent_program(const char *name);
/* The same for a data file such as "hooks/post-receive". */
char *agent_data_file(const char *name);

#endif
