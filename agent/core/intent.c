/* SPDX-License-Identifier: MIT */
/*
 * What the forges are told of a run: the intent that goes into the outbox.
 * Keeping and sending it is notify.c's.
 */
#include "base/base.h"
#include "base/clock.h"
#include "core/inner.h"

static void
describe(const struct run *r, struct buf *out)
{
	AUTO(buf_release) struct buf span = BUF_INIT;

	if (r->finished_ms && r->started_ms)
		clock_addspan(&span, r->finished_ms - r->started_ms);
	switch (r->state) {
	case RUN_PASSED:
		buf_addf(out, "passed in %s", span.data);
		break;
	case RUN_QUEUED:
	case RUN_RUNNING:
		buf_addz(out, "running");
		break;
	default:
		if (r->reason.step)
			buf_addf(out, "%s: ", r->reason.step);
		buf_addz(out, r->reason.text ? r->reason.text
					     : run_state_name(r->state));
		break;
	}
}

static const char *
prefix_of(const struct repo_conf *repo)
{
	return repo->context ? repo->context : "tellus";
}

/* Without a workflow (it could not be read) the context is the prefix. */
static char *
context_of(const struct run *r, const struct repo_conf *repo)
{
	const char *prefix = prefix_of(repo);

	return r->workflow ? xasprintf("%s/%s", prefix, r->workflow)
			   : xstrdup(prefix);
}

static json_t *
intent_json(struct live *l, const struct repo_conf *repo)
{
	const struct run *r = l->run;
	AUTO(freep) char *context = context_of(r, repo);
	AUTO(buf_release) struct buf text = BUF_INIT;
	const char *url = l->core->conf->conf.url;
	json_t *o = json_object();

	describe(r, &text);
	jset_int(o, "run", (int64_t)l->id);
	jset_str(o, "repository", r->push.repository);
	jset_str(o, "sha", r->push.sha);
	jset_str(o, "ref", r->push.ref);
	jset_str(o, "context", context);
	jset_str(o, "state", run_state_name(r->state));
	json_object_set_new(
		o, "description", json_stringn_nocheck(text.data, text.len));
	if (url) {
		AUTO(freep)
		char *page = xasprintf("%s/runs/%" PRIu64, url, l->id);

		jset_str(o, "target_url", page);
	}
	jset_int(o, "first", clock_wall_ms());
	return o;
}

/* The run's repository, when its forge is to be told of the run. */
static const struct repo_conf *
told_repo(const struct live *l)
{
	const struct push *p = &l->run->push;
	const struct repo_conf *repo =
		config_repo(&l->core->conf->conf, p->repository);

	if (!repo || !repo->statuses || !repo->token ||
		repo->kind == FORGE_LOCAL || repo->kind == FORGE_NONE)
		return NULL;
	return sha_is_zero(p->sha) ? NULL : repo;
}

void
notify_state(struct live *l)
{
	const struct repo_conf *repo = told_repo(l);
	enum run_state s = l->run->state;

	/* Nothing is said of what no workflow wants. */
	if (repo && s != RUN_SKIPPED && s != RUN_RECEIVED)
		notify_put(l->core, intent_json(l, repo));
}

void
notify_planned(struct live *l)
{
	const struct repo_conf *repo = told_repo(l);
	json_t *o;

	if (!repo || l->run->attempt == 1)
		return;
	o = intent_json(l, repo);
	jset_str(o, "context", prefix_of(repo));
	jset_str(o, "state", run_state_name(RUN_PASSED));
	jset_str(o, "description", "planned");
	notify_put(l->core, o);
}
