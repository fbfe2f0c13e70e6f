/* SPDX-License-Identifier: MIT */
/* tellus run: the workflow of this working tree or of a commit, here. */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"

#include "cli/delivery.h"
#include "cli/nonce.h"
#include "cli/private.h"
#include "cli/repo.h"
#include "cli/stream.h"
#include "cli/term.h"

#include <poll.h>

/* A private agent that was just told of a new repository answers 404 until
 * it has read its configuration again. */
#define RELOAD_TRIES 100
#define RELOAD_WAIT_MS 20

static void
build_body(const struct cli *c, const struct private_agent *p,
	const struct repo *repo, struct buf *body)
{
	const struct run_opts *o = c->opts;
	AUTO(freep) char *actor = user_name();
	const char *path = repo->top ? repo->top : repo->gitdir;
	const char *rev = c->nargs ? c->args[0] : NULL;
	char nonce[NONCE_HEX + 1];
	struct json_out j;

	/* A bare repository has no working tree to take. */
	if (!rev && !repo->top)
		rev = "HEAD";
	nonce_new(nonce);
	jout_start(&j, body);
	jout_obj(&j, NULL);
	jout_str(&j, "repository", p->name);
	jout_strn(&j, "path", path, strlen(path));
	jout_str(&j, "nonce", nonce);
	jout_str(&j, "event", "manual");
	jout_str(&j, "actor", actor);
	jout_arr(&j, "options");
	jout_end(&j);
	jout_arr(&j, "refs");
	jout_end(&j);
	jout_bool(&j, "snapshot", rev == NULL);
	if (rev)
		jout_str(&j, "rev", rev);
	else
		jout_null(&j, "rev");
	if (o->file)
		jout_str(&j, "file", o->file);
	else
		jout_null(&j, "file");
	jout_end(&j);
}

static int
submit(const struct private_agent *p, const char *body, int64_t *ret_run,
	struct err *e)
{
	struct http_call q = { .socket = p->socket,
		.method = "POST",
		.path = "/api/v1/push",
		.body = body };
	AUTO(http_answer_release) struct http_answer a;
	json_t *o;

	http_answer_init(&a);
	for (int i = 0; i < RELOAD_TRIES; i++) {
		if (i)
			poll(NULL, 0, RELOAD_WAIT_MS);
		http_answer_release(&a);
		http_answer_init(&a);
		if (http_call(&q, &a, e) < 0)
			return agent_unreached(p->socket, e->msg);
		if (a.status != 404)
			break;
	}
	if (a.status / 100 != 2)
		return agent_refused(&a);
	o = json_parse(a.body.data, a.body.len, e);
	*ret_run = jget_int(json_array_get(jget_arr(o, "runs"), 0), "run", 0);
	json_decref(o);
	if (*ret_run < 1)
		return cli_fail(CLI_AGENT, "the agent started no run");
	return CLI_OK;
}

static int
watch(struct cli *c, const struct private_agent *p, int64_t run)
{
	AUTO(freep) char *state = NULL;
	struct follow f = {
		.socket = p->socket, .run = run, .cancels = true, .replay = true
	};
	struct err e;

	follow_to_stdout(c, &f);
	switch (follow_run(&f, &state, &e)) {
	case FOLLOW_ENDED:
		return state_is_good(state) ? CLI_OK : CLI_FAILED;
	case FOLLOW_LEFT:
		return CLI_FAILED;
	case FOLLOW_LOST:
		break;
	}
	return cli_fail(CLI_AGENT,
		"connection to the agent lost (%s); the run goes on: tellus "
		"--local log -f %" PRId64,
		e.msg, run);
}

int
cmd_run(struct cli *c)
{
	AUTO(repo_release) struct repo repo = { 0 };
	AUTO(private_release) struct private_agent p = { 0 };
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct err e;
	int64_t run = 0;
	int rc;

	if (repo_around(&repo, ".", &e) < 0)
		return cli_fail(CLI_USAGE, "%s", e.msg);
	if (private_ready(&p, &repo, &e) < 0)
		return cli_fail(CLI_AGENT, "%s", e.msg);
	build_body(c, &p, &repo, &body);
	rc = submit(&p, body.data, &run, &e);
	return rc == CLI_OK ? watch(c, &p, run) : rc;
}
