#!/bin/sh
# SPDX-License-Identifier: MIT
# Sizes, times and numbers of connections: what is too much is refused, and
# does not hinder others.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

raw="$TELLUS_BUILD/t/unit/webraw"
load="$TELLUS_BUILD/t/unit/webload"
test -x "$raw" && test -x "$load" ||
	test_skip_all 'build the tests first: make check'
mib=1048576

status_of () {
	curl -s -o out -w '%{http_code}' "$@"
}

rss_kib () {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent_pid/status"
}

# How often its threads went to sleep by themselves.
switches () {
	awk '/^voluntary/ { n += $2 } END { print n }' \
		/proc/"$agent_pid"/task/*/status
}

test_expect_success 'an agent with a body limit of 1 MiB starts' '
	printf secret-of-the-hook >secret && chmod 600 secret &&
	agent_config <<-EOF &&
		webhook-max = 1M
	[repository "acme/widget"]
		url = https://forge.invalid/acme/widget.git
		forge = github
		webhook-secret-file = $T/secret
	EOF
	agent_start && head -c $mib /dev/zero >exact && head -c $((mib + 1)) /dev/zero >over
'

test_expect_success 'a body of the limit is taken, one byte more is 413' '
	test "$(status_of "$base/hooks/github" --data-binary @exact)" = 401 &&
	test "$(status_of -H "Expect:" "$base/hooks/github" --data-binary @over)" = 413 &&
	grep -q "limit is $mib" out
'

test_expect_success 'a client that sends on learns of the 413 and is not reset' '
	{
		printf "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n"
		head -c 30000000 /dev/zero
	} >big && "$raw" send $port 4000 <big >out &&
	grep -q "^HTTP/1.1 413" out && test "$(tail -n 1 out)" = closed
'

test_expect_success '413 comes from the announced length, before the body' '
	printf "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n" |
		"$raw" send $port 2000 >out &&
	grep -q "^HTTP/1.1 413" out && test "$(tail -n 1 out)" = closed
'

test_expect_success 'a chunked body over the limit is cut off, memory stays' '
	before=$(rss_kib) &&
	{ head -c 200000000 /dev/zero |
		curl -s -o out -w "%{http_code}" -H "Transfer-Encoding: chunked" \
		-H "Expect:" -T - -X POST "$base/hooks/github"; true; } >code &&
	! grep -q "^2" code && after=$(rss_kib) &&
	test $((after - before)) -lt 8192
'

test_expect_success 'a body where none belongs is refused' '
	test "$(status_of -X GET "$base/healthz" -d x)" = 413
'

test_expect_success 'an address of more than 2 KiB is 414' '
	long=$(head -c 2100 /dev/zero | tr "\0" a) &&
	test "$(status_of "$base/$long")" = 414 &&
	test "$(status_of "$base/?x=$long")" = 414
'

test_expect_success 'headers of more than 32 KiB are 431' '
	long=$(head -c 40000 /dev/zero | tr "\0" a) &&
	test "$(status_of -H "X-Long: $long" "$base/healthz")" = 431
'

test_expect_success 'one connection is not slowed by 300 that say nothing' '
	mkfifo hold &&
	{ "$raw" hold $port 300 <hold >held & } && held_pid=$! &&
	exec 9<>hold && wait_for 10 grep -q ready held &&
	curl -s -m 1 -o out "$base/healthz" && grep -q ok out
'

test_expect_success 'connections that say nothing are closed after 5 s' '
	sleep 6 && exec 9>&- && wait $held_pid &&
	test "$(tail -n 1 held)" -eq 0
'

test_expect_success 'a body that drips in is ended by the deadline of all' '
	printf "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" >head &&
	"$raw" drip $port 20000 head >took && cat took &&
	test "$(cat took)" -ge 9000 && test "$(cat took)" -lt 14000
'

test_expect_success 'a header that drips in is ended after 5 s' '
	printf "GET /healthz HTTP/1.1\r\nHost: a\r\nX: " >head &&
	"$raw" drip $port 20000 head >took && cat took &&
	test "$(cat took)" -ge 4000 && test "$(cat took)" -lt 8000
'

test_expect_success 'no number of connections makes it stall' '
	echo "{}" >ping && sum=$(openssl dgst -sha256 -hmac secret-of-the-hook ping | sed "s/.*= *//") &&
	(for n in 1 16 120 127 128 129 256 1000
	do
		"$load" $port $n 3000 /hooks/github ping "X-GitHub-Event: ping" \
			"X-GitHub-Delivery: p" "X-Hub-Signature-256: sha256=$sum" >out || exit 1
		read -r good bad rest <out && echo "$n: $good $bad $rest" &&
		test "$good" -eq 3000 && test "$bad" -eq 0 || exit 1
	done)
'

test_expect_success 'an idle agent does not wake up' '
	sleep 1 && v=$(switches) && sleep 2 && w=$(switches) &&
	echo "switches $v $w" && test $((w - v)) -le 2
'

test_expect_success 'the agent ends in good order' '
	agent_stop && ! grep -i "sanitizer\|assert\|fatal" agent.log
'

test_done
