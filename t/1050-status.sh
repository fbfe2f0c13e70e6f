#!/bin/sh
# SPDX-License-Identifier: MIT
# The forge learns pending and the final state, in order, whatever happens
# on the way.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

command -v node >/dev/null || test_skip_all 'node is not installed'

# sent: "state description" of the statuses that the forge has, in order
sent () {
	jq -r 'select(.applied)|"\(.body.state) \(.body.description)"' forge.log
}

has_final () {
	test "$(jq -r "select(.applied and .body.state!=\"pending\")|.body.state" forge.log 2>/dev/null | wc -l)" -ge "$1"
}

test_expect_success 'an agent with a forge starts' '
	node "$TELLUS_SRC/t/forge.mjs" port forge.log plan & forge=$!
	test_on_exit "kill $forge"
	wait_for 10 test -s port &&
	make_repo demo <<-\EOF &&
	name: ci
	run: [ "echo hello" ]
	EOF
	echo sesame >token && chmod 600 token &&
	agent_config <<-EOF &&
	[agent]
		url = http://ci.example.org
	[forge "gh"]
		kind = github
		api = http://127.0.0.1:$(cat port)
	[repository "acme/demo"]
		path = $T/demo.git
		forge = gh
		token-file = $T/token
	EOF
	git -C demo.git config tellus.repository acme/demo &&
	agent_start
'

test_expect_success 'pending and success arrive, in this order' '
	git -C demo push origin main 2>err && cat err && wait_run 1 passed &&
	grep "remote:.*http://ci.example.org/runs/1" err &&
	test "$(tellus show 1 --json | jq -r .url)" = http://ci.example.org/runs/1 &&
	wait_for 20 has_final 1 && sent &&
	test "$(sent | head -n 1 | cut -d" " -f1)" = pending &&
	test "$(sent | tail -n 1 | cut -d" " -f1)" = success
'

test_expect_success 'with commit, context, token and the page of the run' '
	sha=$(git -C demo rev-parse HEAD) && tail -n 1 forge.log >last &&
	test "$(jq -r .url last)" = "/repos/acme/demo/statuses/$sha" &&
	test "$(jq -r .body.context last)" = tellus/ci &&
	test "$(jq -r .body.target_url last)" = http://ci.example.org/runs/1 &&
	jq -r .auth last | grep sesame
'

test_expect_success 'the reason of a failure is in the description, 140 characters at most' '
	cat >demo/.tellus.yml <<-\EOF &&
	name: ci
	jobs: { a: { steps: [ { name: "compile the élégant thing", run: "exit 4" } ] } }
	EOF
	git -C demo commit -qam bad && git -C demo push -q origin main;
	wait_run 2 failed && wait_for 20 has_final 2 && sent | tail -n 1 | tee last &&
	grep "^failure .*compile the élégant thing" last && grep "4" last &&
	test "$(cut -d" " -f2- last | tr -d "\n" | wc -m)" -le 140
'

test_expect_success 'a wrong workflow file is an error with file, line and column' '
	printf "name: ci\njobs:\n  a:\n    stepz: []\n" >demo/.tellus.yml &&
	git -C demo commit -qam wrong && git -C demo push origin main 2>err; cat err;
	wait_run 3 error && wait_for 20 has_final 3 && sent | tail -n 1 | tee last &&
	grep "^error .*tellus.yml:4:5" last && grep "tellus.yml:4:5.*stepz.*steps" err
'

test_expect_success 'a forge that fails gets it later' '
	printf "name: ci\nrun: [ \"true\" ]\n" >demo/.tellus.yml && git -C demo commit -qam good &&
	printf "500\ndrop\nhtml\n" >plan &&
	git -C demo push -q origin main && wait_run 4 passed && wait_for 40 has_final 4 &&
	sent | tail -n 1 | grep "^success" && test "$(grep -c "\"how\":\"500\"" forge.log)" -eq 1
'

test_expect_success 'a forge that applied it and dropped the connection ends up right' '
	commit_file demo file two two && printf "applydrop\napplydrop\n" >plan &&
	git -C demo push -q origin main && wait_run 5 passed &&
	wait_for 40 has_final 6 ; sent | tail -n 1 | grep "^success"
'

test_expect_success 'what could not be sent is sent after a restart' '
	commit_file demo file three three && printf "500\n500\n500\n500\n500\n" >plan &&
	before=$(sent | wc -l) &&
	git -C demo push -q origin main && wait_run 6 passed && agent_kill && : >plan && agent_start &&
	wait_for 40 sh -c "jq -r \"select(.applied)|.body.state\" forge.log | tail -n 1 | grep -q success && test \$(jq -r \"select(.applied)|.url\" forge.log | grep -c $(git -C demo rev-parse HEAD)) -ge 1"
'

# last_of CONTEXT SHA: the last state there
last_of () {
	jq -r --arg c "$1" --arg u "/repos/acme/demo/statuses/$2" \
		'select(.applied and .body.context == $c and .url == $u)|.body.state' forge.log | tail -n 1
}

last_is () {
	test "$(last_of "$1" "$2")" = "$3"
}

test_expect_success 'a run that had no plan and gets one leaves no error behind' '
	commit_file demo file four four && sha=$(git -C demo rev-parse HEAD) &&
	git -C demo push -o ci.skip -q origin main && mv demo.git away.git &&
	curl -fs --unix-socket state/sock -d "{\"repository\":\"acme/demo\",\"nonce\":\"0123456789abcdef0123456789abcdef\",\"refs\":[{\"ref\":\"refs/heads/main\",\"new\":\"$sha\"}]}" http://localhost/api/v1/push &&
	wait_run 7 error && wait_for 20 last_is tellus $sha error && mv away.git demo.git &&
	tellus retry 7 && wait_run 7 passed && wait_for 20 last_is tellus/ci $sha success &&
	wait_for 20 last_is tellus $sha success
'

test_expect_success 'the token appears nowhere' '
	! grep -r sesame state agent.log && tellus show 6 --json >j && ! grep sesame j
'

test_done
