/* SPDX-License-Identifier: MIT */
/* tellus list: the agent's runs as a table. */
#include "base/base.h"
#include "cli/agent.h"
#include "cli/opts.h"
#include "cli/term.h"

#include "base/clock.h"
#include "base/enc.h"

#define LIMIT_DEFAULT 20
#define SHA_SHOWN 7
#define WHEN_MAX 13    /* "1000 days ago" */
#define SUBJECT_MAX 40 /* characters */

static void
add_query(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	buf_addf(b, "&%s=", key);
	percent_put(b, value);
}

static void
list_path(const struct list_opts *o, struct buf *path)
{
	buf_addf(path, "/api/v1/runs?limit=%" PRId64,
		o->limit ? MIN(o->limit, 500) : LIMIT_DEFAULT);
	add_query(path, "repository", o->repository);
	add_query(path, "ref", o->ref);
	add_query(path, "sha", o->sha);
	add_query(path, "state", o->state);
	if (o->before)
		buf_addf(path, "&before=%" PRId64, o->before);
}

static const char *
short_ref(const char *ref)
{
	if (str_starts(ref, "refs/heads/"))
		return ref + strlen("refs/heads/");
	if (str_starts(ref, "refs/tags/"))
		return ref + strlen("refs/tags/");
	if (str_starts(ref, "refs/"))
		return ref + strlen("refs/");
	return ref;
}

static void
add_cell(struct buf *b, const char *text, size_t width)
{
	AUTO(buf_release) struct buf clean = BUF_INIT;
	size_t from = b->len, chars = 0;

	term_cleanz(&clean, text);
	utf8_addcut_chars(b, clean.data, width);
	for (size_t i = from; i < b->len; i++)
		chars += ((unsigned char)b->data[i] & 0xc0) != 0x80;
	for (; chars < width + 2; chars++)
		buf_addc(b, ' ');
}

static void
print_row(const struct cli *c, const json_t *run)
{
	AUTO(buf_release) struct buf b = BUF_INIT, ago = BUF_INIT;
	const char *state = jget_str(run, "state"), *ref = jget_str(run, "ref");
	const char *subject = jget_str(run, "subject");
	const char *sha = jget_str(run, "sha");
	char commit[SHA_SHOWN + 1];

	/* A commit is cut without a mark: the rest is no secret. */
	snprintf(commit, sizeof(commit), "%s", sha ? sha : "");
	buf_addf(&b, "%6" PRId64 "  %s", jget_int(run, "run", 0),
		state_color(state ? state : "", c->color));
	add_cell(&b, state, 10);
	buf_addz(&b, color_off(c->color));
	add_cell(&b, jget_str(run, "repository"), 20);
	add_cell(&b, ref ? short_ref(ref) : "", 20);
	add_cell(&b, commit, SHA_SHOWN);
	time_ago(
		&ago, time_from_iso(jget_str(run, "created")), clock_wall_ms());
	add_cell(&b, ago.data, WHEN_MAX);
	if (!subject)
		subject = jget_str(run, "title");
	add_cell(&b, subject, SUBJECT_MAX);
	while (b.len && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	puts(b.data);
}

int
cmd_list(struct cli *c)
{
	const struct list_opts *o = c->opts;
	AUTO(buf_release) struct buf path = BUF_INIT, text = BUF_INIT;
	json_t *runs;
	struct err e;
	int rc;

	list_path(o, &path);
	rc = agent_text(c, "GET", path.data, NULL, &text);
	if (rc != CLI_OK)
		return rc;
	if (o->json) {
		fwrite(text.data, 1, text.len, stdout);
		if (text.len && text.data[text.len - 1] != '\n')
			putchar('\n');
		return CLI_OK;
	}
	runs = json_parse(text.data, text.len, &e);
	if (!json_is_array(runs)) {
		json_decref(runs);
		return cli_fail(CLI_AGENT, "the agent's answer cannot be read");
	}
	if (json_array_size(runs))
		puts("   RUN  STATE       REPOSITORY            "
		     "BRANCH                COMMIT   WHEN           SUBJECT");
	for (size_t i = 0; i < json_array_size(runs); i++)
		print_row(c, json_array_get(runs, i));
	json_decref(runs);
	return CLI_OK;
}
