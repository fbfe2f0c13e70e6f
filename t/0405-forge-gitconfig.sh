#!/bin/sh
# SPDX-License-Identifier: MIT
# Our reader of git-config files against git itself: by hand-picked files,
# by files that git wrote, and by many that a generator makes from the
# pieces that matter.
. "${0%/*}/lib.sh"

list=$TELLUS_BUILD/t/unit/config_list
test -x "$list" || test_skip_all "t/unit/config_list is not built"

# same FILE: both accept it and read the same, or both refuse it.
same () {
	git config -f "$1" --list -z >want 2>/dev/null
	want=$?
	"$list" "$1" >got 2>why
	got=$?
	if test "$want" -ne 0
	then
		test "$got" -eq 1 || { echo "accepted:"; cat "$1"; return 1; }
		grep -q "^$1:[0-9][0-9]*: " why && return
		echo "no line in: $(cat why)"
		return 1
	fi
	test "$got" -eq 0 && cmp want got && return
	echo "differs ($(cat why)):"
	cat "$1"
	return 1
}

# read_as TEXT (for printf): writes it to a file and compares.
read_as () {
	printf "$1" >one && same one
}

test_expect_success 'sections, subsections and their case are as in git' '
	read_as "[Agent]\nJobs=1\n" &&
	read_as "[a \"B c\"]\nk=1\n[A.Sub]\nK=2\n[a.b \"x.Y\"]\nk=3\n" &&
	read_as "[a \"\"]\nk=1\n[a.]\nk=2\n[.]\nk=3\n" &&
	read_as "[a  \t\"x\"]k=1\n[b]k=2 # [c]\n j=3\n"
'

test_expect_success 'escapes, quotes and comments are as in git' '
	read_as "[a \"x\\\\\"y\\\\\\\\z\\\\t\"]\nk=1\n" &&
	read_as "[a]\nk=\"a ; b\" c # d\nj=\\\\n\\\\t\\\\b\\\\\\\\\\\\\"\n" &&
	read_as "[a]\nk=a\"b\"c\n; comment\n# another \\\\\nj=2\n" &&
	read_as "[a]\nk=  \"  x  \"  \nj = x  y   z  \n"
'

test_expect_success 'continued lines, line ends and the last line are as in git' '
	read_as "[a]\nk=b \\\\\n  c\nj=\"d\\\\\ne\"\n" &&
	read_as "[a]\r\nk=v\r\nj=a\\\\\r\nb\r\n" &&
	read_as "[a]\nk=v\\\\" && read_as "[a]\nk" && read_as "[a]" &&
	read_as "[a]\nk=\n" && read_as "[a]\nk" && read_as "" &&
	read_as "\357\273\277[a]\nk=1\n"
'

all_refused () {
	for bad
	do
		printf "$bad" >one
		! git config -f one --list >/dev/null 2>&1 && same one ||
			return 1
	done
}

test_expect_success 'what git refuses is refused, with the line' '
	all_refused "[a\nk=1\n" "[]\nk=1\n" "[a b]\nk=1\n" "[a\"x\"]\nk=1\n" \
		"[a \"x\" ]\nk=1\n" "[a \"x\ny\"]\nk=1\n" "[a]\n1k=1\n" \
		"[a]\nk_=1\n" "[a]\nk v\n" "[a]\nk # c\n" "[a]\nk=\"v\n" \
		"[a]\nk=\\\\q\n" "[a]\n=1\n" "[a]\n\\\\\nk=1\n" "[a_]\nk=1\n"
'

test_expect_success 'the complaint names the line at fault' '
	printf "[a]\n\nk = 1\n\nj = \"x\n" >one &&
	exits_with 1 "$list" one 2>why &&
	grep -qx "one:5: the quotes of the value are not closed" why &&
	printf "[a]\nk = 1 \\\\\n 2\n3j = 1\n" >one &&
	exits_with 1 "$list" one 2>why &&
	grep -q "^one:4: .*a key starts with a letter" why
'

test_expect_success 'includes are refused, not ignored' '
	printf "[include]\npath = other\n" >one &&
	exits_with 1 "$list" one 2>why &&
	grep -q "^one:1: includes are not supported" why &&
	printf "[includeIf \"gitdir:/x\"]\npath = other\n" >one &&
	exits_with 1 "$list" one 2>why && grep -q "^one:1: includes" why
'

test_expect_success 'a key before any section and a NUL byte are refused' '
	printf "k = 1\n" >one && exits_with 1 "$list" one 2>why &&
	grep -q "^one:1: .*before the first" why &&
	printf "[a]\nk = 1\0002\n" >one && exits_with 1 "$list" one 2>why &&
	grep -q "NUL" why
'

git_writes () {
	rm -f one
	for value
	do
		git config -f one --add "a.S u\"b\\.key" "$value" || return 1
	done
}

test_expect_success 'values that git wrote come back' '
	git_writes "plain" " lead" "trail " "a#b" "a;b" "q\"q" "b\\s" \
		"tab	tab" "line
line" "" "  " "ä€" "\\" "\"" "x \\
y" &&
	same one
'

# Pieces that matter to a reader, put together at random from a fixed seed;
# no tab between words, which git has kept as a blank or as a tab over time.
generate () {
	awk -v seed="$1" '
	function pick(list, n, a) { n = split(list, a, "@"); return a[int(rand() * n) + 1] }
	BEGIN {
		srand(seed)
		n = int(rand() * 12) + 1
		printf "%s", pick("[a]\n@[Sec-2]\n@[x \"Y z\"]@[a.B]\r\n@[q \"\\\"\\\\\"]\n")
		for (i = 0; i < n; i++)
			printf "%s", pick("k=@Key-1 = @\n j\t=\t@[b]@[a \"s\"]\n@# c\n@; \"d\n@\n@  @v@1@\"@\"x  y\"@\\\n@\\\\@\\\"@\\n@ # e\n@ ;@ w @\r\n@=@k2\n@\"q\"\n@'\''@[c@]@é@#@x=y\n")
	}'
}

compare_generated () {
	good=0 bad=0 i=0
	while test $i -lt "$1"
	do
		generate $i >gen
		same gen || return 1
		if test "$want" -eq 0
		then
			good=$((good + 1))
		else
			bad=$((bad + 1))
		fi
		i=$((i + 1))
	done
}

test_expect_success '1,000 generated files are read or refused as by git' '
	compare_generated 1000
'

test_expect_success 'there were many good and many bad files among them' '
	echo "$good good, $bad bad" && test $good -gt 100 && test $bad -gt 100
'

test_done
