#!/bin/sh
# SPDX-License-Identifier: MIT
# Cancel, retry, SIGHUP and SIGTERM in the states in which a run can be.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

configure () {
	{
		printf '[agent]\n\texpose = %s\n' "$gate"
		for conf_name
		do
			repo_conf "$conf_name"
		done
	} | agent_config
}

push_new () {
	commit_file "$1" file "$2" "$2" && git -C "$1" push -o ci.detach -q origin main
}

# reread LINE: SIGHUP was taken.
reread () {
	hups=$(grep -c "configuration read again" agent.log)
	kill -HUP "$agent_pid" &&
	wait_for 10 sh -c "test \$(grep -c 'configuration read again' agent.log) -gt $hups"
}

test_expect_success 'an agent with both of its places taken' '
	make_gate &&
	make_repo hold <<-EOF &&
	jobs:
	  a: { steps: [ { name: wait, run: "while test ! -e $gate/go; do sleep 0.05; done" } ] }
	  b: { steps: [ { name: wait, run: "while test ! -e $gate/go; do sleep 0.05; done" } ] }
	EOF
	make_repo quick <<-\EOF &&
	jobs:
	  x: { steps: [ { name: x, run: "true" } ] }
	  y: { needs: x, steps: [ { name: y, run: "test \"$(cat file)\" != bad" } ] }
	  z: { needs: y, steps: [ { name: z, run: "true" } ] }
	EOF
	configure hold quick && agent_start &&
	push_new hold first && wait_for 20 step_runs 1 wait &&
	push_new quick first && wait_for 20 run_is 2 queued
'

test_expect_success 'a queued run is canceled at once' '
	tellus cancel 2 && wait_for 5 run_is 2 canceled
'

test_expect_success 'and can be retried, and waits again' '
	tellus retry 2 && wait_for 5 run_is 2 queued
'

test_expect_success 'a run that is not over cannot be retried' '
	! tellus retry 1 2>err && grep running err && ! tellus retry 2 2>err && grep queued err
'

test_expect_success 'a repository that is removed stops what is queued of it, with the reason' '
	configure hold && reread && touch $gate/go &&
	wait_run 1 passed && wait_run 2 blocked &&
	tellus show 2 | grep "no longer configured" &&
	configure hold quick && reread
'

test_expect_success 'which can be retried when it is back' '
	tellus retry 2 && wait_run 2 passed
'

test_expect_success 'a run that is over cannot be canceled' '
	! tellus cancel 2 2>err && grep "passed already" err
'

test_expect_success 'one job is retried with what needs it, and nothing else' '
	tellus retry 2 --job y && wait_run 2 passed &&
	tellus show 2 --json >show.json &&
	test "$(jq -c "[.jobs[].attempt]" show.json)" = "[1,2,2]" ||
	{ cat show.json; false; }
'

test_expect_success 'a job that is not there is said to be missing' '
	! tellus retry 2 --job nope 2>err && grep "no job .nope" err && run_is 2 passed
'

test_expect_success 'a retry of a failed run runs what did not pass' '
	push_new quick bad && wait_run 3 failed && tellus retry 3 && wait_run 3 failed &&
	test "$(tellus show 3 --json | jq -c "[.jobs[].attempt]")" = "[1,2,0]"
'

test_expect_success 'a run that waits for its forge is canceled, retried, canceled' '
	{ printf "[agent]\n\texpose = %s\n[repository \"far\"]\n\turl = http://127.0.0.1:1/x.git\n" "$gate"; repo_conf quick; repo_conf hold; } | agent_config &&
	reread &&
	sed "s/NONCE/0123456789abcdef0123456789abcdef/; s/SHA/$(git -C quick rev-parse HEAD)/" >body <<-\EOF &&
	{"repository":"far","nonce":"NONCE","event":"push","refs":[{"ref":"refs/heads/main","old":"0000000000000000000000000000000000000000","new":"SHA"}]}
	EOF
	curl -fs --unix-socket state/sock --data-binary @body http://localhost/api/v1/push &&
	wait_for 20 run_is 4 waiting && tellus cancel 4 && wait_for 5 run_is 4 canceled &&
	tellus retry 4 && wait_for 20 run_is 4 waiting && tellus cancel 4 && wait_for 5 run_is 4 canceled
'

test_expect_success 'SIGTERM while a run starts loses nothing' '
	for i in 5 6 7 8
	do
		push_new quick "$i" && agent_stop && agent_start || return 1
	done &&
	for i in 5 6 7 8
	do
		wait_run $i passed || return 1
	done
'

test_expect_success 'after SIGHUP the state folder is the one that is open' '
	agent_stop && sed -i "s,state = .*,state = $T/elsewhere," "$config" &&
	{ tellusd --config "$config" --state "$state" >>agent.log 2>&1 & } &&
	agent_pid=$! && TELLUS_SOCKET=$state/sock && export TELLUS_SOCKET &&
	wait_for 20 agent_up && reread && push_new quick nine && wait_run 9 passed &&
	unset TELLUS_SOCKET && test ! -e elsewhere && agent_stop
'

test_expect_success 'what lies in a repository is taken for that repository only' '
	mkdir -p quick.git/tellus/incoming victim &&
	sed "s/far/hold/; s/0123456789abcdef/fedcba9876543210/" body >quick.git/tellus/incoming/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa &&
	mkfifo quick.git/tellus/incoming/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb &&
	echo precious >victim/file && mkdir -p hold.git/tellus && ln -s "$T/victim" hold.git/tellus/incoming &&
	configure hold quick && agent_start && agent_stop &&
	test "$(cat victim/file)" = precious &&
	test -e quick.git/tellus/incoming/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bad &&
	grep "names the repository .hold., which is another one" agent.log
'

test_expect_success 'a worker that never gets ready is an error of the run in the end' '
	if has_crash_points
	then
		TELLUS_CRASH=work.assigned:1 && export TELLUS_CRASH && agent_start && unset TELLUS_CRASH &&
		push_new quick ten && wait_run 10 error &&
		tellus show 10 | grep "before it was ready" &&
		test "$(grep -c "before it was ready" agent.log)" -le 6
	fi
'

test_done
