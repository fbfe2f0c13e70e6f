#!/bin/sh
# SPDX-License-Identifier: MIT
# Pushes that nobody told the agent of: found at its start and now and then,
# each run once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

runs () {
	tellus list --json | jq length
}

# runs_at REF SHA: how many there are of that commit on that ref
runs_at () {
	tellus list --json | jq --arg r "$1" --arg s "$2" '[.[]|select(.ref==$r and .sha==$s)]|length'
}

runs_are () {
	test "$(runs)" -eq "$1"
}

# runs_at_is N REF: of the checkout's commit
runs_at_is () {
	test "$(runs_at "$2" "$(head_of)")" -eq "$1"
}

# looked N: there were N whole looks
looked () {
	test "$(grep -c "^missed.looked" "$T/points" 2>/dev/null)" -ge "$1"
}

# quiet_push ARGS: a push whose hook cannot tell anybody
quiet_push () {
	mv "$T/demo.git/hooks/post-receive" "$T/hook.aside" &&
		git -C "$T/demo" push -q "$@"
	pushed=$?
	mv "$T/hook.aside" "$T/demo.git/hooks/post-receive" && return $pushed
}

# start_looked [N]: the agent is up and has looked at its N repositories
start_looked () {
	: >points
	TELLUS_CRASH_LOG=$T/points
	export TELLUS_CRASH_LOG
	agent_start && wait_for 20 looked "${1:-1}"
}

head_of () {
	git -C "$T/demo" rev-parse "${1:-HEAD}"
}

test_expect_success 'a repository that is seen for the first time starts nothing' '
	printf "run: [ \"cat file\" ]\n" | make_repo demo &&
	mv demo.git/hooks/post-receive hook &&
	for b in main one two; do git -C demo push -q origin HEAD:$b; done &&
	mv hook demo.git/hooks/post-receive &&
	repo_conf demo | agent_config && start_looked && test "$(runs)" -eq 0
'

test_expect_success 'a push that the hook told of is not found again' '
	commit_file demo file two two && git -C demo push -q origin HEAD:main &&
	wait_run 1 passed && agent_stop && start_looked && test "$(runs)" -eq 1
'

test_expect_success 'what was pushed while no agent ran and no hook did runs once' '
	agent_stop && commit_file demo file three three && quiet_push origin HEAD:main HEAD:fresh &&
	start_looked && wait_for 20 runs_are 3 &&
	test "$(runs_at refs/heads/main $(head_of))" -eq 1 && test "$(runs_at refs/heads/fresh $(head_of))" -eq 1 &&
	wait_run 2 passed && wait_run 3 passed &&
	grep "nobody told of" agent.log
'

test_expect_success 'the next start finds nothing' '
	agent_stop && start_looked && test "$(runs)" -eq 3
'

test_expect_success 'tags are found, and their objects are not taken for changes' '
	agent_stop && git -C demo tag -a -m v1 v1 && git -C demo tag light && quiet_push origin v1 light &&
	start_looked && wait_for 20 runs_are 5 && wait_run 4 skipped && wait_run 5 skipped &&
	agent_stop && start_looked && test "$(runs)" -eq 5
'

test_expect_success 'a branch that went away is forgotten, and runs when it comes back' '
	agent_stop && quiet_push origin :fresh && start_looked && test "$(runs)" -eq 5 &&
	agent_stop && quiet_push origin HEAD:fresh && start_looked && wait_for 20 runs_are 6 &&
	wait_run 6 passed
'

test_expect_success 'a branch that goes back to an older commit runs again' '
	agent_stop && quiet_push -f origin HEAD~1:main && start_looked && wait_for 20 runs_are 7 &&
	wait_run 7 passed && agent_stop && quiet_push -f origin HEAD:main && start_looked &&
	wait_for 20 runs_are 8 && wait_run 8 passed
'

test_expect_success 'a running agent looks by itself' '
	agent_stop && { repo_conf demo && printf "\tpoll = 1s\n"; } | agent_config && start_looked &&
	commit_file demo file four four && quiet_push origin HEAD:main && wait_for 20 runs_are 9 && wait_run 9 passed &&
	test "$(runs_at refs/heads/main $(head_of))" -eq 1
'

test_expect_success 'a push that is told of after it was found is the same run' '
	sha=$(head_of) && nonce=$(printf "%032x" 77) && before=$(head_of HEAD~1) &&
	curl -fs --unix-socket state/sock http://localhost/api/v1/push -H "Content-Type: application/json" \
		-d "{\"repository\":\"demo\",\"nonce\":\"$nonce\",\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"$before\",\"new\":\"$sha\"}]}" >answer &&
	cat answer && test "$(jq .runs[0].run answer)" -eq 9 && test "$(runs)" -eq 9
'

test_expect_success 'pushes and looks that race run each commit once' '
	for i in 1 2 3 4 5 6; do
		commit_file demo file "race $i" "race $i" && git -C demo push -q origin HEAD:race-$i || return 1
	done
	: >points; wait_for 20 looked 2 || return 1
	for i in 1 2 3 4 5 6; do
		test "$(runs_at refs/heads/race-$i $(git -C demo rev-parse HEAD~$((6 - i))))" -eq 1 || return 1
	done
	test "$(runs)" -eq 15
'

test_expect_success 'poll = 0 looks never' '
	agent_stop && { repo_conf demo && printf "\tpoll = 0\n"; } | agent_config && quiet_push origin HEAD:unseen &&
	: >points && agent_start && commit_file demo file last last && git -C demo push -q origin HEAD:told &&
	wait_run 16 passed && ! grep missed points && test "$(runs)" -eq 16
'

# The agent dies at each point of a look; the next one finds what is missed.
number=0
for point in missed.spawn heads.listed missed.answered missed.part missed.admitted journal.before-commit missed.committed missed.looked; do
	number=$((number + 1))
	test_expect_success "killed at $point, the push runs once" '
		agent_stop && repo_conf demo | agent_config && quiet_push origin HEAD:kill-'$number' && : >points || return 1
		TELLUS_CRASH='$point':1 tellusd --config config >>agent.log 2>&1 </dev/null & killed=$!
		if test '$point' = heads.listed; then wait_for 20 grep heads.listed points; kill -9 $killed; fi
		wait $killed
		test $? -eq 137 && start_looked && wait_for 20 runs_at_is 1 refs/heads/kill-'$number' &&
		agent_stop && start_looked && runs_at_is 1 refs/heads/kill-'$number'
	'
done

test_done
