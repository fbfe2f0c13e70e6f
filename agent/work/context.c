/* SPDX-License-Identifier: MIT */
/*
 * The contexts of expressions.  One JSON object holds them all, as expr.h
 * wants it; what steps add goes in as they finish.
 */
#include "base/base.h"
#include "base/buf.h"
#include "model/plan.h"
#include "work/job.h"

#include <sys/utsname.h>

static const char *
runner_arch(void)
{
	static const struct {
		const char *machine, *arch;
	} names[] = {
		{ "x86_64", "X64" },
		{ "aarch64", "ARM64" },
		{ "armv7l", "ARM" },
		{ "i686", "X86" },
	};
	struct utsname u;

	if (uname(&u) < 0)
		return "X64";
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(u.machine, names[i].machine))
			return names[i].arch;
	return "X64";
}

static json_t *
runner_context(void)
{
	json_t *o = json_object();

	jset_str(o, "name", "tellus");
	jset_str(o, "os", "Linux");
	jset_str(o, "arch", runner_arch());
	jset_str(o, "temp", "/tmp");
	jset_str(o, "environment", "self-hosted");
	return o;
}

static json_t *
github_context(const struct job *j)
{
	const struct spec *s = &j->w->spec;
	const json_t *workflow = jget_obj(s->json, "workflow");
	struct push p;
	json_t *o;

	/* The push may not know the commit: "tellus run HEAD". */
	push_copy(&p, &s->push);
	free(p.sha);
	p.sha = xstrdup(jget_str(s->json, "sha"));
	o = plan_github_context(&p, s->run,
		(int)jget_int(s->json, "run_attempt", 1),
		jget_str(workflow, "name"), jget_str(j->plan, "id"));
	jset_str(o, "workspace", BOX_WORKSPACE);
	push_release(&p);
	return o;
}

/* A member of the plan's job, or an empty object. */
static void
set_from_plan(struct job *j, const char *name)
{
	json_t *o = jget_obj(j->plan, name);

	if (o)
		json_object_set(j->contexts, name, o);
	else
		json_object_set_new(j->contexts, name, json_object());
}

int
context_make(struct job *j, struct err *e)
{
	static const char *const empty[] = { "env", "steps", "inputs", "vars",
		"secrets" };
	const json_t *spec = j->w->spec.json;
	json_t *needs = jget_obj(spec, "needs"), *job = json_object();

	j->contexts = json_object();
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		json_object_set_new(j->contexts, empty[i], json_object());
	json_object_set_new(j->contexts, "github", github_context(j));
	json_object_set_new(j->contexts, "runner", runner_context());
	set_from_plan(j, "strategy");
	set_from_plan(j, "matrix");
	if (needs)
		json_object_set(j->contexts, "needs", needs);
	else
		json_object_set_new(j->contexts, "needs", json_object());
	jset_str(job, "status", "success");
	json_object_set_new(j->contexts, "job", job);
	if (context_expand_env(
		    j, jget_obj(jget_obj(spec, "workflow"), "env"), e) < 0)
		return err_wrap(e, "the workflow's env");
	if (context_expand_env(j, jget_obj(j->plan, "env"), e) < 0)
		return err_wrap(e, "the job's env");
	/* A person's word with a retry stands above the file's. */
	json_object_update(jget_obj(j->contexts, "env"), jget_obj(spec, "set"));
	return 0;
}

void
context_step(struct job *j, const char *id, const char *outcome,
	const char *conclusion, const json_t *outputs)
{
	json_t *o = json_object();

	jset_str(jget_obj(j->contexts, "job"), "status",
		j->canceled ? "cancelled"
		: j->failed ? "failure"
			    : "success");
	if (!id) {
		json_decref(o);
		return;
	}
	jset_str(o, "outcome", outcome);
	jset_str(o, "conclusion", conclusion);
	json_object_set_new(o, "outputs",
		outputs ? json_deep_copy(outputs) : json_object());
	json_object_set_new(jget_obj(j->contexts, "steps"), id, o);
}

void
context_env(struct job *j, const char *name, const char *value)
{
	jset_str(jget_obj(j->contexts, "env"), name, value);
}

int
context_expand_env(struct job *j, const json_t *env, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)env, name, value)
	{
		AUTO(buf_release) struct buf b = BUF_INIT;
		struct expr_env x = job_expr(j);

		if (!json_is_string(value))
			continue;
		if (expr_expand(json_string_value(value), &x, &b, e) < 0)
			return err_wrap(e, "%s", name);
		context_env(j, name, b.data);
	}
	return 0;
}

json_t *
context_outputs(struct job *j, struct err *e)
{
	json_t *from = jget_obj(j->plan, "outputs"), *value, *to;
	const char *name;

	if (!from || !json_object_size(from))
		return NULL;
	to = json_object();
	json_object_foreach(from, name, value)
	{
		AUTO(buf_release) struct buf b = BUF_INIT;
		struct expr_env x = job_expr(j);

		if (!json_is_string(value))
			continue;
		if (expr_expand(json_string_value(value), &x, &b, e) < 0) {
			err_wrap(e, "output '%s' of the job", name);
			json_decref(to);
			return NULL;
		}
		jset_str(to, name, b.data);
	}
	return to;
}
