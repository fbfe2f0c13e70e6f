#!/bin/sh
# SPDX-License-Identifier: MIT
# GitLab and Gitea: signed deliveries in, statuses out.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

command -v node >/dev/null || test_skip_all 'node is not installed'
zero=0000000000000000000000000000000000000000

post () { # URL-PATH FILE [curl options]: the status; body in out
	p_path=$1 p_file=$2
	shift 2
	curl -s -o out -w '%{http_code}' "$base$p_path" -H 'Content-Type: application/json' --data-binary @"$p_file" "$@"
}

gitlab_json () { # NAME SHA KIND REF
	cat <<-EOF
	{"object_kind":"$3","event_name":"$3","before":"$zero","after":"$2","checkout_sha":"$2","ref":"$4","user_username":"carol",
	 "user_name":"Carol","project":{"id":5,"path_with_namespace":"$1","web_url":"http://x/"},"commits":[{"id":"$2","message":"m","author":{"name":"C"}}]}
	EOF
}

gitea_json () { # NAME SHA
	cat <<-EOF
	{"ref":"refs/heads/main","before":"$zero","after":"$2","pusher":{"login":"dave"},"sender":{"login":"dave"},
	 "repository":{"id":9,"full_name":"$1","html_url":"http://x/"},"commits":[],"head_commit":{"id":"$2","message":"m","author":{"name":"D"}}}
	EOF
}

last_status () {
	tail -n 1 forge.log 2>/dev/null | jq -e "$1" >/dev/null
}

test_expect_success 'an agent with both starts' '
	node "$TELLUS_SRC/t/forge.mjs" port forge.log plan & forge=$!
	test_on_exit "kill $forge"
	wait_for 10 test -s port &&
	make_repo demo <<-\EOF &&
	name: ci
	run: [ "echo by $GITHUB_ACTOR on $GITHUB_REF" ]
	EOF
	git -C demo push -q origin main && sha=$(git -C demo rev-parse HEAD) && git -C demo tag -a -m v1 v1 && git -C demo push -q origin v1 &&
	rm -rf demo.git/tellus &&
	for n in token secret; do echo "$n-of-the-test" >$n; done &&
	printf "whsec_%s\n" "$(printf 0123456789abcdef0123456789abcdef | base64)" >signing && chmod 600 token secret signing &&
	agent_config <<-EOF && agent_start
	[forge "lab"]
		kind = gitlab
		api = http://127.0.0.1:$(cat port)/api/v4
	[forge "tea"]
		kind = gitea
		api = http://127.0.0.1:$(cat port)/api/v1
	[repository "group/sub/proj"]
		url = file://$T/demo.git
		forge = lab
		webhook-secret-file = $T/secret
		token-file = $T/token
	[repository "group/signed"]
		url = file://$T/demo.git
		forge = lab
		webhook-signing-secret-file = $T/signing
	[repository "dave/widget"]
		url = file://$T/demo.git
		forge = tea
		webhook-secret-file = $T/secret
		token-file = $T/token
	EOF
'

test_expect_success 'a GitLab push with its token runs' '
	gitlab_json group/sub/proj $sha push refs/heads/main >lab.json &&
	test "$(post /hooks/gitlab lab.json -H "X-Gitlab-Event: Push Hook" -H "X-Gitlab-Token: secret-of-the-test" -H "Idempotency-Key: k-1")" = 202 && cat out &&
	wait_run 1 passed && test "$(tellus log 1)" = "by carol on refs/heads/main"
'

test_expect_success 'and its status is what GitLab takes' '
	wait_for 20 last_status ".body.state==\"success\"" && tail -n 1 forge.log >last && cat last &&
	test "$(jq -r .url last)" = "/api/v4/projects/group%2Fsub%2Fproj/statuses/$sha" &&
	test "$(jq -r .auth last)" = token-of-the-test && test "$(jq -r ".body.name // .body.context" last)" = tellus/ci &&
	test "$(jq -r .body.ref last)" = main
'

test_expect_success 'the same idempotency key is the same run, a wrong token 401' '
	test "$(post /hooks/gitlab lab.json -H "X-Gitlab-Event: Push Hook" -H "X-Gitlab-Token: secret-of-the-test" -H "Idempotency-Key: k-1")" = 200 &&
	test "$(post /hooks/gitlab lab.json -H "X-Gitlab-Event: Push Hook" -H "X-Gitlab-Token: wrong" -H "Idempotency-Key: k-2")" = 401
'

test_expect_success 'an annotated GitLab tag runs its commit' '
	gitlab_json group/sub/proj $sha tag_push refs/tags/v1 | sed "s/\"after\":\"$sha\"/\"after\":\"$(git -C demo rev-parse v1)\"/" >tag.json &&
	test "$(post /hooks/gitlab tag.json -H "X-Gitlab-Event: Tag Push Hook" -H "X-Gitlab-Token: secret-of-the-test" -H "Idempotency-Key: k-3")" = 202 && cat out &&
	wait_for 30 is_settled 2 && test "$(tellus show 2 --json | jq -r .sha)" = $sha
'

test_expect_success 'a GitLab delivery with a signing token is verified by it alone' '
	gitlab_json group/signed $sha push refs/heads/main >signed.json && now=$(date +%s) && id=msg-1 &&
	key=$(printf 0123456789abcdef0123456789abcdef | od -v -An -tx1 | tr -d " \n") &&
	sig=$({ printf "%s.%s." $id $now; cat signed.json; } | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key -binary | base64) &&
	test "$(post /hooks/gitlab signed.json -H "X-Gitlab-Event: Push Hook" -H "webhook-id: $id" -H "webhook-timestamp: $now" -H "webhook-signature: v1,$sig")" = 202 && cat out &&
	wait_run 3 passed &&
	test "$(post /hooks/gitlab signed.json -H "X-Gitlab-Event: Push Hook" -H "webhook-id: msg-2" -H "webhook-timestamp: $((now - 3600))" -H "webhook-signature: v1,$sig")" = 401
'

test_expect_success 'a Gitea push with its bare signature runs' '
	gitea_json dave/widget $sha >tea.json && hex=$(openssl dgst -sha256 -hmac secret-of-the-test tea.json | sed "s/.*= *//") &&
	test "$(post /hooks/gitea tea.json -H "X-Gitea-Event: push" -H "X-GitHub-Event: push" -H "X-Gitea-Delivery: t-1" -H "X-Gitea-Signature: $hex")" = 202 && cat out &&
	wait_run 4 passed && test "$(tellus log 4)" = "by dave on refs/heads/main"
'

test_expect_success 'and its status is what Gitea takes' '
	wait_for 20 last_status ".body.state==\"success\" and (.url|startswith(\"/api/v1\"))" && tail -n 1 forge.log >last && cat last &&
	test "$(jq -r .url last)" = "/api/v1/repos/dave/widget/statuses/$sha" && jq -r .auth last | grep token-of-the-test
'

test_expect_success 'a Gitea delivery with an empty signature is 401' '
	test "$(post /hooks/gitea tea.json -H "X-Gitea-Event: push" -H "X-Gitea-Delivery: t-2" -H "X-Gitea-Signature:" )" = 401 &&
	test "$(post /hooks/gitea tea.json -H "X-Gitea-Event: push" -H "X-Gitea-Delivery: t-3" -H "X-Hub-Signature-256: sha256=" )" = 401 &&
	test "$(tellus list --json | jq length)" -eq 4
'

test_done
