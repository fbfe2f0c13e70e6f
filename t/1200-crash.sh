#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 at every place where an order of writes matters: one pass of a
# scenario lists the places, then the scenario runs once for each, with the
# kill there, and everything that was promised is checked.  "fail:N" is the
# Nth commit of the journal, which fails.  The short form takes some of the
# places; CRASH_ALL=1 takes all, at their first, middle and last pass.
# CRASH_POINTS="name:N fail:N ..." takes those.
. "$(dirname "$0")/lib.sh"

command -v node >/dev/null || test_skip_all 'node is not installed'
has_crash_points ||
	test_skip_all 'tellusd was built without --enable-crash-points'

SHORT=18 # places in the short form
LANES=3  # scenarios at a time
TOP=$T

FORGE_SECONDS=1200 node "$TELLUS_SRC/t/forge.mjs" "$TOP/port" "$TOP/forge.log" "$TOP/plan" &
test_on_exit "kill $!"
wait_for 10 test -s "$TOP/port" || exit 1
echo sesame >"$TOP/token"
chmod 600 "$TOP/token"

# ---- one scenario, in a folder and a shell of its own ----

agent_dead () {
	! kill -0 "$agent_pid" 2>/dev/null
}

# For agent_start: it may be killed before it answers.
up_or_dead () {
	curl -fs --unix-socket "$state/sock" http://localhost/healthz >/dev/null ||
		agent_dead
}

# Whoever was killed is started again, once, as a supervisor would.
revive () {
	agent_dead || return 0
	wait "$agent_pid" 2>/dev/null
	unset TELLUS_CRASH TELLUS_FAIL
	agent_start
}

# has CONDITION RUN: jq's, of the run; the agent is revived on the way.
has () {
	revive || return 1
	run_has "$2" "$1"
}

is_at_hold='.state as $s | ([.jobs[]?.steps[]? | select(.name == "hold" and
	.state == "running")] | length > 0) and
	([.jobs[]? | select(.name == "a")] | .[0].state == "passed")'

drained () {
	revive || return 1
	test "$(curl -fs --unix-socket "$state/sock" \
		http://localhost/api/v1/status | jq .outbox)" = 0
}

# Until the retry is in the journal: its answer may be what was lost.
retried () {
	has '.attempt == 2' 1 && return
	tellus retry 1
	return 1
}

canceled () {
	has '.state == "canceled"' 1 && return
	tellus cancel 1
	return 1
}

scenario () {
	push "the first push" &&
	wait_for 60 has "$is_at_hold" 1 &&
	{ agent_dead || agent_kill; } &&
	second_workflow && commit_file demo file two two &&
	{ git -C demo push -o ci.detach -q origin main; agent_start; } &&
	wait_for 30 canceled && wait_for 30 retried &&
	wait_for 60 has '.state == "passed"' 1 &&
	wait_for 60 has '.state == "passed"' 2 &&
	wait_for 60 has '.state == "passed"' 3 &&
	wait_for 60 drained
}

# From then on a delivery makes two runs.
second_workflow () {
	printf 'name: lint\nrun: [ "true" ]\n' >demo/.tellus/lint.yml
}

push () {
	git -C demo push -o ci.detach -q origin main
	:
}

# forge_says SHA WORKFLOW: its last word on both.
forge_says () {
	jq -r --arg u "/repos/acme/demo/statuses/$1" --arg c "tellus/$2" \
		'select(.applied and .url == $u and .body.context == $c)|
		.body.state' "$TOP/forge.log" | tail -n 1
}

no_process () {
	! pgrep -f "sleep $nap" &&
	! find /proc/[0-9]*/fd -lname "$state/*" 2>/dev/null | grep .
}

verdict () {
	tellus list --json >list.json &&
	test "$(jq length list.json)" = 3 &&
	test "$(jq '[.[]|[.sha,.workflow]]|unique|length' list.json)" = 3 &&
	test "$(jq '[.[]|select(.state == "passed")]|length' list.json)" = 3 &&
	test "$(forge_says "$(git -C demo rev-parse HEAD^)" ci)" = success &&
	test "$(forge_says "$(git -C demo rev-parse HEAD)" ci)" = success &&
	test "$(forge_says "$(git -C demo rev-parse HEAD)" lint)" = success &&
	test -z "$(ls demo.git/tellus/incoming 2>/dev/null)" &&
	node "$TELLUS_SRC/t/crash.mjs" "$state" &&
	agent_stop && wait_for 10 no_process &&
	tellusd --config "$config" --journal check
}

# lane NUMBER POINT: "ok" or "not ok" in a file, with all that was said.
lane () {
	T=$TOP/lane$1
	nap=3$1.$$
	mkdir -p "$T"
	cd "$T" || exit 1
	test_cleanup=:
	. "$TELLUS_SRC/t/agent.sh"
	agent_up () { up_or_dead; }
	make_repo demo <<-END
	name: ci
	jobs:
	  a:
	    steps:
	      - name: one
	        run: echo $1 >count; echo "n=1" >>"\$GITHUB_OUTPUT"
	        id: one
	      - name: two
	        run: test "\$(wc -l <count)" = 1; test "\${{ steps.one.outputs.n }}" = 1
	  b:
	    needs: a
	    steps:
	      - name: hold
	        run: test "\$(cat file)\$GITHUB_RUN_ATTEMPT" != one1 || exec sleep $nap
	      - name: late
	        run: "true"
	END
	mkdir demo/.tellus && git -C demo mv .tellus.yml .tellus/ci.yml &&
	git -C demo commit -q --amend -m "killed at $2"
	git -C demo.git config tellus.repository acme/demo
	agent_config <<-END
	[forge "gh"]
		kind = github
		api = http://127.0.0.1:$(cat "$TOP/port")
	[repository "acme/demo"]
		path = $T/demo.git
		forge = gh
		token-file = $TOP/token
	END
	case $2 in
	fail:*)
		TELLUS_FAIL=store.commit:${2#*:}
		export TELLUS_FAIL
		;;
	*)
		TELLUS_CRASH=$2 TELLUS_CRASH_COUNT=$T/passes
		export TELLUS_CRASH TELLUS_CRASH_COUNT
		;;
	esac
	agent_start && scenario && verdict
	lane_rc=$?
	test $lane_rc = 0 || {
		echo "the scenario or its check failed, killed at $2"
		for n in 1 2 3
		do
			tellus show $n
		done
		cat "$T/agent.log"
		cat list.json
	}
	agent_end
	return $lane_rc
}

run_lane () {
	if (lane "$1" "$2") >"$TOP/lane$1.out" 2>&1 </dev/null
	then
		rm -rf "$TOP/lane$1" "$TOP/lane$1.out"
	else
		echo "$2" >"$TOP/lane$1.bad"
	fi
}

# ---- the places ----

places () {
	if test -n "${CRASH_POINTS-}"
	then
		printf '%s\n' $CRASH_POINTS
		return
	fi
	sort "$TOP/passes.log" | uniq -c | awk -v all="${CRASH_ALL-}" -v want=$SHORT '
		{ name[NR] = $2; n[NR] = $1 }
		$2 == "store.committed" { commits = $1 }
		END {
			# Half of them are of the agent after its restart.
			# The third is that of the first push.
			for (i = all ? 2 : 3; i <= commits / 2; i += all ? 1 : int(commits / 6) + 1)
				print "fail:" i
			for (i = 1; i <= NR; i++) {
				if (all) {
					print name[i] ":1"
					if (n[i] > 2) print name[i] ":" int((n[i] + 1) / 2)
					if (n[i] > 1) print name[i] ":" n[i]
				} else if (int(i * want / NR) != int((i - 1) * want / NR)) {
					# another pass of it for another place
					print name[i] ":" 1 + (i * 7) % n[i]
				}
			}
		}'
}

record () {
	TELLUS_CRASH_LOG=$TOP/passes.log
	export TELLUS_CRASH_LOG
	(lane 0 none:1)
	record_rc=$?
	unset TELLUS_CRASH_LOG
	return $record_rc
}

test_expect_success 'the scenario goes well without a kill' '
	record
'

test_expect_success 'it passes at least 30 places' '
	sort -u "$TOP/passes.log" && test "$(sort -u "$TOP/passes.log" | wc -l)" -ge 30
'

test "$test_failed" = 0 || test_done

n=0
for place in $(places)
do
	n=$((n + 1))
	run_lane $n "$place" &
	lanes="${lanes-} $!"
	# As many as LANES at a time, in order.
	set -- $lanes
	if test $# -ge $LANES
	then
		wait "$1"
		shift
		lanes=$*
	fi
done
for pid in ${lanes-}
do
	wait "$pid"
done

test_expect_success "every promise is kept over a kill at each of $n places" '
	for bad in "$TOP"/lane*.bad
	do
		test -e "$bad" || continue
		cat "$bad" && tail -n 80 "${bad%.bad}.out"
	done
	test "$n" -gt 0 && ! ls "$TOP"/lane*.bad 2>/dev/null
'

test_done
