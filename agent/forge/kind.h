/* SPDX-License-Identifier: MIT */
/*
 * Between the files of this folder: one row per forge, what each has to
 * supply, and what they share.  Nobody else includes this.
 */
#ifndef FORGE_KIND_H
#define FORGE_KIND_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"
#include "forge/forge.h"

struct forge_row {
	enum forge_kind kind;
	int (*verify)(const struct forge_request *r,
		const struct repo_conf *repo, struct err *e);
	/* d is zeroed; root is an object. */
	int (*parse)(const struct forge_request *r, const json_t *root,
		struct delivery *d, struct err *e);
	/* The headers that may carry the delivery's id, best first. */
	const char *id_headers[4];
	/* Of a status: path below the API's address, the token's header, and
	 * the body's members beside those that all have. */
	int (*status_path)(
		const struct status *s, struct buf *out, struct err *e);
	const char *auth; /* with its blank; the token follows */
	const char *accept;
	void (*status_body)(const struct status *s, struct json_out *o);
};

/* NULL for kinds that have no webhooks (local, none). */
const struct forge_row *forge_row(enum forge_kind kind);

/* github.c, also for Gitea; gitlab.c */
int github_parse(const struct forge_request *r, const json_t *root,
	struct delivery *d, struct err *e);
int gitea_parse(const struct forge_request *r, const json_t *root,
	struct delivery *d, struct err *e);
int gitlab_parse(const struct forge_request *r, const json_t *root,
	struct delivery *d, struct err *e);

/* verify.c */
int github_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e);
int gitlab_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e);
int gitea_verify(const struct forge_request *r, const struct repo_conf *repo,
	struct err *e);

/* status.c.  The forge's word for a run's state; NULL for no such state. */
const char *status_word(enum forge_kind kind, const char *state);
int status_path_github(const struct status *s, struct buf *out, struct err *e);
int status_path_gitlab(const struct status *s, struct buf *out, struct err *e);
void status_body_github(const struct status *s, struct json_out *o);
void status_body_gitlab(const struct status *s, struct json_out *o);

/* Makes the delivery one that starts nothing; always 0. */
int delivery_ignore(struct delivery *d, const char *fmt, ...) PRINTF(2, 3);
/* For a push whose ref and before are known: tells what starts nothing.
 * sha NULL or zero: the ref was deleted.  True when it was ignored. */
bool delivery_ref_ignored(struct delivery *d, const char *sha);
/* Does the commit's message ask for no run?  Only a marker that starts the
 * title, or a trailer: text quoted in a message does not count. */
bool message_asks_skip(const char *message);

#endif
