/* SPDX-License-Identifier: MIT */
/*
 * A small tree of a YAML file, each node with its position.  All scalars
 * are text: what "no" or 1.10 means is for the one who asked for the key.
 * Only what a workflow needs is read; anchors are resolved within a budget,
 * tags, merge keys and second documents are refused.
 */
#ifndef MODEL_YAML_H
#define MODEL_YAML_H

#include "base/base.h"
#include "base/err.h"

#define YAML_MAX_BYTES (256 << 10)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES 20000
#define YAML_MAX_ALIASED 1000 /* nodes that aliases stand for, in all */

enum ynode_kind {
	YNODE_SCALAR,
	YNODE_LIST,
	YNODE_MAP,
};

struct ynode {
	enum ynode_kind kind;
	unsigned int line, col; /* from 1; columns count characters */
	bool plain;             /* a scalar without quotes */
	bool block;             /* a scalar after "|" or ">" */
	char *text;             /* of a scalar, without NUL */
	/* A list's items; a map's keys and values in turn, in order. */
	struct ynode **item;
	size_t n, cap; /* of a map: twice the number of entries */
	/* Of the whole tree below, itself counted. */
	unsigned int nodes, depth;
};

struct ydoc; /* owns all nodes */

/* file is the name shown in messages: "file:line:col: what is wrong". */
int ydoc_parse(struct ydoc **ret, const char *file, const char *text,
	size_t len, struct err *e);
void ydoc_free(struct ydoc *d);
void ydoc_freep(struct ydoc **d); /* for AUTO */

const struct ynode *ydoc_root(const struct ydoc *d);
const char *ydoc_file(const struct ydoc *d);

/* Where byte `offset` of a scalar's text is in the file; the scalar's own
 * position where that cannot be told (escapes, folded lines). */
void ydoc_place(const struct ydoc *d, const struct ynode *n, size_t offset,
	unsigned int *ret_line, unsigned int *ret_col);

/* The value of a key, or NULL. */
const struct ynode *ynode_get(const struct ynode *map, const char *key);

/* An empty value, "~" or "null" without quotes. */
bool ynode_is_null(const struct ynode *n);

/* -1, with "file:line:col: ..." in *e. */
int ydoc_fault(const struct ydoc *d, const struct ynode *n, struct err *e,
	const char *fmt, ...) PRINTF(4, 5);

#endif
