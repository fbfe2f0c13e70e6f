#!/bin/sh
# SPDX-License-Identifier: MIT
# tellusd itself: options, configuration, signals, its service manager.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test_expect_success '--check says what is right' '
	make_repo demo <<-\EOF &&
	run: [ "echo hello" ]
	EOF
	repo_conf demo | agent_config &&
	tellusd --config "$config" --check >out && cat out && grep "1 repositor" out
'

test_expect_success 'and what is wrong, with file, line and the nearest key' '
	printf "[agent]\n\tjbos = 2\n" >bad && exits_with 2 tellusd --config bad --check 2>err; cat err;
	grep "bad:2:.*jbos.*jobs" err && test "$(wc -l <err)" -eq 1
'

test_expect_success 'a bad value names what is accepted' '
	printf "[agent]\n\tjobs = many\n" >bad && exits_with 2 tellusd --config bad 2>err; cat err;
	grep "bad:2:.*many.*number" err
'

test_expect_success 'a secret file that is not there is named' '
	printf "[repository \"a/b\"]\n\turl = https://h/a/b\n\tforge = github\n\twebhook-secret-file = $T/none\n" >bad &&
	exits_with 2 tellusd --config bad 2>err; cat err; grep "bad:4:.*$T/none" err
'

test_expect_success 'an unknown option is usage' '
	exits_with 2 tellusd --nonsense 2>err && grep -- --help err && tellusd --help | grep -- --journal && tellusd --version
'

test_expect_success 'a configuration that is not there is named' '
	exits_with 2 tellusd --config "$T/nothing" 2>err; cat err; grep "$T/nothing" err
'

test_expect_success 'the service manager is told of the start and of the stop' '
	cat >notify.py <<-\EOF &&
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(60)
	open(sys.argv[2] + ".up", "w").close()
	with open(sys.argv[2], "w") as f:
	    while True:
	        m = s.recv(4096).decode(); f.write(m + "\n"); f.flush()
	        if "STOPPING" in m: break
	EOF
	python3 notify.py "$T/notify" told & listener=$!
	wait_for 20 test -e told.up &&
	NOTIFY_SOCKET="$T/notify" && export NOTIFY_SOCKET && agent_start && unset NOTIFY_SOCKET &&
	wait_for 10 grep -q READY=1 told && agent_stop && wait_for 10 grep -q STOPPING=1 told && wait $listener
'

test_expect_success 'TCP and the unix socket have the same routes' '
	agent_start && git -C demo push -q origin main 2>/dev/null;
	wait_run 1 passed && curl -fs "$base/api/v1/runs/1" >a && curl -fs --unix-socket "$state/sock" http://localhost/api/v1/runs/1 >b && cmp a b &&
	curl -fs "$base/healthz" | jq -e ".status==\"ok\""
'

test_expect_success 'the state folder is closed to others' '
	test "$(stat -c %a "$state")" = 711 && test "$(stat -c %a "$state/journal")" = 700 &&
	test "$(stat -c %a "$state/journal/data.mdb")" = 600 && test "$(stat -c %a "$state/sock")" = 666
'

test_expect_success 'SIGHUP takes a changed configuration' '
	make_repo more <<-\EOF &&
	run: [ "echo more" ]
	EOF
	repo_conf more >>"$config" && kill -HUP $agent_pid && wait_for 10 grep -q "read again" agent.log &&
	git -C more push -q origin main 2>/dev/null; wait_run 2 passed
'

test_expect_success 'a bad one leaves the old one in force, and says where it is wrong' '
	cp "$config" good && printf "[agent]\n\tjbos = 2\n" >>"$config" && kill -HUP $agent_pid &&
	wait_for 10 grep -q "jbos.*stays" agent.log && cp good "$config" &&
	commit_file more file two two && git -C more push -q origin main 2>/dev/null; wait_run 3 passed
'

test_expect_success 'a port that is taken is named' '
	sed "s/127.0.0.1:0/127.0.0.1:$port/; s,$state,$T/other," "$config" >second &&
	exits_with 75 tellusd --config second 2>err || exits_with 2 tellusd --config second 2>err; cat err; grep "$port" err
'

test_expect_success 'without its worker a run is an error that says so' '
	agent_stop && mkdir empty || return 1
	TELLUS_LIBEXECDIR="$T/empty" tellusd --config "$config" >>agent.log 2>&1 & agent_pid=$!
	wait_for 20 agent_up && commit_file demo file x x && git -C demo push -o ci.detach -q origin main 2>/dev/null;
	wait_run 4 error && tellus show 4 --json | jq -r .reason.text | grep tellus-worker
'

test_expect_success 'doctor has a line for every part, and a remedy where one is missing' '
	tellusd --config "$config" --doctor >out; cat out; grep "^OK .*configuration" out && grep -i "overlay" out && grep -i "cgroup" out
'

test_expect_success 'with the agent idle nothing wakes it' '
	agent_stop && agent_start && wait_for 10 agent_up &&
	before=$(cat /proc/$agent_pid/task/*/status | awk "/ctxt_switches/ { n += \$2 } END { print n }") &&
	sleep 3 &&
	after=$(cat /proc/$agent_pid/task/*/status | awk "/ctxt_switches/ { n += \$2 } END { print n }") &&
	echo "$before $after" && test $((after - before)) -le 2
'

# hold_lock PID SECONDS: the state's lock, as a worker has it between its
# tellusd's end and its own exec(2); the file names PID.
hold_lock () {
	rm -f held && printf %s "$1" >state/lock &&
	{ python3 -c "
import fcntl, struct, sys, time
f = open(sys.argv[1], 'r+')
fcntl.fcntl(f, 37, struct.pack('hhqqixxxx', fcntl.F_WRLCK, 0, 0, 0, 0))
open('held', 'w').close()
time.sleep(float(sys.argv[2]))" state/lock "$2" & } && lock_pid=$! && wait_for 10 test -e held
}

test_expect_success 'a lock that only a dying tellusd left behind is waited for' '
	agent_stop && sh -c "echo \$\$" >dead && hold_lock "$(cat dead)" 0.7 && agent_start
'

test_expect_success 'one that is held for good, or by a live one, is not' '
	agent_stop && hold_lock $$ 60 && exits_with 75 tellusd --config "$config" 2>err && cat err &&
	grep "already running as pid $$" err && kill $lock_pid
'

test_done
