/* SPDX-License-Identifier: MIT */
/*
 * What arrived: a commit on a ref, normalised from any forge, from a hook
 * or from "tellus run".  Pure data; the "received" event carries it as JSON.
 */
#ifndef MODEL_PUSH_H
#define MODEL_PUSH_H

#include "base/base.h"
#include "base/err.h"
#include "base/json.h"

#define SHA_HEX 40
#define SHA_ZERO "0000000000000000000000000000000000000000"

/* All strings are heap memory or NULL. */
struct push {
	char *repository; /* its name in the configuration */
	char *event;      /* "push", "pull_request" or "manual" (tellus run) */
	char *action;     /* pull_request: "opened", "synchronize", ... */
	char *ref;        /* refs/heads/main, refs/tags/v1, refs/pull/7/head */
	char *before;     /* the ref's old commit, SHA_ZERO for a new ref */
	char *sha;        /* the commit to build */
	char *base_ref;   /* pull_request: the target branch, short name */
	char *base_sha;
	char *head_ref; /* pull_request: the source branch, short name */
	char *title;    /* commit subject or pull request title, one line */
	char *author;   /* the commit's author: shown, never trusted */
	char *actor;    /* forge account (or unix user) that did it */
	char *link;     /* the forge's page of the change, http(s), or NULL */
	char *delivery; /* the forge's delivery id or the hook's nonce */
	char *source;   /* "github" "gitlab" "gitea" "hook" "run"
			 * "poll" */
	char *objects;  /* local: extra object folders (alternates), ':'-joined:
			 * a quarantine or a snapshot store */
	char *file;     /* only this workflow file, or NULL */
	char *rev;      /* manual: what to resolve where sha is SHA_ZERO */
	int64_t number; /* pull or merge request number, else 0 */
	bool forced, fork;
	bool snapshot; /* manual: the working tree, uncommitted files too */
	bool dirty;    /* the snapshot differs from HEAD */
};

void push_release(struct push *p); /* also for AUTO */
void push_copy(struct push *to, const struct push *from);

json_t *push_to_json(const struct push *p);
/* Checks types, the sha and ref; ERR_PERM names the field. */
int push_from_json(struct push *p, const json_t *o, struct err *e);

/* "main" of refs/heads/main, "v1" of refs/tags/v1, else the ref itself. */
const char *ref_short(const char *ref);
bool ref_is_branch(const char *ref);
bool ref_is_tag(const char *ref);
bool sha_is_valid(const char *s); /* 40 lower-case hex digits */
bool sha_is_zero(const char *s);
/* git-check-ref-format(1)'s rules, and at most 1,000 bytes. */
bool ref_is_valid(const char *ref);

#endif
