#!/bin/sh
# SPDX-License-Identifier: MIT
# Branches, tags, deletions, forced pushes, push options, many refs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

runs () {
	tellus list --json | jq length
}

test_expect_success 'an agent with a repository starts' '
	make_repo demo <<-\EOF &&
	on: { push: { branches: ["**"], tags: ["v*"] } }
	run: [ "echo ref $GITHUB_REF" ]
	EOF
	repo_conf demo | agent_config &&
	agent_start
'

test_expect_success 'a first push into an empty repository runs' '
	git -C demo push origin main 2>err && cat err &&
	grep "ref refs/heads/main" err && test "$(runs)" -eq 1
'

test_expect_success 'many refs in one push are a run each' '
	git -C demo branch a && git -C demo branch b/c && git -C demo tag -a -m v1 v1 &&
	git -C demo push origin a b/c v1 2>err && cat err &&
	test "$(runs)" -eq 4 &&
	tellus list --json | jq -r ".[].ref" | sort >refs &&
	grep -qx refs/tags/v1 refs && grep -qx refs/heads/b/c refs
'

test_expect_success 'an annotated tag runs its commit' '
	tellus list --json >l &&
	test "$(jq -r ".[]|select(.ref==\"refs/tags/v1\").sha" l)" = "$(git -C demo rev-parse HEAD)" &&
	test "$(jq -r ".[]|select(.ref==\"refs/tags/v1\").state" l)" = passed
'

test_expect_success 'a tag that no workflow wants is skipped' '
	git -C demo tag x1 && git -C demo push origin x1 2>err &&
	test "$(run_state 5)" = skipped
'

test_expect_success 'a deleted branch runs nothing' '
	git -C demo push origin :a 2>err && cat err && test "$(runs)" -eq 5
'

test_expect_success 'a forced push runs the new commit' '
	git -C demo commit -q --amend -m amended &&
	git -C demo push -f origin main 2>err && cat err &&
	test "$(runs)" -eq 6 &&
	test "$(tellus show 6 --json | jq -r .sha)" = "$(git -C demo rev-parse HEAD)"
'

test_expect_success 'going back and forth is a run each time' '
	first=$(git -C demo rev-parse HEAD) &&
	commit_file demo file two two &&
	git -C demo push -q origin main &&
	git -C demo push -qf origin $first:main &&
	git -C demo push -q origin main &&
	test "$(runs)" -eq 9
'

test_expect_success 'the option ci.skip runs nothing' '
	commit_file demo file three three &&
	git -C demo push -o ci.skip origin main 2>err && cat err &&
	grep -i skip err && test "$(runs)" -eq 9
'

test_expect_success 'the option ci.detach does not wait' '
	sed -i "s/echo ref/sleep 2; echo ref/" demo/.tellus.yml &&
	git -C demo commit -qam slow &&
	git -C demo push -o ci.detach origin main 2>err && cat err &&
	grep "run 10" err && ! grep "run 10 passed" err &&
	wait_run 10 passed
'

test_expect_success 'a commit without a workflow is skipped' '
	git -C demo rm -q .tellus.yml && git -C demo commit -qm none &&
	git -C demo push origin main 2>err && cat err &&
	test "$(run_state 11)" = skipped
'

test_done
