#!/bin/sh
# SPDX-License-Identifier: MIT
# The scripts of the tree: shellcheck, and the completion's answers.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
cd "$TELLUS_SRC" || exit 1

if command -v shellcheck >/dev/null
then
	test_expect_success 'shellcheck finds nothing in the scripts' '
		shellcheck hooks/post-receive contrib/quickstart .ci/run \
			contrib/completion/tellus.bash
	'
else
	test_skip 'shellcheck finds nothing in the scripts' 'no shellcheck'
fi
if command -v bash >/dev/null
then
	test_expect_success 'completion offers commands and their options' '
		bash -c ". contrib/completion/tellus.bash
		COMP_WORDS=(tellus li) COMP_CWORD=1; _tellus
		test \"\${COMPREPLY[*]}\" = \"list lint\" ||
		test \"\${COMPREPLY[*]}\" = \"lint list\" || exit 1
		COMP_WORDS=(tellus log --fo) COMP_CWORD=2; _tellus
		test \"\${COMPREPLY[*]}\" = --follow"
	'
else
	test_skip 'completion offers commands and their options' 'no bash'
fi
test_expect_success 'an unknown word is refused by quickstart' '
	exits_with 2 sh contrib/quickstart chekc 2>"$T/err" && grep -q usage "$T/err"
'
test_done
