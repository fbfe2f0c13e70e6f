#!/bin/sh
# SPDX-License-Identifier: MIT
# The API held against its own description, by a proxy that knows the
# description and nothing of us: it refuses requests and answers that do not
# match.
. "$(dirname "$0")/lib.sh"
. "$TELLUS_SRC/t/node/forge/setup.sh"
. "$(dirname "$0")/agent.sh"

proxy_port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1",
	() => { console.log(s.address().port); s.close(); });')
proxy="http://127.0.0.1:$proxy_port"

proxy_up () {
	curl -s -o /dev/null "$proxy/healthz"
}

# matches PATH WANTED-STATUS [curl options]: through the proxy
matches () {
	m_path=$1 m_want=$2
	shift 2
	m_got=$(curl -s -o out -D head -w '%{http_code}' "$@" "$proxy$m_path")
	cat head out
	test "$m_got" = "$m_want" && ! grep -qi '^sl-violations' head
}

test_expect_success 'an agent with runs starts, and the proxy in front of it' '
	make_repo demo <<-\EOF &&
	name: ci
	jobs:
	  build: { outputs: { o: "1" }, steps: [ { name: good, run: "echo hello" } ] }
	  test: { needs: build, steps: [ { name: bad, run: "exit 3" }, { name: never, run: "true" } ] }
	EOF
	printf "open-sesame\n" >token && chmod 600 token &&
	{ repo_conf demo; printf "[agent]\n\turl = http://ci.example.org\n\tapi-token-file = %s/token\n" "$T"; } | agent_config &&
	agent_start && git -C demo push -q origin main 2>/dev/null;
	wait_run 1 failed &&
	printf "jobs: [\n" >demo/.tellus.yml && git -C demo commit -qam wrong && git -C demo push -q origin main 2>/dev/null;
	wait_run 2 error || return 1
	node "$node_dir/node_modules/@stoplight/prism-cli/dist/index.js" proxy -h 127.0.0.1 -p "$proxy_port" \
		"$TELLUS_SRC/templates/openapi.json" "$base" --errors >prism.log 2>&1 & proxy_pid=$!
	test_on_exit "kill $proxy_pid"
	wait_for 60 proxy_up
'

test_expect_success 'health and status' '
	matches /healthz 200 && matches /api/v1/status 200
'

test_expect_success 'the list, whole and filtered' '
	matches /api/v1/runs 200 && matches "/api/v1/runs?state=failed&limit=1" 200 && test "$(jq length out)" -eq 1
'

test_expect_success 'a failed run and one that could not be planned' '
	matches /api/v1/runs/1 200 && jq -e ".jobs|length==2" out && matches /api/v1/runs/2 200 && jq -e ".reason.text" out
'

test_expect_success 'what is not there is a problem as described' '
	matches /api/v1/runs/999 404 && jq -e ".detail" out
'

test_expect_success 'a retry and a cancel' '
	matches /api/v1/runs/1/retry 202 -X POST -H "Authorization: Bearer open-sesame" -H "Content-Type: application/json" -d "{\"job\":null}" &&
	wait_run 1 failed &&
	matches /api/v1/runs/1/cancel 409 -X POST -H "Authorization: Bearer open-sesame"
'

test_expect_success 'an action without the token is refused as described' '
	matches /api/v1/runs/1/retry 401 -X POST -H "Content-Type: application/json" -d "{\"job\":null}"
'

test_expect_success 'the proxy does find what does not match' '
	curl -s -o out -w "%{http_code}" "$proxy/api/v1/runs?limit=none" >code; cat code out; test "$(cat code)" != 200
'

test_expect_success 'the description is served' '
	curl -fs "$base/api/v1/openapi.json" | cmp - "$TELLUS_SRC/templates/openapi.json"
'

test_done
