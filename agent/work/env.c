/* SPDX-License-Identifier: MIT */
/*
 * The environment of a step.  It starts empty: nothing of the worker's own
 * gets in.  Later ones win: ours that may be changed, the workflow's, the
 * job's, what earlier steps wrote to GITHUB_ENV, the step's own, and last
 * ours that say what is being built, which nobody may change.
 */
#include "base/base.h"
#include "base/buf.h"
#include "work/step.h"

#define SLUG_MAX 63
#define SHORT_SHA 8
#define DEFAULT_PATH                                                           \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct {
	const char *name, *value;
} plain[] = {
	{ "PATH", DEFAULT_PATH },
	{ "HOME", BOX_HOME },
	{ "USER", "build" },
	{ "LOGNAME", "build" },
	{ "SHELL", "/bin/sh" },
	{ "LANG", "C.UTF-8" },
	{ "TERM", "dumb" },
	{ "CI", "true" },
};

/* The names that GitHub's and GitLab's documentation give to the members
 * of the github context. */
static const struct {
	const char *name, *member;
} github[] = {
	{ "GITHUB_ACTOR", "actor" },
	{ "GITHUB_TRIGGERING_ACTOR", "triggering_actor" },
	{ "GITHUB_BASE_REF", "base_ref" },
	{ "GITHUB_EVENT_NAME", "event_name" },
	{ "GITHUB_HEAD_REF", "head_ref" },
	{ "GITHUB_JOB", "job" },
	{ "GITHUB_REF", "ref" },
	{ "GITHUB_REF_NAME", "ref_name" },
	{ "GITHUB_REF_TYPE", "ref_type" },
	{ "GITHUB_REPOSITORY", "repository" },
	{ "GITHUB_REPOSITORY_OWNER", "repository_owner" },
	{ "GITHUB_RUN_ATTEMPT", "run_attempt" },
	{ "GITHUB_RUN_ID", "run_id" },
	{ "GITHUB_RUN_NUMBER", "run_number" },
	{ "GITHUB_SERVER_URL", "server_url" },
	{ "GITHUB_SHA", "sha" },
	{ "GITHUB_WORKFLOW", "workflow" },
	{ "GITHUB_WORKSPACE", "workspace" },
};

/* The command files (files.c). */
static const struct {
	const char *name, *file;
} files[] = {
	{ "GITHUB_ENV", "env" },
	{ "GITHUB_OUTPUT", "output" },
	{ "GITHUB_PATH", "path" },
	{ "GITHUB_STEP_SUMMARY", "summary" },
};

/* What a kernel takes: no '=' in the name; a value without NUL is given by
 * the type. */
static void
set(struct strv *env, const char *name, const char *value)
{
	if (value && name[0] && !strchr(name, '='))
		strv_setenv(env, name, value);
}

static void PRINTF(3, 4)
	setf(struct strv *env, const char *name, const char *fmt, ...)
{
	AUTO(freep) char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	value = xvasprintf(fmt, ap);
	va_end(ap);
	strv_setenv(env, name, value);
}

/* Lower case, everything but letters and digits "-", none at the ends. */
static void
set_slug(struct strv *env, const char *name, const char *ref)
{
	char slug[SLUG_MAX + 1];
	size_t n = 0;

	for (; *ref && n < SLUG_MAX; ref++) {
		char c = *ref;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			c = '-';
		if (n || c != '-')
			slug[n++] = c;
	}
	while (n && slug[n - 1] == '-')
		n--;
	slug[n] = '\0';
	set(env, name, slug);
}

static void
add_ref(struct strv *env, const char *ref)
{
	if (!ref)
		return;
	set(env, "CI_COMMIT_REF_NAME", ref_short(ref));
	set_slug(env, "CI_COMMIT_REF_SLUG", ref_short(ref));
	if (ref_is_branch(ref))
		set(env, "CI_COMMIT_BRANCH", ref_short(ref));
	if (ref_is_tag(ref))
		set(env, "CI_COMMIT_TAG", ref_short(ref));
}

/* Of GitLab's names those that mean the same with everybody else. */
static void
add_ci(struct strv *env, const struct job *j)
{
	const struct spec *s = &j->w->spec;
	const char *sha = jget_str(s->json, "sha");
	const char *repo = jget_str(jget_obj(s->json, "repository"), "name");
	const char *slash = strrchr(repo, '/');

	set(env, "CI_COMMIT_SHA", sha);
	setf(env, "CI_COMMIT_SHORT_SHA", "%.*s", SHORT_SHA, sha);
	set(env, "CI_COMMIT_BEFORE_SHA", s->push.before);
	set(env, "CI_COMMIT_TITLE",
		jget_str(jget_obj(s->json, "commit"), "subject"));
	set(env, "CI_PROJECT_DIR", BOX_WORKSPACE);
	set(env, "CI_PROJECT_PATH", repo);
	set(env, "CI_PROJECT_NAME", slash ? slash + 1 : repo);
	if (slash)
		setf(env, "CI_PROJECT_NAMESPACE", "%.*s", (int)(slash - repo),
			repo);
	setf(env, "CI_PIPELINE_ID", "%" PRIu64, s->run);
	set(env, "CI_JOB_NAME", jget_str(j->plan, "name"));
	add_ref(env, s->push.ref);
}

static void
add_object(struct strv *env, const json_t *o)
{
	const char *name;
	json_t *value;

	json_object_foreach(
		(json_t *)(uintptr_t)o, name, value) if (json_is_string(value))
		set(env, name, json_string_value(value));
}

static void
add_github(struct strv *env, const struct step *s)
{
	const json_t *context = jget_obj(s->job->contexts, "github");

	for (size_t i = 0; i < ARRAY_LEN(github); i++) {
		const json_t *v = json_object_get(context, github[i].member);

		if (json_is_string(v))
			set(env, github[i].name, json_string_value(v));
		else if (json_is_integer(v))
			setf(env, github[i].name, "%" PRId64,
				(int64_t)json_integer_value(v));
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		setf(env, files[i].name, "%s/%s", BOX_CMD, files[i].file);
	if (s->id)
		set(env, "GITHUB_ACTION", s->id);
	set(env, "RUNNER_OS", "Linux");
	set(env, "RUNNER_TEMP", "/tmp");
	set(env, "RUNNER_ARCH",
		jget_str(jget_obj(s->job->contexts, "runner"), "arch"));
}

static void
add_tellus(struct strv *env, const struct step *s)
{
	const struct spec *spec = &s->job->w->spec;

	set(env, "TELLUS", "true");
	setf(env, "TELLUS_RUN", "%" PRIu64, spec->run);
	set(env, "TELLUS_JOB", jget_str(s->job->plan, "name"));
	set(env, "TELLUS_STEP", s->name);
	setf(env, "TELLUS_ATTEMPT", "%d", spec->attempt);
	setf(env, "TELLUS_STEP_ATTEMPT", "%d", s->try);
	set(env, "TELLUS_IDEMPOTENCY_KEY", s->key);
	if (s->is_undo)
		set(env, "TELLUS_UNDO_OF", s->name);
}

/* Folders from GITHUB_PATH come before everything else. */
static void
prepend_path(struct strv *env, const json_t *added)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *old = strv_getenv(env, "PATH");
	const json_t *dir;
	size_t i;

	if (!json_array_size(added))
		return;
	json_array_foreach(added, i, dir)
		buf_addf(&b, "%s:", json_string_value(dir));
	buf_addz(&b, old ? old : DEFAULT_PATH);
	strv_setenv(env, "PATH", b.data);
}

int
env_make(struct step *s, struct err *e)
{
	struct job *j = s->job;
	json_t *before = jget_obj(j->contexts, "env");
	AUTO(json_decrefp) json_t *keep = json_deep_copy(before);
	int rc = context_expand_env(j, jget_obj(s->plan, "env"), e);

	if (rc < 0)
		err_wrap(e, "the step's env");
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(plain); i++)
		set(&s->env, plain[i].name, plain[i].value);
	if (rc == 0) {
		add_ci(&s->env, j);
		/* The context holds the workflow's, the job's, the added
		 * and the step's own by now, in that order. */
		add_object(&s->env, jget_obj(j->contexts, "env"));
		add_object(&s->env, jget_obj(j->w->spec.json, "set"));
		prepend_path(&s->env, j->path_added);
		add_github(&s->env, s);
		add_tellus(&s->env, s);
	}
	s->env_before = STEAL(keep);
	return rc;
}
