#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker that was killed, and the attempt after it.
. "${TELLUS_SRC:?}/t/lib.sh"
. "$TELLUS_SRC/t/work-lib.sh"
need_boxes

test_expect_success 'setup: a worker is killed in the second step' '
	repo r1 && workflow <<-\END && commit_all &&
	steps:
	  - id: first
	    run: |
	      echo made >made; echo v=7 >>"$GITHUB_OUTPUT"
	      echo KEPT=yes >>"$GITHUB_ENV"; echo first ran
	  - run: |
	      test ! -e half; echo "made $(cat made)"; echo x >half
	      echo "v ${{ steps.first.outputs.v }} $KEPT try $TELLUS_STEP_ATTEMPT"
	      if test "$TELLUS_ATTEMPT" = 1; then echo begun; sleep 876543; fi
	END
	spec_plan 1 1 "$T/r1" && plan_only 1 && spec_job 1 0 1 &&
	exits_with 137 run_job 1 0 1 --at-output begun 9 &&
	step_is 0 passed && ! step_is 1 passed && ! job_is passed
'

test_expect_success 'no process of the killed worker'\''s box is left' '
	wait_for 5 sh -c "! pgrep -f \"[s]leep 876543\""
'

test_expect_success 'the next attempt resumes after the finished step' '
	jq -s "[.[] | select(.kind == \"step-finished\") |
		{step, state: .data.state, exit: .data.exit,
		 layer: .data.layer, record: .data.record,
		 record_crc: .data.record_crc}]" "$T/ev" >"$T/done" &&
	spec_job 1 0 2 ".done = $(jq -c . "$T/done") | .tries = [1, 1]" &&
	run_job 1 0 2 && job_is passed &&
	out 1 0 2 "made made" && out 1 0 2 "v 7 yes try 2" &&
	! out 1 0 2 "first ran"
'

test_expect_success 'a finished step is not told again' '
	! ev ".step == 0" && ev ".step == 1 and .data.key == \"run-1.0.1\""
'

test_expect_success 'a record that was changed is not used' '
	spec_job 1 0 3 ".done = $(jq -c ".[0].record_crc += 1" "$T/done") |
		.tries = [1, 2]" &&
	run_job 1 0 3 && job_is blocked &&
	ev ".data.reason.text // \"\" | contains(\"damaged\")"
'

test_expect_success 'a layer that is gone is not done without' '
	spec_job 1 0 4 ".done = $(jq -c ".[0].layer = \"runs/1/9.9/layers/0\"" \
		"$T/done") | .tries = [1, 2]" &&
	run_job 1 0 4 && job_is blocked
'

test_expect_success 'EOF instead of go: no step runs' '
	spec_job 1 0 5 && run_job 1 0 5 --eof && test ! -s "$T/ev"
'

test_done
