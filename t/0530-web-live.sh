#!/bin/sh
# SPDX-License-Identifier: MIT
# Streams of records, server-sent events and followed logs of real runs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

api () {
	curl -sN -m 60 --unix-socket "$state/sock" "http://localhost$1"
}

# output_of FILE: the text of all output records, joined
output_of () {
	jq -rj 'select(.type=="output").text' "$1"
}

agent_fds () {
	ls "/proc/$agent_pid/fd" | wc -l
}

test_expect_success 'an agent and a workflow with odd output' '
	make_repo odd <<-\EOF &&
	jobs:
	  first:
	    steps:
	      - name: bytes
	        run: printf "a\000b\377c\303\251\033[31mred\033[0m\n"
	      - name: slow character
	        run: |
	          printf "\342"
	          sleep 0.2
	          printf "\202"
	          sleep 0.2
	          printf "\254\n"
	  second:
	    needs: first
	    steps:
	      - name: breaks
	        run: "echo last words; exit 3"
	      - name: never
	        run: echo never
	EOF
	make_repo big <<-\EOF &&
	run: [ "seq 1 200000" ]
	EOF
	make_repo long <<-\EOF &&
	run:
	  - "echo begun; sleep 300"
	EOF
	agent_config <<-EOF &&
	$(repo_conf odd)
	$(repo_conf big)
	$(repo_conf long)
	EOF
	agent_start && git -C odd push -q origin main
'

test_expect_success 'a stream from the start tells the whole run and ends' '
	api /api/v1/runs/1/stream >live &&
	grep -v "^$" live | jq -e . >/dev/null &&
	test "$(tail -n 1 live | jq -r .type)" = end &&
	test "$(tail -n 1 live | jq -r .state)" = failed &&
	test "$(tail -n 1 live | jq -r .step)" = breaks
'

test_expect_success 'a late stream tells the same story' '
	api /api/v1/runs/1/stream >late &&
	jq -c "select(.type==\"end\")" live >a && jq -c "select(.type==\"end\")" late >b && cmp a b &&
	output_of live >a && output_of late >b && cmp a b &&
	jq -c "select(.type==\"step\" and .state!=\"running\")" live | sort >a &&
	jq -c "select(.type==\"step\" and .state!=\"running\")" late | sort >b && cmp a b
'

test_expect_success 'bad bytes are told as U+FFFD, NUL by its picture' '
	jq -rj "select(.type==\"output\" and .job==0 and .step==0).text" late >got &&
	printf "a\342\220\200b\357\277\275c\303\251\033[31mred\033[0m\n" >want && cmp got want
'

test_expect_success 'a character that comes in pieces is told as one' '
	jq -rj "select(.type==\"output\" and .job==0 and .step==1).text" live >got &&
	printf "\342\202\254\n" >want && cmp got want
'

test_expect_success 'a step begins before its output and ends after it' '
	jq -c "select(.job==1 and .step==0) | [.type, .state]" live >order &&
	cat >want <<-\EOF &&
	["step","running"]
	["output",null]
	["step","failed"]
	EOF
	cmp order want
'

test_expect_success 'a failed step tells its exit status and why' '
	jq -c "select(.type==\"step\" and .state==\"failed\")" live >step && cat step &&
	jq -e ".exit == 3 and .attempt == 1 and (.ms >= 0) and (.text | length > 0)" step
'

test_expect_success 'a step that never ran is not told as running' '
	test "$(jq -c "select(.type==\"step\" and .name==\"never\" and .state==\"running\")" live late | wc -l)" -eq 0
'

test_expect_success 'server-sent events are the same records with ids' '
	curl -sN -m 20 -D head "$base/events?run=1" >sse &&
	grep -qi "^content-type: text/event-stream" head &&
	grep -qi "^x-accel-buffering: no" head && grep -qi "^cache-control: no-store" head &&
	sed -n "s/^data: //p" sse >data &&
	grep -v "^$" late >plain && grep -v "\"text\":\"a" plain >a &&
	grep -v "\"text\":\"a" data >b && cmp a b && test "$(wc -l <data)" -eq "$(wc -l <plain)" &&
	grep -q "\"text\":\"a.u0000b" data &&
	test "$(grep -c "^event: end" sse)" -eq 1 &&
	sed -n "s/^id: //p" sse >ids && sort -n -u ids >sorted && cmp ids sorted
'

test_expect_success 'the raw log is the bytes and nothing else' '
	api "/api/v1/runs/1/log?job=first&step=bytes" >got &&
	printf "a\000b\377c\303\251\033[31mred\033[0m\n" >want && cmp got want &&
	api "/api/v1/runs/1/log?job=0&step=0" >got && cmp got want &&
	curl -s "$base/runs/1/0/0/log" >got && cmp got want &&
	curl -sI "$base/runs/1/0/0/log" | grep -qi "^content-type: text/plain"
'

test_expect_success 'a big output arrives whole, in every way' '
	git -C big push -q origin main && seq 1 200000 >want &&
	api "/api/v1/runs/2/log?follow=1" >got && cmp got want &&
	api /api/v1/runs/2/stream >records && output_of records >got && cmp got want &&
	api /api/v1/runs/2/log >got && cmp got want &&
	curl -sN "$base/events?run=2" | sed -n "s/^data: //p" >records &&
	output_of records >got && cmp got want
'

test_expect_success 'the list of all runs is told of changes' '
	{ api /events >all & } && all_pid=$! && wait_for 5 grep -q retry all &&
	git -C long push -q -o ci.detach origin main &&
	wait_for 20 grep -q "\"run\":3,\"state\":\"running\"" all &&
	grep -q "^event: run" all && grep -q "\"repository\":\"long\"" all
'

test_expect_success 'a followed log shows what there is at once' '
	{ api "/api/v1/runs/3/log?follow=1" >follow & } && follow_pid=$! &&
	wait_for 20 grep -q begun follow
'

test_expect_success 'a cancelled run ends its streams' '
	{ api /api/v1/runs/3/stream >records & } && stream_pid=$! &&
	wait_for 10 grep -q begun records &&
	curl -s --unix-socket "$state/sock" -X POST http://localhost/api/v1/runs/3/cancel >/dev/null &&
	wait $follow_pid && wait $stream_pid &&
	test "$(tail -n 1 records | jq -r .state)" = canceled
'

# Eight of each kind, all at once, gone after a second.
come_and_go () {
	gone=
	for i in 1 2 3 4 5 6 7 8
	do
		curl -sN -m 1 "$base/events?run=4" >/dev/null & gone="$gone $!"
		curl -sN -m 1 "$base/events" >/dev/null & gone="$gone $!"
		curl -sN -m 1 "$base/api/v1/runs/4/log?follow=1" >/dev/null & gone="$gone $!"
	done
	wait $gone
	true
}

has_let_go () {
	test "$(agent_fds)" -le "$1"
}

test_expect_success 'clients that go away are let go' '
	commit_file long file two again && git -C long push -q -o ci.detach origin main &&
	wait_for 20 grep -q "\"run\":4,\"state\":\"running\"" all &&
	before=$(agent_fds) && come_and_go && wait_for 25 has_let_go $((before + 2))
'

test_expect_success 'an agent that ends closes its streams in good order' '
	{ api /api/v1/runs/4/stream >records & } && stream_pid=$! &&
	{ curl -sN "$base/events" >events & } && events_pid=$! &&
	wait_for 10 grep -q begun records && wait_for 5 grep -q retry events &&
	agent_stop && wait $stream_pid; wait $events_pid; wait $all_pid
	! grep -i "fatal\|abort\|sanitizer" agent.log && ! test -e "$state/sock"
'

test_done
