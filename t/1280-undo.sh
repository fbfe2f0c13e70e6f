#!/bin/sh
# SPDX-License-Identifier: MIT
# What a run did is taken back in reverse when it fails or is canceled.
. "$(dirname "$0")/lib.sh"
. "$TELLUS_SRC/t/agent.sh"

has_crash_points || test_skip_all 'waits are short only with --enable-crash-points'
TELLUS_DELAYS=4
export TELLUS_DELAYS
make_gate

undo_of () {
	run_has $run ".jobs[].steps[]|select(.name==\"$1\").undo|$2"
}

make_repo demo <<-END
run: [ "true" ]
END
agent_config <<-END
	expose = $gate
$(repo_conf demo)
END
agent_start

three='
run:
  - {name: one, run: echo 1 >f, undo: "echo undo one: $(cat f) >>f; cat f"}
  - {name: two, id: t, run: "echo v=7 >>$GITHUB_OUTPUT; echo 2 >>f", undo: "echo undo $TELLUS_UNDO_OF ${{ steps.t.outputs.v }} >>f"}
  - {name: none, run: "true"}'

test_expect_success 'the undos of what ran come in reverse, their output last' '
	{ push_workflow "$three
  - {name: bad, run: exit 3, undo: echo half done}
  - {name: never, run: \"true\", undo: echo never}
  - {name: tidy, if: always(), run: echo tidied}" ""; } && cat push.out && wait_run $run failed &&
	tellus log $run >log && cat log && tail -n +2 log >rest && cat >want <<-\EOF && cmp want rest &&
	half done
	1
	2
	undo two 7
	undo one: 1 2 undo two 7
	EOF
	run_has $run ".reason.step==\"bad\" and .flags==[]" &&
	undo_of one ".state==\"passed\" and .attempt==1" && ! undo_of never ".state" &&
	grep "undo of two" push.out && grep "undo of one" push.out &&
	grep -n "undo of\|bad" push.out | sed "s/:.*//" | sort -n -c &&
	tellus show $run | grep "undo  passed"
'

test_expect_success 'a run that passes undoes nothing' '
	push_workflow "$three" && wait_run $run passed && undo_of one ".state==\"queued\"" &&
	tellus log $run >log && ! grep undo log
'

test_expect_success 'an undo is tried five times, then given up, and the others still run' '
	push_workflow "
run:
  - {name: one, run: \"true\", undo: echo first}
  - {name: two, run: \"true\", undo: echo again; test \$TELLUS_STEP_ATTEMPT = 3}
  - {name: three, run: \"true\", undo: exit 9}
  - {name: bad, run: exit 4}" && wait_run $run failed &&
	undo_of three ".state==\"failed\" and .attempt==5 and .exit==9" &&
	undo_of two ".state==\"passed\" and .attempt==3" && undo_of one ".state==\"passed\"" &&
	run_has $run ".flags==[\"undo-incomplete\"] and .reason.step==\"bad\" and .reason.class==\"code\"" &&
	tellus show $run | grep "not everything could be undone"
'

test_expect_success 'a cancel undoes, also what other jobs had done' '
	push_workflow "
jobs:
  a: {steps: [{name: made, run: \"true\", undo: echo unmade}]}
  b: {needs: a, steps: [{name: hold, run: sleep 300, undo: echo unheld}]}" &&
	wait_for 20 step_runs $run hold && tellus cancel $run && wait_for 60 run_is $run canceled &&
	test "$(tellus log $run | tr "\n" " ")" = "unheld unmade " &&
	undo_of made ".state==\"passed\"" && undo_of hold ".state==\"passed\"" &&
	run_has $run "[.jobs[].steps[].undo.started]|.[0] >= .[1]"
'

test_expect_success 'a job is undone when one fails that needs it, and no other' '
	push_workflow "
jobs:
  base: {steps: [{name: base, run: \"true\", undo: echo base undone}]}
  other: {steps: [{name: other, run: \"true\", undo: echo other undone}]}
  top: {needs: base, steps: [{name: top, run: exit 1}]}" && wait_run $run failed &&
	test "$(tellus log $run)" = "base undone" && undo_of other ".state==\"queued\""
'

test_expect_success 'a retry runs again what was undone' '
	push_workflow "
jobs:
  base: {steps: [{name: base, run: echo base, undo: echo undone}]}
  top: {needs: base, steps: [{name: top, run: test \$GITHUB_RUN_ATTEMPT = 2}]}" && wait_run $run failed &&
	tellus retry -f $run && run_has $run "[.jobs[].steps[].attempt]==[2,2]" &&
	undo_of base ".state==\"queued\""
'

# During the undo of "slow", which waits at the gate.
at_undo () {
	push_workflow "
run:
  - {name: one, run: \"true\", undo: echo one}
  - {name: slow, run: \"true\", undo: \"echo slow; while ! test -e $gate/$1; do sleep 0.05; done\"}
  - {name: bad, run: exit 1}" &&
	wait_for 20 run_has $run ".state==\"running\" and ([.jobs[].steps[]|select(.undo.state==\"running\")]|length)==1"
}

worker_pid () {
	jq .pid $(ls -td state/runs/$run/0.*/identity | head -n 1)
}

test_expect_success 'killed in an undo, that undo runs again and no other' '
	at_undo a && kill -9 $(worker_pid) && touch $gate/a && wait_run $run failed &&
	undo_of slow ".state==\"passed\" and .attempt==2" && undo_of one ".state==\"passed\" and .attempt==1" &&
	test "$(tellus log $run | tr "\n" " ")" = "slow one "
'

test_expect_success 'tellusd killed in an undo: it goes on' '
	at_undo b && agent_kill && agent_start && touch $gate/b && wait_run $run failed &&
	undo_of slow ".state==\"passed\" and .attempt==1" && undo_of one ".attempt==1"
'

test_expect_success 'both killed in an undo' '
	at_undo c && kill -9 $(worker_pid) && agent_kill && touch $gate/c && agent_start && wait_run $run failed &&
	undo_of slow ".state==\"passed\" and .attempt==2" && undo_of one ".attempt==1"
'

test_expect_success 'an interrupted step with on-crash: fail is undone, too' '
	push_workflow "
run:
  - {name: dep, on-crash: fail, run: sleep 300, undo: echo took it back}" &&
	wait_for 20 step_runs $run dep && kill -9 $(worker_pid) && wait_run $run failed &&
	undo_of dep ".state==\"passed\"" && tellus log $run | grep "took it back"
'

test_expect_success 'a blocked run is undone when it is canceled, not before' '
	push_workflow "
run:
  - {name: one, run: \"true\", undo: echo gone}
  - {name: miss, run: no-such-program}" && wait_run $run blocked &&
	undo_of one ".state==\"queued\"" && tellus cancel $run && wait_for 60 run_is $run canceled &&
	undo_of one ".state==\"passed\""
'

test_done
