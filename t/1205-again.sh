#!/bin/sh
# SPDX-License-Identifier: MIT
# What a failure leads to, by its class: tried again, waited for, stopped for
# a person, taken back.  What a person says with a retry.
. "$(dirname "$0")/lib.sh"
. "$TELLUS_SRC/t/agent.sh"

has_crash_points || test_skip_all 'waits are short only with --enable-crash-points'
TELLUS_DELAYS=4
export TELLUS_DELAYS
make_gate

# step NAME CONDITION: of the run's step.
step () {
	run_has $run ".jobs[].steps[]|select(.name==\"$1\")|$2"
}

make_repo demo <<-END
run: [ "true" ]
END
agent_config <<-END
	expose = $gate
	memory = 64M
$(repo_conf demo)
END
agent_start

test_expect_success 'exit 75 is tried again, with the files as they were' '
	push_workflow "
name: ci
jobs:
  a:
    steps:
      - {name: before, run: echo 1 >count}
      - name: flaky
        run: echo again >>count; test \$TELLUS_STEP_ATTEMPT = 3 || exit 75
      - name: after
        run: test \$(wc -l <count) = 2" && wait_run $run passed &&
	step before ".attempt==1" && step flaky ".attempt==3" &&
	tellus show $run --json | jq -e ".jobs[0].attempt==3"
'

test_expect_success 'and given up after two more' '
	push_workflow "
run:
  - {name: flaky, run: exit 69}
  - {name: tidy, if: always(), run: echo tidied}" &&
	wait_run $run failed && step flaky ".attempt==3 and .reason.class==\"transient\"" &&
	step tidy ".state==\"passed\" and .attempt==1"
'

test_expect_success 'the wait is told, and survives a restart of the agent' '
	agent_stop && TELLUS_DELAYS=100 agent_start &&
	push_workflow "
run:
  - {name: flaky, run: test \$TELLUS_STEP_ATTEMPT = 2 || exit 75}" &&
	wait_for 20 run_is $run waiting &&
	run_has $run ".reason.text|test(\"tried again in [456]\")" &&
	run_has $run ".jobs[0].state==\"waiting\" and .jobs[0].waits_for==\"time\"" &&
	agent_kill && agent_start && run_is $run waiting && wait_run $run passed
'

test_expect_success 'retry: max, on' '
	push_workflow "
jobs:
  a:
    retry: {max: 2, on: code}
    steps:
      - {name: code, run: test \$TELLUS_STEP_ATTEMPT = 3}
      - {name: once, retry: 0, run: exit 75}" &&
	wait_run $run failed && step code ".attempt==3 and .state==\"passed\"" &&
	step once ".attempt==1"
'

test_expect_success 'a missing program stops the job for a person, and a retry goes on there' '
	push_workflow "
run:
  - {name: first, run: echo first >made}
  - {name: miss, run: test -e $gate/mended || no-such-program}
  - {name: tidy, if: always(), run: echo tidy}
  - {name: last, run: test \"\$(cat made)\" = first}" &&
	wait_run $run blocked &&
	run_has $run ".reason.class==\"config\" and (.reason.text|test(\"no-such-program\"))" &&
	step tidy ".state==\"passed\"" && step last ".state==\"skipped\"" &&
	agent_kill && agent_start && run_is $run blocked &&
	touch $gate/mended && tellus retry -f $run && run_is $run passed &&
	step first ".attempt==1" && step miss ".attempt==2" && step tidy ".attempt==2" &&
	run_has $run ".attempt==2"
'

test_expect_success 'a blocked run is superseded by a newer one, and canceled by hand' '
	push_workflow "
name: s
run: [no-such-program]" && wait_run $run blocked && old=$run &&
	push_workflow "
name: s
run: [no-such-program]" && wait_run $run blocked && run_is $old superseded &&
	tellus cancel $run && wait_for 60 run_is $run canceled
'

test_expect_success 'one that stops after a newer run was planned is superseded, too' '
	push_workflow "
name: late
run: [ \"while ! test -e $gate/late; do sleep 0.05; done; no-such-program\" ]" && old=$run &&
	wait_for 20 run_is $old running &&
	push_workflow "
name: late
run: [ \"true\" ]" && wait_run $run passed &&
	touch $gate/late && wait_run $old superseded &&
	run_has $old ".reason.text|test(\"run $run of the same ref\")"
'

test_expect_success 'a step at its own memory limit stops, and goes on with another' '
	push_workflow "
run:
  - {name: ok, run: echo kept >f}
  - {name: eat, run: python3 -c \"b = b\\\"x\\\" * (200 << 20)\" && cat f}" &&
	wait_for 60 is_settled $run &&
	if run_is $run blocked
	then
		run_has $run ".reason.class==\"resource.memory\"" &&
		tellus show $run | grep "tellus retry $run --limit memory=" &&
		tellus retry -f --limit memory=400M $run &&
		step ok ".attempt==1" && step eat ".attempt==2"
	else
		tellus doctor | grep -i "memory"
	fi
'

test_expect_success '--from, --skip and --set' '
	push_workflow "
env: {WHO: file}
run:
  - {name: one, id: o, run: echo one >f}
  - {name: two, run: \"test \$WHO = person\"}
  - {name: three, run: \"exit 3\"}
  - {name: four, run: cat f}" &&
	wait_run $run failed &&
	! tellus retry $run --from three 2>err && grep -- "say --from two," err &&
	! tellus retry $run --from nowhere 2>err && grep "no step .nowhere" err &&
	! tellus retry $run --limit memory=much 2>err && grep "size such as" err &&
	! tellus retry $run --set 9a=1 2>err && grep "name of a variable" err &&
	! tellus retry $run --set nothing 2>err && grep "NAME=VALUE" err &&
	tellus retry $run --from two --set WHO=person && wait_run $run failed &&
	step one ".attempt==1" && step two ".state==\"passed\"" &&
	tellus retry -f $run --skip three && run_is $run passed &&
	step three ".state==\"skipped\" and .waived" && step four ".state==\"passed\""
'

test_expect_success '--ref starts a new run of what the ref is now' '
	tellus retry $old --ref main >out && grep "of main" out &&
	run=$(sed -n "s/^run \([0-9]*\) .*/\1/p" out) &&
	wait_for 60 is_settled $run &&
	run_has $run ".sha==\"$(git -C demo rev-parse HEAD)\" and .event==\"manual\""
'

# killed STEP: the worker of the run, while the step runs.
killed () {
	wait_for 20 step_runs $run "$1" &&
	kill -9 $(jq .pid "$(ls -td state/runs/$run/0.*/identity | head -n 1)")
}

test_expect_success 'on-crash: ask stops, with the step in doubt' '
	push_workflow "
run:
  - {name: one, run: echo one >f}
  - {name: deploy, on-crash: ask, run: \"test -e $gate/go2 || sleep 300\"}
  - {name: tidy, if: failure(), run: echo tidy}
  - {name: rest, run: test -e f}" &&
	killed deploy && wait_run $run blocked &&
	run_has $run ".reason.text|test(\"may or may not\")" &&
	step deploy ".state==\"blocked\"" && step tidy ".state==\"passed\"" &&
	! tellus retry $run 2>err && grep -- "--skip" err &&
	agent_kill && agent_start && run_is $run blocked &&
	tellus retry -f $run --skip deploy && run_is $run passed &&
	step one ".attempt==1" && step rest ".state==\"passed\""
'

test_expect_success 'on-crash: fail fails the job; rerun, the default, goes on' '
	push_workflow "
run:
  - {name: deploy, on-crash: fail, run: sleep 300}
  - {name: tidy, if: failure(), run: echo tidy}" &&
	killed deploy && wait_run $run failed &&
	step deploy ".reason.class==\"infra.killed\" and .attempt==1" &&
	step tidy ".state==\"passed\"" &&
	push_workflow "
run:
  - {name: long, run: test \$TELLUS_STEP_ATTEMPT = 2 || sleep 300}" &&
	killed long && wait_run $run passed && step long ".attempt==2"
'

test_expect_success 'a worker that hangs is no obstacle to a cancel' '
	push_workflow "
run:
  - {name: hang, run: sleep 300}" &&
	wait_for 20 step_runs $run hang &&
	worker=$(jq .pid state/runs/$run/0.1/identity) && kill -STOP $worker &&
	tellus cancel $run && wait_for 60 run_is $run canceled && ! kill -0 $worker 2>/dev/null
'

test_done
