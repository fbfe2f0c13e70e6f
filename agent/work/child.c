/* SPDX-License-Identifier: MIT */
/*
 * Work in a child process: reading a repository, fetching, building trees.
 * The child answers with one JSON object, after any number of progress
 * bytes; what it says is data from a process that read hostile input, so
 * its size is bounded and its shape is checked.
 */
#include "base/base.h"
#include "base/buf.h"
#include "os/fd.h"
#include "work/worker.h"

#define ANSWER_MAX (4 << 20)
#define PROGRESS '.'

struct call {
	work_child_fn *fn;
	void *arg;
};

void
work_progress(int progress_fd)
{
	static const char byte = PROGRESS;

	if (write(progress_fd, &byte, 1) < 0)
		return; /* the answer will fail the same way */
}

static int
in_child(int out_fd, void *arg)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const struct call *c = arg;
	struct err e = { .code = ERR_NONE }, we;
	json_t *value = NULL;
	struct json_out o;

	jout_start(&o, &b);
	jout_obj(&o, NULL);
	if (c->fn(c->arg, out_fd, &value, &e) < 0) {
		jout_str(&o, "error", err_code_name(e.code));
		jout_strn(&o, "text", e.msg, strlen(e.msg));
		jout_int(&o, "errno", e.sys);
	} else if (value) {
		jout_value(&o, "value", value);
	}
	jout_end(&o);
	if (value)
		json_decref(value);
	return fd_write_all(out_fd, b.data, b.len, &we) < 0 ? 1 : 0;
}

static int
read_answer(const struct buf *out, int status, json_t **ret, struct err *e)
{
	size_t skip = 0;
	const char *error;
	json_t *o;

	while (skip < out->len && out->data[skip] == PROGRESS)
		skip++;
	if (skip == out->len)
		return err_set(e, ERR_TEMP,
			"a child process ended without an answer (status %d)",
			status);
	o = json_parse(out->data + skip, out->len - skip, e);
	if (!o)
		return err_wrap(e, "a child's answer");
	error = jget_str(o, "error");
	if (error) {
		const char *text = jget_str(o, "text");
		enum err_code code = err_code_from_name(error);

		err_set(e, code ? code : ERR_PERM, "%s", text ? text : error);
		e->sys = (int)jget_int(o, "errno", 0);
	} else if (ret) {
		*ret = json_incref(json_object_get(o, "value"));
	}
	json_decref(o);
	return error ? -1 : 0;
}

int
work_in_child(struct worker *w, const struct box_helper *conf,
	work_child_fn *fn, void *arg, json_t **ret, struct err *e)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct call c = { fn, arg };
	struct box_helper h = *conf;
	int status = 0;

	h.cancel_fd = w->signal_fd;
	h.close_fd = w->lease_fd;
	h.max = ANSWER_MAX;
	if (box_help(&h, in_child, &c, &out, &status, e) < 0)
		return -1;
	return read_answer(&out, status, ret, e);
}
