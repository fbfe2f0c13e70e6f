#!/bin/sh
# SPDX-License-Identifier: MIT
# One agent, started by root, and several users of the machine: what one of
# them may not do to the others' repositories, nor learn about them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test "$(id -u)" -eq 0 || test_skip_all 'only root can be several users'
command -v setpriv >/dev/null || test_skip_all 'setpriv is not installed'

zero=0000000000000000000000000000000000000000

# Mallory is uid 1500, and the owner of theirs.git.
mallory () {
	setpriv --reuid 1500 --regid 1500 --clear-groups --no-new-privs \
		env HOME="$T/mallory" "$@"
}

# The build folder may be closed to other users.
if ! mallory test -x "$TELLUS_BUILD/tellus"
then
	mkdir "$T/bin" && cp "$TELLUS_BUILD/tellus" "$T/bin/" &&
		PATH="$T/bin:$PATH" && export PATH
fi

# api PATH [curl's options]: as mallory; the body in answer, prints the code.
api () {
	api_path=$1
	shift
	mallory curl -s -o "$T/mallory/answer" -w '%{http_code}' --max-time 10 \
		--unix-socket "$state/sock" "$@" "http://localhost$api_path"
}

# post_push REPOSITORY EVENT SHA MORE
post_push () {
	api /api/v1/push -H 'Content-Type: application/json' -d "{\"repository\":\"$1\",\"nonce\":\"$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')\",\"event\":\"$2\",\"actor\":\"root\",\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"$zero\",\"new\":\"$3\"}],\"options\":[]${4-}}"
}

step_ran_first () {
	tellus log 2 2>/dev/null | grep -q ready
}

test_expect_success 'an agent with repositories of two users starts' '
	make_gate &&
	mkdir mallory && chmod 777 mallory &&
	make_repo mine <<-\EOF &&
	run: [ "echo canary-in-the-output; cat secret.txt" ]
	EOF
	echo canary-in-the-source >mine/secret.txt && git -C mine add -A && git -C mine commit -qm secret &&
	make_repo theirs <<-EOF &&
	run:
	  - "echo ready; while test ! -e $gate/go; do sleep 0.1; done"
	  - "ls /run/git-objects; cat /run/git-objects/*/t/w/secret.txt"
	EOF
	git init -q tree && echo "run: [ \"cat secret.txt\" ]" >tree/.tellus.yml && git -C tree add -A && git -C tree commit -qm tree &&
	mkdir closed && echo canary-of-root >closed/secret.txt && cp tree/.tellus.yml closed/ && chmod 700 closed &&
	git -C tree config core.worktree "$T/closed" && chmod 700 mine.git tree theirs &&
	chown -R 1500:1500 theirs theirs.git tree mallory &&
	{ printf "[agent]\n\tpoll = 0\n\texpose = %s\n" "$gate"; repo_conf mine; printf "\tvisibility = private\n"; repo_conf theirs; printf "[repository \"tree\"]\n\tpath = %s/tree\n" "$T"; } | agent_config &&
	agent_start && git -C mine push -q origin HEAD:main && wait_run 1 passed &&
	tellus log 1 | grep canary-in-the-source
'

test_expect_success 'another user can not push, retry or cancel' '
	sha=$(git -C mine rev-parse HEAD) &&
	test "$(post_push mine push $sha)" = 403 &&
	test "$(post_push mine push $sha ",\"path\":\"$T/theirs.git\"")" = 403 &&
	test "$(post_push mine manual $sha ",\"snapshot\":true")" = 403 &&
	test "$(api /api/v1/runs/1/retry -X POST -d {})" = 403 &&
	test "$(api /api/v1/runs/1/cancel -X POST -d {})" = 403 &&
	test "$(tellus list --json | jq length)" -eq 1
'

test_expect_success 'nothing tells another user of a private run' '
	for path in /api/v1/runs/1 /api/v1/runs/1/log /api/v1/runs/1/stream "/events?run=1" /runs/1 /runs/1/0/0/log
	do
		echo "$path $(api $path)"; ! grep canary mallory/answer || echo leaked
	done >codes; cat codes; test "$(grep -c 404 codes)" -eq 6 && ! grep leaked codes &&
	test "$(api /api/v1/runs)" = 200 && ! grep mine mallory/answer && test "$(api "/api/v1/runs?repository=mine")" = 200 && ! grep mine mallory/answer &&
	test "$(api /)" = 200 && ! grep "runs/1\"" mallory/answer
'

test_expect_success 'no file of the state folder can be read by another user' '
	for f in journal/data.mdb lock runs/1/plan.json runs/1/0.1/output runs/1/0.1/events runs/1/0.1/spec.json \
		trees trees/$(git -C mine rev-parse HEAD^{tree})/t/w/secret.txt
	do
		test -e "$state/$f" && ! mallory cat "$state/$f" || echo "$f"
	done >open; cat open; test ! -s open &&
	! mallory ls "$state" && ! mallory ls "$state/runs" && ! mallory touch "$state/x" &&
	! mallory sh -c "rm -f $state/sock" 2>/dev/null && test -S "$state/sock"
'

test_expect_success 'a push names the user whom the kernel knows, when he has no name' '
	(cd theirs && mallory git push -q origin HEAD:main >"$T/mallory/push" 2>&1) & push=$!
	wait_for 20 step_ran_first && test "$(tellus show 2 --json | jq -r .actor)" = "uid 1500"
'

test_expect_success 'a link put in place of the objects shows the box nothing' '
	mallory mv theirs.git/objects theirs.git/aside && mallory ln -s "$state/trees" theirs.git/objects &&
	touch "$gate/go" && wait $push; wait_for 20 is_settled 2 && tellus log 2 && tellus show 2 &&
	test "$(run_state 2)" = blocked && ! tellus log 2 | grep canary && tellus show 2 | grep "another folder now" &&
	mallory rm theirs.git/objects && mallory mv theirs.git/aside theirs.git/objects
'

test_expect_success 'root takes no snapshot for another user, whose configuration says of what' '
	test "$(api /api/v1/push -d "{\"repository\":\"tree\",\"nonce\":\"0123456789abcdef0123456789abcdef\",\"event\":\"manual\",\"refs\":[],\"snapshot\":true,\"options\":[]}")" = 202 &&
	wait_for 20 is_settled 3 && tellus show 3 | tee show.txt && test "$(run_state 3)" = error && grep "belongs to another user" show.txt && ! grep -r canary-of-root "$state/runs/3"
'

test_expect_success 'a link that another user put in place of his repository is not followed' '
	sha=$(git -C mine rev-parse HEAD) &&
	mv theirs.git old.git && mallory ln -s "$T/mine.git" mallory/link && mv mallory/link theirs.git &&
	test "$(post_push theirs push $sha)" = 403 &&
	curl -fs --unix-socket "$state/sock" -d "{\"repository\":\"theirs\",\"nonce\":\"1123456789abcdef0123456789abcdef\",\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"$zero\",\"new\":\"$sha\"}]}" http://localhost/api/v1/push &&
	wait_for 20 is_settled 4 && tellus show 4 | tee show.txt && test "$(run_state 4)" = error &&
	grep "a link that belongs to another user" show.txt && ! tellus log 4 | grep canary
'

# Last: the agent reads these when it starts.
test_expect_success 'what a user leaves for the agent to find can only push his own repository' '
	agent_stop && rm -f theirs.git && mv old.git theirs.git && in=theirs.git/tellus/incoming &&
	mallory mkdir -p $in && mallory mkfifo $in/aa && mallory ln -s /etc/shadow $in/bb && mallory sh -c "echo {\\\"repository\\\":\\\"mine\\\",\\\"nonce\\\":\\\"2123456789abcdef0123456789abcdef\\\",\\\"refs\\\":[{\\\"ref\\\":\\\"refs/heads/main\\\",\\\"new\\\":\\\"$(git -C mine rev-parse HEAD)\\\"}]} >$in/cc" &&
	agent_start && cat agent.log && grep "another one" agent.log && ! grep "root:" agent.log && test -s /etc/shadow &&
	test "$(tellus list --json | jq ".[0].run")" -eq 4 &&
	agent_stop && mallory rm -r $in && mkdir victim && echo "not a push" >victim/file && mallory ln -s "$T/victim" $in &&
	agent_start && test -f victim/file && test ! -e victim/file.bad
'

test_done
