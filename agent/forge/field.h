/* SPDX-License-Identifier: MIT */
/*
 * Fields of a payload, by a path as "pull_request.head.sha".  Types are
 * strict and everything is bounded; a complaint names the field.  An
 * optional field that is absent or null leaves *ret as it is.
 */
#ifndef FORGE_FIELD_H
#define FORGE_FIELD_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"

#define FIELD_NAME_MAX 255 /* bytes of a name or branch */
#define FIELD_TEXT_MAX 200 /* bytes of a title that is shown */
#define FIELD_LINK_MAX 2000

/* NULL where there is none; -1 when something on the way is no object. */
int field_any(const json_t *root, const char *path, const json_t **ret,
	struct err *e);

/* Required. */
int field_name(const json_t *root, const char *path, char **ret, struct err *e);
int field_sha(const json_t *root, const char *path, char **ret, struct err *e);
int field_ref(const json_t *root, const char *path, char **ret, struct err *e);
/* The name of a branch, without refs/heads/. */
int field_branch(
	const json_t *root, const char *path, char **ret, struct err *e);
int field_int(
	const json_t *root, const char *path, int64_t *ret, struct err *e);

/* Optional.  Strings are borrowed from root where they are const. */
int field_str(
	const json_t *root, const char *path, const char **ret, struct err *e);
/* The first line, cut to what is shown. */
int field_text(const json_t *root, const char *path, char **ret, struct err *e);
int field_bool(const json_t *root, const char *path, bool *ret, struct err *e);
/* Dropped when it is no address of a page. */
int field_link(const json_t *root, const char *path, char **ret, struct err *e);

/* http or https, a host, no blanks or control characters, at most max
 * bytes. */
bool link_is_valid(const char *s, size_t max);

#endif
