#!/bin/sh
# SPDX-License-Identifier: MIT
# The checker that the crash tests end with is only worth what it finds: a
# good state passes, and each copy of it with one thing put wrong is found,
# under the promise that it breaks.
. "$(dirname "$0")/lib.sh"
for tool in node perl flock
do
	command -v $tool >/dev/null || test_skip_all "$tool is not installed"
done
. "$TELLUS_SRC/t/agent.sh"
. "$TELLUS_SRC/t/ledger.sh"

FORGE_SECONDS=120 node "$TELLUS_SRC/t/forge.mjs" "$T/port" "$T/forge.log" "$T/plan" &
forge_pid=$!
test_on_exit "kill $forge_pid"

# A run whose third step fails, with what the first two did taken back.
failing_workflow () {
	cat <<-END
	name: ci
	jobs:
	  a:
	    steps:
	      - name: one
	        run: $in_ledger; for i in 1 2 3; do echo "count \$i"; done
	        undo: $in_ledger; echo back
	      - name: two
	        run: $in_ledger; setsid sleep 31.$$ &
	        undo: $in_ledger; echo back
	        on-crash: ask
	      - name: three
	        run: $in_ledger; exit 3
	END
}

good_scene () {
	make_ledger 3 && wait_for 10 test -s port &&
	echo canary$$ >token && chmod 600 token &&
	failing_workflow | make_repo demo &&
	git -C demo.git config tellus.repository acme/demo &&
	{
		expose_ledger
		cat <<-END
		[forge "gh"]
			kind = github
			api = http://127.0.0.1:$(cat port)
		[repository "acme/demo"]
			path = $T/demo.git
			forge = gh
			token-file = $T/token
		END
	} | agent_config &&
	mkdir watched && echo same >watched/file &&
	scene_mine=$forge_pid &&
	scene "forge=\"$T/forge.log\"" "canaries=[\"canary$$\"]" \
		"watch=[\"$T/watched\"]" &&
	agent_start && note_descriptors idle &&
	git -C demo push -o ci.detach -q origin main &&
	printf "{\"sha\":\"%s\"}\n" "$(git -C demo rev-parse HEAD)" >>accepted &&
	wait_run 1 failed &&
	commit_file demo file two two &&
	git -C demo push -o ci.skip -q origin main &&
	deliver acme/demo "$(printf %032x 7)" "$(git -C demo rev-parse HEAD^)" \
		"$(git -C demo rev-parse HEAD)" &&
	deliver acme/demo "$(printf %032x 7)" "$(git -C demo rev-parse HEAD^)" \
		"$(git -C demo rev-parse HEAD)" &&
	wait_run 2 failed && wait_for 30 drained && check_scene
}

drained () {
	test "$(curl -fs --unix-socket "$state/sock" \
		http://localhost/api/v1/status | jq .outbox)" = 0
}

# found ID 'what is wrong' 'commands': in a copy of the good scene.
found () {
	found_id=$1
	found_how=$3
	test_expect_success "$1: $2" '
		rm -rf bad && mkdir bad &&
		cp -a state dump ledger forge.log accepted watched agent.log bad/ &&
		for file in scene scene.before
		do
			sed "s,\"$T/,\"$T/bad/,g" $file >bad/$file || return 1
		done &&
		cd bad && { eval "$found_how" || ! cd "$T"; } && cd "$T" &&
		! node "$TELLUS_SRC/t/checker.mjs" check bad/scene >bad.out &&
		{ grep -q "^$found_id VIOLATED" bad.out || { cat bad.out; false; }; }
	'
	cd "$T" || exit 1
}

# In the copy: jq over each line of FILE.
edit () {
	jq -c "$2" "$1" >edited && ! cmp -s "$1" edited && mv edited "$1"
}

test_expect_success 'a good scene passes' '
	good_scene && node "$TELLUS_SRC/t/checker.mjs" check scene >good.out &&
	test "$(grep -c " ok: " good.out)" = 17 &&
	grep "I4 ok: 10 commands" good.out && grep "I16 ok: 4 undos" good.out
'
test "$test_failed" = 0 || test_done

test_expect_success 'a dump without runs is not good' '
	rm -rf bad && mkdir bad && sed "s,$T/dump,/dev/null," scene >bad/scene &&
	! node "$TELLUS_SRC/t/checker.mjs" check bad/scene
'

found I1 'an event is missing' '
	edit dump "select(.run != 1 or .seq != 5)"'
found I1 'a delivery made two runs of one workflow' '
	{ cat dump; jq -c "select(.run == 1)|.run = 3" dump; } >more && mv more dump'
found I1 'an accepted delivery has no run' '
	echo "{\"delivery\":\"ff\",\"runs\":[1]}" >>accepted'
found I1 'an accepted push has no run' '
	echo "{\"sha\":\"0123\"}" >>accepted'
found I1 'the same delivery was answered with another run' '
	sed -n 2p accepted | jq -c ".runs = [1]" >>accepted'
found I1 'a key names a run that is not there' '
	edit dump "if .what == \"delivery\" then .runs += [99] else . end"'
found I2 'a run is still running' '
	edit dump "if .what == \"run\" and .run == 2 then .row.state = \"running\" else . end"'
found I2 'a row says what the events do not' '
	edit dump "if .what == \"run\" and .run == 2 then .row.state = \"passed\" else . end"'
found I2 'a run has lost its row' '
	edit dump "select(.what != \"run\" or .run != 2)"'
found I2 'a status still waits' '
	echo "{\"what\":\"outbox\",\"id\":9,\"record\":{}}" >>dump'
found I3 'a final state changed' '
	jq -c "select(.run == 1 and .event.kind == \"finished\")|
		.seq += 1|.event.data.state = \"passed\"" dump >>dump'
found I3 'a job ended twice' '
	jq -c "select(.run == 1 and .event.kind == \"job-finished\")|
		.seq += 0.5|.event.data.state = \"passed\"" dump >>dump'
found I3 'the epoch fell' '
	edit dump "if .event.kind == \"undoing\" then .event.data.epoch = 0 else . end"'
found I3 'an attempt came again' '
	edit dump "if .event.kind == \"undoing\" then .event.attempt = 1 else . end"'
found I4 'a command ran without its event' '
	sed -n 1p ledger | jq -c ".step = 7" >>ledger'
found I4 'a step began with a nonce of another attempt' '
	edit dump "if .event.kind == \"step-started\" then .event.nonce = \"00\" else . end"'
found I5 'a step succeeded twice' '
	sed -n 2p ledger >>ledger'
found I5 'a finished step ran again' '
	sed -n 1p ledger | jq -c ".try = 2" >>ledger'
found I5 'a step passed and did nothing' '
	sed -i 2d ledger'
found I5 'a finished step was begun again' '
	jq -c "select(.run == 1 and .event.kind == \"step-started\" and .event.step == 0)|
		.seq = 9.5|.event.data.try = 2" dump >>dump'
found I5 'the worker began a finished step again, which nobody read' '
	cat state/runs/1/0.1/events >twice && cat twice >>state/runs/1/0.1/events'
found I6 'what may not run twice ran twice' '
	grep "\"step\":1.*\"key\":\"run-1.0.1\"" ledger | head -n 1 >one &&
	cat one >>ledger'
found I6 'what was interrupted was not declared unknown' '
	jq -c "select(.run == 1 and .event.kind == \"step-started\" and .event.step == 1)|
		.seq += 0.5|.event.kind = \"lost\"|.event.data = {}" dump >>dump'
found I7 'two process trees of a job at once' '
	sed -n 1p ledger | jq -c ".what = \"overlap\"" >>ledger'
found I8 'a process is left' '
	(cd state && exec sleep 20) & left=$!
	test_on_exit "kill $left"'
kill $left
wait $left 2>/dev/null
found I9 'the forge shows another state' '
	sed -i "\$d" forge.log'
found I10 'the forge was told what is older after what is newer' '
	head -n 1 forge.log >>forge.log'
found I11 'too much was written to the forge within a minute' '
	for i in 1 2 3 4 5 6 7 8 9 10; do cat forge.log; done >>more &&
	for i in 1 2 3 4 5 6 7 8 9 10; do cat more; done >>forge.log'
found I11 'the forge was asked again before its time' '
	edit forge.log ".wait_ms = 3600000"'
found I12 'a byte of the output changed' '
	printf X | dd of=state/runs/1/0.1/output bs=1 seek=2 conv=notrunc'
found I12 'the output is too short' '
	truncate -s 5 state/runs/1/0.1/output'
found I12 'the output has a gap' '
	edit dump "if .event.kind == \"step-started\" and .event.step == 1 then .event.data.output += 1 else . end"'
found I13 'a file changed' 'echo other >watched/file'
found I13 'a file came' 'touch watched/new'
found I13 'a mode changed' 'chmod 600 watched/file'
found I14 'a secret is in the state' 'echo "a canary$$ b" >>state/runs/1/0.1/output.idx'
found I14 'a secret is in the log' 'echo "token canary$$" >>agent.log'
found I14 'a secret went to the forge' '
	edit forge.log ".body.description = \"canary$$\""'
found I15 'layers are left' '
	edit dump "if .what == \"run\" and .run == 1 then .row.state = \"passed\" else . end" && mkdir -p state/runs/1/0.1/layers'
found I15 'descriptors leak' '
	jq ".running.after += 10" scene.before >b && mv b scene.before'
found I16 'an undo is missing' '
	edit dump "select(.run != 1 or (.event.kind // \"\"|startswith(\"undo-\")|not) or .event.step != 0)"'
found I16 'undos came in the order of the steps' '
	edit dump "if .event.kind // \"\"|startswith(\"undo-\") then .event.step = 1 - .event.step else . end"'
found I16 'an undo ran twice' '
	jq -c "select(.run == 1 and .event.kind == \"undo-started\" and .event.step == 0)|
		.seq += 1.5" dump >>dump'
found I16 'what never ran was undone' '
	edit dump "if .event.kind // \"\"|startswith(\"undo-\") then .event.job = 1 else . end"'
found I18 'a dead letter does not say why' '
	echo "{\"what\":\"dead\",\"id\":1,\"record\":{\"intent\":{}}}" >>dump'
found I18 'a fenced record is not listed' '
	echo "tellusd: run 1: fenced: a record" >>agent.log'

test_done
