/* SPDX-License-Identifier: MIT */
/*
 * The pages as HTML: from a run or a list of rows to bytes.  Nothing here
 * knows HTTP.  Templates are read once per folder and kept until the end of
 * the process; one thread makes all pages.
 */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/run.h"

#define PAGE_TYPE "text/html; charset=utf-8"
#define BADGE_TYPE "image/svg+xml; charset=utf-8"
/* Of one step's output, and of all of them in one page: failed and running
 * steps come first, the others show what room is left. */
#define PAGE_STEP_MAX ((size_t)256 << 10)
#define PAGE_OUTPUT_MAX ((size_t)4 << 20)

/* The Content-Security-Policy that the pages are written for. */
const char *page_csp(void);

/* Reads all templates of a folder, so that a broken one stops the start. */
int page_check(const char *templates_dir, struct err *e);

/* rows: what the API gives, newest first.  older: the run to go on below,
 * 0 for none. */
int page_runs(const char *templates_dir, const json_t *rows, uint64_t older,
	struct buf *out, struct err *e);

/* The same with the query that the list was made from ("repository=a&"):
 * percent-encoded, empty or ending in "&"; the link to older ones keeps
 * it. */
int page_runs_of(const char *templates_dir, const json_t *rows, uint64_t older,
	const char *query, struct buf *out, struct err *e);

/* The last max bytes of a step's output; *ret_skipped is how many are
 * before them.  -1 when there is none (any more). */
typedef int page_output_fn(const struct run *r, size_t job, size_t step,
	size_t max, struct buf *out, int64_t *ret_skipped, void *arg);

int page_run(const char *templates_dir, const struct run *r, page_output_fn *fn,
	void *arg, struct buf *out, struct err *e);

int page_error(const char *templates_dir, int status, const char *title,
	const char *detail, struct buf *out, struct err *e);

/* state: a run's, or NULL where there is no run. */
void badge_svg(const char *state, struct buf *out);

#endif
