#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 at every place where an order of writes matters: one pass of a
# scenario lists the places, then it runs again and again with kills there,
# of tellusd, of its workers, or of both, and the checker says whether every
# promise was kept.  "fail:N" is the Nth commit of the journal, which fails.
# CRASH_N=N kills N times at each place, over its passes and all three ways;
# without it each place has one.  CRASH_POINTS="name:N:who fail:N ..." takes
# those.  CRASH_SUMMARY=FILE gets the figures, CRASH_KEEP=DIR the output of
# the scenarios that went wrong.
. "$(dirname "$0")/lib.sh"

for tool in node perl flock
do
	command -v $tool >/dev/null || test_skip_all "$tool is not installed"
done
has_crash_points ||
	test_skip_all 'tellusd was built without --enable-crash-points'

LANES=4         # scenarios at a time
KILLS=2         # in one scenario
MIN_PLACES=60   # that the scenario passes
TOP=$T
all=${CRASH_N-}

# ---- one scenario, in a folder and a shell of its own ----

agent_dead () {
	! kill -0 "$agent_pid" 2>/dev/null
}

# For agent_start: it may be killed before it answers.
up_or_dead () {
	curl -fs --unix-socket "$state/sock" http://localhost/healthz >/dev/null ||
		agent_dead
}

# Whoever was killed is started again, as a supervisor would.
revive () {
	agent_dead || return 0
	wait "$agent_pid" 2>/dev/null
	unset TELLUS_FAIL
	agent_start
}

api () {
	curl -fs --unix-socket "$state/sock" "http://localhost/api/v1/$1"
}

# has CONDITION RUN: jq's, of the run; the agent is revived on the way.
has () {
	revive || return 1
	api "runs/$2" >"$T/run.json" && jq -e "$1" "$T/run.json" | grep -q true
}

is_at_hold='.state as $s | ([.jobs[]?.steps[]? | select(.name == "hold" and
	.state == "running")] | length > 0) and
	([.jobs[]? | select(.name == "a")] | .[0].state == "passed")'

# All runs, as "workflow state", when none is under way.
settled () {
	revive || return 1
	api runs >"$T/list.json" && jq -e '
		def over: test("^(passed|failed|canceled|error|skipped|superseded|blocked)$");
		length == 5 and all(.[]; .state|over)' "$T/list.json" | grep -q true
}

drained () {
	revive || return 1
	test "$(api status | jq .outbox)" = 0
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

# The hook returned: it is accepted, with or without an agent.
push () {
	git -C demo push -o ci.detach -q origin main &&
	printf '{"sha":"%s"}\n' "$(git -C demo rev-parse HEAD)" >>accepted
}

# A forge that is not sure repeats itself.
delivered () {
	revive || return 1
	deliver acme/demo "$1" "$(git -C demo rev-parse HEAD^)" \
		"$(git -C demo rev-parse HEAD)"
}

# The job with the step "hold" loses its worker.
lose_worker () {
	for identity in "$state"/runs/1/1.*/identity
	do
		test -e "$identity" || continue
		kill -9 "$(sed 's/.*"pid": *\([0-9]*\).*/\1/' "$identity")" 2>/dev/null
	done
	:
}

scenario () {
	push &&
	wait_for 60 has "$is_at_hold" 1 &&
	{ agent_dead || agent_kill; } &&
	other_workflows && commit_file demo file two two &&
	{ push; agent_start; } &&
	wait_for 30 has "$is_at_hold" 1 && lose_worker &&
	wait_for 30 canceled && wait_for 30 retried &&
	nonce=$(printf '%032x' $$) &&
	wait_for 30 delivered "$nonce" && wait_for 30 delivered "$nonce" &&
	wait_for 60 has '.state == "passed"' 1 &&
	wait_for 60 settled && wait_for 60 drained
}

# From then on a delivery makes two runs: one fails and takes back what it
# did, one stops for a person.
other_workflows () {
	git -C demo rm -q .tellus/ci.yml && mkdir -p demo/.tellus &&
	cat >demo/.tellus/back.yml <<-END &&
	name: back
	jobs:
	  a:
	    steps:
	      - name: one
	        run: $in_ledger
	        undo: $in_ledger; echo back
	      - name: two
	        run: $in_ledger; echo "count 1"; test \$TELLUS_STEP_ATTEMPT -gt 1 || exit 75
	        undo: $in_ledger
	      - name: three
	        run: $in_ledger; exit 3
	        on-crash: fail
	        undo: $in_ledger; test \$TELLUS_STEP_ATTEMPT -gt 1
	  never:
	    if: \${{ false }}
	    steps: [ { run: $in_ledger } ]
	END
	cat >demo/.tellus/stop.yml <<-END
	name: stop
	run:
	  - name: once
	    run: $in_ledger; sleep 0.1
	    on-crash: ask
	  - name: wrong
	    run: $in_ledger; exit 78
	END
}

repository () {
	make_repo demo <<-END
	name: ci
	jobs:
	  a:
	    steps:
	      - name: one
	        run: |
	          $in_ledger
	          echo $1 >count; echo "n=1" >>"\$GITHUB_OUTPUT"
	          setsid sleep $nap &
	          for i in 1 2 3; do echo "count \$i"; done
	        id: one
	      - name: two
	        run: |
	          $in_ledger
	          test "\$(wc -l <count)" = 1
	          test "\${{ steps.one.outputs.n }}" = 1
	  b:
	    needs: a
	    steps:
	      - name: hold
	        run: |
	          $in_ledger
	          echo "count 1"
	          test "\$GITHUB_RUN_ATTEMPT" != 1 || sleep $nap
	          echo "count 2"
	END
	mkdir demo/.tellus && git -C demo mv .tellus.yml .tellus/ci.yml &&
	git -C demo commit -q --amend -m "killed at $1"
}

# What may come of each, whatever was killed; a step that may have been cut
# off and may not run twice waits for a person.
as_promised () {
	jq -e '
		def may: {ci: ["passed"], back: ["failed", "superseded"],
			stop: ["blocked", "superseded"]};
		all(.[]; .state as $s|may[.workflow]|index($s)) and
		any(.[]; .state == "blocked")' list.json | grep -q true
}

verdict () {
	{ as_promised || { jq -c ".[]|[.run,.workflow,.state,.reason]" list.json; false; }; } &&
	test -z "$(ls demo.git/tellus/incoming 2>/dev/null)" &&
	check_scene
}

# lane NUMBER PLACES: 0 or not, with all that was said.
lane () {
	T=$TOP/lane$1
	nap=3$1.$$
	mkdir -p "$T"
	cd "$T" || exit 1
	test_cleanup=:
	. "$TELLUS_SRC/t/agent.sh"
	. "$TELLUS_SRC/t/ledger.sh"
	agent_up () { up_or_dead; }
	canary=canary$1x$$
	printf '500\napplydrop\n' >"$T/plan"
	echo $canary >"$T/token" && chmod 600 "$T/token" || exit 1
	FORGE_SECONDS=600 node "$TELLUS_SRC/t/forge.mjs" "$T/port" "$T/forge.log" "$T/plan" &
	forge_pid=$!
	make_ledger 5 && repository "$2" || exit 1
	wait_for 10 test -s "$T/port" || exit 1
	git -C demo.git config tellus.repository acme/demo
	{
		expose_ledger
		cat <<-END
		[forge "gh"]
			kind = github
			api = http://127.0.0.1:$(cat "$T/port")
		[repository "acme/demo"]
			path = $T/demo.git
			forge = gh
			token-file = $T/token
		END
	} | agent_config
	scene_mine=$forge_pid
	scene "forge=\"$T/forge.log\"" "canaries=[\"$canary\"]" \
		"watch=[\"$T/demo.git/config\", \"$T/demo.git/hooks\",
			\"$T/demo.git/HEAD\", \"$gate\", \"$T/token\",
			\"$T/config\"]" || exit 1
	mkdir passes && chmod 777 passes # workers of another user write there
	TELLUS_CRASH_COUNT=$T/passes/at TELLUS_CRASH_STATE=$state TELLUS_DELAYS=1
	export TELLUS_CRASH_COUNT TELLUS_CRASH_STATE TELLUS_DELAYS
	case $2 in
	fail:*)
		TELLUS_FAIL=store.commit:${2#*:}
		export TELLUS_FAIL
		;;
	*)
		TELLUS_CRASH=$2
		export TELLUS_CRASH
		;;
	esac
	agent_start && { note_descriptors idle || agent_dead; } &&
	scenario && verdict
	lane_rc=$?
	test $lane_rc = 0 || {
		echo "the scenario or its check failed, killed at $2"
		revive
		for n in 1 2 3 4 5
		do
			tellus show $n
		done
		cat "$T/agent.log" "$T/passes/at.kills"
	}
	eval "$test_cleanup" >/dev/null 2>&1
	agent_end
	kill $forge_pid 2>/dev/null
	return $lane_rc
}

run_lane () {
	if (lane "$1" "$2") >"$TOP/lane$1.out" 2>&1 </dev/null
	then
		cat "$TOP/lane$1/passes/at.kills" >>"$TOP/kills" 2>/dev/null
		rm -rf "$TOP/lane$1" "$TOP/lane$1.out"
	else
		echo "$2" >"$TOP/lane$1.bad"
		test -z "${CRASH_KEEP-}" || cp "$TOP/lane$1.out" "$CRASH_KEEP/"
		cat "$TOP/lane$1/passes/at.kills" >>"$TOP/kills" 2>/dev/null
	fi
}

# ---- the places ----

# A line for each scenario: places that are far from each other.
places () {
	if test -n "${CRASH_POINTS-}"
	then
		printf '%s\n' $CRASH_POINTS
		return
	fi
	sort "$TOP/passes/log" | uniq -c | awk -v all="${all:-0}" -v kills=$KILLS '
		BEGIN { split("tellusd worker both", who, " ") }
		{ name[NR] = $2; n[NR] = $1 }
		$2 == "store.committed" { commits = $1 }
		END {
			# Half of them are of the agent after its restart.
			# The third is that of the first push.
			for (i = all ? 2 : 3; i <= commits / 2; i += all ? 1 : int(commits / 6) + 1)
				print "fail:" i
			m = 0
			for (k = 0; k < (all ? all : 1); k++)
				for (i = 1; i <= NR; i++) {
					pass = all ? 1 + (k * n[i] / all) % n[i] : 1 + (i * 7) % n[i]
					w[m++] = name[i] ":" int(pass) ":" who[1 + (i + k) % 3]
				}
			step = int((m + kills - 1) / kills)
			for (i = 0; i < step; i++) {
				line = w[i]
				for (k = 1; k < kills && i + k * step < m; k++)
					line = line " " w[i + k * step]
				print line
			}
		}'
}

record () {
	mkdir "$TOP/passes" && chmod 777 "$TOP/passes"
	TELLUS_CRASH_LOG=$TOP/passes/log
	export TELLUS_CRASH_LOG
	(lane 0 none:1)
	record_rc=$?
	unset TELLUS_CRASH_LOG
	return $record_rc
}

test_expect_success 'the scenario goes well without a kill' '
	record
'

test_expect_success "it passes at least $MIN_PLACES places" '
	sort -u "$TOP/passes/log" && test "$(sort -u "$TOP/passes/log" | wc -l)" -ge $MIN_PLACES
'

test "$test_failed" = 0 || test_done

n=0
: >"$TOP/kills"
places >"$TOP/places"
while read -r place
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
done <"$TOP/places"
for pid in ${lanes-}
do
	wait "$pid"
done
at=$(sort -u "$TOP/kills" | wc -l)
kills=$(wc -l <"$TOP/kills")
bad=$(ls "$TOP"/lane*.bad 2>/dev/null | wc -l)
echo "# $at places, $kills kills in $n scenarios, $bad with a violation"
test -z "${CRASH_SUMMARY-}" ||
	printf 'places %s\nkills %s\nscenarios %s\nviolations %s\n' \
		"$at" "$kills" "$n" "$bad" >"$CRASH_SUMMARY"

test_expect_success "every promise is kept over kills at $at places" '
	for bad in "$TOP"/lane*.bad
	do
		test -e "$bad" || continue
		cat "$bad" && grep VIOLATED "${bad%.bad}.out"
		tail -n 60 "${bad%.bad}.out"
	done
	test "$n" -gt 0 && ! ls "$TOP"/lane*.bad 2>/dev/null
'

test_done
