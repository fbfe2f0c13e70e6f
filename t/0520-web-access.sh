#!/bin/sh
# SPDX-License-Identifier: MIT
# Addresses, methods, names, tokens and peers: who gets which answer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

# status [curl options]: prints the status; body in out, headers in head
status () {
	curl -s -D head -o out -w '%{http_code}' "$@"
}

# is_problem STATUS: out is one, and says something
is_problem () {
	grep -qi '^content-type: application/problem+json' head &&
	test "$(jq .status out)" = "$1" &&
	test "$(jq -r '.title, .detail | length' out | sort -n | head -n 1)" -gt 0
}

has_header () {
	tr -d '\r' <head | grep -qix "$1"
}

local_status () {
	status --unix-socket "$state/sock" "$@"
}

test_expect_success 'an agent with a public and a private repository runs' '
	printf token-of-the-api >token && chmod 600 token &&
	(for r in open vault
	do
		make_repo $r <<-\EOF || exit 1
		run: [ "echo hello" ]
		EOF
	done) &&
	agent_config <<-EOF &&
		api-token-file = $T/token
		url = http://ci.example.org:8420/base
	$(repo_conf open)
	$(repo_conf vault)
		visibility = private
	EOF
	agent_start &&
	git -C open push -q origin main && git -C vault push -q origin main &&
	wait_run 1 passed && wait_run 2 passed
'

test_expect_success 'every answer says how it may be used' '
	test "$(status $base/api/v1/runs)" = 200 &&
	has_header "X-Content-Type-Options: nosniff" &&
	has_header "Referrer-Policy: no-referrer" &&
	has_header "Cache-Control: no-store" &&
	test "$(grep -ci "^content-security-policy: default-src .none.;" head)" -eq 1 &&
	! grep -qi "^access-control-allow-origin" head
'

test_expect_success 'an address that is not there is 404 for programs and people' '
	test "$(status $base/api/v1/nothing)" = 404 && is_problem 404 &&
	test "$(status $base/nothing)" = 404 && grep -qi "^content-type: text/html" head &&
	test "$(status $base/api/v1/runs/)" = 404 &&
	test "$(status $base/api/v1/runs/99)" = 404 && is_problem 404
'

test_expect_success 'a run number is written one way only' '
	test "$(status $base/api/v1/runs/1)" = 200 &&
	(for n in 01 +1 -1 1.0 0x1 0 1e0 %31%20 99999999999999999999 " 1" 1%00
	do
		case $(status "$base/api/v1/runs/$n") in
		400 | 404 | 000) ;;
		*) echo "$n"; exit 1 ;;
		esac
	done)
'

test_expect_success 'a method that an address does not take is 405 with Allow' '
	test "$(status -X DELETE $base/api/v1/runs/1)" = 405 && is_problem 405 &&
	has_header "Allow: GET, HEAD" &&
	test "$(status $base/api/v1/runs/1/cancel)" = 405 && has_header "Allow: POST" &&
	test "$(status $base/hooks/github)" = 405
'

test_expect_success 'HEAD is GET without the body' '
	test "$(status -I $base/api/v1/runs)" = 200 && has_header "Content-Type: application/json"
'

test_expect_success 'by a foreign name the agent does not answer' '
	test "$(status -H "Host: evil.example.org" $base/)" = 421 &&
	test "$(status -H "Host: evil.example.org" $base/api/v1/runs)" = 421 && is_problem 421 &&
	test "$(status -H "Host: localhost.evil.example.org" $base/)" = 421 &&
	test "$(status -H "Host: 127.0.0.1.evil.example.org" $base/)" = 421 &&
	test "$(status -H "Host: evil.example.org" -H "Authorization: Bearer token-of-the-api" \
		-X POST $base/api/v1/runs/1/cancel)" = 421
'

test_expect_success 'its own names and addresses are known, webhooks take any' '
	(for h in localhost LOCALHOST:99 127.0.0.1 "[::1]:8420" "[::1]" ci.example.org ci.example.org:8420
	do
		test "$(status -H "Host: $h" $base/api/v1/runs)" = 200 || exit 1
	done) &&
	test "$(status -H "Host: hooks.example.net" -d "{}" $base/hooks/github)" = 401
'

test_expect_success 'an action over TCP needs the token' '
	test "$(status -X POST $base/api/v1/runs/1/retry)" = 401 && is_problem 401 &&
	has_header "WWW-Authenticate: Bearer" &&
	(for t in "Bearer wrong" "Bearer" "Bearer " "Basic token-of-the-api" \
		"Bearer token-of-the-ap" "Bearer token-of-the-apii" "token-of-the-api"
	do
		test "$(status -X POST -H "Authorization: $t" $base/api/v1/runs/1/retry)" = 401 || exit 1
	done)
'

test_expect_success 'with the token it is done' '
	test "$(status -X POST -H "Authorization: Bearer token-of-the-api" $base/api/v1/runs/1/retry)" = 202 &&
	test "$(jq .run out)" -eq 1 && test "$(jq .attempt out)" -eq 2 && wait_run 1 passed
'

test_expect_success 'what the state does not allow is 409' '
	test "$(status -X POST -H "Authorization: Bearer token-of-the-api" $base/api/v1/runs/1/cancel)" = 409 &&
	is_problem 409
'

test_expect_success 'a body that is no JSON object is 400' '
	(for b in "[]" "{" "1" "{\"job\":1,\"job\":2}"
	do
		test "$(status -d "$b" -H "Authorization: Bearer token-of-the-api" $base/api/v1/runs/1/retry)" = 400 || exit 1
	done)
'

test_expect_success 'a push is taken on the unix socket only' '
	test "$(status -d "{}" -H "Authorization: Bearer token-of-the-api" $base/api/v1/push)" = 403 &&
	test "$(local_status -d "{}" http://localhost/api/v1/push)" = 400
'

test_expect_success 'a private repository is not seen without the token' '
	test "$(curl -s $base/api/v1/runs | jq -c "[.[].repository]")" = "[\"open\"]" &&
	test "$(status $base/api/v1/runs/2)" = 404 && is_problem 404 &&
	test "$(status $base/runs/2)" = 404 &&
	test "$(status $base/api/v1/runs/2/log)" = 404 &&
	test "$(status $base/api/v1/runs/2/stream)" = 404 &&
	test "$(status "$base/events?run=2")" = 404 &&
	test "$(status $base/runs/2/0/0/log)" = 404 && ! grep -q hello out &&
	! curl -s $base/ | grep -q vault
'

test_expect_success 'what is hidden and what is not there look the same' '
	curl -s $base/api/v1/runs/2 | sed "s/2/N/g" >vault-out &&
	curl -s $base/api/v1/runs/9 | sed "s/9/N/g" >absent-out &&
	cmp vault-out absent-out &&
	curl -s $base/badge/vault/main.svg >a && curl -s $base/badge/nothing/main.svg >b && cmp a b
'

test_expect_success 'with the token it is seen' '
	test "$(curl -s -H "Authorization: Bearer token-of-the-api" $base/api/v1/runs | jq length)" -eq 2 &&
	test "$(status -H "Authorization: Bearer token-of-the-api" $base/api/v1/runs/2)" = 200
'

test_expect_success 'lists are filtered, and wrong filters named' '
	test "$(curl -s "$base/api/v1/runs?state=failed" | jq length)" -eq 0 &&
	test "$(curl -s "$base/api/v1/runs?repository=open&ref=refs/heads/main&limit=1" | jq length)" -eq 1 &&
	test "$(curl -s "$base/api/v1/runs?repository=open&ref=refs%2Fheads%2Fmain" | jq length)" -eq 1 &&
	(for q in state=nonsense limit=0 limit=501 limit=x before=0 before=-1
	do
		test "$(status "$base/api/v1/runs?$q")" = 400 && is_problem 400 || exit 1
	done)
'

test_expect_success 'paths out of the logs are not found' '
	(for p in ../../key ..%2f..%2fkey %2e%2e/%2e%2e/key ..%5c..%5ckey 0%2f..%2f..%2fkey \
		....//....//key %252e%252e%252fkey ..%c0%afkey /etc/passwd -1 99 0x0
	do
		for a in "/runs/1/$p/0/log" "/runs/1/0/$p/log" "/runs/1/$p/log" \
			"/assets/$p" "/assets/../$p" "/api/v1/runs/1/log?job=$p" \
			"/api/v1/runs/1/log?job=0&step=$p"
		do
			case $(status --path-as-is "$base$a") in
			4??) ;;
			*) echo "$a"; exit 1 ;;
			esac
		done
	done)
'

other () {
	setpriv --reuid 65532 --regid 65532 --clear-groups "$@"
}

if test "$(id -u)" -ne 0
then
	test_skip 'another user may read over the socket but not act' 'needs root'
	test_skip 'a push by one who may not write the repository is 403' 'needs root'
else
test_expect_success 'another user may read over the socket but not act' '
	chmod 711 "$T" "$state" &&
	other curl -s --unix-socket "$state/sock" http://localhost/api/v1/runs >out &&
	test "$(jq -c "[.[].repository]" out)" = "[\"open\"]" &&
	test "$(other curl -s -o /dev/null -w "%{http_code}" --unix-socket "$state/sock" \
		-X POST http://localhost/api/v1/runs/1/retry)" = 403
'

test_expect_success 'a push by one who may not write the repository is 403' '
	sha=$(git -C open rev-parse HEAD) &&
	printf "{\"repository\":\"open\",\"nonce\":\"%032d\",\"event\":\"push\",\"actor\":\"x\",\"options\":[],\"refs\":[{\"ref\":\"refs/heads/main\",\"old\":\"%040d\",\"new\":\"%s\"}]}" 7 0 $sha >push.json && chmod 644 push.json &&
	test "$(other curl -s -o /dev/null -w "%{http_code}" --unix-socket "$state/sock" \
		-d @"$T/push.json" http://localhost/api/v1/push)" = 403 &&
	chown 65532 open.git &&
	test "$(other curl -s -o /dev/null -w "%{http_code}" --unix-socket "$state/sock" \
		-d @"$T/push.json" http://localhost/api/v1/push)" = 202 &&
	chown 0:65532 open.git && chmod g+w open.git && sed s/0007/0008/ push.json >push2.json &&
	chmod 644 push2.json &&
	test "$(other curl -s -o /dev/null -w "%{http_code}" --unix-socket "$state/sock" \
		-d @"$T/push2.json" http://localhost/api/v1/push)" = 202 &&
	chmod g-w open.git &&
	test "$(other curl -s -o /dev/null -w "%{http_code}" --unix-socket "$state/sock" \
		-d @"$T/push2.json" http://localhost/api/v1/push)" = 403
'

fi

test_expect_success 'the socket can be used by everybody, its folder cannot be read' '
	test "$(stat -c %a "$state/sock")" = 666
'

test_expect_success 'an agent that ends takes its socket along' '
	agent_stop && ! test -e "$state/sock"
'

test_done
