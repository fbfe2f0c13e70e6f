/* SPDX-License-Identifier: MIT */
/* What the yaml*.c files share. */
#ifndef MODEL_YAML_INT_H
#define MODEL_YAML_INT_H

#include "model/yaml.h"

struct yaml_anchor {
	char *name;
	struct ynode *node; /* NULL while its node is being read */
};

struct ydoc {
	char *file;
	char *text; /* the source, for ydoc_place() */
	size_t len;
	struct ynode *root;
	struct ynode **all; /* for freeing: aliases share nodes */
	size_t nall, all_cap;
	struct yaml_anchor *anchors;
	size_t nanchors, anchors_cap;
	unsigned int aliased;
};

/* Size, encoding and control bytes, before libyaml sees the text: it would
 * name no position. */
int yaml_check_text(const struct ydoc *d, struct err *e);

/* -1, with "file:line:col: ...". */
int yaml_fault(const struct ydoc *d, unsigned int line, unsigned int col,
	struct err *e, const char *fmt, ...) PRINTF(5, 6);

/* Start and length of a line, from 1, without its line break. */
const char *yaml_line(const struct ydoc *d, unsigned int line, size_t *ret_len);

#endif
