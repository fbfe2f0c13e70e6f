#!/bin/sh
# SPDX-License-Identifier: MIT
# Requests as no client sends them: what a proxy in front could read in
# another way is refused, or at least is the last on its connection.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

raw="$TELLUS_BUILD/t/unit/webraw"
test -x "$raw" || test_skip_all 'build the tests first: make check'

# say FORMAT: printf it to the agent; the answers are in out
say () {
	printf "$1" | "$raw" send "$port" "${2:-400}" >out
	cat out
}

# answers CODE...: exactly these statuses came, in this order
answers () {
	want="$*"
	got=$(sed -n 's/^HTTP\/1.1 \([0-9]*\).*/\1/p' out | tr '\n' ' ')
	test "$got" = "${want:+$want }" || {
		echo "statuses: $got, wanted: $want"
		return 1
	}
}

is_closed () {
	case $(tail -n 1 out) in
	closed | reset) ;;
	*) return 1 ;;
	esac
}

second='GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n'

test_expect_success 'an agent starts' '
	agent_config <<-EOF &&
	[repository "demo"]
		path = $T/none.git
	EOF
	agent_start
'

test_expect_success 'two plain requests share a connection' '
	say "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n$second" &&
	answers 200 200 && ! is_closed
'

test_expect_success 'a plain POST keeps its connection too' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}$second" &&
	answers 401 200
'

test_expect_success 'a length beside an encoding is refused and closes' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$second" &&
	answers 400 && is_closed
'

test_expect_success 'an encoding before a length is refused and closes' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$second" &&
	answers 400 && is_closed
'

test_expect_success 'two lengths are refused, equal or not' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n{}$second" &&
	answers 400 && is_closed &&
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}$second" &&
	answers 400 && is_closed
'

test_expect_success 'a space before the colon of a length is refused' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}$second" &&
	answers 400 && is_closed
'

test_expect_success 'only chunked is an encoding' '
	(for te in gzip identity "gzip, chunked" "chunked, chunked" xchunked
	do
		say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: $te\r\n\r\n0\r\n\r\n$second" &&
		answers 400 && is_closed || exit 1
	done)
'

test_expect_success 'a length that is not a plain number is refused' '
	(for n in -1 +2 0x2 2e1 "2 2" "2,2" 99999999999999999999
	do
		say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: $n\r\n\r\n{}$second" &&
		! grep -q "^HTTP/1.1 [2]" out && is_closed || exit 1
	done)
'

test_expect_success 'a carriage return within a value is refused' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nX: a\rb\r\nContent-Length: 2\r\n\r\n{}$second" &&
	answers 400 && is_closed
'

test_expect_success 'other control characters in a value are refused' '
	say "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\001b\r\n\r\n$second" &&
	answers 400 && is_closed &&
	say "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\177b\r\n\r\n$second" &&
	answers 400 && is_closed
'

test_expect_success 'nothing after a NUL in a value is taken for a request' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nX: a\000b\r\nContent-Length: 2\r\n\r\n{}$second" &&
	answers 401 && is_closed &&
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX: a\000b\r\n\r\n{}$second" &&
	answers 401 && is_closed
'

test_expect_success 'nothing after bare line feeds is taken for a request' '
	say "POST /hooks/github HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed &&
	say "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\n\r\n$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed
'

test_expect_success 'a bare line feed made up for by a blank is found' '
	say "GET /healthz HTTP/1.1\r\nHost: a\nX:  b\r\n\r\n$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed
'

test_expect_success 'nothing after a folded header is taken for a request' '
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed &&
	say "POST /hooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\n{}$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed
'

test_expect_success 'two hosts are refused' '
	say "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n$second" &&
	answers 400 && is_closed
'

test_expect_success 'names with characters that HTTP forbids are refused' '
	(for name in "X(Y" "X Y" "X@Y" "X[Y" "X\"Y"
	do
		say "GET /healthz HTTP/1.1\r\nHost: a\r\n$name: b\r\n\r\n$second" &&
		answers 400 && is_closed || exit 1
	done)
'

test_expect_success 'nothing after a NUL in an address is taken for a request' '
	say "GET /healthz%%00x HTTP/1.1\r\nHost: a\r\n\r\n" &&
	answers 400 &&
	say "GET /healthz\000x HTTP/1.1\r\nHost: a\r\n\r\n$second" &&
	test "$(grep -c "^HTTP/1.1" out)" -le 1 && is_closed
'

test_expect_success 'broken escapes in an address find nothing' '
	(for p in /runs/%%zz /assets/%%e /assets/%%ff /assets/%%c0%%ae
	do
		say "GET $p HTTP/1.1\r\nHost: localhost\r\n\r\n" &&
		answers 404 || exit 1
	done)
'

test_expect_success 'what is not HTTP is not answered with success' '
	(for l in "\001\002\003\r\n\r\n" "GET\r\n\r\n" "\r\n\r\n\r\n" \
		"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n" \
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	do
		say "$l" 200 && ! grep -q "^HTTP/1.1 2" out || exit 1
	done)
'

test_expect_success 'no byte of a request comes back in a header' '
	say "GET /x%%0d%%0aSet-Cookie:%%20a=b HTTP/1.1\r\nHost: localhost\r\n\r\n" &&
	answers 404 && ! grep -qi "^Set-Cookie" out
'

test_expect_success 'a log line cannot be forged by an address' '
	say "POST /hooks/github/x%%0aERROR HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" &&
	answers 401 && ! grep -q "^ERROR" agent.log
'

test_expect_success 'the agent is as well as before' '
	test "$(curl -s "$base/healthz" | jq -r .status)" = ok && agent_stop &&
	! grep -i "sanitizer\|assert" agent.log
'

test_done
