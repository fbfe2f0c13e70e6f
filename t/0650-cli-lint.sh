#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus lint: places, source lines, exit status, no agent.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"

test_expect_success 'a file without errors exits 0' '
	printf "run:\n  - make\n" >good.yml &&
	tellus lint good.yml >out && grep -q "1 file, no errors" out
'
test_expect_success 'an error names file, line and column and points there' '
	printf "name: ci\njobs:\n  build:\n    stpes:\n      - make\n" >bad.yml &&
	exits_with 2 tellus lint bad.yml >out && cat out &&
	grep -q "^bad.yml:4:5: .*steps" out &&
	grep -q "^        stpes:$" out && grep -q "^        ^$" out
'
test_expect_success '--json has the same as fields' '
	exits_with 2 tellus lint --json good.yml bad.yml >out &&
	jq -e "length == 1 and .[0].file == \"bad.yml\" and .[0].line == 4 and
		.[0].column == 5 and .[0].level == \"error\"" out
'
test_expect_success '--json of good files is an empty array' '
	tellus lint --json good.yml | jq -e "length == 0"
'
test_expect_success 'a file that is not there exits 2' '
	exits_with 2 tellus lint none.yml >out && grep -q "none.yml" out
'
test_expect_success 'a repository without a workflow says how to get one' '
	git init -q empty && (cd empty && exits_with 2 tellus lint 2>err) &&
	grep -q "tellus init" empty/err
'
test_expect_success 'the files of the repository are found from below' '
	git init -q r && mkdir -p r/.tellus r/sub && cp good.yml r/.tellus.yml &&
	cp bad.yml r/.tellus/b.yml && : >r/.tellus/notes.txt &&
	(cd r/sub && exits_with 2 tellus lint >out) &&
	grep -q "^.tellus/b.yml:4:5" r/sub/out && ! grep -q notes r/sub/out
'
test_done
