#!/bin/sh
# SPDX-License-Identifier: MIT
# The box's unit tests on a machine that has cgroup version 2 alone: where
# the kernel has both, in a mount namespace without the version 1 trees.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"

test "$(id -u)" -eq 0 || test_skip_all 'only root can hide the version 1 trees'
grep -q '^[^ ]* [^ ]* cgroup ' /proc/mounts ||
	test_skip_all 'the machine has no version 1 trees: the unit tests did it'
grep -q '^[^ ]* [^ ]* cgroup2 ' /proc/mounts ||
	test_skip_all 'the machine has no version 2 tree'
unshare -m true 2>/dev/null || test_skip_all 'no mount namespaces'

cat >only2 <<'OUT'
mount --make-rprivate /
awk '$3 == "cgroup" { print $2 }' /proc/mounts | sort -r | xargs umount
exec "$@"
OUT

test_expect_success 'without a memory controller a box is refused' '
	unshare -m sh only2 "$TELLUS_BUILD/t/unit/box" >refused.tap &&
	grep "SKIP steps can not be limited: .*controllers" refused.tap
'
test_expect_success 'weak boxes work with version 2 for kill and counting' '
	TELLUS_TEST_WEAK=1 \
		unshare -m sh only2 "$TELLUS_BUILD/t/unit/box"
'
test_done
