#!/bin/sh
# SPDX-License-Identifier: MIT
# Remote repositories: fetched into a mirror over git and http, with a
# token where one is asked for.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

free_port () {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve_http PORT: in the background, on that port again or on a free one
serve_http () {
	rm -f http.port
	GIT_HTTP_PORT=$1 python3 "$TELLUS_SRC/t/git-http.py" http.log http.port "$T/srv" x-access-token:sesame & web=$!
	test_on_exit "kill $web"
	wait_for 20 test -s http.port
}

# deliver NAME SHA: a signed GitHub push for acme/NAME
deliver () {
	printf '{"ref":"refs/heads/main","before":"%040d","after":"%s","created":false,"deleted":false,"forced":false,"sender":{"login":"a"},"repository":{"id":1,"full_name":"acme/%s"},"head_commit":{"id":"%s","message":"m","author":{"name":"A"}}}' 0 "$2" "$1" "$2" >d.json
	sig=$(openssl dgst -sha256 -hmac secret d.json | sed 's/.*= *//')
	curl -s -o out -w '%{http_code}\n' "$base/hooks/github/acme/$1" -H 'X-GitHub-Event: push' -H 'Content-Type: application/json' \
		-H "X-GitHub-Delivery: $1-$2-$(date +%N)" -H "X-Hub-Signature-256: sha256=$sig" --data-binary @d.json
}

test_expect_success 'servers and an agent start' '
	printf secret >secret && printf sesame >token && chmod 600 secret token &&
	git init -q --bare srv/widget.git 2>/dev/null || { mkdir srv && git init -q --bare srv/widget.git; } &&
	git init -q w && printf "run: [ \"cat file; git log -1 --format=%%s; git status --porcelain\" ]\n" >w/.tellus.yml && echo one >w/file &&
	git -C w add -A && git -C w commit -qm one && git -C w push -q "$T/srv/widget.git" HEAD:main || return 1
	git config -f srv/widget.git/config uploadpack.allowAnySHA1InWant true || return 1
	gport=$(free_port)
	"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$gport --base-path="$T/srv" --export-all --reuseaddr "$T/srv" & daemon=$!
	test_on_exit "kill $daemon"
	serve_http ""
	hport=$(cat http.port)
	for n in git http wrong none; do
		case $n in
		git) url=git://127.0.0.1:$gport/widget.git ;;
		none) url=git://127.0.0.1:$gport/none.git ;;
		*) url=http://127.0.0.1:$hport/widget.git ;;
		esac
		printf "[repository \"acme/%s\"]\n\turl = %s\n\tforge = github\n\twebhook-secret-file = %s/secret\n\tstatuses = false\n" $n "$url" "$T"
		test $n = http && printf "\ttoken-file = %s/token\n" "$T"
	done | agent_config; agent_start
'

test_expect_success 'over git' '
	deliver git $(git -C w rev-parse HEAD) && cat out && wait_run 1 passed && tellus log 1 | tee log && test "$(cat log)" = "$(printf "one\none")"
'

test_expect_success 'over http with a token' '
	deliver http $(git -C w rev-parse HEAD) && cat out && wait_run 2 passed && test "$(tellus log 2 | head -n 1)" = one
'

test_expect_success 'the commit that was delivered is built, wherever the ref is now' '
	echo two >w/file && git -C w commit -qam two && git -C w push -q "$T/srv/widget.git" HEAD:main && old=$(git -C w rev-parse HEAD) &&
	echo three >w/file && git -C w commit -q --amend -am three && git -C w push -qf "$T/srv/widget.git" HEAD:main &&
	deliver http $old && wait_run 3 passed && test "$(tellus log 3 | head -n 1)" = two
'

test_expect_success 'without the token it is a clear error' '
	deliver wrong $(git -C w rev-parse HEAD) && wait_run 4 blocked && tellus show 4 --json | jq -r .reason.text | tee r && grep -iE "token|credential|refused" r
'

test_expect_success 'a repository that is not there is a clear error' '
	deliver none $(git -C w rev-parse HEAD) && wait_run 5 error && tellus show 5 --json | jq -r .reason.text
'

test_expect_success 'a server that is down is waited for' '
	kill $web && echo four >w/file && git -C w commit -qam four && git -C w push -q "$T/srv/widget.git" HEAD:main &&
	deliver http $(git -C w rev-parse HEAD) && wait_for 20 run_is 6 waiting && tellus show 6 || return 1
	serve_http "$hport"
	wait_run 6 passed && test "$(tellus log 6 | head -n 1)" = four
'

test_expect_success 'no token is in the state folder or the log' '
	! grep -r sesame state agent.log
'

test_done
