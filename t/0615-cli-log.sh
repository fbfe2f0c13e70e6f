#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus log: raw off a terminal, harmless on one, exit status with -f.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

test_expect_success 'setup' '
	fake_start &&
	printf "a\033[31mred\033[0m\033]0;title\007\r\n\000\377end" >bytes &&
	reply "GET _api_v1_runs_42_log" 200 <bytes
'
test_expect_success 'off a terminal the bytes come through unchanged' '
	tellus log 42 >out 2>err && cmp out bytes && test ! -s err
'
test_expect_success 'on a terminal only colours are left of the escapes' '
	if command -v script >/dev/null
	then
		script -qec "env -u NO_COLOR tellus log 42" /dev/null </dev/null >out &&
		grep -q "red" out && ! grep -q "title" out &&
		grep -q "$(printf "\033\\[31m")" out
	fi
'
test_expect_success 'job and step are handed on, escaped' '
	tellus log 42 "test (gcc)" 3 >out &&
	grep -q "^GET /api/v1/runs/42/log?job=test%20%28gcc%29&step=3 " "$R/requests"
'
test_expect_success 'log exits 0 whatever became of the run' '
	echo "{\"run\":42,\"state\":\"failed\"}" | reply "GET _api_v1_runs_42" 200 &&
	tellus log 42 >out
'
test_expect_success 'log -f asks to follow and exits 1 when the run failed' '
	exits_with 1 tellus log -f 42 >out && cmp out bytes &&
	grep -q "^GET /api/v1/runs/42/log?follow=1 " "$R/requests"
'
test_expect_success 'log -f exits 0 when the run passed' '
	echo "{\"run\":42,\"state\":\"passed\"}" | reply "GET _api_v1_runs_42" 200 &&
	tellus log -f 42 >out
'
test_expect_success 'log -f of a blocked run exits 1' '
	echo "{\"run\":42,\"state\":\"blocked\"}" | reply "GET _api_v1_runs_42" 200 &&
	exits_with 1 tellus log -f 42 >out
'
test_expect_success 'output that is cut short exits 3 and says so' '
	reply_raw "GET _api_v1_runs_43_log" "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf" &&
	exits_with 3 tellus log 43 >out 2>err &&
	test "$(cat out)" = half && grep -q "connection to the agent lost" err
'
test_expect_success 'a reader that has gone ends it quietly' '
	head -c 4000000 /dev/zero | tr "\0" a |
		reply "GET _api_v1_runs_44_log" 200 &&
	tellus log 44 2>err | head -c 1 >out; test ! -s err
'
test_done
