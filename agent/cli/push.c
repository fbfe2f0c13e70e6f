/* SPDX-License-Identifier: MIT */
/*
 * tellus push, which hooks/post-receive calls.  The push has happened by
 * now: whatever goes wrong here is said, and the exit status stays 0.
 */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"

#include "base/enc.h"
#include "cli/delivery.h"
#include "cli/nonce.h"
#include "cli/repo.h"
#include "cli/stream.h"
#include "cli/term.h"
#include "model/push.h"
#include "os/fd.h"

#define STDIN_MAX (2 * 1024 * 1024)
#define REFS_MAX 10000
#define OPTIONS_MAX 64

struct push_job {
	const char *repository;
	struct repo repo;
	char *socket;
	char nonce[NONCE_HEX + 1];
	bool detach;
	size_t nrefs;
	struct buf body;
};

static void say(const char *fmt, ...) PRINTF(1, 2);

static void
say(const char *fmt, ...)
{
	AUTO(buf_release) struct buf b = BUF_INIT, clean = BUF_INIT;
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	buf_addz(&clean, "tellus: ");
	term_cleanz(&clean, b.data);
	buf_addc(&clean, '\n');
	/* Nobody may be there to read it. */
	fd_write_all(STDOUT_FILENO, clean.data, clean.len, &e);
}

/* "OLD NEW REF"; the line is cut up. */
static int
add_ref(struct json_out *j, char *line)
{
	char *old = strsep(&line, " "), *new = strsep(&line, " ");

	if (!new || !line || !sha_is_valid(old) || !sha_is_valid(new) ||
		!ref_is_valid(line))
		return -1;
	jout_obj(j, NULL);
	jout_str(j, "ref", line);
	jout_str(j, "old", old);
	jout_str(j, "new", new);
	jout_end(j);
	return 0;
}

static void
add_refs(struct push_job *p, struct json_out *j, char *text)
{
	char *line;

	jout_arr(j, "refs");
	while ((line = strsep(&text, "\n")) != NULL) {
		AUTO(freep) char *shown = xstrdup(line);

		if (!*line)
			continue;
		if (p->nrefs >= REFS_MAX) {
			say("only the first %d refs of this push are looked at",
				REFS_MAX);
			break;
		}
		if (add_ref(j, line) < 0)
			say("not \"OLD NEW REF\", ignored: %s", shown);
		else
			p->nrefs++;
	}
	jout_end(j);
}

/* git receive-pack hands the options of git push -o on like this. */
static void
add_options(struct push_job *p, struct json_out *j)
{
	const char *count = getenv("GIT_PUSH_OPTION_COUNT");
	int64_t n = 0;

	if (count && num_parse(count, 0, OPTIONS_MAX, &n) < 0)
		n = OPTIONS_MAX;
	jout_arr(j, "options");
	for (int64_t i = 0; i < n; i++) {
		AUTO(freep)
		char *name = xasprintf("GIT_PUSH_OPTION_%" PRId64, i);
		const char *value = getenv(name);

		if (!value)
			continue;
		jout_strn(j, NULL, value, strlen(value));
		if (str_eq(value, "ci.detach"))
			p->detach = true;
	}
	jout_end(j);
}

static void
build_body(struct push_job *p, char *lines)
{
	AUTO(freep) char *actor = user_name();
	struct json_out j;

	jout_start(&j, &p->body);
	jout_obj(&j, NULL);
	if (p->repository)
		jout_str(&j, "repository", p->repository);
	else
		jout_null(&j, "repository");
	jout_strn(&j, "path", p->repo.gitdir, strlen(p->repo.gitdir));
	jout_str(&j, "nonce", p->nonce);
	jout_str(&j, "event", "push");
	jout_str(&j, "actor", actor);
	add_options(p, &j);
	add_refs(p, &j, lines);
	jout_bool(&j, "snapshot", false);
	jout_null(&j, "rev");
	jout_null(&j, "file");
	jout_end(&j);
}

static void
note(struct push_job *p, const char *why)
{
	struct err e;

	if (incoming_write(p->repo.gitdir, p->nonce, p->body.data, &e) < 0)
		say("the agent could not be told of the push (%s), and it "
		    "could not be noted: %s; push again when the agent runs",
			why, e.msg);
	else
		say("the agent is not running; the push was noted and will "
		    "run when it starts (%s)",
			why);
}

/* false: go no further. */
static bool
follow(struct push_job *p, int64_t run)
{
	AUTO(freep) char *state = NULL;
	struct follow f = { .socket = p->socket,
		.run = run,
		.render = { .fd = STDOUT_FILENO } };
	struct err e;

	switch (follow_run(&f, &state, &e)) {
	case FOLLOW_ENDED:
		return true;
	case FOLLOW_LEFT:
		return false;
	case FOLLOW_LOST:
		break;
	}
	say("connection to the agent lost; the run goes on: tellus log -f "
	    "%" PRId64,
		run);
	return false;
}

static void
show_ignored(const json_t *answer)
{
	const json_t *ignored = jget_arr(answer, "ignored");

	for (size_t i = 0; i < json_array_size(ignored); i++) {
		const json_t *o = json_array_get(ignored, i);
		const char *ref = jget_str(o, "ref"), *why = jget_str(o, "why");

		say("%s: %s", ref ? ref : "?", why ? why : "nothing to run");
	}
}

static void
show_runs(struct push_job *p, const json_t *answer)
{
	const json_t *runs = jget_arr(answer, "runs");

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *o = json_array_get(runs, i);
		int64_t run = jget_int(o, "run", 0);
		const char *ref = jget_str(o, "ref");

		if (run < 1)
			continue;
		if (p->detach)
			say("run %" PRId64 " of %s: tellus log -f %" PRId64,
				run, ref ? ref_short(ref) : "?", run);
		else if (!follow(p, run))
			return;
	}
}

static void
hand_over(struct push_job *p)
{
	json_t *answer = NULL;
	struct err e;

	if (incoming_send(p->repo.gitdir, p->socket, &e) < 0) {
		note(p, e.msg);
		return;
	}
	switch (delivery_send(p->socket, p->body.data, &answer, &e)) {
	case DELIVERY_NOT_NOW:
	case DELIVERY_NO_AGENT:
		note(p, e.msg);
		return;
	case DELIVERY_REFUSED:
		say("the agent refused the push: %s", e.msg);
		return;
	case DELIVERY_DONE:
		break;
	}
	show_ignored(answer);
	show_runs(p, answer);
	json_decref(answer);
}

/* post-receive runs with GIT_DIR set and inside the repository. */
static int
find_repo(struct push_job *p, struct err *e)
{
	const char *dir = getenv("GIT_DIR");

	if (dir && *dir)
		return repo_at(&p->repo, dir, e);
	return repo_around(&p->repo, ".", e);
}

int
cmd_push(struct cli *c)
{
	const struct push_opts *o = c->opts;
	AUTO(buf_release) struct buf lines = BUF_INIT;
	struct push_job p = { .repository = o->repository,
		.detach = o->detach };
	struct err e;

	buf_init(&p.body);
	if (signals_to_fd(&e) < 0 ||
		fd_slurp(STDIN_FILENO, STDIN_MAX, &lines, &e) < 0) {
		say("cannot read the pushed refs: %s", e.msg);
	} else if (find_repo(&p, &e) < 0) {
		say("%s", e.msg);
	} else {
		nonce_new(p.nonce);
		build_body(&p, lines.data);
		if (p.nrefs && agent_socket(c, &p.socket, &e) < 0)
			note(&p, e.msg);
		else if (p.nrefs)
			hand_over(&p);
	}
	repo_release(&p.repo);
	free(p.socket);
	buf_release(&p.body);
	return CLI_OK;
}
