#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus push: what it sends, and that a push never fails or waits for it.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

A=1111111111111111111111111111111111111111
B=2222222222222222222222222222222222222222
line="$A $B refs/heads/main"

test_expect_success 'setup' '
	git init -q --bare repo.git &&
	fake_start &&
	echo "{\"runs\":[{\"run\":42,\"ref\":\"refs/heads/main\"}],\"ignored\":[],\"duplicate\":false}" |
		reply "POST _api_v1_push" 202 &&
	echo "{\"type\":\"end\",\"run\":42,\"state\":\"failed\",\"text\":\"no\"}" |
		reply "GET _api_v1_runs_42_stream" 200
'
test_expect_success 'refs, repository, nonce and user are sent, the run is shown' '
	echo "$line" | GIT_DIR=repo.git tellus push --repository demo >out &&
	grep -q "^run 42 failed: no$" out &&
	sent_to /api/v1/push >body &&
	jq -e ".repository == \"demo\" and .event == \"push\" and
		.path == \"$(realpath repo.git)\" and
		(.nonce | test(\"^[0-9a-f]{32}$\")) and
		.actor == \"$(id -un)\" and
		.refs == [{ref: \"refs/heads/main\", old: \"$A\", new: \"$B\"}] and
		.options == [] and .snapshot == false and .rev == null" body
'
test_expect_success 'two pushes have two nonces' '
	echo "$line" | GIT_DIR=repo.git tellus push &&
	grep "^POST /api/v1/push" "$R/requests" | grep -o "\"nonce\":\"[^\"]*\"" |
		sort -u | wc -l | grep -qx 2
'
test_expect_success 'push options are handed on' '
	echo "$line" | GIT_DIR=repo.git GIT_PUSH_OPTION_COUNT=2 \
		GIT_PUSH_OPTION_0=ci.skip GIT_PUSH_OPTION_1="a\"b" tellus push &&
	sent_to /api/v1/push | jq -e ".options == [\"ci.skip\", \"a\\\"b\"]"
'
test_expect_success 'ci.detach does not wait for the run' '
	: >"$R/requests" &&
	echo "$line" | GIT_DIR=repo.git GIT_PUSH_OPTION_COUNT=1 \
		GIT_PUSH_OPTION_0=ci.detach tellus push >out &&
	grep -q "run 42 of main: tellus log -f 42" out &&
	! grep -q stream "$R/requests"
'
test_expect_success 'several refs are one delivery' '
	: >"$R/requests" &&
	printf "%s\n%s\n" "$line" "$A $B refs/tags/v1" |
		GIT_DIR=repo.git tellus push &&
	sent_to /api/v1/push | jq -e ".refs | length == 2"
'
test_expect_success 'a line that is no ref is named and passed over' '
	printf "nonsense\n%s\n" "$line" | GIT_DIR=repo.git tellus push >out &&
	grep -q "ignored: nonsense" out && grep -q "^run 42" out
'
test_expect_success 'a push without refs sends nothing' '
	: >"$R/requests" && GIT_DIR=repo.git tellus push </dev/null &&
	test ! -s "$R/requests"
'
test_expect_success 'what the agent ignores is said' '
	echo "{\"runs\":[],\"ignored\":[{\"ref\":\"refs/heads/main\",\"why\":\"ci.skip\"}]}" |
		reply "POST _api_v1_push" 202 &&
	echo "$line" | GIT_DIR=repo.git tellus push >out &&
	grep -qx "tellus: refs/heads/main: ci.skip" out
'
test_expect_success 'a refusal is said, nothing is noted, the push goes through' '
	echo "{\"detail\":\"repository is not configured\"}" |
		reply "POST _api_v1_push" 404 &&
	echo "$line" | GIT_DIR=repo.git tellus push >out &&
	grep -q "not configured" out && test ! -d repo.git/tellus
'
test_expect_success 'a stream that dies names the way on and exits 0' '
	echo "{\"runs\":[{\"run\":43,\"ref\":\"refs/heads/main\"}]}" |
		reply "POST _api_v1_push" 202 &&
	echo "{\"type\":\"run\",\"run\":43,\"state\":\"running\",\"jobs\":[]}" |
		reply "GET _api_v1_runs_43_stream" 200 &&
	echo "$line" | GIT_DIR=repo.git tellus push >out &&
	grep -q "connection to the agent lost; the run goes on: tellus log -f 43" out
'
test_expect_success 'an agent without room leaves the push noted' '
	echo "{\"detail\":\"disk full\"}" | reply "POST _api_v1_push" 503 &&
	echo "$line" | GIT_DIR=repo.git tellus push >out &&
	grep -q "was noted" out && ls repo.git/tellus/incoming | grep -q . &&
	rm -r repo.git/tellus
'
test_expect_success 'an agent that hangs is given up within 6 s, the push noted' '
	echo HANG >"$R/POST _api_v1_push" &&
	echo "$line" | GIT_DIR=repo.git timeout 6 tellus push >out &&
	grep -q "was noted" out
'
test_expect_success 'with an older note it takes no longer' '
	echo "$line" | GIT_DIR=repo.git timeout 6 tellus push >out &&
	test "$(ls repo.git/tellus/incoming | wc -l)" -eq 2 &&
	rm -r repo.git/tellus
'
test_expect_success 'without an agent the push is noted as what would be sent' '
	echo "$line" | GIT_DIR=repo.git timeout 6 tellus --socket "$T/none" push \
		--repository demo >out &&
	grep -q "the agent is not running; the push was noted and will run when it starts" out &&
	note=$(ls repo.git/tellus/incoming) &&
	echo "$note" | grep -Eqx "[0-9a-f]{32}" &&
	jq -e ".nonce == \"$note\" and .repository == \"demo\" and
		.refs[0].new == \"$B\"" "repo.git/tellus/incoming/$note"
'
test_expect_success 'notes are for the owner alone' '
	test "$(stat -c %a repo.git/tellus)" = 700 &&
	test "$(stat -c %a repo.git/tellus/incoming)" = 700 &&
	test "$(stat -c %a repo.git/tellus/incoming/*)" = 600
'
test_expect_success 'a push that root notes belongs to the owner of the repository' '
	if test "$(id -u)" -eq 0
	then
		git init -q --bare other.git && chown -R 65534 other.git &&
		echo "$line" | GIT_DIR=other.git tellus --socket "$T/none" push &&
		test "$(stat -c %u other.git/tellus/incoming/*)" = 65534
	fi
'
test_expect_success 'what was noted is handed over first, oldest first' '
	echo "$line" | GIT_DIR=repo.git tellus --socket "$T/none" push &&
	set -- $(ls -tr repo.git/tellus/incoming) && test $# -eq 2 &&
	touch -d "2020-01-02" "repo.git/tellus/incoming/$1" &&
	touch -d "2020-01-01" "repo.git/tellus/incoming/$2" &&
	: >"$R/requests" &&
	echo "{\"runs\":[],\"ignored\":[]}" | reply "POST _api_v1_push" 202 &&
	echo "$line" | GIT_DIR=repo.git tellus push &&
	grep -o "\"nonce\":\"[^\"]*\"" "$R/requests" >got && cat got &&
	test "$(wc -l <got)" -eq 3 &&
	sed -n 1p got | grep -q "$2" && sed -n 2p got | grep -q "$1" &&
	test -z "$(ls repo.git/tellus/incoming)"
'
test_expect_success 'a note that is a link is left alone' '
	echo secret >elsewhere && : >"$R/requests" &&
	ln -s "$T/elsewhere" "repo.git/tellus/incoming/$(printf "%032d" 7)" &&
	echo "$line" | GIT_DIR=repo.git tellus push &&
	! grep -q secret "$R/requests" && test -f elsewhere
'
test_expect_success 'a repository that may not be written is said, not fatal' '
	git init -q --bare full.git && : >full.git/tellus &&
	echo "$line" | GIT_DIR=full.git tellus --socket "$T/none" push >out &&
	grep -q "could not be noted" out
'
test_expect_success 'Ctrl-C leaves quietly and the run goes on' '
	echo "{\"runs\":[{\"run\":44,\"ref\":\"refs/heads/main\"}]}" |
		reply "POST _api_v1_push" 202 &&
	{
		echo "{\"type\":\"run\",\"run\":44,\"state\":\"running\",\"jobs\":[\"a\"]}"
		echo HANG
	} | reply "GET _api_v1_runs_44_stream" 200 &&
	echo "$line" >in && : >"$R/requests" &&
	{ GIT_DIR=repo.git tellus push <in >out 2>&1 & } && pid=$! &&
	wait_for 5 grep -q "^run 44" out && kill -INT $pid && wait $pid &&
	test "$(cat out)" = "run 44" && ! grep -q cancel "$R/requests"
'
test_expect_success 'a reader that hangs up ends it and the push stays good' '
	{
		echo "{\"type\":\"run\",\"run\":44,\"state\":\"running\",\"jobs\":[\"a\"]}"
		head -c 400000 /dev/zero | tr "\0" a |
			sed "s/.*/{\"type\":\"output\",\"job\":0,\"step\":0,\"text\":\"&\"}/"
		echo
		echo HANG
	} | reply "GET _api_v1_runs_44_stream" 200 &&
	{ GIT_DIR=repo.git timeout 10 tellus push <in; echo $? >rc; } | head -c 7 &&
	test "$(cat rc)" -eq 0
'
test_expect_success 'outside of a repository it says so and exits 0' '
	echo "$line" | GIT_DIR=$T/nowhere tellus push >out && grep -q nowhere out
'
test_done
