#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus init: the starter fits the repository and nothing is overwritten.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"

# starter FILE NAME: a repository with FILE gets templates/init/NAME.yml.
starter () {
	rm -rf r && git init -q r && : >"r/$1" &&
	(cd r && tellus init) &&
	cmp r/.tellus.yml "$TELLUS_SRC/templates/init/$2.yml"
}
test_expect_success 'a Makefile gets make' 'starter Makefile make'
test_expect_success 'configure.ac gets autotools' 'starter configure.ac autotools'
test_expect_success 'package.json gets npm' 'starter package.json node'
test_expect_success 'Cargo.toml gets cargo' 'starter Cargo.toml cargo'
test_expect_success 'go.mod gets go' 'starter go.mod go'
test_expect_success 'pyproject.toml gets python' 'starter pyproject.toml python'
test_expect_success 'CMakeLists.txt gets cmake' 'starter CMakeLists.txt cmake'
test_expect_success 'meson.build gets meson' 'starter meson.build meson'
test_expect_success 'anything else gets a line to replace' 'starter README plain'

test_expect_success 'every starter is a valid workflow' '
	for f in "$TELLUS_SRC"/templates/init/*.yml
	do
		tellus lint "$f" || return 1
	done
'
test_expect_success 'a .tellus.yml is never overwritten' '
	echo mine >r/.tellus.yml && (cd r && exits_with 2 tellus init) &&
	test "$(cat r/.tellus.yml)" = mine
'
test_expect_success 'a .tellus folder counts as well' '
	rm r/.tellus.yml && mkdir r/.tellus && (cd r && exits_with 2 tellus init) &&
	test ! -e r/.tellus.yml
'
test_expect_success 'from a folder below it goes to the top' '
	rm -rf r && git init -q r && mkdir r/sub && (cd r/sub && tellus init) &&
	test -f r/.tellus.yml
'
test_expect_success 'outside of a repository it says so' '
	mkdir plain && (cd plain && exits_with 2 tellus init 2>err) &&
	grep -q "git init" plain/err
'
test_done
