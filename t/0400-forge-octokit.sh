#!/bin/sh
# SPDX-License-Identifier: MIT
# Real payloads of GitHub, signed by somebody else's code, through our
# verification and parser; and our signatures' rule against a second, the
# webhook program that Debian has.
. "${0%/*}/lib.sh"
. "$TELLUS_SRC/t/node/forge/setup.sh"

check=$TELLUS_BUILD/t/unit/forge_check

test_expect_success 'every example payload is signed' '
	node "$node_dir/octokit.mjs" all >in.jsonl &&
	node "$node_dir/octokit.mjs" all want >want.jsonl &&
	test "$(wc -l <in.jsonl)" -gt 300
'

test_expect_success 'all of them verify and are parsed without a complaint' '
	"$check" parse <in.jsonl >got.jsonl &&
	test "$(jq -c "select(.verified | not)" got.jsonl | wc -l)" -eq 0 &&
	jq -r "select(.error) | .error" got.jsonl >errors &&
	cat errors && test ! -s errors
'

test_expect_success 'pushes and pull requests give the right commit and ref' '
	node "$node_dir/compare.mjs" want.jsonl got.jsonl >report ||
		{ cat report; false; } &&
	tail -n 1 report && ! grep -q " 0 start a run" report
'

test_expect_success 'updates, forced pushes, deletions and forks are told apart' '
	node "$node_dir/octokit.mjs" derived >in2.jsonl &&
	node "$node_dir/octokit.mjs" derived want >want2.jsonl &&
	"$check" parse <in2.jsonl >got2.jsonl &&
	node "$node_dir/compare.mjs" want2.jsonl got2.jsonl &&
	test "$(jq -c "select(.push.fork == true)" got2.jsonl | wc -l)" -eq 3 &&
	test "$(jq -c "select(.push.forced == true)" got2.jsonl | wc -l)" -eq 1
'

test_expect_success 'a changed body of any of them does not verify' '
	jq -c ".body |= (.[:-1] + \" }\")" in.jsonl |
		"$check" parse >changed.jsonl &&
	test "$(wc -l <changed.jsonl)" -eq "$(wc -l <in.jsonl)" &&
	test "$(jq -c "select(.verified)" changed.jsonl | wc -l)" -eq 0
'

test_expect_success 'the same payloads in pieces are refused, not a crash' '
	jq -c ".body |= .[:(length / 2 | floor)]" in.jsonl |
		"$check" parse >cut.jsonl &&
	test "$(wc -l <cut.jsonl)" -eq "$(wc -l <in.jsonl)" &&
	test "$(jq -c "select(.error | not)" cut.jsonl | wc -l)" -eq 0
'

# Each leaf of some payloads in turn becomes null, a number, a list, ...
test_expect_success 'a wrong type in any field is no crash' '
	jq -c "select(.headers[\"X-GitHub-Event\"] == \"push\" or
		.headers[\"X-GitHub-Event\"] == \"pull_request\")" in2.jsonl |
	jq -c ". as \$d | (.body | fromjson) as \$b | [\$b | paths] |
		map(select(length < 4)) | .[] as \$p |
		(null, 7, [], {}, \"\", \"\\u0001\") as \$v |
		\$d | .body = (\$b | setpath(\$p; \$v) | tojson)" >types.jsonl &&
	"$check" parse <types.jsonl >types.out &&
	test "$(wc -l <types.out)" -eq "$(wc -l <types.jsonl)" &&
	test "$(wc -l <types.out)" -gt 1000 &&
	jq -e -s "map(select(.what == \"push\")) |
		all(.push.sha | test(\"^[0-9a-f]{40}\$\"))" types.out
'

if command -v webhook >/dev/null
then
	port=$(node -e '
		const s = require("net").createServer().listen(0, "127.0.0.1",
			() => { console.log(s.address().port); s.close(); });')
	cat >hooks.json <<-'EOF'
	[{"id": "t", "execute-command": "/bin/true",
	  "trigger-rule": {"match": {"type": "payload-hmac-sha256",
	    "secret": "a secret, not a token",
	    "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}}}]
	EOF
	webhook -hooks hooks.json -ip 127.0.0.1 -port "$port" >webhook.log 2>&1 &
	webhook_pid=$!
	test_on_exit 'kill $webhook_pid'
	hook=http://127.0.0.1:$port/hooks/t
	post () {
		curl -s -o /dev/null -w '%{http_code}\n' --data-binary "@$1" \
			-H 'Content-Type: application/json' \
			-H "X-Hub-Signature-256: $2" "$hook"
	}
	answers () {
		curl -s -o /dev/null "$hook"
	}
	test_expect_success 'another verifier judges good and bad signatures as we do' '
		wait_for 10 answers &&
		head -n 1 in2.jsonl | jq -j .body >body &&
		sig=$(head -n 1 in2.jsonl |
			jq -r ".headers[\"X-Hub-Signature-256\"]") &&
		test "$(post body "$sig")" = 200 &&
		printf " " >>body && code=$(post body "$sig") && echo "$code" &&
		test "$code" -ge 400
	'
else
	test_skip 'another verifier judges good and bad signatures as we do' \
		'the program webhook is not installed'
fi

test_done
