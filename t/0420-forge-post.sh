#!/bin/sh
# SPDX-License-Identifier: MIT
# The poster against a forge that stalls, cuts, floods, redirects and
# limits.  Whatever it does, there is one verdict, in time, and the token
# goes nowhere else.
. "${0%/*}/lib.sh"

check=$TELLUS_BUILD/t/unit/forge_check
test -x "$check" || test_skip_all "t/unit/forge_check is not built"
command -v node >/dev/null || test_skip_all "node is not installed"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1 || exit 1
node "$TELLUS_SRC/t/node/forge/hostile.mjs" ports requests.log key.pem \
	cert.pem >server.log 2>&1 &
server_pid=$!
test_on_exit 'kill $server_pid'
wait_for 20 test -f ports || exit 1
{ read -r self; read -r other; read -r tls; } <ports

# status NAME [JSON]: the request for that misbehaviour.
status () {
	jq -nc --arg api "http://127.0.0.1:$self/$1" --argjson more "${2:-{\}}" '{
		kind: "github", api: $api, token: "t0ken-canary",
		repository: "a/b", ref: "refs/heads/main",
		sha: "6dcb09b5b57875f334f61aebed695e2e4193db5e",
		context: "tellus/ci", state: "passed", timeout_ms: 5000}
		+ $more'
}

# judged NAME VERDICT PATTERN [JSON]: the verdict, and what it says why.
judged () {
	status "$1" "${4:-{\}}" | "$check" post >got
	cat got
	cat got >>all
	jq -e --arg v "$2" '.verdict == $v' got && jq -r .why got | grep -q -- "$3"
}

test_expect_success 'a good answer is done' '
	status ok | "$check" post >got && cat got &&
	jq -e ".verdict == \"ok\" and .code == 201" got
'

test_expect_success 'the request is complete and names the program' '
	jq -e ".method == \"POST\" and .path == \"/ok/repos/a/b/statuses/6dcb09b5b57875f334f61aebed695e2e4193db5e\" and
		.headers.authorization == \"Bearer t0ken-canary\" and
		.headers[\"content-type\"] == \"application/json\" and
		(.headers[\"user-agent\"] | startswith(\"tellus/\")) and
		(.headers.expect | not) and (.headers[\"accept-encoding\"] | not) and
		(.body | fromjson | .state) == \"success\"" requests.log
'

test_expect_success 'a cut body, a page and an empty answer are tried again' '
	judged truncated retry . && judged half retry "does not repeat" &&
	judged html retry "does not repeat" &&
	judged empty retry "does not repeat" &&
	judged gzip retry "does not repeat"
'

test_expect_success 'a dropped connection and nonsense are tried again' '
	judged drop retry . && judged garbage retry . &&
	judged broken retry "the forge failed (502"
'

test_expect_success 'a closed port is tried again' '
	judged x retry . "{\"api\": \"http://127.0.0.1:1\"}"
'

test_expect_success 'a forge that stalls is left after the time for all' '
	judged stall retry "[Tt]imed\? \?out" "{\"timeout_ms\": 300}" &&
	jq -e ".took_ms >= 300 and .took_ms < 4000" got &&
	judged stall-body retry . "{\"timeout_ms\": 300}"
'

test_expect_success 'an endless body is cut off at 256 KiB' '
	judged endless retry "more than 256 KiB"
'

test_expect_success 'endless headers and an endless header line are cut off' '
	judged endless-headers retry "more than 64 KiB" &&
	judged large-header retry .
'

test_expect_success 'limits are passed on with their times' '
	judged limited retry limits && jq -e ".wait_ms == 30000" got &&
	judged quota retry limits &&
	jq -e ".wait_ms > 590000 and .wait_ms <= 600000" got
'

test_expect_success 'a redirect to the same origin is followed with method and body' '
	: >requests.log &&
	for name in moved same
	do
		status $name | "$check" post >got
		jq -e ".verdict == \"ok\"" got || break
	done && test $name = same && jq -e ".verdict == \"ok\"" got &&
	test "$(jq -c "select(.name == \"ok\" and .method == \"POST\" and
		.headers.authorization == \"Bearer t0ken-canary\" and
		(.body | fromjson | .state) == \"success\")" requests.log |
		wc -l)" -eq 2
'

test_expect_success 'a redirect to the same origin is followed once' '
	: >requests.log && judged loop dead redirects &&
	test "$(wc -l <requests.log)" -eq 2
'

test_expect_success 'the token does not follow a redirect to another origin' '
	: >requests.log && judged other dead "redirects (307) to http" &&
	test "$(wc -l <requests.log)" -eq 1 &&
	! grep -q "\"origin\":\"other\"" requests.log
'

test_expect_success 'other redirects are not followed either' '
	: >requests.log && judged found dead redirects &&
	judged file dead redirects && judged user dead redirects &&
	judged metadata dead redirects &&
	test "$(wc -l <requests.log)" -eq 4
'

test_expect_success 'a certificate that nobody vouches for is final' '
	judged ok dead certificate "{\"api\": \"https://127.0.0.1:$tls/ok\"}" &&
	! grep -q "\"origin\":\"tls\"" requests.log
'

test_expect_success 'proxies and passwords of the environment are not used' '
	: >requests.log &&
	printf "machine 127.0.0.1 login me password pw\n" >"$HOME/.netrc" &&
	chmod 600 "$HOME/.netrc" &&
	status ok | env http_proxy="http://127.0.0.1:$other" \
		ALL_PROXY="http://127.0.0.1:$other" "$check" post >got &&
	jq -e ".verdict == \"ok\"" got &&
	jq -e ".origin == \"self\" and
		.headers.authorization == \"Bearer t0ken-canary\"" requests.log
'

test_expect_success '24 requests go out 8 at a time over connections that are kept' '
	before=$(curl -s "http://127.0.0.1:$self/counts" | jq .connections) &&
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
	do
		status hold
	done | "$check" post >got &&
	test "$(grep -c "\"verdict\":\"ok\"" got)" -eq 24 &&
	curl -s "http://127.0.0.1:$self/counts" >counts && cat counts &&
	jq -e ".most == 8 and .connections - $before == 9" counts
'

test_expect_success 'bad answers do not disturb good ones at the same time' '
	{ status drop; status ok; status garbage; status ok; status endless
	  status ok; status stall "{\"timeout_ms\": 200}"; status ok; } |
		"$check" post >got && cat got &&
	test "$(wc -l <got)" -eq 8 &&
	test "$(grep -c "\"verdict\":\"ok\"" got)" -eq 4
'

test_expect_success 'the token is in no complaint' '
	test "$(wc -l <all)" -gt 15 && ! grep canary all got server.log
'

test_done
