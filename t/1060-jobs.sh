#!/bin/sh
# SPDX-License-Identifier: MIT
# Jobs: a real graph, in parallel within agent.jobs; workspaces of their own.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test_expect_success 'an agent with a repository starts' '
	make_gate &&
	make_repo demo <<-EOF &&
	jobs:
	  a: { steps: [ { run: "while ! test -e $gate/go; do sleep 0.02; done; ! touch $gate/a" } ] }
	  b: { steps: [ { run: "while ! test -e $gate/go; do sleep 0.02; done; echo met" } ] }
	  c:
	    needs: [a, b]
	    outputs: { word: "\${{ steps.say.outputs.word }}" }
	    steps:
	      - { id: say, run: "echo word=kiwi >>\$GITHUB_OUTPUT" }
	  d:
	    needs: c
	    if: needs.c.result == '"'success'"'
	    steps: [ { run: "echo got \${{ needs.c.outputs.word }}" } ]
	  e:
	    needs: c
	    if: needs.c.outputs.word == '"'plum'"'
	    steps: [ { run: "echo never" } ]
	EOF
	{ repo_conf demo; printf "[agent]\n\texpose = %s\n" "$gate"; } | agent_config &&
	agent_start
'

test_expect_success 'jobs that need nothing of each other run at the same time' '
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 sh -c "tellus show 1 --json | jq -e \"[.jobs[]|select(.state==\\\"running\\\")]|length==2\"" &&
	touch $gate/go && wait_run 1 passed
'

test_expect_success 'outputs reach the jobs that need them' '
	test "$(tellus log 1 d)" = "got kiwi"
'

test_expect_success 'a job whose "if" is false is skipped' '
	test "$(tellus show 1 --json | jq -r ".jobs[]|select(.id==\"e\").state")" = skipped
'

test_expect_success 'a failure skips what needs it and not what asks for it' '
	cat >demo/.tellus.yml <<-\EOF &&
	jobs:
	  a: { steps: [ { run: "false" } ] }
	  b: { needs: a, steps: [ { run: "echo never" } ] }
	  c: { needs: a, if: failure(), steps: [ { run: "echo cleanup" } ] }
	EOF
	git -C demo commit -qam fail && git -C demo push -q origin main; wait_run 2 failed &&
	tellus show 2 --json >j && test "$(jq -r ".jobs[1].state" j)" = skipped && test "$(tellus log 2 c)" = cleanup
'

test_expect_success 'a failed run can be retried, and what passed is not run again' '
	cat >demo/.tellus.yml <<-EOF &&
	jobs:
	  a: { steps: [ { run: "echo a \$TELLUS_ATTEMPT" } ] }
	  b: { needs: a, steps: [ { run: "test -e $gate/fixed" } ] }
	EOF
	git -C demo commit -qam retry && git -C demo push -q origin main; wait_run 3 failed &&
	touch $gate/fixed && tellus retry 3 && wait_run 3 passed && tellus show 3 --json >j &&
	test "$(jq ".attempt" j)" -eq 2 && test "$(jq ".jobs[0].attempt" j)" -eq 1
'

test_expect_success 'several workflow files are a run each' '
	git -C demo rm -q .tellus.yml && mkdir demo/.tellus &&
	printf "name: one\nrun: [ \"echo 1\" ]\n" >demo/.tellus/one.yml &&
	printf "name: two\nrun: [ \"echo 2\" ]\n" >demo/.tellus/two.yml &&
	printf "name: three\non: { push: { branches: [other] } }\nrun: [ \"echo 3\" ]\n" >demo/.tellus/three.yml &&
	git -C demo add -A && git -C demo commit -qm many && git -C demo push origin main 2>err; cat err;
	wait_run 4 passed && wait_run 5 passed && tellus list --json | jq -r ".[:2]|.[].workflow" | sort | tr "\n" " " | grep "one two" &&
	test "$(tellus list --json | jq length)" -eq 5
'

test_expect_success 'paths filters look at what the push changed' '
	git -C demo rm -rq .tellus &&
	printf "on: { push: { paths: [\"src/**\"] } }\nrun: [ \"true\" ]\n" >demo/.tellus.yml &&
	git -C demo add -A && git -C demo commit -qm paths && git -C demo push -q origin main; wait_run 6 skipped &&
	mkdir demo/src && commit_file demo src/x 1 src && git -C demo push -q origin main && wait_run 7 passed
'

test_done
