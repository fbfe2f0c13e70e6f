#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus run, with a stand-in for tellusd: how it is started, found again and
# told of repositories.  Real runs are tested with the whole agent.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

S=$XDG_STATE_HOME/tellus/local

# Serves like the fake agent, and counts its starts and its SIGHUPs.
stand_in () {
	mkdir -p bin "$T/replies"
	cat >bin/tellusd <<-END
	#!/bin/sh
	echo "\$@" >>$T/starts
	trap 'echo hup >>$T/hups' HUP
	rm -f $S/sock
	python3 $TELLUS_SRC/t/cli/fake-agent.py $S/sock $T/replies &
	child=\$!
	trap 'kill \$child; exit' TERM
	echo "{\"pid\":\$\$}" >$T/status.json
	{ printf 'HTTP/1.1 200 OK\r\n\r\n'; cat $T/status.json; } \
		>"$T/replies/GET _api_v1_status"
	while kill -0 \$child 2>/dev/null; do wait \$child; done
	END
	chmod +x bin/tellusd
	export TELLUS_LIBEXECDIR=$T/bin
	R=$T/replies
	test_on_exit 'kill "$(jq .pid "$T/status.json")"'
}
end_with () {
	echo "{\"type\":\"end\",\"run\":1,\"state\":\"$1\"}" |
		reply 'GET _api_v1_runs_1_stream' 200
}

test_expect_success 'outside of a repository it says so' '
	mkdir plain && (cd plain && exits_with 2 tellus run 2>err)
'
test_expect_success 'an agent that ends at once is quoted' '
	mkdir broken && git init -q r &&
	printf "#!/bin/sh\necho first >&2\necho no journal today >&2\nexit 1\n" \
		>broken/tellusd && chmod +x broken/tellusd &&
	(cd r && TELLUS_LIBEXECDIR=$T/broken exits_with 3 tellus run 2>err) &&
	cat r/err && grep -q "ended at once: no journal today" r/err
'
test_expect_success 'it starts a private agent and submits the working tree' '
	stand_in && end_with passed &&
	echo "{\"runs\":[{\"run\":1}]}" | reply "POST _api_v1_push" 202 &&
	mkdir r/sub && (cd r/sub && tellus run) >out && cat out &&
	grep -q "^run 1 passed" out &&
	sent_to /api/v1/push | jq -e ".event == \"manual\" and .snapshot and
		.rev == null and .repository == \"r\" and .refs == [] and
		.path == \"$(realpath r)\" and (.nonce | length == 32)"
'
test_expect_success 'its configuration is its own, without TCP' '
	test "$(git config -f "$S/config" agent.listen)" = none &&
	test "$(git config -f "$S/config" agent.state)" = "$S" &&
	test "$(git config -f "$S/config" repository.r.path)" = "$(realpath r)"
'
test_expect_success 'it is found again, not started again' '
	(cd r && tellus run) && test "$(wc -l <starts)" -eq 1
'
test_expect_success 'a commit and a file can be named' '
	(cd r && tellus run HEAD~1 --file .tellus/x.yml) &&
	sent_to /api/v1/push | jq -e ".rev == \"HEAD~1\" and
		(.snapshot | not) and .file == \".tellus/x.yml\""
'
test_expect_success 'a run that fails exits 1' '
	end_with failed && (cd r && exits_with 1 tellus run) && end_with passed
'
test_expect_success 'the first Ctrl-C cancels, the second leaves and exits 1' '
	{
		echo "{\"type\":\"run\",\"run\":1,\"state\":\"running\",\"jobs\":[\"a\"]}"
		echo HANG
	} | reply "GET _api_v1_runs_1_stream" 200 &&
	echo "{}" | reply "POST _api_v1_runs_1_cancel" 202 &&
	cd r && { tellus run >out 2>err & } && pid=$! && cd .. &&
	wait_for 5 grep -q "^run 1" r/out && kill -INT $pid &&
	wait_for 5 grep -q "canceling run 1" r/err &&
	grep -q "^POST /api/v1/runs/1/cancel" "$R/requests" &&
	kill -INT $pid && { wait $pid; test $? -eq 1; } && end_with passed
'
test_expect_success 'another repository of the same name is added and announced' '
	mkdir other && git init -q other/r && (cd other/r && tellus run) &&
	test "$(git config -f "$S/config" repository.r-2.path)" = "$(realpath other/r)" &&
	test "$(git config -f "$S/config" repository.r.path)" = "$(realpath r)" &&
	wait_for 5 test -s hups && test "$(wc -l <starts)" -eq 1
'
test_expect_success 'names that differ in case alone are kept apart' '
	git init -q R && (cd R && tellus run) &&
	test "$(git config -f "$S/config" repository.R-3.path)" = "$(realpath R)"
'
test_expect_success 'names with quotes and spaces survive the configuration' '
	git init -q "odd \"name\" #1" && (cd "odd \"name\" #1" && tellus run) &&
	git config -f "$S/config" --get-regexp "^repository.*path" | grep -q "odd \"name\" #1$"
'
test_expect_success 'repositories that are gone are forgotten' '
	rm -rf other && git init -q third && (cd third && tellus run) &&
	! git config -f "$S/config" repository.r-2.path
'
test_expect_success 'a bare repository runs its HEAD' '
	git init -q --bare bare.git && (cd bare.git && tellus run) &&
	sent_to /api/v1/push | jq -e ".rev == \"HEAD\" and (.snapshot | not)"
'
test_expect_success '--local list asks the private agent' '
	echo "[]" | reply "GET _api_v1_runs" 200 &&
	test "$(tellus --local list --json)" = "[]"
'
test_done
