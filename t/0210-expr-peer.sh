#!/bin/sh
# SPDX-License-Identifier: MIT
# Expressions evaluated by us and by @actions/expressions must be worth the
# same.  Needs node 20 and, the first time, the network.
. "${TELLUS_SRC:-$(cd "$(dirname "$0")/.." && pwd)}/t/lib.sh"

dir="$TELLUS_SRC/t/node/expr"
ours="$TELLUS_BUILD/t/unit/expr-eval"

major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
test "${major:-0}" -ge 20 || test_skip_all 'node 20 is not there'
if ! test -d "$dir/node_modules"
then
	(cd "$dir" && timeout 60 npm ci --ignore-scripts --no-audit --no-fund) \
		>/dev/null 2>&1 </dev/null ||
		test_skip_all '@actions/expressions could not be installed'
fi

"$ours" <"$dir/cases.json" >ours.txt
exec node "$dir/compare.mjs" "$dir/cases.json" ours.txt
