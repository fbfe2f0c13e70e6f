#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus hook: installed, installed again, beside another hook, removed; and
# a real push through it.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

conf () {
	git config -f "$1/config" --get "$2"
}

test_expect_success 'setup' '
	git init -q --bare srv/demo.git &&
	git init -q work && git -C work commit -q --allow-empty -m "first one" &&
	fake_start &&
	echo "{\"runs\":[{\"run\":42,\"ref\":\"refs/heads/main\"}],\"ignored\":[]}" |
		reply "POST _api_v1_push" 202 &&
	echo "{\"type\":\"end\",\"run\":42,\"state\":\"failed\"}" |
		reply "GET _api_v1_runs_42_stream" 200
'
test_expect_success 'install writes the hook and three settings' '
	tellus hook install srv/demo.git --name acme/demo >out &&
	test -x srv/demo.git/hooks/post-receive &&
	test "$(conf srv/demo.git tellus.repository)" = acme/demo &&
	test "$(conf srv/demo.git tellus.socket)" = "$TELLUS_SOCKET" &&
	test "$(conf srv/demo.git tellus.program)" = "$(realpath "$TELLUS_BUILD/tellus")" &&
	grep -qF "[repository \"acme/demo\"]" out
'
test_expect_success 'a push tells the agent and shows the run as remote lines' '
	git -C work push -q ../srv/demo.git HEAD:refs/heads/main 2>err;
	cat err; grep -q "^remote: run 42 failed" err &&
	sent_to /api/v1/push | jq -e ".repository == \"acme/demo\" and
		.path == \"$(realpath srv/demo.git)\""
'
test_expect_success 'the settings beat $TELLUS_SOCKET' '
	git -C work commit -q --allow-empty -m two &&
	TELLUS_SOCKET=$T/none git -C work push -q ../srv/demo.git HEAD:main 2>err &&
	grep -q "^remote: run 42" err
'
test_expect_success 'push options pass through git and the hook' '
	git -C srv/demo.git config receive.advertisePushOptions true &&
	git -C work commit -q --allow-empty -m three &&
	git -C work push -q -o ci.detach ../srv/demo.git HEAD:main 2>err &&
	grep -q "tellus log -f 42" err
'
test_expect_success 'installing twice changes nothing' '
	cp srv/demo.git/config before && tellus hook install srv/demo.git \
		--name acme/demo && cmp before srv/demo.git/config &&
	test ! -e srv/demo.git/hooks/post-receive.before-tellus
'
test_expect_success 'status tells what is installed, as JSON too' '
	tellus hook status srv/demo.git >out && grep -q "  installed$" out &&
	tellus hook status --json srv/demo.git |
		jq -e ".installed and .repository == \"acme/demo\""
'
test_expect_success 'remove takes hook and settings away' '
	tellus hook remove srv/demo.git &&
	test ! -e srv/demo.git/hooks/post-receive &&
	! git config -f srv/demo.git/config --get-regexp "^tellus\\." &&
	tellus hook status srv/demo.git | grep -q "not installed"
'
test_expect_success 'a hook that was there runs first, with the same input' '
	git init -q --bare two.git &&
	cat >two.git/hooks/post-receive <<-\END &&
	#!/bin/sh
	echo "earlier: $(cat)"
	exit 3
	END
	chmod +x two.git/hooks/post-receive &&
	cp two.git/hooks/post-receive mine &&
	tellus hook install two.git &&
	cmp mine two.git/hooks/post-receive.before-tellus &&
	git -C work push -q ../two.git HEAD:refs/heads/a HEAD:refs/heads/b 2>err;
	cat err; grep -q "^remote: earlier: 0* [0-9a-f]* refs/heads/a" err &&
	grep -q "^remote: run 42" err &&
	sent_to /api/v1/push | jq -e ".refs | length == 2"
'
test_expect_success 'installing again keeps the earlier hook' '
	tellus hook install two.git &&
	cmp mine two.git/hooks/post-receive.before-tellus
'
test_expect_success 'remove puts the earlier hook back' '
	tellus hook remove two.git && cmp mine two.git/hooks/post-receive &&
	test ! -e two.git/hooks/post-receive.before-tellus
'
test_expect_success 'a third hook in between is not written over' '
	tellus hook install two.git && cp mine two.git/hooks/post-receive &&
	exits_with 2 tellus hook install two.git 2>err &&
	grep -q "put one of them away" err && cmp mine two.git/hooks/post-receive
'
test_expect_success 'a checkout is found from any folder below it' '
	mkdir -p work/deep/er && (cd work/deep/er && tellus hook install) &&
	test -x work/.git/hooks/post-receive &&
	test "$(conf work/.git tellus.repository)" = work
'
test_expect_success 'the configuration knows the repository by another name' '
	printf "[agent]\n\tstate = %s\n[repository \"known\"]\n\tpath = %s\n" \
		"$T/state" "$T/srv/demo.git" >conf &&
	(unset TELLUS_SOCKET && tellus --config conf hook install srv/demo.git) >out &&
	test "$(conf srv/demo.git tellus.repository)" = known &&
	test "$(conf srv/demo.git tellus.socket)" = "$T/state/sock" &&
	! grep -q "needs" out
'
test_expect_success 'hooks of a relative core.hooksPath are used' '
	git init -q --bare three.git && git -C three.git config core.hooksPath my &&
	tellus hook install three.git && test -x three.git/my/post-receive
'
test_expect_success 'a shared core.hooksPath is refused with the way out' '
	git init -q --bare four.git && git -C four.git config core.hooksPath "$T/h" &&
	exits_with 2 tellus hook install four.git 2>err && grep -q hooksPath err &&
	test ! -e h
'
test_expect_success 'what is no repository is refused' '
	mkdir plain && exits_with 2 tellus hook install plain 2>err &&
	grep -q "not a git repository" err && exits_with 2 tellus hook instal x
'
test_expect_success 'the hook of a program that has gone lets the push through' '
	git init -q --bare five.git && tellus hook install five.git &&
	git -C five.git config tellus.program /nonexistent/tellus &&
	git -C work push ../five.git HEAD:main 2>err && grep -q "no program" err
'
test_expect_success 'without an agent the push goes through and is noted' '
	git init -q --bare six.git &&
	tellus --socket "$T/none" hook install six.git &&
	git -C work push -q ../six.git HEAD:main 2>err &&
	grep -q "^remote: tellus: the agent is not running" err &&
	test "$(ls six.git/tellus/incoming | wc -l)" -eq 1
'
test_done
