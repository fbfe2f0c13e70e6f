/* SPDX-License-Identifier: MIT */
/*
 * The private agent of tellus run: a tellusd of this user's own, without
 * TCP, that ends when it is idle.  It is found again as long as it lives.
 */
#ifndef CLI_PRIVATE_H
#define CLI_PRIVATE_H

#include "base/base.h"
#include "base/err.h"
#include "cli/repo.h"

#define PRIVATE_START_MS 15000
#define PRIVATE_IDLE "10m"

struct private_agent {
	char *state, *socket;
	char *name; /* of the repository in its configuration */
};

void private_release(struct private_agent *p); /* also for AUTO */

/* Makes sure that it runs and knows the repository. */
int private_ready(
	struct private_agent *p, const struct repo *repo, struct err *e);

#endif
