/* SPDX-License-Identifier: MIT */
/*
 * Durable commits per second of the journal in a folder (default: a new one
 * in the current folder), with 1, 8 and 64 events per transaction.  The
 * last column is the longest commit.  Then how long the next start takes.
 */
#include "base/base.h"
#include "base/clock.h"
#include "os/path.h"
#include "store/journal.h"

#include <fcntl.h>

#define SPAN_NS 2000000000LL

static int
turn(struct journal *j, uint64_t *run, int events, struct err *e)
{
	if (journal_begin(j, e) < 0)
		return -1;
	for (int i = 0; i < events; i++) {
		static const char json[] = "{\"run\":1,\"state\":\"received\"}";
		AUTO(event_release) struct event ev;
		struct journal_row row = {
			.repository = "demo",
			.ref = "refs/heads/main",
			.sha = "0123456789012345678901234567890123456789",
			.state = "received",
			.active = true,
			.json = json,
			.json_len = sizeof(json) - 1,
		};

		event_init(&ev, EV_RECEIVED);
		ev.seq = 1;
		if (journal_next_run(j, run, e) < 0)
			return -1;
		row.run = *run;
		if (journal_append(j, *run, &ev, e) < 0 ||
			journal_put_row(j, &row, e) < 0 ||
			journal_dedupe_put(j, run, sizeof(*run), run, 1,
				ev.time_ms, e) < 0)
			return -1;
	}
	return journal_commit(j, e);
}

static int
measure(const char *path, int events, struct err *e)
{
	struct journal_opts o = { 0 };
	struct journal *j = NULL;
	int64_t start, now, last, longest = 0;
	uint64_t run = 0;
	long n = 0;
	int rc = 0;

	if (journal_open(&j, path, &o, e) < 0)
		return -1;
	start = last = now = clock_boot_ns();
	while (now - start < SPAN_NS && (rc = turn(j, &run, events, e)) == 0) {
		now = clock_boot_ns();
		longest = MAX(longest, now - last);
		last = now;
		n++;
	}
	journal_close(j);
	if (rc < 0)
		return -1;
	printf("%3d per commit: %6.0f commits/s %8.0f runs/s  "
	       "mean %5.0f us  longest %6.1f ms\n",
		events, (double)n * 1e9 / (double)(now - start),
		(double)n * events * 1e9 / (double)(now - start),
		(double)(now - start) / 1e3 / (double)n, (double)longest / 1e6);
	start = clock_boot_ns();
	if (journal_open(&j, path, &o, e) < 0)
		return -1;
	now = clock_boot_ns();
	printf("    opened again with %" PRIu64 " runs in %.1f ms\n", run,
		(double)(now - start) / 1e6);
	journal_close(j);
	return 0;
}

int
main(int argc, char **argv)
{
	static const int events[] = { 1, 8, 64 };
	const char *path = argc > 1 ? argv[1] : "bench-journal";
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (path_remove_tree(AT_FDCWD, path, &e) < 0 ||
			measure(path, events[i], &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			return 1;
		}
	}
	return path_remove_tree(AT_FDCWD, path, &e) < 0;
}
