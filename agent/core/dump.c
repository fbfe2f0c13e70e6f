/* SPDX-License-Identifier: MIT */
/*
 * The whole journal as lines of JSON, for diagnosis, for checks from
 * outside and for whoever wants to take the history elsewhere.  It writes
 * nothing to the journal.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/json.h"
#include "core/offline.h"
#include "store/journal.h"

/* One line, "what" first. */
struct line {
	struct buf b;
	struct json_out o;
};

static void
line_start(struct line *l, const char *what)
{
	l->b = (struct buf)BUF_INIT;
	jout_start(&l->o, &l->b);
	jout_obj(&l->o, NULL);
	jout_str(&l->o, "what", what);
}

static int
line_end(struct line *l, struct err *e)
{
	size_t n;

	jout_end(&l->o);
	buf_addz(&l->b, "\n");
	n = fwrite(l->b.data, 1, l->b.len, stdout);
	n = n == l->b.len;
	buf_release(&l->b);
	return n ? 0 : err_sys(e, "write the dump");
}

struct of_run {
	uint64_t run;
};

static int
dump_event(const struct event *ev, void *arg, struct err *e)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	const struct of_run *r = arg;
	struct line l;

	event_to_json(ev, &json);
	line_start(&l, "event");
	jout_int(&l.o, "run", (int64_t)r->run);
	jout_int(&l.o, "seq", ev->seq);
	jout_rawn(&l.o, "event", json.data, json.len);
	return line_end(&l, e);
}

static int
dump_events(uint64_t run, void *arg, struct err *e)
{
	struct of_run r = { run };

	return journal_events(arg, run, 0, dump_event, &r, e);
}

static int
dump_row(uint64_t run, const char *json, size_t len, void *arg UNUSED,
	struct err *e)
{
	struct line l;

	line_start(&l, "run");
	jout_int(&l.o, "run", (int64_t)run);
	jout_rawn(&l.o, "row", json, len);
	return line_end(&l, e);
}

static int
dump_delivery(const char *hash, int64_t wall_ms, const uint64_t *runs, size_t n,
	void *arg UNUSED, struct err *e)
{
	struct line l;

	line_start(&l, "delivery");
	jout_str(&l.o, "key", hash);
	jout_time(&l.o, "time", wall_ms);
	jout_arr(&l.o, "runs");
	for (size_t i = 0; i < n; i++)
		jout_int(&l.o, NULL, (int64_t)runs[i]);
	jout_end(&l.o);
	return line_end(&l, e);
}

/* Of the outbox and its neighbours; arg says which. */
static int
dump_record(uint64_t id, const char *json, size_t len, void *arg, struct err *e)
{
	struct line l;

	line_start(&l, arg);
	jout_int(&l.o, "id", (int64_t)id);
	jout_rawn(&l.o, "record", json, len);
	return line_end(&l, e);
}

int
offline_dump(struct journal *j, struct err *e)
{
	const struct journal_filter all = { .limit = SIZE_MAX };
	char outbox[] = "outbox", dead[] = "dead", refused[] = "refused";

	if (journal_each_run(j, dump_events, j, e) < 0 ||
		journal_list(j, &all, dump_row, NULL, e) < 0 ||
		journal_dedupe_each(j, dump_delivery, NULL, e) < 0 ||
		journal_outbox_each(j, dump_record, outbox, e) < 0 ||
		journal_dead_each(j, dump_record, dead, e) < 0 ||
		journal_refused_each(j, dump_record, refused, e) < 0)
		return -1;
	return fflush(stdout) ? err_sys(e, "write the dump") : 0;
}
