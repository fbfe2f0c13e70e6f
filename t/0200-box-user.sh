#!/bin/sh
# SPDX-License-Identifier: MIT
# The box's unit tests once more, as an ordinary user, with a state folder
# that this user owns: no root anywhere in the making of a box.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"

test "$(id -u)" -eq 0 || test_skip_all 'the unit tests ran as a user already'
command -v setpriv >/dev/null || test_skip_all 'no setpriv'

mkdir -m 755 bin
mkdir -m 700 state
cp "$TELLUS_BUILD/t/unit/box" "$TELLUS_BUILD/t/unit/boxwall" \
	"$TELLUS_BUILD/t/unit/boxhelp" "$TELLUS_BUILD/t/unit/boxprobe" bin/
chmod 755 bin/*
chown 65534:65534 state

as_user () {
	env TMPDIR="$T/state" setpriv --reuid 65534 --regid 65534 \
		--clear-groups "$@"
}

# Shows what failed; a test program that skips everything has not passed.
unit () {
	as_user "$T/bin/$1" >"$1.tap" 2>&1
	unit_status=$?
	cat "$1.tap"
	test "$unit_status" -eq 0 && grep -q '^ok' "$1.tap"
}

if as_user unshare -Ur true 2>/dev/null
then
	test_expect_success 'boxes work for an ordinary user' 'unit box'
	test_expect_success 'their walls hold for an ordinary user' \
		'unit boxwall'
	test_expect_success 'helpers work for an ordinary user' 'unit boxhelp'
	test_expect_success 'nothing is left in the state folder' '
		test -z "$(ls -A state)"
	'
else
	test_skip 'boxes work for an ordinary user' 'no user namespaces'
fi

test_done
