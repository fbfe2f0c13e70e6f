/* SPDX-License-Identifier: MIT */
/* Workflow files: every kind of mistake, with the exact message. */
#include "base/base.h"
#include "base/buf.h"
#include "base/strv.h"
#include "model/workflow.h"
#include "tap.h"

static struct workflow *wf;

static const char *
fault_of(const char *text)
{
	static char shown[ERR_MAX];
	struct err e = { .code = ERR_NONE };

	workflow_free(wf);
	wf = NULL;
	if (workflow_parse(&wf, "ci.yml", text, strlen(text), &e) == 0)
		return NULL;
	snprintf(shown, sizeof(shown), "%s", e.msg);
	return shown;
}

/* Inside "jobs: build: steps:", the step on lines of its own. */
#define STEP(s) "jobs:\n  build:\n    steps:\n    - " s
#define JOB(s) "jobs:\n  build:\n    " s "\n    steps: [make]\n"

struct bad {
	const char *text, *fault;
};

static const struct bad bad_keys[] = {
	{ "jobs:\n  build:\n    stpes: [x]\n",
		"ci.yml:3:5: unknown key \"stpes\" in job \"build\"; did you "
		"mean \"steps\"?" },
	{ "job:\n  build: {}\n",
		"ci.yml:1:1: unknown key \"job\" at the top of the file; did "
		"you mean \"jobs\"?" },
	{ "run: x\nfrobnicate: y\n",
		"ci.yml:2:1: unknown key \"frobnicate\" at the top of the "
		"file" },
	{ STEP("{rnu: make}\n"),
		"ci.yml:4:8: unknown key \"rnu\" in step 1 of job \"build\"; "
		"did you mean \"run\"?" },
	{ JOB("limits: {memroy: 1G}"),
		"ci.yml:3:14: unknown key \"memroy\" in \"limits\" in job "
		"\"build\"; did you mean \"memory\"?" },
	{ JOB("defaults: {run: {shel: sh}}"),
		"ci.yml:3:22: unknown key \"shel\" in \"run\" in \"defaults\" "
		"in job \"build\"; did you mean \"shell\"?" },
	{ "on: {push: {branch: main}}\nrun: x\n",
		"ci.yml:1:13: unknown key \"branch\" in \"push\" of \"on\"; "
		"did you mean \"branches\"?" },
	{ "on: {pull_request: {tags: [v1]}}\nrun: x\n",
		"ci.yml:1:21: unknown key \"tags\" in \"pull_request\" of "
		"\"on\"" },
	{ "on: psuh\nrun: x\n",
		"ci.yml:1:5: unknown event \"psuh\" in \"on\"; did you mean "
		"\"push\"?" },
	{ "on: {pull_request: {types: [open]}}\nrun: x\n",
		"ci.yml:1:29: unknown type \"open\" in \"pull_request\" of "
		"\"on\"; did you mean \"opened\"?" },
};

static const struct bad bad_places[] = {
	{ "run: x\njobs: {a: {steps: [x]}}\n",
		"ci.yml:1:1: \"run\" and \"jobs\" at the top of the file "
		"exclude each other" },
	{ "name: x\n",
		"ci.yml:1:1: neither \"run\" nor \"jobs\": there is nothing "
		"to do" },
	{ "[make]\n",
		"ci.yml:1:1: a workflow is a mapping: \"run: [commands]\", or "
		"\"jobs:\" with their steps" },
	{ "steps: [x]\n",
		"ci.yml:1:1: \"steps\" at the top of the file: steps belong "
		"into a job; a file without jobs has \"run\"" },
	{ "timeout: 5m\n" JOB("name: x"),
		"ci.yml:1:1: \"timeout\" at the top of the file goes with "
		"\"run\"; put it into each job" },
	{ JOB("run: make"),
		"ci.yml:3:5: \"run\" in job \"build\": commands go into "
		"\"steps\"" },
	{ STEP("{run: x, needs: y}\n"),
		"ci.yml:4:16: \"needs\" in step 1 of job \"build\": it "
		"belongs into a job; steps run one after another" },
	{ STEP("{name: x}\n"),
		"ci.yml:4:7: there is no \"run\" in step 1 of job \"build\"" },
	{ STEP("{run: x, with: {a: b}}\n"),
		"ci.yml:4:23: \"a\" in \"with\" in step 1 of job \"build\": "
		"this version does not support it yet; the commit of the run "
		"is what is checked out" },
	{ STEP("{run: x, uses: actions/checkout@v4}\n"),
		"ci.yml:4:22: \"run\" and \"uses\" in step 1 of job \"build\" "
		"exclude each other" },
	{ "jobs:\n  build: {}\n", "ci.yml:2:3: job \"build\" has no "
				  "\"steps\"" },
	{ "jobs: {}\n", "ci.yml:1:7: \"jobs\" is empty" },
};

static const struct bad bad_later[] = {
	{ JOB("strategy: {matrix: {cc: [gcc, clang]}}"),
		"ci.yml:3:5: \"strategy\" in job \"build\": this version does "
		"not support it yet" },
	{ JOB("services: {db: {image: x}}"),
		"ci.yml:3:5: \"services\" in job \"build\": this version does "
		"not support it yet" },
	{ JOB("container: debian"),
		"ci.yml:3:5: \"container\" in job \"build\": this version "
		"does not support it yet" },
	{ "image: debian\nrun: x\n",
		"ci.yml:1:1: \"image\" at the top of the file: this version "
		"does not support it yet" },
	{ STEP("uses: actions/setup-node@v4\n"),
		"ci.yml:4:13: \"uses: actions/setup-node@v4\" in step 1 of "
		"job \"build\": this version runs no actions but "
		"actions/checkout; write the commands into \"run\"" },
	{ STEP("{uses: actions/checkout@v4, with: {repository: a/b}}\n"),
		"ci.yml:4:42: \"repository\" in \"with\" in step 1 of job "
		"\"build\": this version does not support it yet; the commit "
		"of the run is what is checked out" },
	{ STEP("{run: x, secrets: [A]}\n"),
		"ci.yml:4:16: \"secrets\" in step 1 of job \"build\": this "
		"version does not support it yet" },
};

static const struct bad bad_types[] = {
	{ "jobs: [a, b]\n",
		"ci.yml:1:7: \"jobs\" at the top of the file must be a "
		"mapping, not a list" },
	{ "jobs: {a: x}\n",
		"ci.yml:1:11: \"a\" in \"jobs\" must be a mapping, not text" },
	{ "jobs: {a: {steps: make}}\n",
		"ci.yml:1:19: \"steps\" in job \"a\" must be a list, not "
		"text" },
	{ "jobs: {a: {steps: {run: make}}}\n",
		"ci.yml:1:19: \"steps\" in job \"a\" must be a list, not a "
		"mapping" },
	{ "jobs: {a: {steps: []}}\n",
		"ci.yml:1:19: \"steps\" in job \"a\" is empty" },
	{ "jobs: {a: {steps: [[x]]}}\n",
		"ci.yml:1:20: a step is a command or a mapping, not a list" },
	{ "jobs:\n  a:\n    steps:\n    - make\n    -\n",
		"ci.yml:5:6: step 2 in job \"a\" is empty" },
	{ STEP("run: [a, b]\n"),
		"ci.yml:4:12: \"run\" in step 1 of job \"build\" must be "
		"text, not a list" },
	{ STEP("run: ' '\n"), "ci.yml:4:12: \"run\" in step 1 of job "
			      "\"build\" is empty" },
	{ "run:\n", "ci.yml:1:5: \"run\" at the top of the file is a command "
		    "or a list of commands, not empty" },
	{ "run: {a: b}\n",
		"ci.yml:1:6: \"run\" at the top of the file is a command or a "
		"list of commands, not a mapping" },
	{ "run: x\nenv: [A]\n",
		"ci.yml:2:6: \"env\" at the top of the file must be a "
		"mapping, not a list" },
	{ "run: x\nenv: {A: [b]}\n",
		"ci.yml:2:10: \"A\" at the top of the file must be text, not "
		"a list" },
	{ "run: x\nenv: {'A B': c}\n",
		"ci.yml:2:7: a name in \"env\" at the top of the file must "
		"have a character, and no blank and no \"=\"" },
	{ "run: x\nenv: {TELLUS_RUN: c}\n",
		"ci.yml:2:7: \"TELLUS_RUN\" at the top of the file: names "
		"that start with TELLUS_ are the agent's own" },
	{ "run: x\nname: [a]\n",
		"ci.yml:2:7: \"name\" at the top of the file must be text, "
		"not a list" },
};

static const struct bad bad_values[] = {
	{ JOB("timeout-minutes: 10m"),
		"ci.yml:3:22: \"timeout-minutes\" in job \"build\" is "
		"\"10m\"; it is a number of minutes, more than 0 and at most "
		"43200" },
	{ JOB("timeout-minutes: 0"),
		"ci.yml:3:22: \"timeout-minutes\" in job \"build\" is \"0\"; "
		"it is a number of minutes, more than 0 and at most 43200" },
	{ JOB("timeout-minutes: -1"),
		"ci.yml:3:22: \"timeout-minutes\" in job \"build\" is "
		"\"-1\"; it is a number of minutes, more than 0 and at most "
		"43200" },
	{ JOB("timeout: soon"),
		"ci.yml:3:14: \"timeout\" in job \"build\" is \"soon\"; it is "
		"a time such as 90s, 10m or 2h, at most 30d" },
	{ JOB("timeout: 99999999999999999999h"),
		"ci.yml:3:14: \"timeout\" in job \"build\" is "
		"\"99999999999999999999h\"; it is a time such as 90s, 10m or "
		"2h, at most 30d" },
	{ JOB("timeout: 1m\n    timeout-minutes: 1"),
		"ci.yml:4:5: \"timeout\" and \"timeout-minutes\" in job "
		"\"build\": one of them is enough" },
	{ JOB("limits: {memory: 4}"),
		"ci.yml:3:22: \"memory\" in \"limits\" in job \"build\" is "
		"\"4\", less than 4 MiB; a size has a unit: 512M, 4G" },
	{ JOB("limits: {disk: lots}"),
		"ci.yml:3:20: \"disk\" in \"limits\" in job \"build\" is "
		"\"lots\"; it is a size such as 512M or 4G" },
	{ JOB("limits: {cpu: 2 cores}"),
		"ci.yml:3:19: \"cpu\" in \"limits\" in job \"build\" is \"2 "
		"cores\"; it is a number of processors such as 2 or 0.5" },
	{ JOB("limits: {pids: 0}"),
		"ci.yml:3:20: \"pids\" in \"limits\" in job \"build\" is "
		"\"0\"; it is a number of processes, at least 1" },
	{ JOB("network: internet"),
		"ci.yml:3:14: \"network\" in job \"build\" is \"internet\"; "
		"it is none, outbound or host" },
	{ JOB("continue-on-error: yes"),
		"ci.yml:3:24: \"continue-on-error\" in job \"build\" is "
		"\"yes\"; it is true or false, without quotes" },
	{ JOB("continue-on-error: 'true'"),
		"ci.yml:3:24: \"continue-on-error\" in job \"build\" is "
		"\"true\"; it is true or false, without quotes" },
	{ JOB("retry: many"),
		"ci.yml:3:12: \"retry\" in job \"build\" is \"many\"; it is a "
		"number from 0 to 10" },
	{ STEP("{run: x, on-crash: panic}\n"),
		"ci.yml:4:26: \"on-crash\" in step 1 of job \"build\" is "
		"\"panic\"; it is rerun, ask or fail" },
	{ STEP("{run: x, shell: bsh}\n"),
		"ci.yml:4:23: unknown shell \"bsh\" in step 1 of job "
		"\"build\"; it is bash, sh, python, pwsh, or a command with "
		"{0} where the script's file goes" },
	{ STEP("{run: x, id: 1st}\n"),
		"ci.yml:4:20: \"1st\" cannot be a step's id; it has letters, "
		"digits, \"-\" and \"_\", starts with a letter or \"_\", and "
		"has at most 100 characters" },
	{ "jobs: {'a b': {steps: [x]}}\n",
		"ci.yml:1:8: \"a b\" cannot be a job's id; it has letters, "
		"digits, \"-\" and \"_\", starts with a letter or \"_\", and "
		"has at most 100 characters" },
	{ "jobs: {a: {steps: [{id: x, run: a}, {id: X, run: b}]}}\n",
		"ci.yml:1:42: the id \"X\" in step 2 of job \"a\" is the id "
		"of step 1 too" },
	{ JOB("outputs: {a b: c}"),
		"ci.yml:3:15: a name in \"outputs\" in job \"build\" must "
		"have a character, and no blank and no \"=\"" },
	{ "on: {push: {branches: ['a[']}}\nrun: x\n",
		"ci.yml:1:24: the pattern \"a[\": the \"[\" is never closed" },
	{ "on: {push: {branches: ['?a']}}\nrun: x\n",
		"ci.yml:1:24: the pattern \"?a\": \"?\" repeats a character "
		"and needs one before it; for the \"?\" itself write \"\\?\"" },
	{ "on: {push: {branches: ['!a']}}\nrun: x\n",
		"ci.yml:1:23: \"branches\" in \"push\" of \"on\" has only "
		"patterns with \"!\", which match nothing; put \"**\" before "
		"them" },
	{ "on: {push: {tags: [a], tags-ignore: [b]}}\nrun: x\n",
		"ci.yml:1:12: \"tags\" and \"tags-ignore\" in \"push\" of "
		"\"on\" exclude each other; use \"!\" patterns in the first" },
	{ "on:\nrun: x\n",
		"ci.yml:1:4: \"on\" is empty; leave it away for pushes and "
		"pull requests, or name events" },
};

static const struct bad bad_exprs[] = {
	{ STEP("run: |\n        make\n        echo ${{ github.ref = 1 }}\n"),
		"ci.yml:6:29: this operator is written twice: ==, &&, ||: "
		"\"=\"" },
	{ STEP("run: echo ${{ secrets.TOKEN }}\n"),
		"ci.yml:4:21: this version does not support the context "
		"\"secrets\" yet" },
	{ STEP("run: echo ${{ matrix.cc }}\n"),
		"ci.yml:4:21: this version does not support the context "
		"\"matrix\" yet" },
	{ STEP("run: echo ${{ github.sha }\n"),
		"ci.yml:4:17: \"${{\" without \"}}\"" },
	{ STEP("{run: x, if: main}\n"),
		"ci.yml:4:20: there is no context \"main\"; text goes into "
		"single quotes" },
	{ STEP("{run: x, if: \"github.ref == 'a' &&\"}\n"),
		"ci.yml:4:41: the expression ends where a value should "
		"follow" },
	{ STEP("{run: x, if: hashFiles('a') != ''}\n"),
		"ci.yml:4:20: this version does not support hashFiles() "
		"yet" },
	{ STEP("{run: 'echo ${{ always() }}'}\n"),
		"ci.yml:4:23: always() can be used in an \"if\" only" },
	{ JOB("if: steps.x.outcome == 'success'"),
		"ci.yml:3:9: \"steps\" is not known at this place; what can "
		"be used is: github, needs" },
	{ JOB("name: ${{ needs.a.result }}"),
		"ci.yml:3:15: \"needs\" is not known at this place; what can "
		"be used is: github, env" },
	{ JOB("network: ${{ github.ref }}"),
		"ci.yml:3:14: an expression cannot be used here" },
	{ "env: {A: '${{ env.B }}'}\nrun: x\n",
		"ci.yml:1:15: \"env\" is not known at this place; what can be "
		"used is: github" },
};

static const struct bad bad_needs[] = {
	{ "jobs:\n  build: {steps: [x]}\n  test: {needs: biuld, steps: "
	  "[x]}\n",
		"ci.yml:3:17: job \"test\" needs \"biuld\", which does not "
		"exist; did you mean \"build\"?" },
	{ "jobs: {a: {needs: [zzz], steps: [x]}}\n",
		"ci.yml:1:20: job \"a\" needs \"zzz\", which does not "
		"exist" },
	{ "jobs: {a: {needs: a, steps: [x]}}\n",
		"ci.yml:1:19: these jobs wait for each other for ever: a -> "
		"a" },
	{ "jobs:\n  a: {needs: c, steps: [x]}\n"
	  "  b: {needs: [a], steps: [x]}\n  c: {needs: [b], steps: [x]}\n",
		"ci.yml:3:15: these jobs wait for each other for ever: a -> c "
		"-> b -> a" },
	{ "jobs:\n  a: {needs: [b, b], steps: [x]}\n  b: {steps: [x]}\n",
		"ci.yml:2:18: \"b\" is in \"needs\" in job \"a\" twice" },
	{ "jobs: {a: {needs: {b: c}, steps: [x]}}\n",
		"ci.yml:1:19: \"needs\" in job \"a\" must be a list, not a "
		"mapping" },
};

static void
refuses(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		is_str(fault_of(cases[i].text), cases[i].fault, cases[i].fault);
}

static const char *const good[] = {
	"run: make\n",
	"run:\n- make\n- make check\n",
	"name: x\non: push\nenv: {A: 1.10}\ntimeout: 90s\nrun: [make]\n"
	"limits: {memory: 2G, cpu: 0.5, pids: 100, disk: 1G, output: 1M}\n"
	"network: none\n",
	"on: [push, pull_request]\nrun: x\n",
	"on: {push: , pull_request: {types: [opened], branches: main}}\n"
	"run: x\n",
	"on: {workflow_dispatch: {inputs: {a: {type: string}}}}\nrun: x\n",
	"\"on\": push\n'run': x\n",
	"on:\n  push:\n    branches: ['**', '!tmp/**']\n    paths-ignore: "
	"docs/**\nrun: x\n",
	STEP("make\n    - {run: x, shell: 'perl {0}', undo: rm x, on-crash: "
	     "ask}\n"),
	STEP("uses: actions/checkout@v4\n      with: {fetch-depth: 0}\n"),
	JOB("timeout-minutes: ${{ github.ref == 'x' && 5 || 10 }}"),
	JOB("retry: {max: 2, when: [infra, timeout]}"),
	JOB("if: always() && needs.x.result != 'failure'"),
	"defaults: {run: {shell: bash, working-directory: src}}\n" JOB(
		"outputs: {v: '${{ steps.a.outputs.v }}'}"),
	"x: &x make\n",
};

static void
test_good(void)
{
	for (size_t i = 0; i + 1 < ARRAY_LEN(good); i++)
		is_str(fault_of(good[i]), NULL, good[i]);
	is_str(fault_of(good[ARRAY_LEN(good) - 1]),
		"ci.yml:1:1: unknown key \"x\" at the top of the file",
		"there is no place for anchors alone");
}

static void
test_names(void)
{
	static const struct {
		const char *file, *name;
	} cases[] = {
		{ ".tellus.yml", "tellus" },
		{ ".tellus/ci.yaml", "ci" },
		{ ".github/workflows/a.b.yml", "a.b" },
		{ "plan", "plan" },
	};
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct workflow *w = NULL;

		workflow_parse(&w, cases[i].file, "run: x", 6, &e);
		is_str(w ? workflow_name(w) : NULL, cases[i].name,
			cases[i].file);
		workflow_free(w);
	}
	fault_of("name: my checks\nrun: x\n");
	is_str(workflow_name(wf), "my checks", "name beats the file's");
	is_str(workflow_file(wf), "ci.yml", "the file is kept");
}

static void
warns(const char *text, const char *warning)
{
	const char *fault = fault_of(text);
	const struct strv *list = wf ? workflow_warnings(wf) : NULL;

	is_str(fault        ? fault
		: list->len ? list->v[0]
			    : NULL,
		warning, warning ? warning : "nothing to warn of");
}

static void
test_warnings(void)
{
	warns("run: x\n", NULL);
	warns(JOB("runs-on: ubuntu-latest"),
		"ci.yml:3:5: \"runs-on\" in job \"build\" is ignored: jobs "
		"run on the agent's machine");
	warns("permissions: {contents: read}\nrun: x\n",
		"ci.yml:1:1: \"permissions\" at the top of the file is "
		"ignored: a job gets no token here");
	warns("concurrency: x\nrun: x\n",
		"ci.yml:1:1: \"concurrency\" at the top of the file is "
		"ignored: this version does not group runs");
	warns("on: [push, schedule]\nrun: x\n",
		"ci.yml:1:12: the event \"schedule\" starts nothing here; "
		"push and pull_request do");
	warns("env: {A: no}\nrun: x\n",
		"ci.yml:1:10: \"no\" is kept as this text; other readers of "
		"YAML take it for true or false: put it into quotes");
	warns("env: {A: 'no', B: none}\nrun: x\n", NULL);
	warns(JOB("if: needs.lint.result == 'success'"),
		"ci.yml:3:9: \"needs.lint\" is empty: job \"build\" does not "
		"name \"lint\" in its \"needs\"");
	warns("jobs:\n  a: {steps: [x]}\n  b:\n    needs: a\n    if: "
	      "needs.a.result == 'success'\n    steps: [x]\n",
		NULL);
	warns(STEP("run: |\n        echo\n        echo ${{ "
		   "steps.mk.outputs.v }}\n"),
		"ci.yml:6:18: \"steps.mk\" is empty: no step before has this "
		"id");
	warns(STEP("{run: x, id: mk}\n    - echo ${{ steps.mk.outputs.v }}\n"),
		NULL);
	warns(STEP("uses: actions/checkout@v4\n"),
		"ci.yml:4:13: the commit is checked out already: "
		"\"actions/checkout@v4\" does nothing here");
}

static void
test_limits(void)
{
	struct buf b = BUF_INIT;

	buf_addz(&b, "run:\n");
	for (int i = 0; i < 201; i++)
		buf_addz(&b, "- x\n");
	is_str(fault_of(b.data),
		"ci.yml:202:3: more than 200 steps in "
		"\"run\"",
		"201 steps are too many");
	buf_drop(&b, b.len);
	buf_addz(&b, "jobs:\n");
	for (int i = 0; i < 257; i++)
		buf_addf(&b, "  j%d: {steps: [x]}\n", i);
	is_str(fault_of(b.data),
		"ci.yml:258:3: more than 256 jobs in one "
		"workflow",
		"257 jobs are too many");
	buf_drop(&b, b.len);
	buf_addz(&b, "jobs:\n  j0: {steps: [x]}\n");
	for (int i = 1; i < 256; i++)
		buf_addf(&b, "  j%d: {needs: j%d, steps: [x]}\n", i, i - 1);
	is_str(fault_of(b.data), NULL, "a chain of 256 jobs is fine");
	buf_drop(&b, b.len);
	buf_addz(&b, "run: 'x");
	for (int i = 0; i < 12288; i++)
		buf_addz(&b, "yyyyyyyyyy");
	buf_addz(&b, "'\n");
	is_str(fault_of(b.data),
		"ci.yml:1:6: \"run\" in step 1 is longer "
		"than 122880 bytes; put it into a file of the repository",
		"a script has a limit");
	buf_drop(&b, b.len);
	buf_addz(&b, "jobs: {a: {name: ");
	for (int i = 0; i < 51; i++)
		buf_addz(&b, "0123456789");
	buf_addz(&b, ", steps: [x]}}\n");
	is_str(fault_of(b.data),
		"ci.yml:1:18: \"name\" in job \"a\" is "
		"longer than 500 bytes",
		"a name has a limit");
	buf_release(&b);
}

int
main(void)
{
	refuses(bad_keys, ARRAY_LEN(bad_keys));
	refuses(bad_places, ARRAY_LEN(bad_places));
	refuses(bad_later, ARRAY_LEN(bad_later));
	refuses(bad_types, ARRAY_LEN(bad_types));
	refuses(bad_values, ARRAY_LEN(bad_values));
	refuses(bad_exprs, ARRAY_LEN(bad_exprs));
	refuses(bad_needs, ARRAY_LEN(bad_needs));
	test_good();
	test_names();
	test_warnings();
	test_limits();
	workflow_free(wf);
	return tap_done();
}
