/* SPDX-License-Identifier: MIT */
/*
 * A planning attempt: fetch, plan, write plan.json, say "planned" (or
 * "plan-failed").  Nothing here has an effect outside the state folder, so
 * it may be done again at any time.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/crash.h"
#include "base/enc.h"
#include "git/git.h"
#include "os/fd.h"
#include "os/path.h"
#include "work/planner.h"
#include "work/source.h"
#include "work/worker.h"

#include <fcntl.h>

/* Indexes of all jobs of that id: a matrix makes several of one. */
static void
add_needed(json_t *to, const json_t *jobs, const char *id)
{
	const json_t *job;
	size_t i;

	json_array_foreach(jobs, i, job) if (str_eq(jget_str(job, "id"), id))
		json_array_append_new(to, json_integer((json_int_t)i));
}

static json_t *
sum_needs(const json_t *job, const json_t *jobs)
{
	json_t *to = json_array();
	const json_t *need;
	size_t i;

	json_array_foreach(
		jget_arr(job, "needs"), i, need) if (json_is_string(need))
		add_needed(to, jobs, json_string_value(need));
	return to;
}

static json_t *
sum_steps(const json_t *job)
{
	json_t *to = json_array(), *one;
	const json_t *step;
	size_t i;

	json_array_foreach(jget_arr(job, "steps"), i, step)
	{
		one = json_object();
		jset_str(one, "name", jget_str(step, "name"));
		jset_str(one, "id", jget_str(step, "id"));
		jset_str(one, "on_crash", jget_str(step, "on_crash"));
		json_array_append_new(to, one);
	}
	return to;
}

static json_t *
sum_job(const json_t *job, const json_t *jobs)
{
	json_t *to = json_object();
	json_t *limits = jget_obj(job, "limits");

	jset_str(to, "id", jget_str(job, "id"));
	jset_str(to, "name", jget_str(job, "name"));
	json_object_set_new(to, "needs", sum_needs(job, jobs));
	jset_str(to, "if", jget_str(job, "if"));
	if (limits)
		json_object_set(to, "limits", limits);
	json_object_set_new(to, "steps", sum_steps(job));
	return to;
}

static json_t *
sum_workflow(const json_t *entry, size_t index)
{
	json_t *to = json_object(), *jobs = json_array();
	const json_t *from = jget_arr(entry, "jobs"), *job;
	size_t i;

	jset_int(to, "index", (int64_t)index);
	jset_str(to, "file", jget_str(entry, "file"));
	jset_str(to, "workflow", jget_str(entry, "name"));
	jset_str(to, "skipped", jget_str(entry, "skipped"));
	json_array_foreach(from, i, job)
		json_array_append_new(jobs, sum_job(job, from));
	json_object_set_new(to, "jobs", jobs);
	return to;
}

/* What "planned" says: enough to queue the jobs, without their scripts. */
static json_t *
summary(const json_t *plan, const struct push *p)
{
	const json_t *commit = jget_obj(plan, "commit"), *entry;
	json_t *data = json_object(), *list = json_array();
	size_t i;

	jset_str(data, "sha", jget_str(plan, "sha"));
	jset_str(data, "ref", p->ref);
	if (jget_bool(plan, "dirty", false))
		json_object_set_new(data, "dirty", json_true());
	jset_str(data, "tree", jget_str(plan, "tree"));
	jset_str(data, "subject", jget_str(commit, "subject"));
	jset_str(data, "author", jget_str(commit, "author"));
	jset_int(data, "time", jget_int(commit, "time", 0));
	jset_str(data, "skipped", jget_str(plan, "skipped"));
	json_array_foreach(jget_arr(plan, "workflows"), i, entry)
		json_array_append_new(list, sum_workflow(entry, i));
	json_object_set_new(data, "workflows", list);
	return data;
}

static int
write_plan(struct worker *w, const json_t *plan, struct err *e)
{
	AUTO(freep) char *folder = xasprintf("runs/%" PRIu64, w->spec.run);
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(fd_closep) int dir = -1;
	struct json_out o;

	dir = path_open_beneath(
		w->state_fd, folder, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	jout_start(&o, &b);
	jout_value(&o, NULL, plan);
	return fd_put_file(dir, "plan.json", b.data, b.len, 0600, e);
}

/*
 * "file:line:column: what is wrong": the position, where the message has
 * one.
 */
static void
add_position(json_t *data, const char *msg)
{
	const char *colon = strchr(msg, ':');
	unsigned int line, column;
	char sep;

	if (!colon || colon == msg || memchr(msg, ' ', (size_t)(colon - msg)))
		return;
	if (sscanf(colon, ":%u:%u%c", &line, &column, &sep) != 3 || sep != ':')
		return;
	json_object_set_new(
		data, "file", json_stringn(msg, (size_t)(colon - msg)));
	jset_int(data, "line", line);
	jset_int(data, "column", column);
}

static const char *
suggest(const struct source *s, const json_t *data, const struct err *e)
{
	if (json_object_get(data, "line"))
		return "correct the file and push again; \"tellus lint\" "
		       "checks it before";
	if (e->code == ERR_TEMP)
		return "nothing: it is tried again by itself";
	if (!s->remote)
		return NULL;
	if (e->code == ERR_DENIED)
		return "check the token in the file that "
		       "repository.NAME.token-file names";
	if (e->code == ERR_ABSENT)
		return "check repository.NAME.url, and that the commit is "
		       "still there";
	return NULL;
}

static int
say_failed(struct worker *w, const struct source *s, const struct err *why,
	struct err *e)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	json_t *data = json_object();
	const char *class = "config";

	if (why->code == ERR_TEMP)
		class = "transient";
	else if (why->code == ERR_CANCELED)
		class = "canceled";
	else if (!w->probed)
		class = "config.sandbox";
	jset_str(data, "code", err_code_name(why->code));
	jset_str(data, "class", class);
	utf8_addclean(&text, why->msg, strlen(why->msg));
	jset_str(data, "text", text.data);
	add_position(data, why->msg);
	jset_str(data, "suggestion", suggest(s, data, why));
	return worker_emit(w, EV_PLAN_FAILED, -1, data, true, e);
}

static int
make_plan(struct worker *w, struct source *s, json_t **ret, struct err *e)
{
	AUTO(freep) char *trees = xasprintf("%s/trees", w->state_path);
	AUTO(freep) char *objects = NULL;
	AUTO(fd_closep) int dir = -1;
	const char *rw[3] = { trees, NULL, NULL };
	struct planner p = { w, s };

	if (worker_prepare(w, e) < 0 || source_find(s, w, e) < 0)
		return -1;
	dir = worker_folder(w, w->state_fd, "trees", 0700, w->host.build_uid,
		w->host.build_gid, e);
	if (dir < 0)
		return -1;
	if (s->snapshot_fd >= 0) {
		objects = xasprintf("/proc/self/fd/%d", s->snapshot_fd);
		rw[1] = objects;
	}
	if (source_fetch(s, w, w->spec.push.sha, e) < 0)
		return -1;
	return source_child(s, w, rw, planner_run, &p, ret, e);
}

int
plan_attempt(struct worker *w, bool *ret_planned, struct err *e)
{
	AUTO(source_release)
	struct source s = { .snapshot_fd = -1, .dir_fd = -1 };
	AUTO(json_decrefp) json_t *plan = NULL;
	struct err why;

	if (make_plan(w, &s, &plan, &why) < 0)
		return say_failed(w, &s, &why, e);
	if (worker_terms(w)) {
		err_set(&why, ERR_CANCELED, "canceled");
		return say_failed(w, &s, &why, e);
	}
	crash_point("work.before-plan");
	if (write_plan(w, plan, e) < 0)
		return -1;
	crash_point("work.plan-written");
	*ret_planned = planner_applies(plan);
	return worker_emit(
		w, EV_PLANNED, -1, summary(plan, &w->spec.push), true, e);
}
