#!/bin/sh
# SPDX-License-Identifier: MIT
# A run that the agent crashes on is kept aside; the others go on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

# crash_at POINT: a tellusd that dies there
crash_at () {
	TELLUS_CRASH=$1 tellusd --config config >>crash.log 2>&1 </dev/null
	test $? -eq 137
}

# push_branch NAME: its step waits for $gate/NAME
push_branch () {
	git -C demo push -o ci.detach -q origin "HEAD:$1"
}

worker_of () {
	jq .pid "state/runs/$1/0.1/identity"
}

is_gone () {
	! kill -0 "$1" 2>/dev/null
}

test_expect_success 'two runs are at work' '
	make_gate && make_repo demo <<-EOF &&
	jobs:
	  a:
	    steps:
	      - { name: first, run: "echo first" }
	      - { name: wait, run: "while test ! -e $gate/\$GITHUB_REF_NAME; do sleep 0.05; done; echo done" }
	      - { name: hold, run: "while test ! -e $gate/\$GITHUB_REF_NAME.end; do sleep 0.05; done" }
	EOF
	{ repo_conf demo; printf "\tpoll = 0\n[agent]\n\texpose = %s\n" "$gate"; } | agent_config && agent_start &&
	push_branch bad && wait_for 20 step_runs 1 wait && push_branch good && wait_for 20 step_runs 2 wait
'

test_expect_success 'kills between records count for no run' '
	for i in 1 2 3 4; do
		agent_kill && agent_start && step_runs 1 wait && step_runs 2 wait || return 1
	done
	! grep "crashed three times" agent.log && ! grep "ended while it worked" agent.log
'

test_expect_success 'two crashes in the same place do not yet end a run' '
	agent_kill && touch $gate/bad && pid=$(worker_of 1) && wait_for 20 grep step-started.*2 state/runs/1/0.1/events >/dev/null
	sleep 0.2; : >crash.log
	crash_at tail.record:1 && crash_at tail.record:1 && cat crash.log && grep "while it worked on run 1" crash.log
'

test_expect_success 'after the third the run is kept aside, and its worker is dead' '
	kill -0 $pid && crash_at tail.record:1 && kill -0 $pid && agent_start && wait_run 1 error &&
	tellus show 1 && run_has 1 ".reason.class == \"infra.quarantined\"" && wait_for 20 is_gone $pid && grep "worker $pid killed" agent.log &&
	run_has 1 ".jobs[0].state == \"error\""
'

test_expect_success 'the other run went on all the time' '
	step_runs 2 wait && touch $gate/good $gate/good.end && wait_run 2 passed &&
	run_has 2 ".jobs[0].attempt == 1"
'

test_expect_success 'a start later it is as it was, and new runs start' '
	agent_kill && agent_start && run_is 1 error && touch $gate/new $gate/new.end && push_branch new && wait_run 3 passed
'

test_expect_success 'a person may try it again' '
	touch $gate/bad.end && tellus retry 1 && wait_run 1 passed
'

test_expect_success 'a crash in dispatch counts for the run that was considered' '
	push_branch more && wait_for 20 step_runs 4 wait && agent_kill && kill -9 $(worker_of 4) && : >crash.log &&
	for i in 1 2 3; do crash_at attempt.folder:1 || return 1; done
	cat crash.log; agent_start && wait_run 4 error && run_has 4 ".reason.class == \"infra.quarantined\""
'

test_expect_success 'a marker that is not ours is made anew' '
	agent_stop && echo nonsense >state/marker && agent_start && agent_stop && test $(stat -c %s state/marker) -eq 4096
'

test_done
