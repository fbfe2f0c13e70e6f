/* SPDX-License-Identifier: MIT */
/*
 * See heads.h.  The repository is read as for an attempt: by a child that
 * may be killed, as the user who may do just that.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/crash.h"
#include "git/git.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/heads.h"
#include "work/source.h"

#include <fcntl.h>

#define SPEC_MAX (1 << 20)

static int
list_local(void *arg, int progress_fd UNUSED, json_t **ret, struct err *e)
{
	const struct source *s = arg;
	AUTO(repo_closep) struct repo *r = NULL;
	AUTO(strv_release) struct strv heads = STRV_INIT;

	if (repo_open(&r, s->path, NULL, e) < 0 || repo_heads(r, &heads, e) < 0)
		return -1;
	*ret = json_array();
	for (size_t i = 0; i < heads.len; i++)
		json_array_append_new(*ret, json_string(heads.v[i]));
	return 0;
}

static int
list(struct worker *w, json_t **ret, struct err *e)
{
	static const char *const rw[] = { "/dev/null", NULL };
	AUTO(source_release)
	struct source s = { .snapshot_fd = -1, .dir_fd = -1 };

	if (worker_prepare(w, e) < 0 || source_find(&s, w, e) < 0)
		return -1;
	if (s.remote)
		return source_list(&s, w, ret, e);
	return source_child(&s, w, rw, list_local, &s, ret, e);
}

/* A child wrote these; a line stays a line. */
static int
add_lines(const json_t *lines, struct buf *out, struct err *e)
{
	const json_t *line;
	size_t i;

	buf_addz(out, "ok\n");
	json_array_foreach((json_t *)(uintptr_t)lines, i, line)
	{
		const char *text = json_string_value(line);

		if (!text || strchr(text, '\n'))
			return err_set(e, ERR_PERM,
				"the list of branches has a wrong form");
		buf_addz(out, text);
		buf_addc(out, '\n');
	}
	return 0;
}

static int
load(struct worker *w, int poll_fd, struct err *e)
{
	AUTO(freep) char *text = NULL;
	size_t len;

	if (fd_slurp_at(poll_fd, "spec.json", SPEC_MAX, &text, &len, e) < 0)
		return -1;
	w->spec.json = json_parse(text, len, e);
	if (!w->spec.json)
		return err_wrap(e, "spec.json");
	if (!str_eq(jget_str(w->spec.json, "kind"), "heads") ||
		!jget_str(jget_obj(w->spec.json, "repository"), "name"))
		return err_set(e, ERR_PERM, "spec.json asks for no heads");
	return 0;
}

static int
answer(struct worker *w, int poll_fd, struct buf *out, struct err *e)
{
	AUTO(json_decrefp) json_t *lines = NULL;

	if (load(w, poll_fd, e) < 0 || list(w, &lines, e) < 0)
		return -1;
	return add_lines(lines, out, e);
}

int
heads_answer(const char *state, struct err *e)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	AUTO(fd_closep) int poll_fd = -1;
	struct worker w = { .control_fd = -1,
		.signal_fd = -1,
		.attempt_fd = -1,
		.lease_fd = -1,
		.events_fd = -1,
		.state_path = xstrdup(state),
		.spec = { .job = -1 } };
	struct err why = { .code = ERR_NONE };
	int rc;

	w.state_fd = path_open_dir(AT_FDCWD, state, e);
	if (w.state_fd >= 0)
		poll_fd = path_open_beneath(
			w.state_fd, "poll", O_RDONLY | O_DIRECTORY, 0, e);
	if (poll_fd < 0) {
		worker_release(&w);
		return -1;
	}
	if (answer(&w, poll_fd, &out, &why) < 0) {
		buf_reset(&out);
		buf_addf(&out, "error %s\n", why.msg);
	}
	crash_point("heads.listed");
	rc = fd_put_file(poll_fd, "heads", out.data, out.len, 0600, e);
	worker_release(&w);
	return rc;
}
