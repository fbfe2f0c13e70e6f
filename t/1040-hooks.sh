#!/bin/sh
# SPDX-License-Identifier: MIT
# Signed deliveries over TCP: verified before parsed, once, answered after
# the journal's commit.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

secret="It's a Secret to Everybody"
zero=0000000000000000000000000000000000000000

sign () {
	openssl dgst -sha256 -hmac "$secret" "$1" | sed 's/.*= *//'
}

# github FILE EVENT DELIVERY [curl options]: prints the status, body in out
github () {
	gh_file=$1 gh_event=$2 gh_id=$3
	shift 3
	curl -s -o out -w '%{http_code}' "$base/hooks/github" \
		-H 'Content-Type: application/json' \
		-H "X-GitHub-Event: $gh_event" -H "X-GitHub-Delivery: $gh_id" \
		-H "X-Hub-Signature-256: sha256=$(sign "$gh_file")" \
		--data-binary @"$gh_file" "$@"
}

push_json () {
	cat <<-EOF
	{"ref":"refs/heads/main","before":"$zero","after":"$1","created":true,
	 "deleted":false,"forced":false,"pusher":{"name":"alice"},
	 "sender":{"login":"alice"},
	 "repository":{"id":1,"full_name":"acme/widget","html_url":"http://x/"},
	 "head_commit":{"id":"$1","message":"first","author":{"name":"A"}}}
	EOF
}

pr_json () {
	cat <<-EOF
	{"action":"opened","number":7,"sender":{"login":"mallory"},
	 "repository":{"id":1,"full_name":"acme/widget"},
	 "pull_request":{"number":7,"title":"t","html_url":"http://x/7",
	 "head":{"ref":"topic","sha":"$1","repo":{"id":$2,"full_name":"m/widget"}},
	 "base":{"ref":"main","sha":"$1","repo":{"id":1,"full_name":"acme/widget"}}}}
	EOF
}

count () {
	tellus list --json | jq length
}

test_expect_success 'an agent with a GitHub repository starts' '
	make_repo widget <<-\EOF &&
	on: [push, pull_request]
	run: [ "echo event $GITHUB_EVENT_NAME by $GITHUB_ACTOR" ]
	EOF
	git -C widget push -q origin main &&
	sha=$(git -C widget rev-parse HEAD) &&
	printf "%s\n" "$secret" >secret && chmod 600 secret &&
	rm -rf widget.git/tellus &&
	agent_config <<-EOF &&
	[repository "acme/widget"]
		url = file://$T/widget.git
		forge = github
		webhook-secret-file = $T/secret
	[repository "acme/other"]
		url = file://$T/widget.git
		forge = github
		webhook-secret-file = $T/other
	EOF
	echo another-secret >other && chmod 600 other &&
	agent_start && push_json $sha >push.json
'

test_expect_success 'a signed push is accepted with its run' '
	test "$(github push.json push d-1)" = 202 && cat out &&
	test "$(jq .run out)" -eq 1 && test "$(jq -c .runs out)" = "[1]" &&
	wait_run 1 passed && test "$(tellus log 1)" = "event push by alice"
'

test_expect_success 'the same delivery again is the same run' '
	test "$(github push.json push d-1)" = 200 && test "$(jq .run out)" -eq 1 &&
	test "$(count)" -eq 1
'

test_expect_success 'the same body with another id is the same run' '
	test "$(github push.json push d-2)" = 200 && test "$(jq .run out)" -eq 1 &&
	test "$(count)" -eq 1
'

test_expect_success 'a wrong signature is 401 and runs nothing' '
	test "$(github push.json push d-3 -H "X-Hub-Signature-256: sha256=$(printf %064d 0)" \
		-H "X-GitHub-Event: push")" = 401 || {
	code=$(curl -s -o out -w "%{http_code}" "$base/hooks/github" -H "X-GitHub-Event: push" \
		-H "X-GitHub-Delivery: d-3" -H "X-Hub-Signature-256: sha256=$(printf %064d 0)" \
		--data-binary @push.json); test "$code" = 401; } &&
	test "$(count)" -eq 1
'

test_expect_success 'no signature is 401' '
	code=$(curl -s -o out -w "%{http_code}" "$base/hooks/github" -H "X-GitHub-Event: push" \
		-H "X-GitHub-Delivery: d-4" --data-binary @push.json) &&
	test "$code" = 401
'

test_expect_success 'nonsense that is signed is 400, and says what is wrong' '
	echo "{" >bad.json && test "$(github bad.json push d-5)" = 400 && cat out &&
	grep -i line out
'

test_expect_success 'a repository that is not configured is 404' '
	sed s,acme/widget,acme/nothing, push.json >nothing.json &&
	test "$(github nothing.json push d-6)" = 404
'

test_expect_success 'the secret of another repository is 401' '
	sed s,acme/widget,acme/other, push.json >other.json &&
	test "$(github other.json push d-7)" = 401
'

test_expect_success 'a ping is 200 and starts nothing' '
	echo "{\"zen\":\"z\",\"hook_id\":1,\"repository\":{\"id\":1,\"full_name\":\"acme/widget\"}}" >ping.json &&
	test "$(github ping.json ping d-8)" = 200 && cat out && test "$(count)" -eq 1
'

test_expect_success 'a pull request from the same repository runs' '
	pr_json $sha 1 >pr.json && test "$(github pr.json pull_request d-9)" = 202 && cat out &&
	wait_run 2 passed && tellus log 2 | grep "event pull_request by mallory"
'

test_expect_success 'a pull request from a fork waits until it is approved' '
	pr_json $sha 99 >fork.json && test "$(github fork.json pull_request d-10)" = 202 && cat out &&
	wait_run 3 blocked && tellus show 3 | grep "tellus approve 3" &&
	! tellus retry 3 2>err && grep approve err &&
	! tellus approve 2 2>err && grep "does not wait" err &&
	tellus approve 3 && wait_run 3 passed && ! tellus approve 3 &&
	jq -e ".network == \"none\"" state/runs/3/0.1/spec.json >out && grep true out
'

test_expect_success 'a body over the limit is 413' '
	head -c 27000000 /dev/zero | tr "\0" " " >big.json &&
	test "$(github big.json push d-11 -H Expect:)" = 413 && test "$(count)" -eq 3
'

test_expect_success 'many copies at once are one run' '
	sed "s/\"first\"/\"many\"/" push.json >many.json && sig=$(sign many.json) &&
	for i in $(seq 40); do echo "url = \"$base/hooks/github\"
	output = \"many.$i\"
	write-out = \"%{http_code}\\n\""; echo; done >curl.conf &&
	curl -s -Z --parallel-max 20 -K curl.conf -H "Content-Type: application/json" -H "X-GitHub-Event: push" -H "X-GitHub-Delivery: d-12" \
		-H "X-Hub-Signature-256: sha256=$sig" --data-binary @many.json >codes &&
	sort codes | uniq -c && test "$(grep -c 202 codes)" -eq 1 && test "$(grep -c 200 codes)" -eq 39 &&
	test "$(count)" -eq 4
'

test_expect_success 'what was answered 202 is there after kill -9' '
	sed "s/\"first\"/\"kill\"/" push.json >kill.json &&
	test "$(github kill.json push d-13)" = 202 && agent_kill && agent_start &&
	wait_run 5 passed && test "$(github kill.json push d-13)" = 200
'

test_done
