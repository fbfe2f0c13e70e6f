#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus: help, wrong usage, and where it looks for the agent.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"

test_expect_success 'help names every command and exits 0' '
	tellus help >out &&
	for c in run list show log retry cancel lint init hook doctor push
	do
		grep -q "^  $c " out || return 1
	done
'
test_expect_success 'without a command the overview goes to standard error' '
	exits_with 2 tellus 2>err >out &&
	grep -q ^usage err && test ! -s out
'
test_expect_success 'each command explains itself with --help and with help' '
	for c in run list show log retry cancel lint init hook doctor push
	do
		tellus $c --help >a && tellus help $c >b && cmp a b || return 1
	done
'
test_expect_success 'no line of help is wider than 80 columns' '
	for c in "" run list show log retry cancel lint init hook doctor push
	do
		tellus help $c
	done >all && awk "length > 80 { print; bad = 1 } END { exit bad }" all
'
test_expect_success 'version and --version agree' '
	tellus version >a && tellus --version >b && cmp a b &&
	grep -q "^tellus [0-9]" a
'
test_expect_success 'an unknown command is refused with the nearest name' '
	exits_with 2 tellus lisst 2>err && grep -q "mean .list" err
'
test_expect_success 'an unknown option is refused with the nearest name' '
	exits_with 2 tellus list --jsn 2>err && grep -q "mean .--json" err
'
test_expect_success 'too few and too many arguments are refused' '
	exits_with 2 tellus show && exits_with 2 tellus show 1 2
'
test_expect_success 'a run is a number' '
	exits_with 2 tellus show x 2>err && grep -q "not the number" err
'
test_expect_success 'an agent that is not there exits 3 and says where' '
	exits_with 3 tellus --socket "$T/none" list 2>err &&
	grep -q "could not be reached at $T/none: No such file" err &&
	grep -q "tellus doctor" err
'
test_expect_success '$TELLUS_SOCKET names the socket' '
	TELLUS_SOCKET=$T/env exits_with 3 tellus list 2>err &&
	grep -q "at $T/env:" err
'
test_expect_success '--socket beats $TELLUS_SOCKET' '
	TELLUS_SOCKET=$T/env exits_with 3 tellus --socket "$T/opt" list 2>err &&
	grep -q "at $T/opt:" err
'
test_expect_success 'the configuration leads to the state folder' '
	printf "[agent]\n\tstate = %s/state\n" "$T" >conf &&
	exits_with 3 tellus --config "$T/conf" list 2>err &&
	grep -q "at $T/state/sock:" err &&
	TELLUS_CONFIG=$T/conf exits_with 3 tellus list 2>err &&
	grep -q "at $T/state/sock:" err
'
test_expect_success 'a wrong configuration exits 2 and names file and line' '
	printf "[agent]\n\tstaet = /x\n" >bad &&
	exits_with 2 tellus --config "$T/bad" list 2>err &&
	grep -q "bad:2" err
'
test_expect_success '--local leads to the private agent' '
	exits_with 3 tellus --local list 2>err &&
	grep -q "at $XDG_STATE_HOME/tellus/local/sock:" err
'
test_expect_success 'output that cannot be written is an error' '
	if test -w /dev/full
	then exits_with 3 tellus help >/dev/full
	fi
'
test_done
