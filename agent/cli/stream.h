/* SPDX-License-Identifier: MIT */
/* Following a run until it is settled, and what Ctrl-C means meanwhile. */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "base/base.h"
#include "base/err.h"
#include "cli/render.h"

/* The agent sends something at least every 15 s. */
#define STREAM_IDLE_MS 60000

enum follow_end {
	FOLLOW_ENDED, /* the run is settled */
	FOLLOW_LOST,  /* the connection to the agent was lost */
	FOLLOW_LEFT,  /* a signal, or nobody reads us any more */
};

struct follow {
	const char *socket;
	int64_t run;
	struct render_opts render;
	bool cancels; /* the first Ctrl-C cancels the run */
	bool replay;  /* live: the output of failed steps at the end */
};

/* Prints the run's story until its end.  *ret_state (heap) is the state
 * that it ended in, only with FOLLOW_ENDED. */
enum follow_end follow_run(
	const struct follow *f, char **ret_state, struct err *e);

/* Live lines where standard output is a terminal, else plain ones. */
struct cli;
void follow_to_stdout(const struct cli *c, struct follow *f);

/* A descriptor that tells of INT, TERM and HUP instead of dying of them;
 * SIGPIPE is ignored.  Once per process. */
int signals_to_fd(struct err *e);

#endif
