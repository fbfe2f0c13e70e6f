/* SPDX-License-Identifier: MIT */
/* A hash table from object ids to values of a fixed size. */
#ifndef GIT_OIDMAP_H
#define GIT_OIDMAP_H

#include "base/base.h"

#include <git2.h>

struct oidmap {
	size_t value; /* bytes of a value */
	size_t len, slots;
	unsigned char *data; /* slots of: used byte, id, value */
};

void oidmap_init(struct oidmap *m, size_t value);
void oidmap_release(struct oidmap *m);
/* Copies the value out (ret may be NULL); false: it is not there. */
bool oidmap_get(const struct oidmap *m, const git_oid *id, void *ret);
/* Adds or replaces; value may be NULL when values have no bytes. */
void oidmap_put(struct oidmap *m, const git_oid *id, const void *value);

#endif
