/* SPDX-License-Identifier: MIT */
/* See rows.h. */
#include "base/base.h"
#include "core/rows.h"

int
row_put(struct journal *j, const struct run *r, struct err *e)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	run_to_json(r, false, &json);
	struct journal_row row = {
		.run = r->id,
		.repository = r->push.repository,
		.sha = r->push.sha,
		.ref = r->push.ref ? r->push.ref : "",
		.state = run_state_name(r->state),
		.active = !run_state_is_final(r->state),
		.json = json.data,
		.json_len = json.len,
	};
	return journal_put_row(j, &row, e);
}
