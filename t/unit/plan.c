/* SPDX-License-Identifier: MIT */
/* From a workflow and a push to what runs: filters, names, the plan. */
#include "base/base.h"
#include "base/json.h"
#include "base/strv.h"
#include "model/filter.h"
#include "model/plan.h"
#include "tap.h"

#define SHA "0123456789abcdef0123456789abcdef01234567"

static struct workflow *
parsed(const char *text)
{
	struct workflow *w = NULL;
	struct err e;

	if (workflow_parse(&w, "ci.yml", text, strlen(text), &e) < 0) {
		printf("# %s\n", e.msg);
		exit(1);
	}
	return w;
}

/* Literals: never released. */
static struct push
push_of(const char *ref)
{
	static char repository[] = "acme/widget", event[] = "push";
	static char before[] = SHA_ZERO, sha[] = SHA, title[] = "Fix it";
	static char actor[] = "ada", author[] = "Ada L", source[] = "hook";

	return (struct push){
		.repository = repository,
		.event = event,
		.ref = (char *)ref,
		.before = before,
		.sha = sha,
		.title = title,
		.actor = actor,
		.author = author,
		.source = source,
	};
}

static struct push
request_of(const char *action, const char *base)
{
	static char event[] = "pull_request", head[] = "topic";
	static char base_sha[] = SHA;
	struct push p = push_of("refs/pull/7/head");

	p.event = event;
	p.action = (char *)action;
	p.base_ref = (char *)base;
	p.base_sha = base_sha;
	p.head_ref = head;
	p.number = 7;
	return p;
}

static void
test_patterns(void)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "main", "main", true },
		{ "main", "maint", false },
		{ "main", "mai", false },
		{ "feature/*", "feature/a", true },
		{ "feature/*", "feature/a/b", false },
		{ "feature/*", "feature/", true },
		{ "feature/**", "feature/a/b", true },
		{ "**", "all/of/it", true },
		{ "*", "main", true },
		{ "*", "rel/1", false },
		{ "v2*", "v2.0", true },
		{ "v2*", "v3", false },
		{ "v[12].[0-9]+.[0-9]+", "v1.10.1", true },
		{ "v[12].[0-9]+.[0-9]+", "v3.1.1", false },
		{ "v[12].[0-9]+.[0-9]+", "v1.x.1", false },
		{ "*.jsx?", "page.js", true },
		{ "*.jsx?", "page.jsx", true },
		{ "*.jsx?", "page.jsxx", false },
		{ "ab+c", "abbbc", true },
		{ "ab+c", "ac", false },
		{ "docs/*", "docs/a.md", true },
		{ "docs/*", "docs/a/b.md", false },
		{ "docs/**", "docs/a/b.md", true },
		{ "docs/**/*.md", "docs/README.md", true },
		{ "docs/**/*.md", "docs/a/b.md", true },
		{ "docs/**/*.md", "docs/a/b.txt", false },
		{ "**/docs/**", "docs/hello.md", true },
		{ "**/docs/**", "dir/docs/my-file.txt", true },
		{ "**/docs/**", "mydocs/x", false },
		{ "**/README.md", "README.md", true },
		{ "**/README.md", "js/README.md", true },
		{ "**/README.md", "js/xREADME.md", false },
		{ "**/*src/**", "a/src/app.js", true },
		{ "**/*src/**", "my-src/code/js/app.js", true },
		{ "**/*-post.md", "my-post.md", true },
		{ "**/*-post.md", "path/their-post.md", true },
		{ "**.js", "src/js/app.js", true },
		{ "a\\*b", "a*b", true },
		{ "a\\*b", "axb", false },
		{ "[]x]", "]", true },
		{ "gr\xc3\xbc?n", "grn", true },
		{ "gr\xc3\xbc?n", "gr\xc3\xbcn", true },
		{ "!main", "main", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		is_int(filter_match(cases[i].pattern, cases[i].text),
			cases[i].matches, cases[i].pattern);
	AUTO(freep) char *stars = xcalloc(1, FILTER_MAX + 1);
	AUTO(freep) char *text = xcalloc(1, 1001);

	for (int i = 0; i + 2 < FILTER_MAX; i += 2) {
		stars[i] = '*';
		stars[i + 1] = 'a';
	}
	memset(text, 'a', 1000);
	text[999] = 'b';
	ok(!filter_match(stars, text), "a pattern of stars ends in time");
}

static void
applies(const char *on, const struct push *p, const char *paths,
	const char *want)
{
	AUTO(freep) char *text = xasprintf("%srun: x\n", on);
	AUTO(workflow_freep) struct workflow *w = parsed(text);
	AUTO(strv_release) struct strv changed = STRV_INIT;
	AUTO(freep) char *why = NULL, *copy = xstrdup(paths ? paths : "");
	bool yes;

	for (char *s = copy; *s;) {
		size_t n = strcspn(s, " ");

		strv_give(&changed, xstrndup(s, n));
		s += n + (s[n] == ' ');
	}
	yes = plan_applies(w, p, paths ? &changed : NULL, &why);
	is_str(yes ? NULL : why, want, on[0] ? on : "without \"on\"");
}

static void
test_push(void)
{
	struct push main_ = push_of("refs/heads/main");
	struct push rel = push_of("refs/heads/rel/1");
	struct push tag = push_of("refs/tags/v1.2");

	applies("", &main_, NULL, NULL);
	applies("", &tag, NULL,
		"a workflow without \"on\" runs for branches "
		"and pull requests, and this is a tag");
	applies("on: push\n", &main_, NULL, NULL);
	applies("on: push\n", &tag, NULL, NULL);
	applies("on: [pull_request]\n", &main_, NULL,
		"\"on\" does not name push");
	applies("on: {push: {branches: [main]}}\n", &main_, NULL, NULL);
	applies("on: {push: {branches: [main]}}\n", &rel, NULL,
		"the branch \"rel/1\" matches no pattern of \"branches\"");
	applies("on: {push: {branches: [main]}}\n", &tag, NULL,
		"\"on\" has patterns for branches only, and this is a tag");
	applies("on: {push: {tags: ['v*']}}\n", &tag, NULL, NULL);
	applies("on: {push: {tags: ['v*']}}\n", &main_, NULL,
		"\"on\" has patterns for tags only, and this is a branch");
	applies("on: {push: {tags: ['v*'], branches: [x]}}\n", &main_, NULL,
		"the branch \"main\" matches no pattern of \"branches\"");
	applies("on: {push: {branches-ignore: ['rel/**']}}\n", &rel, NULL,
		"the branch \"rel/1\" matches \"branches-ignore\"");
	applies("on: {push: {branches-ignore: ['rel/**']}}\n", &main_, NULL,
		NULL);
	applies("on: {push: {tags-ignore: ['v1*']}}\n", &tag, NULL,
		"the tag \"v1.2\" matches \"tags-ignore\"");
	applies("on: {push: {branches: ['**', '!rel/**']}}\n", &rel, NULL,
		"the branch \"rel/1\" matches no pattern of \"branches\"");
	applies("on: {push: {branches: ['**', '!rel/**', 'rel/1']}}\n", &rel,
		NULL, NULL);
	applies("on: {push: {branches: ['!rel/**', '**']}}\n", &rel, NULL,
		NULL);
}

static void
test_paths(void)
{
	struct push p = push_of("refs/heads/main");
	struct push tag = push_of("refs/tags/v1");
	static const char none[] =
		"no changed file matches a pattern of \"paths\"";
	static const char all[] = "all changed files match \"paths-ignore\"";

	applies("on: {push: {paths: ['src/**']}}\n", &p, "src/a.c b", NULL);
	applies("on: {push: {paths: ['src/**']}}\n", &p, "doc/a b", none);
	applies("on: {push: {paths: ['src/**']}}\n", &p, "", none);
	applies("on: {push: {paths: ['src/**']}}\n", &p, NULL, NULL);
	applies("on: {push: {paths: ['**', '!doc/**']}}\n", &p, "doc/a", none);
	applies("on: {push: {paths: ['**', '!doc/**']}}\n", &p, "doc/a x",
		NULL);
	applies("on: {push: {paths-ignore: ['doc/**']}}\n", &p, "doc/a doc/b",
		all);
	applies("on: {push: {paths-ignore: ['doc/**']}}\n", &p, "doc/a x",
		NULL);
	applies("on: {push: {paths: ['src/**']}}\n", &tag, "doc/a", NULL);
	applies("on: {push: {branches: [x], paths: ['**']}}\n", &p, "a",
		"the branch \"main\" matches no pattern of \"branches\"");
}

static void
test_request(void)
{
	struct push opened = request_of("opened", "main");
	struct push closed = request_of("closed", "main");
	struct push unknown = request_of(NULL, "main");
	struct push manual = push_of("refs/heads/main");
	static char manual_event[] = "manual", file[] = "other.yml";

	applies("", &opened, NULL, NULL);
	applies("", &closed, NULL,
		"the pull request was \"closed\", which "
		"\"types\" does not name");
	applies("on: pull_request\n", &unknown, NULL, NULL);
	applies("on: push\n", &opened, NULL,
		"\"on\" does not name pull_request");
	applies("on: {pull_request: {types: [closed]}}\n", &closed, NULL, NULL);
	applies("on: {pull_request: {types: [closed]}}\n", &opened, NULL,
		"the pull request was \"opened\", which \"types\" does not "
		"name");
	applies("on: {pull_request: {branches: ['rel/*']}}\n", &opened, NULL,
		"the target branch \"main\" matches no pattern of "
		"\"branches\"");
	applies("on: {pull_request: {paths: ['*.c']}}\n", &opened, "a.h",
		"no changed file matches a pattern of \"paths\"");
	manual.event = manual_event;
	applies("on: {push: {branches: [x]}}\n", &manual, NULL, NULL);
	manual.file = file;
	applies("", &manual, NULL, "only \"other.yml\" was asked for");
}

static json_t *
planned(const char *text, const struct push *p, struct err *e)
{
	AUTO(workflow_freep) struct workflow *w = parsed(text);
	json_t *plan = NULL;

	return plan_workflow(w, p, NULL, &plan, e) < 0 ? NULL : plan;
}

static json_t *
job_of(const json_t *plan, size_t i)
{
	return json_array_get(jget_arr(plan, "jobs"), i);
}

static json_t *
step_of(const json_t *plan, size_t i)
{
	return json_array_get(jget_arr(job_of(plan, 0), "steps"), i);
}

/* One step of one job, on "main"; the member's value as JSON text. */
static void
step_is(const char *step, const char *member, const char *want)
{
	struct push p = push_of("refs/heads/main");
	struct err e = { .code = ERR_NONE };
	AUTO(freep)
	char *text = xasprintf(
		"env: {TOP: top, REF: '${{ "
		"github.ref_name }}'}\njobs:\n  a:\n    defaults: {run: "
		"{shell: bash, working-directory: src}}\n    steps:\n    - "
		"%s\n",
		step);
	json_t *plan = planned(text, &p, &e);
	AUTO(freep) char *got = NULL;

	if (plan)
		got = json_dumps(json_object_get(step_of(plan, 0), member),
			JSON_ENCODE_ANY | JSON_COMPACT);
	is_str(plan ? got : e.msg, want, step);
	json_decref(plan);
}

static void
test_steps(void)
{
	step_is("make", "name", "\"Run make\"");
	step_is("make", "run", "\"make\"");
	step_is("make", "shell", "\"bash\"");
	step_is("make", "working-directory", "\"src\"");
	step_is("make", "timeout_ms", "0");
	step_is("make", "if", "null");
	step_is("{run: x, shell: sh}", "shell", "\"sh\"");
	step_is("{run: x, working-directory: t}", "working-directory", "\"t\"");
	step_is("\"\\n  make all\\nmake check\"", "name", "\"Run make all\"");
	step_is("echo 0123456789012345678901234567890123456789012345678901234"
		"567890",
		"name",
		"\"Run echo 012345678901234567890123456789"
		"012345678901234567...\"");
	step_is("echo 01234567890123456789012345678901234567890123456 ${{ "
		"steps.x.outputs.y }}",
		"name",
		"\"Run echo 0123456789012345678"
		"9012345678901234567890123456 ...\"");
	step_is("{run: x, name: 'On ${{ github.ref_name }}'}", "name",
		"\"On main\"");
	step_is("{run: x, name: 'On ${{ env.REF }}, ${{ env.TOP }}'}", "name",
		"\"On main, top\"");
	step_is("{run: x, env: {A: '${{ github.actor }}'}, name: '${{ env.A "
		"}}'}",
		"name", "\"ada\"");
	step_is("{run: x, env: {A: '${{ github.actor }}'}}", "env",
		"{\"A\":\"${{ github.actor }}\"}");
	step_is("{run: x, name: 'v${{ steps.a.outputs.v }}'}", "name",
		"\"v${{ steps.a.outputs.v }}\"");
	step_is("{run: x, env: {A: '${{ steps.a.outputs.v }}'}, name: '${{ "
		"env.A }}'}",
		"name", "\"${{ env.A }}\"");
	step_is("{run: x, name: \"a ${{ format('{0}{{{{ x }}}}', '$') }}\"}",
		"name", "\"a $ {{ x }}\"");
	step_is("{run: x, name: '${{ env.NONE }}'}", "name", "\"Run x\"");
	step_is("{run: x, timeout: 90s}", "timeout_ms", "90000");
	step_is("{run: x, timeout-minutes: 1.5}", "timeout_ms", "90000");
	step_is("{run: x, timeout-minutes: \"${{ github.ref_name == 'main' && "
		"2 || 1 }}\"}",
		"timeout_ms", "120000");
	step_is("{run: x, timeout-minutes: '${{ github.ref_name }}'}",
		"timeout_ms",
		"ci.yml:6:33: the time limit becomes \"main\", "
		"which is no number of minutes");
	step_is("{run: x, continue-on-error: \"${{ github.ref_name == 'main' "
		"}}\"}",
		"continue_on_error", "true");
	step_is("{run: x, continue-on-error: '${{ github.ref }}'}",
		"continue_on_error",
		"ci.yml:6:35: \"continue-on-error\" "
		"becomes \"refs/heads/main\", which is neither true nor false");
	step_is("{run: x, name: \"a ${{ fromJSON('{') }}\"}", "name",
		"ci.yml:6:29: fromJSON(): line 1, column 1: string or '}' "
		"expected near end of file");
	step_is("{run: x, if: \"${{ failure() }}\"}", "if",
		"\"${{ failure() }}\"");
	step_is("{run: x, on-crash: ask, undo: y}", "on_crash", "\"ask\"");
	step_is("{run: x, on-crash: ask, undo: y}", "undo", "\"y\"");
	step_is("uses: actions/checkout@v4", "name",
		"\"Run actions/checkout@v4\"");
	step_is("uses: actions/checkout@v4", "run",
		"\"echo 'the commit is checked out already'\"");
	step_is("uses: actions/checkout@v4", "shell", "\"sh\"");
	step_is("{run: x, env: {A: , B: ~, C: 'null', D: 1.10}}", "env",
		"{\"A\":\"\",\"B\":\"\",\"C\":\"null\",\"D\":\"1.10\"}");
}

static void
test_jobs(void)
{
	struct push p = push_of("refs/heads/main");
	struct err e = { .code = ERR_NONE };
	json_t *plan =
		planned("jobs:\n  a:\n    name: A on ${{ github.ref_name "
			"}}\n    limits: {memory: 1G, cpu: 1.5}\n    "
			"network: none\n    outputs: {v: '${{ "
			"steps.x.outputs.v }}'}\n    retry: 2\n    "
			"steps: [x]\n  b: {needs: a, if: always(), "
			"timeout: 2h, continue-on-error: true, steps: "
			"[y]}\n",
			&p, &e);
	json_t *a = job_of(plan, 0), *b = job_of(plan, 1);
	char *text;

	is_str(jget_str(plan, "file"), "ci.yml", "the plan names the file");
	is_str(jget_str(plan, "name"), "ci", "and the workflow");
	ok(!json_object_get(plan, "skipped"), "it is not skipped");
	is_str(jget_str(a, "name"), "A on main", "a job's name is expanded");
	is_str(jget_str(b, "name"), "b", "a job without name is its id");
	is_int(jget_int(jget_obj(a, "limits"), "memory", 0), 1 << 30,
		"memory is in bytes");
	is_int(jget_int(jget_obj(a, "limits"), "cpu", 0), 1500,
		"cpu is in thousandths");
	ok(!json_object_get(jget_obj(a, "limits"), "disk"),
		"a limit that is not set is absent");
	is_str(jget_str(a, "network"), "none", "the network is there");
	ok(json_is_null(json_object_get(b, "network")),
		"or null for the default");
	is_str(jget_str(jget_obj(a, "outputs"), "v"),
		"${{ steps.x.outputs.v }}", "outputs stay text");
	is_int(jget_int(jget_obj(json_array_get(jget_arr(a, "steps"), 0),
				"retry"),
		       "max", 0),
		2, "a job's retry is its steps'");
	is_str(json_string_value(json_array_get(jget_arr(b, "needs"), 0)), "a",
		"needs are ids");
	is_str(jget_str(b, "if"), "always()", "the condition stays text");
	is_int(jget_int(b, "timeout_ms", 0), 7200000, "the time is in ms");
	ok(jget_bool(b, "continue_on_error", false), "continue on error");
	json_decref(plan);

	plan = planned("on: {push: {branches: [x]}}\njobs: {a: {name: \"${{ "
		       "fromJSON('{') }}\", steps: [x]}}\n",
		&p, &e);
	is_str(jget_str(plan, "skipped"),
		"the branch \"main\" matches no pattern of \"branches\"",
		"a workflow that does not apply says why");
	is_int(json_array_size(jget_arr(plan, "jobs")), 0,
		"and nothing of it is evaluated");
	json_decref(plan);

	plan = planned("run: [make, make check]\ntimeout: 10m\n", &p, &e);
	text = json_dumps(plan, JSON_COMPACT | JSON_SORT_KEYS);
	is_str(text,
		"{\"env\":{},\"file\":\"ci.yml\",\"jobs\":[{"
		"\"continue_on_error\":false,\"env\":{},\"id\":\"run\","
		"\"if\":null,\"limits\":{},\"name\":\"run\",\"needs\":[],"
		"\"network\":null,\"outputs\":{},\"steps\":[{"
		"\"continue_on_error\":false,\"env\":{},\"id\":null,"
		"\"if\":null,\"name\":\"Run make\",\"on_crash\":null,"
		"\"run\":\"make\",\"shell\":null,\"timeout_ms\":0,"
		"\"undo\":null,\"working-directory\":null},{"
		"\"continue_on_error\":false,\"env\":{},\"id\":null,"
		"\"if\":null,\"name\":\"Run make check\",\"on_crash\":null,"
		"\"run\":\"make check\",\"shell\":null,\"timeout_ms\":0,"
		"\"undo\":null,\"working-directory\":null}],"
		"\"timeout_ms\":600000}],\"name\":\"ci\"}",
		"a list of commands is one job of that many steps");
	free(text);
	json_decref(plan);
}

static void
test_context(void)
{
	struct push p = push_of("refs/heads/rel/1");
	json_t *g = plan_github_context(&p, 42, 3, "ci", "build");
	json_t *ev = jget_obj(g, "event");

	is_str(jget_str(g, "repository"), "acme/widget", "repository");
	is_str(jget_str(g, "repository_owner"), "acme", "repository_owner");
	is_str(jget_str(g, "ref_name"), "rel/1", "ref_name");
	is_str(jget_str(g, "ref_type"), "branch", "ref_type");
	is_str(jget_str(g, "run_id"), "42", "run_id");
	is_int(jget_int(g, "run_attempt", 0), 3, "run_attempt");
	is_str(jget_str(g, "job"), "build", "job");
	is_str(jget_str(g, "base_ref"), "", "base_ref is empty for a push");
	is_str(jget_str(ev, "after"), SHA, "event.after");
	ok(jget_bool(ev, "created", false), "event.created of a new ref");
	json_decref(g);

	p = request_of("opened", "main");
	g = plan_github_context(&p, 1, 1, "ci", "build");
	ev = jget_obj(jget_obj(g, "event"), "pull_request");
	is_str(jget_str(g, "event_name"), "pull_request", "event_name");
	is_str(jget_str(g, "base_ref"), "main", "base_ref");
	is_str(jget_str(g, "head_ref"), "topic", "head_ref");
	is_str(jget_str(g, "ref_name"), "7/head", "ref_name of a request");
	is_int(jget_int(ev, "number", 0), 7, "event.pull_request.number");
	is_str(jget_str(jget_obj(ev, "head"), "ref"), "topic",
		"event.pull_request.head.ref");
	json_decref(g);
}

int
main(void)
{
	test_patterns();
	test_push();
	test_paths();
	test_request();
	test_steps();
	test_jobs();
	test_context();
	return tap_done();
}
