/* SPDX-License-Identifier: MIT */
/* What host.c and facts.c share. */
#ifndef BOX_HOST_H
#define BOX_HOST_H

#include "base/base.h"
#include "base/err.h"
#include "box/box.h"

#define HOST_BUILD_USER "tellus-build"
#define HOST_BUILD_ID 65533 /* where there is no such user */

#define HOST_USERNS_REMEDY                                                     \
	"set user.max_user_namespaces above 0 and, where "                     \
	"they exist, kernel.unprivileged_userns_clone=1 and "                  \
	"kernel.apparmor_restrict_unprivileged_userns=0"

/* Fills h without judging it.  change: see cgroup_probe. */
int host_look(struct box_host *h, const struct box_conf *c, bool change,
	struct err *e);

#endif
