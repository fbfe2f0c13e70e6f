#!/bin/sh
# SPDX-License-Identifier: MIT
# Job attempts: steps in real boxes, and what they leave to each other.
. "${TELLUS_SRC:?}/t/lib.sh"
. "$TELLUS_SRC/t/work-lib.sh"
need_boxes

# job RUN [JOB-JQ [driver options]]: the workflow on standard input, run as
# one commit.
job () {
	job_repo=$T/r$1
	repo "r$1" && workflow && echo data >file && commit_all &&
	job_run=$1 && shift && job_jq=${1:-.} &&
	if test $# -gt 0
	then
		shift
	fi &&
	whole "$job_run" "$job_repo" . "$job_jq" "$@"
}

test_expect_success 'the output of a step is kept' '
	job 1 <<-\END &&
	steps:
	  - name: hello
	    run: echo hello world
	END
	out 1 0 1 "hello world" && step_is 0 passed && job_is passed
'

test_expect_success 'step-started comes before step-finished, each once' '
	jq -r .kind "$T/ev" >"$T/kinds" &&
	printf "%s\n" step-started step-finished job-finished |
		cmp - "$T/kinds" &&
	ev ".data.key == \"run-1.0.0\" and .data.try == 1"
'

test_expect_success 'step-finished says where the output is' '
	ev ".kind == \"step-finished\" and .data.output == 0 and
		.data.length == 12 and .data.exit == 0"
'

test_expect_success 'a step sees the files of the steps before it' '
	job 2 <<-\END &&
	steps:
	  - run: echo one >made && echo two >~/made && echo three >/tmp/made
	  - run: cat made ~/made /tmp/made file
	  - run: rm file
	  - run: test ! -e file
	END
	out 2 0 1 one && out 2 0 1 two && out 2 0 1 three && out 2 0 1 data &&
	job_is passed
'

test_expect_success 'a step that fails stops those after it' '
	job 3 <<-\END &&
	steps:
	  - name: broken
	    run: exit 3
	  - run: echo not reached
	END
	step_is 0 failed && step_is 1 skipped && job_is failed &&
	! out 3 0 1 "not reached" &&
	ev ".kind == \"job-finished\" and .data.reason.class == \"code\" and
		.data.reason.step == \"broken\""
'

test_expect_success 'a later line of a script is not reached after a failure' '
	job 4 <<-\END &&
	steps:
	  - run: |
	      false
	      echo not reached
	END
	! out 4 0 1 "not reached" && job_is failed
'

test_expect_success 'always() and failure() run after a failure' '
	job 5 <<-\END &&
	steps:
	  - run: echo kept >kept; exit 1
	  - if: always()
	    run: cat kept
	  - if: failure()
	    run: echo it failed
	  - if: success()
	    run: echo it passed
	END
	out 5 0 1 kept && out 5 0 1 "it failed" && step_is 3 skipped &&
	job_is failed
'

test_expect_success 'continue-on-error lets the job pass' '
	job 6 <<-\END &&
	steps:
	  - id: bad
	    continue-on-error: true
	    run: exit 1
	  - run: echo ${{ steps.bad.outcome }} ${{ steps.bad.conclusion }}
	END
	out 6 0 1 "failure success" && job_is passed &&
	ev ".data.ignored == true and .data.state == \"failed\""
'

test_expect_success 'outputs, environment and path reach later steps' '
	job 7 <<-\END &&
	steps:
	  - id: a
	    run: |
	      echo "answer=42" >>"$GITHUB_OUTPUT"
	      printf "text<<E\none\ntwo\nE\n" >>"$GITHUB_OUTPUT"
	      echo "FROM_FILE=yes" >>"$GITHUB_ENV"
	      mkdir bin && printf "#!/bin/sh\necho mine\n" >bin/mine
	      chmod +x bin/mine && echo "$PWD/bin" >>"$GITHUB_PATH"
	      echo "# done" >>"$GITHUB_STEP_SUMMARY"
	  - run: |
	      echo "${{ steps.a.outputs.answer }} $FROM_FILE"
	      echo "${{ steps.a.outputs.text }}" && mine
	END
	out 7 0 1 "42 yes" && out 7 0 1 two && out 7 0 1 mine &&
	jq -e ".outputs.answer == \"42\" and .summary == \"# done\\n\"" \
		"$S/runs/7/0.1/records/0.json" &&
	test "$(stat -c %a "$S/runs/7/0.1/records/0.json")" = 600
'

test_expect_success 'outputs of the job are told' '
	job 8 <<-\END &&
	jobs:
	  a:
	    outputs:
	      v: ${{ steps.s.outputs.v }}
	    steps:
	      - id: s
	        run: echo v=7 >>"$GITHUB_OUTPUT"
	END
	ev ".kind == \"job-finished\" and .data.outputs.v == \"7\""
'

test_expect_success 'a broken output file fails the step' '
	job 9 <<-\END &&
	steps:
	  - run: echo nonsense >>"$GITHUB_OUTPUT"
	END
	step_is 0 failed && ev ".data.text // \"\" | contains(\"GITHUB_OUTPUT\")"
'

test_expect_success 'a link in place of an output file is not followed' '
	job 10 <<-\END &&
	steps:
	  - run: rm "$GITHUB_OUTPUT" && ln -s /etc/passwd "$GITHUB_OUTPUT"
	END
	step_is 0 failed && ! grep -q root "$S/runs/10/0.1/records/0.json"
'

test_expect_success 'the environment is ours, the workflow'\''s, the step'\''s' '
	export TELLUS_TEST_CANARY=hatched &&
	job 11 <<-\END &&
	env: {A: workflow, B: workflow, C: workflow}
	jobs:
	  a:
	    env: {B: job, C: job}
	    steps:
	      - env: {C: step, D: "${{ env.A }}"}
	        run: env | sort
	      - run: |
	          echo "again $C"
	          echo TELLUS_RUN=9 >>"$GITHUB_ENV"
	      - run: echo "run $TELLUS_RUN"
	END
	unset TELLUS_TEST_CANARY &&
	out 11 0 1 A=workflow && out 11 0 1 B=job && out 11 0 1 C=step &&
	out 11 0 1 D=workflow && out 11 0 1 "run 11" &&
	out 11 0 1 CI=true && out 11 0 1 HOME=/home/build &&
	out 11 0 1 GITHUB_REF=refs/heads/main && out 11 0 1 "again job" &&
	out 11 0 1 "GITHUB_SHA=$(git -C "$T/r11" rev-parse HEAD)" &&
	out 11 0 1 CI_COMMIT_BRANCH=main && out 11 0 1 TELLUS_STEP_ATTEMPT=1 &&
	! grep -q "hatched\|GITHUB_ACTIONS" "$S/runs/11/0.1/output"
'

test_expect_success 'git status is clean inside and git log has the commit' '
	job 12 <<-\END &&
	steps:
	  - run: |
	      git status --porcelain; git rev-parse --abbrev-ref HEAD
	      git log -1 --format=%s
	END
	printf "main\na commit\n" | cmp - "$S/runs/12/0.1/output"
'

test_expect_success 'a command that does not exist is named' '
	job 13 <<-\END &&
	steps:
	  - run: no-such-command
	END
	ev ".data.exit == 127 and .data.class == \"config\" and
		(.data.text | contains(\"no-such-command\"))"
'

test_expect_success 'a file that is not executable is exit code 126' '
	job 14 <<-\END &&
	steps:
	  - run: ./file
	END
	ev ".data.exit == 126 and .data.class == \"config\" and
		(.data.text | contains(\"./file\"))"
'

test_expect_success 'a shell that does not exist is exit code 127' '
	job 15 <<-\END &&
	steps:
	  - shell: /no/such/shell {0}
	    run: x
	END
	ev ".data.exit == 127 and .data.class == \"config\""
'

test_expect_success 'exit codes 75 and 78 have their classes' '
	job 16 <<-\END &&
	steps:
	  - run: exit 78
	  - if: always()
	    run: exit 75
	END
	ev ".step == 0 and .data.class == \"config\"" &&
	ev ".step == 1 and .data.class == \"transient\" and .data.again == \"transient\"" &&
	ev ".kind == \"yielded\" and .data.retry == \"transient\""
'

test_expect_success 'a step that dies by a signal says so' '
	job 17 <<-\END &&
	steps:
	  - run: kill -SEGV $$
	END
	ev ".data.signal == 11 and .data.class == \"code\""
'

test_expect_success 'shell and working-directory are honoured' '
	job 18 <<-\END &&
	steps:
	  - run: mkdir -p a/b
	  - working-directory: a/b
	    shell: sh
	    run: pwd; echo "shell $0"
	  - working-directory: not/there
	    run: pwd
	END
	out 18 0 1 /workspace/a/b && step_is 2 failed &&
	ev ".step == 2 and .data.class == \"config\" and
		(.data.text | contains(\"not/there\"))"
'

test_expect_success 'an expression that cannot be evaluated fails the step' '
	job 19 ".plan.steps[0].if = \"nonsense(\"" <<-\END &&
	steps:
	  - run: echo reached
	END
	step_is 0 failed && ! out 19 0 1 reached &&
	ev ".data.class == \"config\""
'

test_expect_success 'what a step leaves running is dead after it' '
	job 20 <<-\END &&
	steps:
	  - run: |
	      sh -c "while :; do date +%N >beat; sleep 0.1; done" >/dev/null 2>&1 &
	      sleep 987654 & echo started
	  - run: test "$(cat beat)" = "$(sleep 0.3; cat beat)"
	END
	job_is passed && ! pgrep -f "[s]leep 987654"
'

test_expect_success 'output is bounded and says what was dropped' '
	job 21 ".limits.output = 100000" <<-\END &&
	steps:
	  - run: head -c 1000000 /dev/zero | tr "\\0" x; echo; echo the end
	END
	job_is passed && out 21 0 1 "the end" &&
	test "$(wc -c <"$S/runs/21/0.1/output")" -lt 110000
'

test_expect_success 'a step without network has only the loopback' '
	job 22 <<-\END &&
	steps:
	  - run: cut -d ":" -f 1 /proc/net/dev
	END
	grep "lo" "$S/runs/22/0.1/output" && ! grep -E "eth|ens|wlan|tap" "$S/runs/22/0.1/output"
'

test_expect_success 'outbound is a route, or the first line says why not' '
	job 27 ".network = \"outbound\"" <<-\END &&
	steps:
	  - run: cat /proc/net/route
	END
	job_is passed &&
	if head -n 1 "$S/runs/27/0.1/output" | grep -q "^network off"
	then
		test "$(sed 1,2d "$S/runs/27/0.1/output" | wc -l)" -eq 0
	else
		sed 1d "$S/runs/27/0.1/output" | grep .
	fi
'

test_expect_success 'host is refused where the administrator does not allow it' '
	job 28 ".network = \"host\"" <<-\END &&
	steps:
	  - run: echo reached
	END
	job_is blocked && ! out 28 0 1 reached &&
	ev ".data.reason.text // \"\" | contains(\"agent.network\")"
'

test_expect_success 'a repository that the build user cannot read is built' '
	repo r23 && workflow <<-\END && commit_all && chmod 700 "$T/r23" &&
	steps:
	  - run: cat file || git log -1 --format=%s && git status --porcelain
	END
	whole 23 "$T/r23" && printf "a commit\n" >"$T/want" &&
	job_is passed && out 23 0 1 "a commit"
'

test_expect_success 'output comes out as the bytes that were written' '
	job 24 <<-\END &&
	steps:
	  - run: printf "\\000\\377\\n"
	END
	printf "\000\377\n" | cmp - "$S/runs/24/0.1/output"
'

test_expect_success 'a step can use no more memory than its limit' '
	job 25 ".limits.memory = 33554432" <<-\END &&
	steps:
	  - shell: python
	    run: x = bytearray(200 << 20)
	END
	step_is 0 failed &&
	if jq -e ".data.memory" "$T/ev" >/dev/null
	then
		ev ".data.class == \"resource.memory\" and
			(.data.suggestion | contains(\"memory=64M\"))"
	fi
'

test_expect_success 'a process limit that is met is the reason' '
	job 26 ".limits.pids = 16" <<-\END &&
	steps:
	  - run: |
	      set +e
	      for i in $(seq 40); do sleep 5 & done 2>/dev/null
	      exit 1
	END
	step_is 0 failed &&
	ev ".data.class == \"resource.limit\""
'

test_expect_success 'nothing of the work folders is left' '
	test ! -e "$S/runs/2/0.1/work" && ! grep "$S" /proc/self/mountinfo
'

test_done
