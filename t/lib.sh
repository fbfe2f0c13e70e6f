# SPDX-License-Identifier: MIT
# TAP for shell tests.  A test file sources this, calls test_expect_success
# 'a sentence that can be false' 'commands', and ends with test_done.
#
# From the runner (t/run, or by hand): TELLUS_BUILD and TELLUS_SRC, absolute.
# Each file gets an empty folder, $T, as its working directory; whatever
# test_on_exit was given is run at the end, last first.

set -u
: "${TELLUS_SRC:=$(cd "$(dirname "$0")/.." && pwd)}"
: "${TELLUS_BUILD:=$TELLUS_SRC}"
export TELLUS_SRC TELLUS_BUILD
export TELLUS_LIBEXECDIR="$TELLUS_BUILD"
export TELLUS_TEMPLATES="$TELLUS_SRC/templates"
PATH="$TELLUS_BUILD:$PATH"
export PATH
unset TELLUS_SOCKET TELLUS_CONFIG
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1
export GIT_AUTHOR_NAME='A U Thor' GIT_AUTHOR_EMAIL=author@example.org
export GIT_COMMITTER_NAME='C O Mitter' GIT_COMMITTER_EMAIL=committer@example.org

T=$(mktemp -d "${TMPDIR:-/var/tmp}/tellus-t.XXXXXX") || exit 1
chmod 755 "$T"
OLD_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/nonexistent}
export T HOME="$T/home" XDG_CONFIG_HOME="$T/home/.config"
export XDG_STATE_HOME="$T/home/.state" XDG_RUNTIME_DIR="$T/home/.run"
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
git config --global init.defaultBranch main
git config --global protocol.file.allow always
cd "$T" || exit 1

test_count=0
test_failed=0
test_cleanup=:

# Commands for the end of the file, whatever happens.
test_on_exit () {
	test_cleanup="$1; $test_cleanup"
}

test_end () {
	eval "$test_cleanup" >/dev/null 2>&1
	cd /
	chmod -R u+rwX "$T" 2>/dev/null
	rm -rf "$T" 2>/dev/null
}
trap test_end EXIT
trap 'exit 1' INT TERM HUP

# In a function of its own, so that "return 1" ends the test and not more.
test_body () {
	eval "$1"
}

# test_expect_success 'name' 'commands': passes when the last command does.
# What the commands print is shown when they fail.
test_expect_success () {
	test_count=$((test_count + 1))
	if test_body "$2" >"$T/.out" 2>&1 </dev/null
	then
		echo "ok $test_count - $1"
	else
		echo "not ok $test_count - $1"
		test_failed=$((test_failed + 1))
		tail -n 60 "$T/.out" | sed 's/^/# /'
	fi
}

# test_skip 'name' 'reason'
test_skip () {
	test_count=$((test_count + 1))
	echo "ok $test_count - $1 # SKIP $2"
}

test_skip_all () {
	echo "1..0 # SKIP $1"
	exit 0
}

test_done () {
	echo "1..$test_count"
	test "$test_failed" -eq 0
	exit
}

# wait_for SECONDS command...: until the command succeeds.
wait_for () {
	wait_left=$(($1 * 20))
	shift
	until "$@"
	do
		wait_left=$((wait_left - 1))
		test "$wait_left" -gt 0 || return 1
		sleep 0.05
	done
}

# Some faults can only be provoked in a build with --enable-crash-points.
has_crash_points () {
	tellusd --version | grep -q "crash points"
}

# exits_with CODE command...
exits_with () {
	exits_want=$1
	shift
	"$@"
	exits_got=$?
	test "$exits_got" -eq "$exits_want" || {
		echo "exit status $exits_got, wanted $exits_want: $*"
		return 1
	}
}
