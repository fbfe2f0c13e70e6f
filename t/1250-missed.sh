#!/bin/sh
# SPDX-License-Identifier: MIT
# Pushes that nobody told the agent of: found at its start and now and then,
# each run once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

runs () {
	tellus list -n 500 --json | jq length
}

# runs_at REF SHA: how many there are of that commit on that ref
runs_at () {
	tellus list -n 500 --json | jq --arg r "$1" --arg s "$2" '[.[]|select(.ref==$r and .sha==$s)]|length'
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

test_expect_success 'what was pushed with ci.skip is not found, a branch that comes back at the same commit runs' '
	agent_stop && repo_conf demo | agent_config && start_looked && wait_for 20 runs_are 17 &&
	commit_file demo file skip skip && git -C demo push -q -o ci.skip origin HEAD:main HEAD:gone 2>out && cat out &&
	git -C demo push -q origin :gone && agent_stop && start_looked && runs_are 17 && runs_at_is 0 refs/heads/main &&
	agent_stop && quiet_push origin HEAD:gone && start_looked && wait_for 20 runs_at_is 1 refs/heads/gone &&
	git -C demo push -q origin :gone && git -C demo push -q origin HEAD:gone && runs_at_is 2 refs/heads/gone
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

# ---- remote repositories: one by the git protocol, one by http ----

free_port () {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve_http PORT: in the background, on that port again or on a free one
serve_http () {
	rm -f http.port
	GIT_HTTP_PORT=$1 python3 "$TELLUS_SRC/t/git-http.py" http.log http.port "$T/srv" x-access-token:sesame & web=$!
	test_on_exit "kill $web"
	wait_for 20 test -s http.port
}

# remote_conf: two names for the same repository on two servers
remote_conf () {
	printf '[repository "acme/git"]\n\turl = git://127.0.0.1:%s/widget.git\n\tforge = github\n\tstatuses = false\n' "$gport"
	printf '[repository "acme/http"]\n\turl = http://127.0.0.1:%s/widget.git\n\tforge = github\n\tstatuses = false\n\ttoken-file = %s/token\n' "$hport" "$T"
}

# runs_of N REPOSITORY: of the checkout's commit
runs_of () {
	test "$(tellus list -n 500 --json | jq --arg r "$2" --arg s "$(git -C w rev-parse HEAD)" '[.[]|select(.repository==$r and .sha==$s)]|length')" -eq "$1"
}

push_remote () {
	echo "$1" >w/file && git -C w commit -qam "$1" && git -C w push -q "$T/srv/widget.git" HEAD:main
}

test_expect_success 'remote repositories are looked at for the first time' '
	n=$(runs) && agent_stop && printf sesame >token && chmod 600 token && mkdir srv && git init -q --bare srv/widget.git &&
	git init -q w && printf "run: [ \"cat file\" ]\n" >w/.tellus.yml && echo one >w/file && git -C w add -A && git -C w commit -qm one &&
	git -C w push -q "$T/srv/widget.git" HEAD:main || return 1
	gport=$(free_port)
	"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$gport --base-path="$T/srv" --export-all --reuseaddr "$T/srv" & daemon=$!
	test_on_exit "kill $daemon"
	serve_http ""
	hport=$(cat http.port)
	remote_conf | agent_config && start_looked 2 && runs_are "$n"
'

test_expect_success 'what they got meanwhile runs once each, and their tags do too' '
	agent_stop && git -C w tag -a -m v1 v1 && git -C w push -q "$T/srv/widget.git" v1 && push_remote two &&
	start_looked 2 && wait_for 20 runs_are "$((n + 4))" && runs_of 1 acme/git && runs_of 1 acme/http &&
	for r in $(tellus list -n 500 --json | jq ".[]|select(.ref==\"refs/heads/main\" and (.repository|startswith(\"acme\")))|.run"); do wait_run $r passed || return 1; done &&
	for r in $(tellus list -n 500 --json | jq ".[]|select(.ref==\"refs/tags/v1\" and (.repository|startswith(\"acme\")))|.run"); do wait_run $r skipped || return 1; done &&
	agent_stop && start_looked 2 && runs_are "$((n + 4))"
'

test_expect_success 'a server that is down is told of once, and the others are looked at' '
	agent_stop && kill $web && push_remote three && start_looked 1 && wait_for 20 runs_of 1 acme/git &&
	wait_for 20 grep "acme/http.* cannot be looked at" agent.log && test $(grep -c "cannot be looked at" agent.log) -eq 1 &&
	grep "cannot be looked at" agent.log && runs_of 0 acme/http && ! grep -r sesame state agent.log
'

test_expect_success 'when it is back the push runs' '
	serve_http "$hport"
	agent_stop && start_looked 2 && wait_for 20 runs_of 1 acme/http && runs_of 1 acme/git
'

test_expect_success 'a repository that is no longer configured is not looked at' '
	agent_stop && remote_conf | head -n 4 | agent_config && push_remote four && start_looked 1 &&
	wait_for 20 runs_of 1 acme/git && runs_of 0 acme/http
'

test_done
