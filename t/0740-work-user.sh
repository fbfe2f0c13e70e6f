#!/bin/sh
# SPDX-License-Identifier: MIT
# The same worker, started by an ordinary user.
. "${TELLUS_SRC:?}/t/lib.sh"
. "$TELLUS_SRC/t/work-lib.sh"
need_boxes
if test "$(id -u)" -eq 0
then
	as_user="setpriv --reuid=65000 --regid=65000 --clear-groups"
	$as_user unshare -Ur true 2>/dev/null ||
		test_skip_all "ordinary users may not make user namespaces"
fi

test_expect_success 'steps share files and see a clean .git' '
	repo r1 && echo data >file && workflow <<-\END && commit_all &&
	steps:
	  - run: git status --porcelain && echo made >made && rm file
	  - run: cat made && test ! -e file && id -u
	END
	whole 1 "$T/r1" && job_is passed &&
	printf "made\n1000\n" | cmp - "$S/runs/1/0.1/output"
'

test_expect_success 'a step that fails is told apart from one that is missing' '
	repo r2 && workflow <<-\END && commit_all &&
	steps:
	  - run: exit 4
	  - if: always()
	    run: no-such-command
	END
	whole 2 "$T/r2" && ev ".step == 0 and .data.exit == 4" &&
	ev ".step == 1 and .data.exit == 127" && job_is failed
'

test_expect_success 'a killed worker leaves nothing, and the job resumes' '
	repo r3 && workflow <<-\END && commit_all &&
	steps:
	  - run: echo one >one
	  - run: |
	      test ! -e half && echo half >half && cat one
	      if test $TELLUS_ATTEMPT = 1; then echo begun; sleep 765432; fi
	END
	{ whole 3 "$T/r3" . . --at-output begun 9 || test $? -eq 137; } &&
	wait_for 5 sh -c "! pgrep -f \"[s]leep 765432\"" &&
	jq -s "[.[] | select(.kind == \"step-finished\") |
		{step, state: .data.state, exit: .data.exit,
		 layer: .data.layer, record: .data.record,
		 record_crc: .data.record_crc}]" "$T/ev" >"$T/done" &&
	spec_job 3 0 2 ".done = $(jq -c . "$T/done") | .tries = [1, 1]" &&
	run_job 3 0 2 && job_is passed && out 3 0 2 one
'

test_done
