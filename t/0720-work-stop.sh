#!/bin/sh
# SPDX-License-Identifier: MIT
# Steps that are stopped: by a deadline, by a cancel.
. "${TELLUS_SRC:?}/t/lib.sh"
. "$TELLUS_SRC/t/work-lib.sh"
need_boxes

job () {
	job_repo=$T/r$1
	repo "r$1" && workflow && commit_all &&
	job_run=$1 && shift && job_jq=${1:-.} &&
	if test $# -gt 0
	then
		shift
	fi &&
	whole "$job_run" "$job_repo" . "$job_jq" "$@"
}

test_expect_success 'a step that runs too long is stopped' '
	job 1 ".plan.steps[0].timeout_ms = 300" <<-\END &&
	steps:
	  - run: echo begun; sleep 1000
	  - if: always()
	    run: echo cleaned
	END
	ev ".step == 0 and .data.class == \"timeout\" and
		.data.state == \"failed\"" &&
	out 1 0 1 begun && out 1 0 1 cleaned && job_is failed
'

test_expect_success 'a job that runs too long is stopped' '
	job 2 ".timeout_ms = 300" <<-\END &&
	steps:
	  - run: sleep 1000
	  - run: echo not reached
	END
	ev ".kind == \"job-finished\" and .data.reason.class == \"timeout\"" &&
	step_is 1 skipped
'

test_expect_success 'a cancel ends the step, and always() steps still run' '
	job 3 . --at-output begun 15 <<-\END &&
	steps:
	  - run: echo begun; sleep 1000
	  - run: echo not reached
	  - if: always()
	    run: echo cleaned
	  - if: cancelled()
	    run: echo ${{ job.status }}
	END
	step_is 0 canceled && step_is 1 skipped && job_is canceled &&
	out 3 0 1 cleaned && out 3 0 1 cancelled &&
	ev ".step == 0 and .data.class == \"canceled\""
'

test_expect_success 'a step hears of the cancel by TERM' '
	job 4 . --at-output begun 15 <<-\END &&
	steps:
	  - run: |
	      trap "echo heard; exit 0" TERM
	      echo begun
	      while :; do sleep 0.1; done
	END
	out 4 0 1 heard && step_is 0 canceled && job_is canceled
'

test_expect_success 'a second cancel does not wait for a deaf step' '
	job 5 . --twice --at-output begun 15 <<-\END &&
	steps:
	  - run: |
	      trap "echo again" TERM
	      echo begun
	      while :; do sleep 0.1; done
	END
	step_is 0 canceled && ev ".data.ms < 8000"
'

test_done
