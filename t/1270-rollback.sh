#!/bin/sh
# SPDX-License-Identifier: MIT
# A step that was interrupted starts again from the files as they were
# before it: everything that it did is undone, everything earlier is there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

command -v python3 >/dev/null || test_skip_all 'python3 is not installed'
seed=${ROLLBACK_SEED:-$(date +%s)}
n=${ROLLBACK_N:-64}
echo "# seed $seed, $n effects a step (ROLLBACK_SEED, ROLLBACK_N)"

test_expect_success 'an agent with steps that do a lot to their files starts' '
	make_gate &&
	cp "$TELLUS_SRC/t/rollback.py" $gate/ && chmod 644 $gate/rollback.py &&
	make_repo demo <<-EOF &&
	jobs:
	  a:
	    steps:
	      - name: first
	        run: |
	          python3 $gate/rollback.py effects $seed-a $n
	          python3 $gate/rollback.py manifest
	      - name: second
	        run: |
	          if test \$TELLUS_STEP_ATTEMPT = 1; then
	            python3 $gate/rollback.py effects $seed-b $n
	            echo changed
	            while test ! -e $gate/go; do echo x >>busy; sleep 0.05; done
	          else
	            python3 $gate/rollback.py manifest
	          fi
	      - name: third
	        run: python3 $gate/rollback.py manifest
	  b:
	    needs: a
	    steps:
	      - name: other
	        run: python3 $gate/rollback.py manifest
	EOF
	mkdir -p demo/base/one/two demo/base/three &&
	for i in 1 2 3 4 5 6 7 8
	do
		echo "$i" >demo/base/one/two/$i && echo "$i" >demo/base/three/$i &&
		echo "$i" >demo/base/$i || return 1
	done &&
	git -C demo add -A && git -C demo commit -qm "more files" &&
	{ repo_conf demo; printf "[agent]\n\texpose = %s\n" "$gate"; } | agent_config &&
	agent_start
'

changed () {
	tellus log "$1" a second 2>/dev/null | grep -qx changed
}

same_files () {
	tellus log "$1" a first >first && tellus log "$1" a second >second &&
	tellus log "$1" a third >third &&
	test "$(wc -l <first)" -gt "$n" &&
	diff first second && diff second third
}

test_expect_success 'the worker is killed: the step finds the files of before it' '
	git -C demo push -o ci.detach -q origin main &&
	wait_for 60 changed 1 &&
	kill -9 "$(jq .pid state/runs/1/0.1/identity)" &&
	wait_run 1 passed &&
	run_has 1 ".jobs[0].steps|map(.attempt)==[1,2,1]" &&
	same_files 1
'

test_expect_success 'another job of the run sees nothing of it' '
	tellus log 1 b other >other && grep -q base/three/8 other &&
	! grep -e "-$seed-" other
'

test_expect_success 'worker and tellusd are killed: the same' '
	commit_file demo file two two &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 60 changed 2 &&
	worker=$(jq .pid state/runs/2/0.1/identity) &&
	agent_kill && kill -9 "$worker" &&
	agent_start &&
	wait_run 2 passed &&
	run_has 2 ".jobs[0].steps|map(.attempt)==[1,2,1]" &&
	same_files 2
'

test_expect_success 'a canceled run that is retried finds the files of its commit' '
	commit_file demo file three three &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 60 changed 3 &&
	tellus cancel 3 && wait_run 3 canceled &&
	touch $gate/go && tellus retry 3 && wait_run 3 passed &&
	rm $gate/go &&
	tellus log 3 b other >other && grep -q base/three/8 other &&
	! grep -e "-$seed-" other
'

test_expect_success 'what a failed step left is there for a step that always runs' '
	make_repo fails <<-EOF &&
	jobs:
	  a:
	    steps:
	      - name: bad
	        run: |
	          python3 $gate/rollback.py effects $seed-c $n
	          python3 $gate/rollback.py manifest
	          exit 3
	      - name: never
	        run: touch never
	      - name: cleans
	        if: always()
	        run: python3 $gate/rollback.py manifest
	EOF
	repo_conf fails >>config && kill -HUP "$agent_pid" &&
	git -C fails push -q origin main &&
	wait_run 4 failed &&
	tellus log 4 a bad >bad && tellus log 4 a cleans >cleans &&
	test "$(wc -l <bad)" -gt "$n" && diff bad cleans
'

if has_crash_points
then
	test_expect_success 'without overlayfs, where layers are copies: the same' '
		agent_stop && mv state overlay-state &&
		TELLUS_NO_OVERLAY=1 && export TELLUS_NO_OVERLAY &&
		agent_start && unset TELLUS_NO_OVERLAY &&
		commit_file demo file five five &&
		git -C demo push -o ci.detach -q origin main &&
		wait_for 60 changed 1 &&
		test -e state/runs/1/0.1/layers/1/w/.tellus.yml &&
		kill -9 "$(jq .pid state/runs/1/0.1/identity)" &&
		wait_run 1 passed &&
		run_has 1 ".jobs[0].steps|map(.attempt)==[1,2,1]" &&
		same_files 1
	'
else
	test_skip 'without overlayfs, where layers are copies: the same' \
		'overlayfs is switched off with --enable-crash-points only'
fi

test_done
