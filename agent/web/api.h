/* SPDX-License-Identifier: MIT */
/* What the API and the pages share: questions about runs. */
#ifndef WEB_API_H
#define WEB_API_H

#include "base/base.h"
#include "web/request.h"

/* A list's filter from the query; its texts live in r->data.  Answers 400
 * itself and returns NULL when an argument is wrong. */
struct ask *api_ask_runs(struct request *r);
/* Removes rows that the asker may not see.  The result is an array. */
json_t *api_visible_rows(struct request *r, const struct ask *a);

/* Asks for r->id and calls found with a view that may be read; else 404. */
void api_with_run(struct request *r,
	void (*found)(struct request *r, struct run_view *v));

/* The run's JSON as the answer. */
void api_put_run(struct request *r, unsigned int status, const struct run *run);

#endif
