#!/bin/sh
# SPDX-License-Identifier: MIT
# Our requests for statuses against a server that knows GitHub's own OpenAPI
# document and nothing of us.  It keeps no state and answers an example.
. "${0%/*}/lib.sh"
. "$TELLUS_SRC/t/node/forge/setup.sh"

check=$TELLUS_BUILD/t/unit/forge_check
modules=$node_dir/node_modules
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1",
	() => { console.log(s.address().port); s.close(); });')

node "$node_dir/slice.mjs" \
	"$modules/@octokit/openapi/generated/api.github.com.json" gh.json \
	'^/repos/\{owner\}/\{repo\}/statuses/' || exit 1
node "$modules/@stoplight/prism-cli/dist/index.js" mock -h 127.0.0.1 \
	-p "$port" --errors gh.json >prism.log 2>&1 9>&- &
prism_pid=$!
test_on_exit 'kill $prism_pid'

answers () {
	kill -0 "$prism_pid" || { cat prism.log; exit 1; }
	curl -s -o /dev/null "http://127.0.0.1:$port/"
}

# say JSON: sends a status with these members changed; the verdict is in got.
say () {
	jq -nc --arg api "http://127.0.0.1:$port" --argjson more "$1" '{
		kind: "github", api: $api, token: "t0ken",
		repository: "acme/widget", ref: "refs/heads/main",
		sha: "6dcb09b5b57875f334f61aebed695e2e4193db5e",
		context: "tellus/ci", state: "passed", timeout_ms: 20000,
		description: "all well",
		target_url: "https://ci.example.org/runs/42"} + $more' |
		"$check" post >got && cat got
}

verdict_is () {
	jq -e --argjson code "$1" --arg v "$2" \
		'.code == $code and .verdict == $v' got
}

test_expect_success 'the server that validates starts' '
	wait_for 60 answers
'

test_expect_success 'a passed run is accepted as a status' '
	say "{}" && verdict_is 201 ok
'

test_expect_success 'every state that we send is one that GitHub knows' '
	for state in queued running waiting blocked failed error canceled \
		superseded skipped
	do
		say "{\"state\": \"$state\"}" && jq -e ".code == 201" got || break
	done && test "$state" = skipped && jq -e ".code == 201" got
'

test_expect_success 'without a description and a target it is accepted too' '
	say "{\"description\": null, \"target_url\": null}" &&
	verdict_is 201 ok
'

test_expect_success 'a long and hostile description is accepted as we cut it' '
	say "{\"description\": \"$(printf "%0500d" 0)\\u0007\\n\"}" &&
	verdict_is 201 ok
'

test_expect_success 'a state that GitHub does not know is dead, with its words' '
	say "{\"raw_body\": \"{\\\"state\\\":\\\"passed\\\"}\"}" &&
	verdict_is 422 dead && jq -r .why got >why &&
	grep -q "^the status was refused (422: " why && test "$(wc -l <why)" -eq 1
'

test_expect_success 'a body without a state is dead' '
	say "{\"raw_body\": \"{}\"}" && verdict_is 422 dead
'

test_expect_success 'a path that the API does not have is dead' '
	say "{\"api\": \"http://127.0.0.1:$port/api/v9\"}" &&
	verdict_is 404 dead
'

test_done
