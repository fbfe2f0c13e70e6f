/* SPDX-License-Identifier: MIT */
/* Giving up rights: users, capabilities, limits.  Between clone and exec. */
#ifndef BOX_DROP_H
#define BOX_DROP_H

#include "base/base.h"
#include "base/err.h"

/* No supplementary groups, then gid, then uid, all three of each. */
int drop_user(uid_t uid, gid_t gid, struct err *e);

/* Empties the bounding and the ambient set.  Needs CAP_SETPCAP. */
int drop_bounding(struct err *e);

/* Leaves only the capabilities of the mask (0: none), in no set but the
 * effective and the permitted one. */
int drop_caps(uint64_t keep, struct err *e);

int drop_new_privs(struct err *e);

/* Lowers (never raises) a resource limit, soft and hard. */
int drop_limit(int resource, const char *name, int64_t value, struct err *e);

#endif
