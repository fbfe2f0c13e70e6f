/* SPDX-License-Identifier: MIT */
/*
 * A workflow file, read and checked.  The reader (yaml.c) gives positions,
 * so that every complaint is "file:line:column: what is wrong".  Linked by
 * the worker and tellus, never by tellusd.
 */
#ifndef MODEL_WORKFLOW_H
#define MODEL_WORKFLOW_H

#include "base/base.h"
#include "base/err.h"

#define WORKFLOW_MAX_JOBS 256
#define WORKFLOW_MAX_STEPS 200 /* of a job: the kernel's overlay layers */
#define WORKFLOW_MAX_SCRIPT (120 << 10) /* the kernel takes 128 KiB */
#define WORKFLOW_MAX_ID 100
#define WORKFLOW_MAX_NAME 500 /* bytes of a job's or step's name */
#define WORKFLOW_MAX_TIMEOUT_MS ((int64_t)30 * 24 * 3600 * 1000)
#define WORKFLOW_MAX_RETRY 10
#define WORKFLOW_MAX_WARNINGS 50

struct workflow; /* opaque: see workflow.c */

/* Reads text (at most 256 KiB, checked).  file is the name shown and kept.
 * On error the message is "file:line:column: ..." with the nearest known
 * key where that helps. */
int workflow_parse(struct workflow **ret, const char *file, const char *text,
	size_t len, struct err *e);
void workflow_free(struct workflow *w);
void workflow_freep(struct workflow **w);

const char *workflow_name(const struct workflow *w); /* "name", or the file's
						      * base name without
						      * ".yml" and first dot */
const char *workflow_file(const struct workflow *w);
/* Warnings of the last parse, one line each ("file:line:col: ..."), or an
 * empty list: a bare "on" as a boolean elsewhere, and so on. */
struct strv;
const struct strv *workflow_warnings(const struct workflow *w);

#endif
