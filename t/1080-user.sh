#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything as an ordinary user: agent, worker and boxes without root.
. "$(dirname "$0")/lib.sh"

test "$(id -u)" -eq 0 || test_skip_all 'this user is no root; the other tests show it'
command -v setpriv >/dev/null || test_skip_all 'setpriv is not installed'

# The build folder must be readable for the other user.
as_user () {
	setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"
}
if ! as_user test -x "$TELLUS_BUILD/tellusd"
then
	cp "$TELLUS_BUILD/tellus" "$TELLUS_BUILD/tellusd" "$TELLUS_BUILD/tellus-worker" "$T/" &&
	cp -r "$TELLUS_SRC/templates" "$TELLUS_SRC/hooks" "$T/" 2>/dev/null
	TELLUS_LIBEXECDIR=$T TELLUS_TEMPLATES=$T/templates PATH="$T:$PATH"
	export TELLUS_LIBEXECDIR TELLUS_TEMPLATES PATH
fi
chown -R 65534:65534 "$T"
cat >"$T/story.sh" <<'EOF'
. "$TELLUS_SRC/t/agent.sh"
EOF

test_expect_success 'an ordinary user gets a run from a push' '
	cat >user.sh <<-\EOF &&
	set -e
	cd "$T"
	git init -q --bare demo.git
	git init -q demo
	printf "run: [ \"id -u; echo hello; touch w && ls; test ! -w /usr; cat file\" ]\n" >demo/.tellus.yml
	echo content >demo/file
	git -C demo add -A
	git -C demo commit -qm first
	git -C demo remote add origin "$T/demo.git"
	printf "[agent]\n\tlisten = none\n\tstate = $T/state\n\tnetwork = none\n[repository \"demo\"]\n\tpath = $T/demo.git\n" >config
	export TELLUS_CONFIG="$T/config"
	tellus hook install "$T/demo.git"
	tellusd --config config >agent.log 2>&1 & pid=$!
	trap "kill $pid; cat agent.log" EXIT
	for i in $(seq 200); do test -S state/sock && break; sleep 0.05; done
	git -C demo push origin main 2>&1
	tellus show 1 --json | tee show.json
	EOF
	as_user sh user.sh >out 2>&1; rc=$?; cat out; test $rc -eq 0 &&
	grep "remote: .*hello" out && grep "remote: .*1000" out && grep "remote: .*content" out &&
	test "$(jq -r .state show.json)" = passed
'

test_done
