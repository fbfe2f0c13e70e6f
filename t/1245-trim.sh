#!/bin/sh
# SPDX-License-Identifier: MIT
# The disk budget: what is unused for longest goes, never what is needed.
. "$(dirname "$0")/lib.sh"
. "$TELLUS_SRC/t/agent.sh"

has_crash_points || test_skip_all 'what is young is kept, but with --enable-crash-points'
TELLUS_DELAYS=0
export TELLUS_DELAYS

# configure BUDGET
configure () {
	{ printf '[agent]\n\tdisk-budget = %s\n' "$1"; repo_conf demo; } | agent_config
}

# push_big NAME STEP: a commit with 2 MiB of its own.
push_big () {
	head -c 2000000 /dev/urandom >demo/big.$1 &&
	printf 'run:\n  - %s\n' "$2" >demo/.tellus.yml &&
	git -C demo add -A && git -C demo commit -qm "$1" &&
	git -C demo push -o ci.detach -q origin main
}

tree_of () {
	jq -r .tree state/runs/$1/plan.json
}

make_repo demo <<-END
run: [ "true" ]
END
configure 0
agent_start

test_expect_success 'three runs, one of them failed' '
	push_big 1 "true" && wait_run 1 passed &&
	push_big 2 "{name: made, run: head -c 3000000 /dev/urandom >made}
  - {name: bad, run: exit 1}" && wait_run 2 failed &&
	push_big 3 "true" && wait_run 3 passed &&
	test -d state/trees/$(tree_of 1) && test -d state/trees/$(tree_of 3) &&
	wait_for 10 test ! -e state/runs/1/0.1/layers
'

test_expect_success 'the failed run kept its files, over a restart' '
	agent_stop && agent_start && sleep 1 &&
	test -s state/runs/2/0.1/layers/0/w/made
'

test_expect_success 'without a bound nothing goes' '
	tellus gc >out && cat out && grep "in use, 0 B freed" out
'

test_expect_success 'a dry run says what would go, and leaves it' '
	configure 1M && kill -HUP $agent_pid && wait_for 10 grep "read again" agent.log &&
	tellus gc --dry-run --json >dry.json && cat dry.json &&
	jq -e "[.removed[].what]|index(\"trees/$(tree_of 1)\")" dry.json &&
	jq -e "[.removed[].what]|index(\"runs/2/0.1/layers\")" dry.json &&
	test -s state/runs/2/0.1/layers/0/w/made && test -d state/trees/$(tree_of 1)
'

test_expect_success 'outputs are the last to go' '
	jq -e "[.removed[].what|test(\"^runs/[0-9]+\$\")]|. == sort" dry.json
'

test_expect_success 'what a run needs that is not over is not touched' '
	push_big 4 "{name: hold, run: sleep 30 && cat big.1 >/dev/null}" &&
	wait_for 20 step_runs 4 hold && tree=$(tree_of 4) &&
	tellus gc >out && cat out && test -d state/trees/$tree &&
	test -d state/runs/4/0.1/layers &&
	jq -r .below[] state/trees/$tree/ok | while read -r below
	do
		test -d state/trees/$below || exit 1
	done &&
	test ! -e state/runs/2/0.1/layers && test ! -e state/runs/1
'

test_expect_success 'a run whose files went is still shown, and says so when asked' '
	tellus show 1 && tellus list && tellus log 1 &&
	! tellus retry 2 --from bad 2>err && cat err && grep "no longer kept" err
'

test_expect_success 'a retry makes anew what is gone' '
	tellus cancel 4 && wait_run 4 canceled && configure 0 &&
	: >agent.log && kill -HUP $agent_pid && wait_for 10 grep "read again" agent.log &&
	push_big 5 "true" && wait_run 5 passed && rm -rf state/trees/* &&
	tellus retry -f 5 && run_is 5 passed
'

test_expect_success 'killed while it removes, it goes on after a restart' '
	configure 1M && : >agent.log && kill -HUP $agent_pid && wait_for 10 grep "read again" agent.log &&
	agent_stop && TELLUS_CRASH=trim.aside:1 TELLUS_CRASH_COUNT=$T/passes agent_start &&
	wait_for 20 test -s passes.trim.aside && agent_stop && agent_start &&
	tellus gc && test -z "$(find state -name ".gone-*")"
'

# The worker that trims, stopped in the middle of it.
trim_stopped () {
	trim=$(pgrep -P $agent_pid -f -- --trim) && kill -STOP $trim
}

test_expect_success 'the agent stops at once while a trim is under way, and says so to who waits' '
	mkdir state/runs/5/many && (cd state/runs/5/many && seq 40000 | xargs touch) &&
	{ tellus gc >gc.out 2>&1; echo $? >gc.rc; } &
	wait_for 10 trim_stopped && kill $agent_pid && wait_for 10 test -s gc.rc &&
	cat gc.out && test "$(cat gc.rc)" = 3 && wait_for 10 eval "! kill -0 $agent_pid" && agent_pid= &&
	wait_for 10 eval "! kill -0 $trim"
'

test_done
