/* SPDX-License-Identifier: MIT */
/*
 * Forges: verify and parse a delivery, build a status request.  One row
 * per forge in a table; no I/O here (post.h sends).
 */
#ifndef FORGE_FORGE_H
#define FORGE_FORGE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "model/config.h"
#include "model/push.h"

/* A request header by name, any case; NULL when absent. */
typedef const char *forge_header_fn(const char *name, void *arg);

struct forge_request {
	forge_header_fn *header;
	void *arg;
	const char *body;
	size_t len;
	int64_t now_s; /* wall clock, for signed time stamps */
};

/* Does the request carry a valid signature or token made with the secret
 * of this repository?  0 yes; ERR_DENIED otherwise (constant time; the
 * message is for the log, never for the caller of the hook). */
int forge_verify(enum forge_kind kind, const struct forge_request *r,
	const struct repo_conf *repo, struct err *e);

enum delivery_what {
	DELIVERY_PUSH, /* starts a run (after the fork rule) */
	DELIVERY_PING,
	DELIVERY_IGNORED, /* starts nothing; why says why */
};

struct delivery {
	enum delivery_what what;
	char *repository; /* the forge's full name, from the payload */
	char *id;         /* delivery id (dedupe key), or NULL */
	char *why;        /* for IGNORED: one sentence */
	struct push push; /* for PUSH */
};
void delivery_release(struct delivery *d);

/* After verify.  ERR_PERM: malformed, the message says what is missing. */
int forge_parse(enum forge_kind kind, const struct forge_request *r,
	struct delivery *ret, struct err *e);

/* ---- statuses ---- */

struct status {
	const char *repository; /* full name */
	const char *sha, *ref;
	const char *context;     /* "tellus/ci" */
	const char *state;       /* a run's: "queued" "running" "passed" ... */
	const char *description; /* any length, any bytes: cut here */
	const char *target_url;  /* or NULL */
};

struct status_request {
	char *url;
	struct strv headers; /* without the token */
	char *auth;          /* the token's header line: never logged */
	char *body;
};
void status_request_release(struct status_request *r);

/* Source: each forge's API page, named in its file. */
int forge_status(const struct repo_conf *repo, const struct status *s,
	struct status_request *ret, struct err *e);

/* What an answer means. */
enum status_verdict {
	STATUS_OK,    /* the forge has it */
	STATUS_RETRY, /* later: *ret_wait_ms (0: the usual back-off) */
	STATUS_DEAD,  /* never: why says so */
};
struct status_answer {
	long code;        /* HTTP; 0: no answer (e has why) */
	const char *body; /* at most 256 KiB */
	size_t len;
	forge_header_fn *header;
	void *arg;
	int64_t now_s;
	const struct err *err; /* code 0: why there was no answer, or NULL */
};
/* sent_state is the run's state, as in struct status.  *ret_why is one
 * sentence for people, empty when it is STATUS_OK. */
enum status_verdict forge_verdict(enum forge_kind kind,
	const struct status_answer *a, const char *sent_state,
	int64_t *ret_wait_ms, struct err *ret_why);

#endif
