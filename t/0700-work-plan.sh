#!/bin/sh
# SPDX-License-Identifier: MIT
# Planning attempts: what the worker says of a commit.
. "${TELLUS_SRC:?}/t/lib.sh"
. "$TELLUS_SRC/t/work-lib.sh"
need_boxes

test_expect_success 'setup: a repository with a workflow' '
	repo plain && cat >.tellus.yml <<-\END &&
	name: ci
	jobs:
	  build:
	    steps:
	      - name: hello
	        run: echo hello
	  test:
	    needs: build
	    steps:
	      - run: echo test
	END
	mkdir sub && echo x >sub/file && commit_all "the first"
'

test_expect_success 'planning says planned, with its jobs and steps' '
	spec_plan 1 1 "$T/plain" && plan_only 1 &&
	pev ".kind == \"planned\" and .data.workflows[0].workflow == \"ci\"" &&
	pev ".data.workflows[0].jobs[0].steps[0].name == \"hello\"" &&
	pev ".data.workflows[0].jobs[1].needs == [0]" &&
	pev ".data.subject == \"the first\" and .attempt == 1" &&
	test "$(wc -l <"$T/pev")" -eq 1
'

test_expect_success 'the plan is in the run folder, with the scripts' '
	jq -e ".workflows[0].jobs[0].steps[0].run == \"echo hello\"" \
		"$S/runs/1/plan.json" &&
	test "$(jq -r .sha "$S/runs/1/plan.json")" = \
		"$(git -C "$T/plain" rev-parse main)"
'

test_expect_success 'the base tree is there' '
	tree=$(git -C "$T/plain" rev-parse "main^{tree}") &&
	test "$(cat "$S/trees/$tree/t/w/sub/file")" = x &&
	test -e "$S/trees/$tree/ok"
'

test_expect_success 'the worker names itself in identity' '
	jq -e ".pid > 0 and .start > 0 and .nonce == \"$nonce\"" \
		"$S/runs/1/plan.1/identity"
'

test_expect_success 'EOF instead of go: nothing is planned' '
	spec_plan 2 1 "$T/plain" &&
	"$drv" --eof "$S" runs/2/plan.1 >"$T/pev" && test ! -s "$T/pev" &&
	test ! -e "$S/runs/2/plan.json"
'

test_expect_success 'a wrong workflow fails with file, line and column' '
	repo wrong && printf "jobs:\n  a:\n    steps:\n      - rnu: x\n" \
		>.tellus.yml && commit_all &&
	spec_plan 3 1 "$T/wrong" && plan_only 3 &&
	pev ".kind == \"plan-failed\" and .data.class == \"config\" and
		.data.file == \".tellus.yml\" and .data.line == 4 and
		.data.column == 9" &&
	test ! -e "$S/runs/3/plan.json"
'

test_expect_success 'a commit without a workflow is planned as nothing' '
	repo bare && echo x >file && commit_all &&
	spec_plan 4 1 "$T/bare" && plan_only 4 &&
	pev ".kind == \"planned\" and .data.workflows == [] and
		.data.skipped == \"the commit has no .tellus.yml\""
'

test_expect_success 'several workflow files are planned in order' '
	repo many && mkdir .tellus &&
	for f in b a
	do
		printf "on: push\nrun:\n  - echo %s\n" $f \
			>.tellus/$f.yml || return 1
	done &&
	printf "on:\n  push:\n    branches: [other]\nrun: [x]\n" \
		>.tellus/c.yml &&
	commit_all && spec_plan 5 1 "$T/many" && plan_only 5 &&
	pev "[.data.workflows[].file] ==
		[\".tellus/a.yml\", \".tellus/b.yml\", \".tellus/c.yml\"]" &&
	pev ".data.workflows[2].skipped != null"
'

test_expect_success 'push.file restricts planning to one file' '
	spec_plan 6 1 "$T/many" ".push.file = \".tellus/b.yml\"" &&
	plan_only 6 &&
	pev "[.data.workflows[].file] == [\".tellus/b.yml\"]"
'

test_expect_success 'an absent commit is named' '
	spec_plan 7 1 "$T/plain" ".push.sha = \"1234567890\" * 4" &&
	plan_only 7 &&
	pev ".kind == \"plan-failed\" and .data.code == \"absent\" and
		(.data.text | contains(\"1234567890\"))"
'

test_expect_success 'an absent repository is named' '
	spec_plan 8 1 "$T/plain" ".repository.path = \"/nowhere/x.git\"" &&
	plan_only 8 &&
	pev ".kind == \"plan-failed\" and
		(.data.text | contains(\"/nowhere/x.git\"))"
'

test_expect_success 'a remote repository is fetched into a mirror' '
	spec_plan 9 1 "$T/plain" ".repository.path = null |
		.repository.url = \"file://$T/plain/.git\"" &&
	plan_only 9 && pev ".kind == \"planned\"" &&
	ls "$S/mirrors" | grep "\.git$"
'

test_expect_success 'a fetch that fails names the repository' '
	spec_plan 10 1 "$T/plain" ".repository.path = null |
		.repository.name = \"acme/gone\" |
		.repository.url = \"http://127.0.0.1:1/x.git\"" &&
	plan_only 10 &&
	pev ".kind == \"plan-failed\" and .data.class == \"transient\" and
		(.data.text | contains(\"acme/gone\"))"
'

test_expect_success 'a snapshot has what is not committed' '
	cd "$T/plain" && echo new >untracked &&
	spec_plan 11 1 "$T/plain" ".push.event = \"manual\" |
		.push.snapshot = true | .push.sha = \"$zero\" |
		del(.push.before)" &&
	plan_only 11 && pev ".kind == \"planned\" and .data.dirty" &&
	tree=$(jq -r .tree "$S/runs/11/plan.json") &&
	test "$(cat "$S/trees/$tree/t/w/untracked")" = new &&
	git status --porcelain >"$T/st" && grep -x "?? untracked" "$T/st" &&
	rm untracked
'

test_expect_success 'a revision is resolved' '
	spec_plan 12 1 "$T/plain" ".push.event = \"manual\" |
		.push.rev = \"HEAD\" | .push.sha = \"$zero\" |
		del(.push.ref, .push.before)" &&
	plan_only 12 &&
	pev ".kind == \"planned\" and
		.data.sha == \"$(git -C "$T/plain" rev-parse HEAD)\""
'

test_expect_success 'the first job goes on in the same worker' '
	spec_plan 13 1 "$T/plain" &&
	"$drv" --next "TELLUS_BUILD=$TELLUS_BUILD; T=$T; . $TELLUS_SRC/t/work-lib.sh; spec_job 13 0 1" \
		runs/13/0.1 "$S" runs/13/plan.1 >"$T/ev" &&
	job_is passed &&
	test "$(jq .pid "$S/runs/13/plan.1/identity")" = \
		"$(jq .pid "$S/runs/13/0.1/identity")"
'

test_done
