# SPDX-License-Identifier: MIT
# For tests that end with the checker (checker.mjs): the ledger that steps
# append to, and the scene.  Source t/lib.sh and t/agent.sh first.

# make_ledger RUNS: a folder $gate that boxes may be shown.  A step that
# begins with "$in_ledger" is in the ledger, with its end, and holds its
# job's lock for as long as one of its processes lives.
make_ledger () {
	make_gate || return 1
	ledger=$T/ledger
	: >"$ledger" && : >"$T/accepted"
	cp "$TELLUS_SRC/t/ledger.pl" "$gate/"
	perl "$gate/ledger.pl" serve "$gate/socket" "$ledger" &
	ledger_pid=$!
	test_on_exit "kill $ledger_pid"
	cat >"$gate/step" <<-END
	job=\${TELLUS_IDEMPOTENCY_KEY%.undo}
	exec 9<$gate/\${job%.*}
	perl $gate/ledger.pl say $gate/socket start
	trap 'perl $gate/ledger.pl say $gate/socket end \$?' 0
	END
	in_ledger=". $gate/step"
	# A box cannot make them: what it is shown is read-only.
	ledger_run=0
	while test $ledger_run -lt "$1"
	do
		ledger_run=$((ledger_run + 1))
		: >"$gate/run-$ledger_run.0"
		: >"$gate/run-$ledger_run.1"
		: >"$gate/run-$ledger_run.2"
	done
	wait_for 10 test -S "$gate/socket"
}

# expose_ledger: for agent_config.
expose_ledger () {
	printf '[agent]\n\texpose = %s\n\turl = http://ci.test\n' "$gate"
}

# scene [KEY=JSON ...]: writes $T/scene and notes what must not change.
scene () {
	jq -n --arg t "$T" --arg state "$state" --arg gate "$gate" \
		--argjson mine "[$$, $ledger_pid, ${scene_mine-0}]" '{
		state: $state, gate: $gate, mine: $mine, dump: "\($t)/dump",
		ledger: "\($t)/ledger", accepted: "\($t)/accepted",
		texts: ["\($t)/agent.log"] }' >"$T/scene.new" &&
	for scene_pair
	do
		jq --argjson v "${scene_pair#*=}" ".${scene_pair%%=*} = \$v" \
			"$T/scene.new" >"$T/scene.newer" &&
		mv "$T/scene.newer" "$T/scene.new" || return 1
	done
	mv "$T/scene.new" "$T/scene" &&
	node "$TELLUS_SRC/t/checker.mjs" before "$T/scene"
}

# note_descriptors idle|running: of the agent.
note_descriptors () {
	node "$TELLUS_SRC/t/checker.mjs" "$1" "$T/scene" "$agent_pid"
}

no_worker () {
	for no_worker_id in "$state"/runs/*/*/identity
	do
		test -e "$no_worker_id" || continue
		no_worker_pid=$(sed 's/.*"pid": *\([0-9]*\).*/\1/' "$no_worker_id")
		case $(cat "/proc/$no_worker_pid/comm" 2>/dev/null) in
		tellus-worker*) return 1 ;;
		esac
	done
}

# What is over keeps no layers, but for a retry or a person.
no_layers () {
	curl -fs --unix-socket "$state/sock" http://localhost/api/v1/runs |
		jq -r '.[]|select(.state|IN("blocked", "failed", "error")|not).run' |
		while read -r no_layers_run
		do
			! ls -d "$state/runs/$no_layers_run"/*/layers || exit 1
		done >/dev/null 2>&1
}

# check_scene: stops the agent and checks every promise.
check_scene () {
	wait_for 20 no_layers
	note_descriptors running
	agent_stop && wait_for 20 no_worker &&
	tellusd --config "$config" --journal check >"$T/journal.check" &&
	tellusd --config "$config" --journal dump >"$T/dump" &&
	node "$TELLUS_SRC/t/checker.mjs" check "$T/scene"
}

# deliver REPO NONCE OLD NEW: to the agent's socket, as a hook would; noted
# when it was accepted.
deliver () {
	curl -fs --unix-socket "$state/sock" --data-binary "$(printf \
		'{"repository":"%s","nonce":"%s","event":"push","options":[],"refs":[{"ref":"refs/heads/main","old":"%s","new":"%s"}]}' \
		"$1" "$2" "$3" "$4")" http://localhost/api/v1/push >"$T/answer" &&
	jq -c --arg id "$2" '{delivery: $id, runs: [.runs[].run]}' "$T/answer" >>"$T/accepted"
}
