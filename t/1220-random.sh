#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of tellusd, a worker or a step's processes at random times, with
# several runs under way, deliveries that come twice, cancels and retries;
# then the checker.  RANDOM_KILLS=N kills that often, RANDOM_SEED=N repeats
# a run's choices, RANDOM_SUMMARY=FILE gets the figures.
. "$(dirname "$0")/lib.sh"
for tool in node perl flock
do
	command -v $tool >/dev/null || test_skip_all "$tool is not installed"
done
. "$TELLUS_SRC/t/agent.sh"
. "$TELLUS_SRC/t/ledger.sh"

KILLS=${RANDOM_KILLS:-100}
seed=${RANDOM_SEED:-$(($(date +%s) % 1000000))}
runs_max=$((KILLS / 2 + 10))
LIVE_MAX=5
echo "# RANDOM_SEED=$seed"

# below N: $random is from 0 to N - 1.
below () {
	test "$1" -gt 0 || return 1
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	random=$((seed / 65536 % $1))
}

up () {
	test -n "$agent_pid" && kill -0 "$agent_pid" 2>/dev/null && return
	agent_start
}

api () {
	curl -fs --unix-socket "$state/sock" "http://localhost/api/v1/$1"
}

deliver_one () {
	deliver demo "$(printf %032x "$1")" "$zero" "$sha"
}

live_runs () {
	api "runs?limit=100" | jq '[.[]|select(.state|test(
		"^(received|planning|queued|running|waiting)$"))]|length'
}

settled () {
	up && test "$(live_runs)" = 0
}

# Of a worker that has an attempt in hand, at random; empty: there is none.
pick_worker () {
	victims=
	for pid in $(cat "$state"/runs/*/*/identity 2>/dev/null |
		sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | sort -u)
	do
		case $(cat "/proc/$pid/comm" 2>/dev/null) in
		tellus-worker*) victims="$victims $pid" ;;
		esac
	done
	set -- $victims
	test $# -gt 0 || return 1
	below $#
	shift "$random"
	victim=$1
}

kill_one () {
	below 4
	case $random in
	0)
		agent_kill && up
		;;
	1)
		pick_worker && kill -9 "$victim" 2>/dev/null
		;;
	2)
		pick_worker && box=$(pgrep -P "$victim" | head -n 1) &&
			test -n "$box" && kill -9 "$box" 2>/dev/null
		;;
	3)
		pick_worker || return 1
		kill -9 "$victim" "$agent_pid" 2>/dev/null
		wait "$agent_pid" 2>/dev/null
		agent_pid=
		up
		;;
	esac
}

storm () {
	kills=0 n=0
	while test $kills -lt "$KILLS"
	do
		up || return 1
		live=$(live_runs)
		if test $n -lt $runs_max && test "${live:-9}" -lt $LIVE_MAX
		then
			n=$((n + 1))
			deliver_one $n || return 1
		elif test $n -ge $runs_max
		then
			below "$n" && tellus retry $((random + 1))
		fi
		below 5
		case $random in
		0) below "$n" && deliver_one $((random + 1)) ;;
		1) below "$n" && tellus cancel $((random + 1)) ;;
		2) below "$n" && tellus retry $((random + 1)) ;;
		esac
		kill_one && kills=$((kills + 1))
		below 20
		sleep 0.0$random
	done
	echo "$kills kills, $n runs"
}

test_expect_success 'an agent with a repository starts' '
	make_ledger $((runs_max + 1)) &&
	make_repo demo <<-END &&
	name: ci
	jobs:
	  a:
	    steps:
	      - name: one
	        run: $in_ledger; for i in 1 2 3; do echo "count \$i"; sleep 0.05; done
	        undo: $in_ledger
	      - name: two
	        run: $in_ledger; sleep 0.1
	  b:
	    steps:
	      - name: deploy
	        run: $in_ledger; sleep 0.1
	        on-crash: ask
	      - name: flaky
	        run: $in_ledger; test \$TELLUS_STEP_ATTEMPT -gt 1 || exit 75
	END
	sha=$(git -C demo rev-parse HEAD) &&
	zero=0000000000000000000000000000000000000000 &&
	git -C demo push -q -o ci.skip origin main &&
	{ repo_conf demo; expose_ledger; } | agent_config &&
	sed -i "s/jobs = 2/jobs = 3/" "$config" &&
	scene "watch=[\"$T/demo.git/config\", \"$T/demo.git/hooks\", \"$gate\"]" &&
	TELLUS_DELAYS=1 && export TELLUS_DELAYS &&
	agent_start && note_descriptors idle
'

test "$test_failed" = 0 || test_done

test_expect_success "$KILLS kills at random times" 'storm'

test_expect_success 'every run settles' '
	wait_for 120 settled || { api runs | jq -c ".[]|[.run,.state]"; false; }
'

test_expect_success 'every promise was kept' 'check_scene'

test -z "${RANDOM_SUMMARY-}" ||
	printf 'random-kills %s\nrandom-runs %s\nrandom-failed %s\n' \
		"${kills-0}" "${n-0}" "$test_failed" >"$RANDOM_SUMMARY"
test_done
