#!/bin/sh
# SPDX-License-Identifier: MIT
# Every kind of failure, provoked: what is said of it, and that what is
# suggested helps.
. "$(dirname "$0")/lib.sh"
. "$TELLUS_SRC/t/agent.sh"

has_crash_points || test_skip_all 'waits are short only with --enable-crash-points'
TELLUS_DELAYS=4
export TELLUS_DELAYS

# fails TEXT: pushes the workflow and waits for its end.
fails () {
	push_workflow "$1" && wait_for 60 is_settled $run
}

# says CLASS TEXT SUGGESTION: patterns; why prints them, and nothing on
# standard error.
says () {
	tellus why $run >why 2>why.err && cat why && test ! -s why.err &&
	tellus why $run --json >why.json &&
	run_has $run ".reason.class==\"$1\"" && grep "reason .*$2" why &&
	{ test -z "$3" || grep -e "do this .*$3" why; }
}

# The command that is suggested, without what surrounds it.
suggested () {
	jq -r .reason.suggestion "$T/why.json" | sed 's/^on the agent.s machine: //; s/, .*//'
}

make_repo demo <<-END
run: [ "true" ]
END
agent_config <<-END
$(repo_conf demo)
END
agent_start

test_expect_success 'a missing command, with the package that has it' '
	fails "run: [ \"PATH=/nowhere; cobc --version\" ]" &&
	says config "command .cobc. not found (exit code 127)" "apt install gnucobol" &&
	jq -e ".exit==127 and .state==\"blocked\" and .step!=null and (.output|length)>0" why.json
'

test_expect_success 'a script that is not executable, and the command that makes it so' '
	printf "#!/bin/sh\necho ran\n" >demo/s.sh && chmod -x demo/s.sh &&
	fails "run: [ ./s.sh ]" &&
	says config "./s.sh. may not be executed" "git update-index --chmod=+x s.sh" &&
	(cd demo && eval "$(suggested)" && git commit -qm mended && git push -o ci.detach -q origin main) &&
	run=$(tellus list --json | jq ".[0].run") && wait_run $run passed
'

test_expect_success 'Windows line ends, and the command that mends them' '
	git -C demo checkout -q -- s.sh && chmod +x demo/s.sh &&
	printf "#!/bin/bash\r\ncd .\r\n" >demo/s.sh &&
	fails "run: [ ./s.sh ]" && says config "Windows line ends" "sed -i" &&
	fails "run: [ \"bash -e s.sh || exit 1\" ]" && says code "Windows line ends" "sed -i" &&
	(cd demo && eval "$(suggested)" && ! grep -q "$(printf "\r")" s.sh)
'

test_expect_success 'a missing command of env, of a script, of make' '
	fails "run: [ \"PATH=/nowhere; export PATH; /usr/bin/env cobc --version\" ]" &&
	says config "command .cobc. not found (exit code 127)" "apt install gnucobol" &&
	printf "#!/usr/bin/env bash\r\necho ran\r\n" >demo/e.sh && chmod +x demo/e.sh &&
	fails "run: [ ./e.sh ]" &&
	says config "Windows line ends" "sed -i" && rm demo/e.sh &&
	printf "all:\n\tcobc --version\n" >demo/Makefile &&
	fails "run: [ \"PATH=/nowhere; export PATH; /usr/bin/make\" ]" &&
	says code "exit code 2: command .cobc. not found" "apt install gnucobol" &&
	rm demo/Makefile
'

test_expect_success 'a name that cannot be resolved without a network' '
	printf "#!/bin/sh\necho ran\n" >demo/s.sh &&
	fails "
jobs:
  a: {network: none, steps: [{name: get, run: curl -sS http://example.org/}]}" &&
	says code "no network" "network: outbound"
'

test_expect_success 'a refused connection' '
	fails "run: [ \"curl -sS http://127.0.0.1:9/\" ]" &&
	says code "a connection was refused" "server"
'

test_expect_success 'a limit of time, with the last line' '
	fails "run:
  - {name: slow, timeout: 1s, run: echo waiting for godot; sleep 60}" &&
	says timeout "longer than its limit of 1.*waiting for godot" "timeout"
'

test_expect_success 'a failed test by its name' '
	fails "run: [ \"echo; echo ok 1 - a; echo not ok 2 - it adds; exit 1\" ]" &&
	says code "test failed: 2 - it adds" "tellus log $run"
'

test_expect_success 'a missing header' '
	fails "run: [ \"printf \\\"#include <uv.h>\\\\n\\\" >a.c; gcc -c a.c\" ]" &&
	says code "header .uv.h. is missing" "apt install libuv1-dev"
'

test_expect_success 'a variable that is not set, and the command that sets it' '
	fails "run: [ \"set -u; echo \$WANTED\" ]" &&
	says code "WANTED. is not set" "tellus retry $run --set WANTED=" &&
	tellus retry -f $run --set WANTED=1
'

test_expect_success 'a system call that the sandbox forbids, a crash, a read-only place' '
	fails "run: [ \"kill -SYS \$\$\" ]" && says config.sandbox "SIGSYS" "" &&
	fails "run: [ \"kill -SEGV \$\$\" ]" && says code "signal 11" "" &&
	fails "run: [ \"touch /usr/x\" ]" && says code "cannot be written" "read-only"
'

test_expect_success 'killed from outside: tried again four times' '
	fails "run: [ \"kill -KILL \$\$\" ]" && says infra.killed "killed" "" &&
	run_has $run ".jobs[0].steps[0].attempt==5"
'

test_expect_success 'exit 75: what was done by itself' '
	fails "run: [ exit 75 ]" && says transient "exit code 75" "" &&
	grep "by itself *waited" why && jq -e "[.did[]|select(.what==\"waited\")]|length==2" why.json
'

test_expect_success 'a queued run says what it waits for' '
	printf "jobs:\n" >w && for j in a b c; do echo "  $j: {steps: [sleep 20]}"; done >>w &&
	cp w demo/.tellus.yml && git -C demo commit -qam w && git -C demo push -o ci.detach -q origin main &&
	git -C demo commit --allow-empty -qm w2 && git -C demo push -o ci.detach -q origin main &&
	last=$(tellus list --json | jq ".[0].run") && wait_for 20 run_is $last queued &&
	tellus why $last >why && cat why && grep "waits for .*agent.jobs is 2, in use by run $((last - 1))" why &&
	tellus cancel $last && tellus cancel $((last - 1)) && wait_run $((last - 1)) canceled
'

test_expect_success 'journal lists every event, as lines and as JSON' '
	tellus journal 1 >lines && tellus journal 1 --json >j.json && cat lines &&
	test "$(jq length j.json)" = "$(wc -l <lines)" &&
	jq -e "[.[].kind] == ([.[].kind]|map(.)) and .[0].kind==\"received\" and ([.[].seq]|. == sort)" j.json &&
	! grep nonce j.json
'

test_expect_success 'a run that is not there' '
	! tellus why 9999 2>err && grep "no run 9999" err && ! tellus journal 9999
'

test_done
