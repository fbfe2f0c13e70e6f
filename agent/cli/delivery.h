/* SPDX-License-Identifier: MIT */
/*
 * A push as tellus hands it over: the body of POST /api/v1/push, its
 * answer, and the folder in which a repository keeps those that could not
 * be handed over (REPO/tellus/incoming/NONCE).
 */
#ifndef CLI_DELIVERY_H
#define CLI_DELIVERY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define DELIVERY_ANSWER_MS 5000
#define DELIVERY_MAX (4 * 1024 * 1024)
#define INCOMING_MAX 1000 /* noted pushes that are handed over at once */

enum delivery_end {
	DELIVERY_DONE,     /* *ret_answer is the agent's */
	DELIVERY_REFUSED,  /* for good: the error says why */
	DELIVERY_NOT_NOW,  /* the agent answers, but has no room or a fault */
	DELIVERY_NO_AGENT, /* nobody answers */
};

enum delivery_end delivery_send(const char *socket, const char *body,
	json_t **ret_answer, struct err *e);

/* Writes body to GITDIR/tellus/incoming/nonce, synced.  The folders are the
 * repository owner's and nobody else's. */
int incoming_write(
	const char *gitdir, const char *nonce, const char *body, struct err *e);

/* Hands over what is there, oldest first; what was taken is removed.  What
 * is refused stays, with a sentence on standard error.  -1 when nobody
 * answers: it would only cost time to go on. */
int incoming_send(const char *gitdir, const char *socket, struct err *e);

#endif
