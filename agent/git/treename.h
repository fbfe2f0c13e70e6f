/* SPDX-License-Identifier: MIT */
/*
 * Tree objects as they are: entries read from the raw bytes, because the
 * library tidies modes up that we must refuse, and the rules for names.
 */
#ifndef GIT_TREENAME_H
#define GIT_TREENAME_H

#include "base/base.h"

#include <git2.h>

#define TREE_NAME_MAX 255
#define TREE_PATH_MAX 4095

enum entry_kind {
	ENTRY_BAD,
	ENTRY_FILE,
	ENTRY_EXEC,
	ENTRY_LINK,
	ENTRY_DIR,
	ENTRY_SUBMODULE,
};

struct entry {
	unsigned int mode;    /* as recorded */
	enum entry_kind kind; /* ENTRY_BAD: a mode that we do not write */
	const char *name;     /* NUL-terminated, inside the object */
	size_t len;
	git_oid id;
};

/* Moves *at on by one entry: 1, 0 at the end, -1 broken. */
int entry_next(const char **at, const char *end, struct entry *ret);

/* Why a name can not be checked out, or NULL. */
const char *entry_name_wrong(const struct entry *entry);

#endif
