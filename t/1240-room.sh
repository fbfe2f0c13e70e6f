#!/bin/sh
# SPDX-License-Identifier: MIT
# Admission: a job gets its memory promised before it starts, and below the
# disk's floor nothing new starts.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test_expect_success 'an agent with 1G to give starts' '
	make_gate &&
	make_repo demo <<-EOF &&
	jobs:
	  a: { limits: { memory: 600M }, steps: [ { run: "while ! test -e $gate/go; do sleep 0.02; done" } ] }
	  b: { limits: { memory: 700M }, steps: [ { run: "echo b" } ] }
	EOF
	{ repo_conf demo; printf "[agent]\n\texpose = %s\n\tmemory-budget = 1G\n" "$gate"; } | agent_config &&
	agent_start
'

test_expect_success 'a job whose memory is promised to another waits and says so' '
	git -C demo push -o ci.detach -q origin main &&
	wait_for 30 run_has 1 ".jobs[1].state==\"waiting\"" &&
	run_has 1 ".jobs[0].state==\"running\"" &&
	run_has 1 ".jobs[1].reason.text|test(\"waits for 700 MiB of memory: 600 MiB of 1 GiB are reserved by run 1\")"
'

test_expect_success 'it goes on by itself when the other has ended' '
	touch $gate/go && wait_run 1 passed && test "$(tellus log 1 b)" = b
'

test_expect_success 'a job that asks for more than there is is refused with the figures' '
	cat >demo/.tellus.yml <<-\EOF &&
	jobs:
	  a: { limits: { memory: 64G }, steps: [ { run: "echo a" } ] }
	EOF
	git -C demo commit -qam large && git -C demo push -o ci.detach -q origin main &&
	wait_run 2 blocked &&
	run_has 2 ".reason.text|test(\"asks for 64 GiB of memory; this agent may give 1 GiB .agent.memory-budget\")" &&
	run_has 2 ".reason.suggestion|test(\"^tellus retry 2 --limit memory=1024M \")"
'

test_expect_success 'with a larger budget it runs on a retry' '
	sed -i "s/memory-budget = 1G/memory-budget = 65G/" "$config" &&
	kill -HUP $agent_pid && tellus retry 2 && wait_run 2 passed
'

agent_stop
can_mount () {
	mkdir -p "$T/small" &&
	mount -t tmpfs -o size=64m,mode=755 tellus-test "$T/small" 2>/dev/null
}
if can_mount
then
	test_on_exit 'agent_end; umount -l "$T/small"'

	test_expect_success 'below the floor deliveries are accepted and wait' '
		state=$T/small/state && mkdir -p "$state" &&
		cat >demo/.tellus.yml <<-\EOF &&
		run: echo there is room
		EOF
		git -C demo commit -qam small &&
		{ repo_conf demo; printf "[agent]\n\tdisk-floor = 24M\n"; } | agent_config &&
		agent_start &&
		tellus hook install "$T/demo.git" --name demo &&
		left=$(df --output=avail -B1 "$T/small" | tail -n 1) &&
		head -c $((left - 8000000)) /dev/zero >"$T/small/ballast" &&
		git -C demo push -o ci.detach -q origin main &&
		wait_for 20 grep -q "waits for disk: less than 24 MiB are free" "$T/agent.log" &&
		run_is 1 received || { df "$T/small"; cat "$T/agent.log"; tellus show 1; false; }
	'

	test_expect_success 'they run when there is room again' '
		rm "$T/small/ballast" && wait_run 1 passed
	'

	test_expect_success 'what a job may write is reserved: the second waits for the first' '
		cat >demo/.tellus.yml <<-EOF &&
		jobs:
		  a: { limits: { disk: 20M }, steps: [ { run: "while ! test -e $gate/disk; do sleep 0.02; done" } ] }
		  b: { limits: { disk: 20M }, steps: [ { run: "echo b" } ] }
		EOF
		git -C demo commit -qam disk && { repo_conf demo; printf "[agent]\n\texpose = %s\n\tdisk-floor = 24M\n" "$gate"; } | agent_config &&
		kill -HUP $agent_pid && wait_for 10 grep "read again" "$T/agent.log" &&
		git -C demo push -o ci.detach -q origin main && run=$(tellus list --json | jq ".[0].run") &&
		wait_for 20 run_has $run ".jobs[1].state==\"waiting\" and .jobs[1].waits_for==\"disk\"" &&
		run_has $run ".jobs[1].reason.text|test(\"waits for 20 MiB of disk, besides what is reserved by run $run\")" &&
		touch $gate/disk && wait_run $run passed
	'

	test_expect_success 'a job that asks for more disk than there is is refused with the figures' '
		cat >demo/.tellus.yml <<-\EOF &&
		jobs:
		  a: { limits: { disk: 1G }, steps: [ { run: "echo a" } ] }
		EOF
		git -C demo commit -qam never && git -C demo push -o ci.detach -q origin main && run=$(tellus list --json | jq ".[0].run") &&
		wait_run $run blocked && run_has $run ".reason.text|test(\"asks for 1 GiB of disk; .* may give 40 MiB\")" &&
		tellus retry -f $run --limit disk=10M
	'
else
	test_skip 'below the floor deliveries are accepted and wait' 'no tmpfs can be mounted'
	test_skip 'they run when there is room again' 'no tmpfs can be mounted'
	test_skip 'what a job may write is reserved' 'no tmpfs can be mounted'
	test_skip 'more disk than there is is refused' 'no tmpfs can be mounted'
fi
test_done
