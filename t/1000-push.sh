#!/bin/sh
# SPDX-License-Identifier: MIT
# A push runs the workflow of its commit and streams it back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test_expect_success 'an agent with a repository starts' '
	make_repo demo <<-\EOF &&
	name: ci
	on: push
	env: { WHO: world }
	jobs:
	  build:
	    steps:
	      - name: greet
	        run: echo "hello $WHO"
	      - id: make
	        run: |
	          echo made >product
	          echo "answer=42" >>"$GITHUB_OUTPUT"
	      - name: look
	        run: cat product file; echo "answer is ${{ steps.make.outputs.answer }}"
	  test:
	    needs: build
	    steps:
	      - name: check
	        run: test ! -e product && git status --porcelain && git log --oneline
	EOF
	repo_conf demo | agent_config &&
	agent_start
'

test_expect_success 'the run streams back into the push' '
	git -C demo push origin main 2>push.err &&
	cat push.err &&
	grep "^remote: .*hello world" push.err &&
	grep "^remote: .*✓.*greet" push.err &&
	grep "^remote: .*✓.*check" push.err &&
	grep "^remote: .*answer is 42" push.err &&
	grep "^remote: .*run 1 passed" push.err
'

test_expect_success 'the run is shown with jobs and steps' '
	tellus show 1 --json >show.json &&
	test "$(jq -r .state show.json)" = passed &&
	test "$(jq -r .workflow show.json)" = ci &&
	test "$(jq -r .ref show.json)" = refs/heads/main &&
	test "$(jq -r .sha show.json)" = "$(git -C demo rev-parse HEAD)" &&
	test "$(jq -r ".jobs[0].steps[0].name" show.json)" = greet &&
	test "$(jq -r ".jobs[0].steps[0].exit" show.json)" = 0 &&
	test "$(jq ".jobs|length" show.json)" -eq 2
'

test_expect_success 'list shows it, newest first' '
	commit_file demo file two second &&
	git -C demo push -q origin main &&
	tellus list --json >list.json &&
	test "$(jq ".[0].run" list.json)" -eq 2 &&
	test "$(jq ".[1].run" list.json)" -eq 1 &&
	test "$(jq ".[0]|has(\"jobs\")" list.json)" = false
'

test_expect_success 'log off a terminal prints the output bytes and nothing else' '
	tellus log 2 build greet >out 2>err &&
	test "$(cat out)" = "hello world" &&
	test ! -s err
'

test_expect_success 'a step that fails fails the run and says why' '
	cat >demo/.tellus.yml <<-\EOF &&
	name: ci
	jobs:
	  build:
	    steps:
	      - name: ok
	        run: "true"
	      - name: bad
	        run: echo oops; exit 3
	      - name: never
	        run: echo never
	      - name: tidy
	        if: always()
	        run: echo tidied
	EOF
	git -C demo commit -qam bad &&
	git -C demo push origin main 2>push.err &&
	cat push.err &&
	grep "^remote: .*✗.*bad" push.err &&
	grep "tidied" push.err &&
	! grep "remote: .*never$" push.err &&
	test "$(run_state 3)" = failed &&
	tellus show 3 --json >show.json &&
	test "$(jq -r ".jobs[0].steps[1].exit" show.json)" = 3 &&
	test "$(jq -r ".jobs[0].steps[2].state" show.json)" = skipped &&
	test "$(jq -r .reason.step show.json)" = bad
'

test_expect_success 'an unknown run is a clear error' '
	exits_with 2 tellus show 999 2>err || exits_with 3 tellus show 999 2>err;
	grep "no run 999" err
'

test_expect_success 'SIGTERM ends the agent, and the state stays' '
	kill "$agent_pid" && wait "$agent_pid" && agent_pid= &&
	agent_start &&
	test "$(run_state 1)" = passed &&
	test "$(run_state 3)" = failed
'

test_expect_success 'a second agent on the same state says who has it' '
	exits_with 75 tellusd --config "$config" 2>err &&
	grep "already running as pid $agent_pid" err
'

test_expect_success 'the journal is dumped only while no agent has it' '
	exits_with 75 tellusd --config "$config" --journal dump >dump.out 2>err &&
	grep "the agent is running" err && test ! -s dump.out
'

test_expect_success 'the dump has every event, run and delivery' '
	tellus list --json >list.json &&
	agent_stop &&
	tellusd --config "$config" --journal dump >dump.out &&
	agent_start &&
	jq -e -s --slurpfile list list.json "
		([.[]|select(.what == \"run\").row]|map({run, state}))
			== (\$list[0]|map({run, state})) and
		([.[]|select(.what == \"event\" and .seq == 0).event.kind]
			== [\"received\", \"received\", \"received\"]) and
		([.[]|select(.what == \"event\" and .event.kind == \"finished\").run]
			== [1, 2, 3]) and
		([.[]|select(.what == \"delivery\").runs[]]|sort == [1, 2, 3])
	" dump.out
'

test_expect_success 'the journal checks out' '
	agent_stop &&
	tellusd --config "$config" --journal check &&
	tellusd --config "$config" --journal rebuild &&
	agent_start &&
	tellus list --json >list2.json &&
	test "$(jq length list2.json)" -eq 3 &&
	test "$(jq -r ".[0].state" list2.json)" = failed
'

test_done
