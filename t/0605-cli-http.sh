#!/bin/sh
# SPDX-License-Identifier: MIT
# The HTTP client against answers that are right, cut short, or nonsense.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

get () {
	"$TELLUS_BUILD/t/unit/cli_http" "$TELLUS_SOCKET" "/x" "$@" >out
}
says () {
	cat out
	test "$(cat out)" = "$1"
}
is_cut () {
	reply_raw 'GET _x' "$1"
	exits_with 1 get && grep -q "^error: $2" out
}

test_expect_success 'setup' 'fake_start'

test_expect_success 'a body by its length is read' '
	reply_raw "GET _x" "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" &&
	get && says "200 hello"
'
test_expect_success 'a chunked body is joined' '
	reply_raw "GET _x" "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" &&
	get && says "200 hello"
'
test_expect_success 'a body until the end of the stream is read' '
	reply_raw "GET _x" "HTTP/1.0 200 OK\r\n\r\nhello" &&
	get && says "200 hello"
'
test_expect_success 'an interim answer is passed over' '
	reply_raw "GET _x" "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno" &&
	get && says "404 no"
'
test_expect_success 'a body shorter than its length is an error' '
	is_cut "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello" "its answer was cut"
'
test_expect_success 'a chunked body without its end is an error' '
	is_cut "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" "its answer was cut"
'
test_expect_success 'a chunk in the middle of which the stream ends is an error' '
	is_cut "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhel" "its answer was cut"
'
test_expect_success 'garbled chunks are an error' '
	is_cut "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhel" "its answer is garbled"
'
test_expect_success 'half a head is an error' '
	is_cut "HTTP/1.1 200 OK\r\nContent-Le" "it closed the connection"
'
test_expect_success 'what is not HTTP is an error' '
	is_cut "SSH-2.0-OpenSSH\r\n\r\n" "its answer is not HTTP"
'
test_expect_success 'a length that is no number is an error' '
	is_cut "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na" "its answer has a bad"
'
test_expect_success 'a head without end is an error, not a hunger for memory' '
	{
		printf "HTTP/1.1 200 OK\r\n" &&
		head -c 200000 /dev/zero | tr "\0" a
	} >"$R/GET _x" &&
	exits_with 1 get && grep -q "not HTTP" out
'
test_expect_success 'an agent that says nothing is given up in time' '
	echo HANG >"$R/GET _x" &&
	exits_with 1 get 200 && grep -q "does not answer" out
'
test_expect_success 'a socket whose name is too long for the kernel is reached' '
	deep=$T/$(printf "%050d/%050d" 1 2) &&
	mkdir -p "$deep" &&
	mv "$T/sock" "$deep/sock" &&
	TELLUS_SOCKET=$deep/sock &&
	reply_raw "GET _x" "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" &&
	get && says "200 ok"
'
test_done
