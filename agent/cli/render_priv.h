/* SPDX-License-Identifier: MIT */
/* What render.c and live.c share; nobody else includes it. */
#ifndef CLI_RENDER_PRIV_H
#define CLI_RENDER_PRIV_H

#include "base/base.h"
#include "base/buf.h"
#include "cli/render.h"

#define LIVE_TAIL 5  /* lines of output below a running step */
#define LIVE_STEPS 6 /* running steps shown at most */

struct step_view {
	char *name;
	bool running, failed;
	int64_t since_ms;      /* CLOCK_BOOTTIME */
	struct buf line;       /* output after the last end of a line */
	char *tail[LIVE_TAIL]; /* the oldest first */
	size_t ntail;
};

struct job_view {
	char *name;
	struct step_view *steps;
	size_t nsteps, steps_cap;
};

struct render {
	struct render_opts o;
	int64_t run;
	bool head, ended, broken;
	char *state, *link;
	struct job_view *jobs;
	size_t njobs, jobs_cap;
	struct buf out; /* not written yet */
	int drawn;      /* live lines on the screen */
};

/* All do nothing when the output is not live. */
void live_erase(struct render *r);
void live_draw(struct render *r);
void live_keep(struct step_view *s, const char *line);
void live_forget(struct step_view *s);

#endif
