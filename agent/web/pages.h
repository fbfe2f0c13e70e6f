/* SPDX-License-Identifier: MIT */
#ifndef WEB_PAGES_H
#define WEB_PAGES_H
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/run.h"
int page_runs(const char *t, const json_t *rows, uint64_t older, struct buf *out, struct err *e);
typedef int page_output_fn(const struct run *r, size_t job, size_t step, size_t max, struct buf *out, int64_t *ret_skipped, void *arg);
int page_run(const char *t, const struct run *r, page_output_fn *fn, void *arg, struct buf *out, struct err *e);
int page_error(const char *t, int status, const char *title, const char *detail, struct buf *out, struct err *e);
void badge_svg(const char *state_or_null, struct buf *out);
const char *page_csp(void);
#endif
