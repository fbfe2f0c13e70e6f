#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual says what --help and the configuration's table say.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
M=$TELLUS_SRC/agent/man

test_expect_success 'mandoc has nothing to complain about' '
	if command -v mandoc >/dev/null
	then
		mandoc -T lint -W style "$M"/*.[158] 2>/dev/null |
			grep -v "referenced manual not found" >out
		cat out; test ! -s out
	fi
'
test_expect_success 'tellus(1) has every command' '
	tellus help | sed -n "s/^  \([a-z]*\) .*/\1/p" >commands &&
	test -s commands && while read -r c
	do
		grep -Eq "^\.(It|Ss) .*(Cm )?$c" "$M/tellus.1" || { echo "$c"; return 1; }
	done <commands
'
test_expect_success 'tellus(1) has every option of every command' '
	for c in run list show log retry cancel lint init hook doctor push
	do
		tellus $c --help
	done | grep -o "^  .*--[a-z-]*" | grep -o -- "--[a-z-]*" | sort -u |
		sed "s/^--//" >options &&
	test -s options && while read -r o
	do
		sed "s/\\\\-/-/g" "$M/tellus.1" | grep -q -- "-$o" ||
			{ echo "$o"; return 1; }
	done <options
'
test_expect_success 'tellusd(8) has every option of tellusd' '
	if test -x "$TELLUS_BUILD/tellusd"
	then
		"$TELLUS_BUILD/tellusd" --help | grep -o -- "--[a-z]*" | sort -u |
			sed "s/^--//" >options && test -s options &&
		while read -r o
		do
			sed "s/\\\\-/-/g" "$M/tellusd.8" | grep -q -- "-$o" ||
				{ echo "$o"; return 1; }
		done <options
	fi
'
test_expect_success 'tellus-config(5) has every key of the table' '
	"$TELLUS_BUILD/t/unit/cli_keys" >keys && test -s keys &&
	while IFS=. read -r section key
	do
		awk -v s="$section" -v k="$key" "
			/^\.Ss/ { in_it = (\$2 == s) }
			in_it && /^\.It Ic/ && \$3 == k { found = 1 }
			END { exit !found }" "$M/tellus-config.5" ||
			{ echo "$section.$key"; return 1; }
	done <keys
'
test_expect_success 'completion knows every command' '
	while read -r c
	do
		grep -qw "$c" "$TELLUS_SRC/contrib/completion/tellus.bash" ||
			{ echo "$c"; return 1; }
	done <commands
'
test_done
