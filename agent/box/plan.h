/* SPDX-License-Identifier: MIT */
/*
 * What box_open prepares in the parent and the box's first two processes
 * carry out.  Private to the box folder.  Between clone and exec nothing
 * here allocates; an error travels to the parent as a struct report.
 */
#ifndef BOX_PLAN_H
#define BOX_PLAN_H

#include "base/base.h"
#include "base/err.h"
#include "base/strv.h"
#include "box/box.h"

#include <linux/filter.h>
#include <sys/stat.h>

#define BOX_HOSTNAME "tellus"

struct plan {
	const struct box_host *host;
	const struct box_spec *spec;
	/* The state folder by name: overlayfs and bind mounts want paths of
	 * the box's own mount namespace, which a descriptor of ours is not
	 * in.  st is what the name must still lead to. */
	char state[PATH_MAX];
	struct stat st;
	char resolv[4096]; /* resolv.conf of the box */
	const struct sock_fprog *filter;
	/* Our command line and environment in memory, which init wipes; so
	 * what the step needs later are copies. */
	struct strv argv, envp;
	char *cwd;
	char *args;
	size_t args_len;
	int netns;  /* to be entered, or -1 */
	int ctl;    /* socket: "g" comes in, the wait status goes out */
	int report; /* pipe: a struct report, or its end when exec is done */
};

struct report {
	bool exec; /* it is execve(2) itself that failed */
	struct err e;
};

/* Writes the report and ends the process. */
void plan_fail(const struct plan *p, bool exec, const struct err *e)
	__attribute__((noreturn));

#endif
