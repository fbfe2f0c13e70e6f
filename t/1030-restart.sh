#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of tellusd and of the worker while steps run.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

# The test lets the second step go on by making a file in a folder that the
# configuration shows to boxes.
test_expect_success 'an agent with a slow workflow starts' '
	make_gate &&
	make_repo demo <<-EOF &&
	jobs:
	  a:
	    steps:
	      - name: first
	        run: echo first ran; date +%s%N >stamp; echo x >>count
	      - name: second
	        run: |
	          echo second starts \$TELLUS_STEP_ATTEMPT
	          echo y >>count
	          touch half
	          while test ! -e $gate/go; do sleep 0.05; done
	          echo second ends
	      - name: third
	        run: cat count; test "\$(wc -l <count)" = 2
	EOF
	{ repo_conf demo; printf "[agent]\n\texpose = %s\n" "$gate"; } | agent_config &&
	agent_start
'

test_expect_success 'tellusd is killed while a step runs, and the step runs on' '
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 step_runs 1 second &&
	agent_kill &&
	pid=$(jq .pid state/runs/1/0.1/identity) &&
	kill -0 "$pid" &&
	agent_start &&
	step_runs 1 second &&
	grep "found again" agent.log &&
	touch $gate/go &&
	wait_run 1 passed
'

test_expect_success 'nothing was repeated' '
	tellus log 1 >out && cat out &&
	test "$(grep -c "first ran" out)" -eq 1 &&
	test "$(grep -c "second starts" out)" -eq 1 &&
	test "$(tellus show 1 --json | jq ".jobs[0].attempt")" -eq 1
'

test_expect_success 'a step that ends while tellusd is down is not lost' '
	rm $gate/go &&
	commit_file demo file two two &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 step_runs 2 second &&
	agent_kill &&
	pid=$(jq .pid state/runs/2/0.1/identity) &&
	touch $gate/go &&
	wait_for 20 sh -c "! kill -0 $pid" &&
	agent_start &&
	wait_run 2 passed &&
	test "$(tellus show 2 --json | jq ".jobs[0].attempt")" -eq 1
'

test_expect_success 'the worker is killed: the job resumes at the interrupted step' '
	rm $gate/go &&
	commit_file demo file three three &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 step_runs 3 second &&
	kill -9 "$(jq .pid state/runs/3/0.1/identity)" &&
	wait_for 20 test -e state/runs/3/0.2/identity &&
	wait_for 20 step_runs 3 second &&
	touch $gate/go &&
	wait_run 3 passed &&
	tellus show 3 --json >show.json && cat show.json &&
	test "$(jq ".jobs[0].attempt" show.json)" -eq 2 &&
	test "$(jq ".jobs[0].steps[0].attempt" show.json)" -eq 1 &&
	test "$(jq ".jobs[0].steps[1].attempt" show.json)" -eq 2
'

test_expect_success 'with the layer of the interrupted step thrown away' '
	tellus log 3 a third >out && cat out &&
	test "$(cat out)" = "$(printf "x\ny")" &&
	test "$(tellus log 3 a first)" = "first ran"
'

test_expect_success 'both are killed at once' '
	rm $gate/go &&
	commit_file demo file four four &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 step_runs 4 second &&
	worker=$(jq .pid state/runs/4/0.1/identity) &&
	agent_kill && kill -9 "$worker" &&
	touch $gate/go &&
	agent_start &&
	wait_run 4 passed &&
	test "$(tellus log 4 a third)" = "$(printf "x\ny")"
'

test_expect_success 'tellusd is killed before the commit is answered: the push is noted or run, once' '
	commit_file demo file five five &&
	agent_kill &&
	git -C demo push -q origin main &&
	agent_start &&
	wait_run 5 passed &&
	test "$(tellus list --json | jq length)" -eq 5
'

test_expect_success 'a canceled run ends as canceled, and its processes are dead' '
	rm $gate/go &&
	commit_file demo file six six &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 20 step_runs 6 second &&
	tellus cancel 6 &&
	wait_run 6 canceled &&
	! pgrep -f "$gate/go"
'

test_expect_success 'a canceled run can be retried' '
	touch $gate/go &&
	tellus retry 6 &&
	wait_run 6 passed &&
	test "$(tellus show 6 --json | jq .attempt)" -eq 2
'

test_expect_success 'after a reboot what was not synced is done again, and what was lost with it' '
	if has_crash_points
	then
		rm $gate/go &&
		commit_file demo file seven seven &&
		git -C demo push -o ci.detach -q origin main &&
		wait_for 20 step_runs 7 second &&
		worker=$(jq .pid state/runs/7/0.1/identity) &&
		agent_kill && kill -9 "$worker" &&
		rm -rf state/runs/7/0.1/layers &&
		touch $gate/go &&
		TELLUS_BOOT_ID=00000000-0000-0000-0000-000000000000 && export TELLUS_BOOT_ID &&
		agent_start &&
		unset TELLUS_BOOT_ID &&
		wait_run 7 passed &&
		tellus show 7 --json >show.json && cat show.json &&
		test "$(jq ".jobs[0].steps[0].attempt" show.json)" -eq 2 &&
		test "$(tellus log 7 a third)" = "$(printf "x\ny")"
	fi
'

test_expect_success 'no box or cgroup is left behind' '
	agent_stop &&
	test -z "$(find /sys/fs/cgroup -name "$(stat -c %D-%i state)-*")" &&
	! grep " $state" /proc/self/mounts
'

test_done
