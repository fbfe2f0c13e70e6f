/* SPDX-License-Identifier: MIT */
/*
 * What happens by itself after a step has failed, by the class of its
 * failure (recovery.md, section 5).  Pure: the worker asks whether its
 * attempt ends here to be taken up again, the agent how long that waits.
 */
#ifndef MODEL_RETRY_H
#define MODEL_RETRY_H

#include "base/base.h"
#include "base/json.h"

/* Each has a budget of its own, counted per step and run attempt. */
enum retry_kind {
	RETRY_TRANSIENT, /* the step says that it may pass */
	RETRY_RESOURCE,  /* the sandbox could not be set up for now */
	RETRY_MEMORY,    /* the machine had no memory left */
	RETRY_DISK,      /* ... no room on the disk */
	RETRY_KILLED,    /* killed from outside */
	RETRY_RULE,      /* the workflow's "retry" */
	RETRY_KIND_COUNT,
	RETRY_NONE = -1,
};

const char *retry_kind_name(enum retry_kind k);
enum retry_kind retry_kind_from_name(const char *name); /* RETRY_NONE */

enum retry_what {
	RETRY_GIVE_UP, /* the failure stands */
	RETRY_AGAIN,   /* the step is tried again */
	RETRY_BLOCK,   /* a person has to mend something first */
};

struct retry_facts {
	const char *class;    /* of the failure */
	bool own_limit;       /* the step's own limit was the cause */
	const char *on_crash; /* "rerun" (or NULL), "ask" or "fail" */
	const json_t *rule;   /* plan.json's "retry", or NULL */
	int used[RETRY_KIND_COUNT];
};

/* ret_kind is set with RETRY_AGAIN. */
enum retry_what retry_decide(
	const struct retry_facts *f, enum retry_kind *ret_kind);

/* used from a spec's {"transient":1}; kinds that it has not are 0. */
void retry_used_from_json(const json_t *o, int used[RETRY_KIND_COUNT]);

/* How long the nth (1, 2, ...) retry of that kind waits, in milliseconds,
 * with a jitter of a fifth either way that seed decides. */
int64_t retry_delay_ms(enum retry_kind k, int nth, uint64_t seed);

/* What it waits for: "time", "memory" or "disk". */
const char *retry_waits_for(enum retry_kind k);

/* Is that a word for "on" of a workflow's "retry"? */
bool retry_on_is_known(const char *word);
/* All of them, for messages. */
#define RETRY_ON_WORDS "any, code, timeout, transient, resource or killed"

#endif
