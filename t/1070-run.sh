#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus run: the working tree, here and now, with an agent of its own.
. "$(dirname "$0")/lib.sh"
unset TELLUS_CONFIG

local_end () {
	p=$(tellus --local doctor --json 2>/dev/null | jq -r '.. | .pid? // empty' | head -n 1)
	test -n "$p" || p=$(cat "$XDG_STATE_HOME/tellus/local/lock" 2>/dev/null)
	test -n "$p" && kill "$p"
}
test_on_exit local_end

test_expect_success 'a checkout with a workflow runs' '
	git init -q w && cd w && cat >.tellus.yml <<-\EOF &&
	jobs:
	  a:
	    steps:
	      - name: show
	        run: cat file
	      - name: state
	        run: git status --porcelain; git log --oneline -n 1
	EOF
	echo committed >file && git add -A && git commit -qm base && cd .. &&
	(cd w && tellus run) >out 2>&1; rc=$?; cat out; test $rc -eq 0 && grep committed out && grep "✓.*show" out
'

test_expect_success 'uncommitted changes and new files are in it, ignored ones are not' '
	cd w && echo changed >file && echo new >untracked && echo secret >skipme && echo skipme >.gitignore &&
	sed -i "s/cat file/cat file untracked; test ! -e skipme/" .tellus.yml && cd .. &&
	(cd w && tellus run) >out 2>&1; rc=$?; cat out; test $rc -eq 0 && grep changed out && grep new out &&
	tellus --local list --json | jq -e ".[0].dirty"
'

test_expect_success 'the repository is as it was' '
	test "$(git -C w log --oneline | wc -l)" -eq 1 && git -C w status --porcelain | grep -q "?? untracked" &&
	test ! -e w/.git/tellus && git -C w fsck
'

test_expect_success 'a failed step shows its whole output at the end, exit 1' '
	cd w && sed -i "s/cat file/echo because; exit 5; cat file/" .tellus.yml && cd .. &&
	(cd w && exits_with 1 tellus run) >out 2>&1; rc=$?; cat out; test $rc -eq 0 && tail -n 15 out | grep because && grep "exit 5\|status 5" out
'

test_expect_success 'a commit can be named' '
	(cd w && tellus run HEAD) >out 2>&1; rc=$?; cat out; test $rc -eq 0 && grep committed out
'

test_expect_success 'from a folder below, too' '
	mkdir -p w/deep/er && (cd w/deep/er && tellus run HEAD) >out 2>&1; rc=$?; cat out; test $rc -eq 0
'

test_expect_success 'outside a repository it says so, exit 2' '
	mkdir none && cd none && exits_with 2 tellus run >../out 2>&1; rc=$?; cd ..; cat out; test $rc -eq 0 && grep -i "repository" out
'

test_expect_success 'a wrong workflow is told with file, line and column, exit 1' '
	cd w && printf "jobs:\n  a:\n    stepz: []\n" >.tellus.yml && cd .. &&
	(cd w && exits_with 1 tellus run) >out 2>&1; rc=$?; cat out; test $rc -eq 0 && grep "tellus.yml:3:5.*stepz" out
'

test_done
