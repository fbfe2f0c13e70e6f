#!/bin/sh
# SPDX-License-Identifier: MIT
# A push never fails or hangs because of Tellus, and is never lost.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test_expect_success 'with the agent down the push goes through and is noted' '
	make_repo demo <<-\EOF &&
	run: [ "cat file" ]
	EOF
	repo_conf demo | agent_config &&
	git -C demo push origin main 2>err && cat err &&
	grep "remote:.*not running" err &&
	test "$(ls demo.git/tellus/incoming | wc -l)" -eq 1
'

test_expect_success 'several are noted' '
	commit_file demo file two two && git -C demo push -q origin main &&
	commit_file demo file three three && git -C demo push -q origin main &&
	test "$(ls demo.git/tellus/incoming | wc -l)" -eq 3
'

test_expect_success 'at its start the agent runs each once' '
	agent_start &&
	wait_run 1 passed && wait_run 2 passed && wait_run 3 passed &&
	test "$(tellus list --json | jq length)" -eq 3 &&
	test "$(ls demo.git/tellus/incoming | wc -l)" -eq 0 &&
	tellus list --json | jq -r ".[].sha" | sort -u | wc -l | grep -qx 3
'

test_expect_success 'the same file again makes no second run' '
	cat >nonce.json <<-EOF &&
	{"repository":"demo","nonce":"00112233445566778899aabbccddeeff","event":"push",
	 "refs":[{"ref":"refs/heads/main","old":"$(git -C demo rev-parse HEAD~1)","new":"$(git -C demo rev-parse HEAD)"}]}
	EOF
	cp nonce.json demo.git/tellus/incoming/00112233445566778899aabbccddeeff &&
	agent_stop && agent_start &&
	wait_run 4 passed &&
	cp nonce.json demo.git/tellus/incoming/00112233445566778899aabbccddeeff &&
	agent_stop && agent_start && tellus list --json >l &&
	test "$(jq length l)" -eq 4
'

test_expect_success 'a file that is no push is kept and named' '
	echo nonsense >demo.git/tellus/incoming/ffffffffffffffffffffffffffffffff &&
	agent_stop && agent_start &&
	wait_for 10 test -e demo.git/tellus/incoming/ffffffffffffffffffffffffffffffff.bad &&
	grep "is not a push" agent.log
'

test_expect_success 'an agent that does not answer does not hang the push' '
	agent_stop &&
	python3 - "$state/sock" <<-\EOF &
	import os, socket, sys, time
	try: os.unlink(sys.argv[1])
	except FileNotFoundError: pass
	s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)
	s.settimeout(30); time.sleep(30)
	EOF
	silent=$! &&
	wait_for 10 test -S "$state/sock" &&
	commit_file demo file four four &&
	timeout 20 git -C demo push origin main 2>err; rc=$?; kill $silent;
	cat err; test $rc -eq 0 && grep "remote:" err &&
	rm -f "$state/sock" && agent_start && wait_run 5 passed
'

test_done
