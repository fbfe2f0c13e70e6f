/* SPDX-License-Identifier: MIT */
/* What the tests of the journal use: a folder, opening, and one run. */
#ifndef T_JOURNAL_UTIL_H
#define T_JOURNAL_UTIL_H

#include "base/base.h"
#include "os/path.h"
#include "store/journal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tap.h"

static char top[] = "/tmp/journal.XXXXXX";
static char path[64]; /* top/j */

UNUSED static void
top_make(void)
{
	if (!mkdtemp(top))
		exit(1);
	snprintf(path, sizeof(path), "%s/j", top);
}

UNUSED static void
path_clear(const char *p)
{
	struct err e;

	path_remove_tree(AT_FDCWD, p, &e);
}

UNUSED static struct journal *
open_at(const char *p)
{
	struct journal_opts o = { .map_bytes = 64 << 20 };
	struct journal *j = NULL;
	struct err e;

	if (journal_open(&j, p, &o, &e) < 0) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	return j;
}

UNUSED static int
append(struct journal *j, uint64_t run, uint32_t seq, const char *text,
	struct err *e)
{
	AUTO(event_release) struct event ev;

	event_init(&ev, EV_WAITING);
	ev.seq = seq;
	jset_str(ev.data, "text", text);
	return journal_append(j, run, &ev, e);
}

UNUSED static int
put_row(struct journal *j, uint64_t run, const char *repository,
	const char *sha, const char *ref, const char *state, bool active,
	struct err *e)
{
	AUTO(freep)
	char *json =
		xasprintf("{\"run\":%" PRIu64 ",\"state\":\"%s\"}", run, state);
	struct journal_row row = {
		.run = run,
		.repository = repository,
		.sha = sha,
		.ref = ref,
		.state = state,
		.active = active,
		.json = json,
		.json_len = strlen(json),
	};

	return journal_put_row(j, &row, e);
}

/* What a callback was told. */
struct ids {
	uint64_t id[600];
	size_t n;
	char last[300];
};

UNUSED static int
note_row(uint64_t id, const char *json, size_t len, void *arg,
	struct err *e UNUSED)
{
	struct ids *s = arg;

	if (s->n < ARRAY_LEN(s->id))
		s->id[s->n] = id;
	s->n++;
	snprintf(s->last, sizeof(s->last), "%.*s", (int)len, json);
	return 0;
}

UNUSED static int
note_run(uint64_t id, void *arg, struct err *e)
{
	return note_row(id, "", 0, arg, e);
}

#endif
