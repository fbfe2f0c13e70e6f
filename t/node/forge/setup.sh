# SPDX-License-Identifier: MIT
# Sourced by the forge tests that need node.  Sets node_dir, a folder with
# our scripts and their packages, or skips the whole test with the reason.
node_dir=$TELLUS_SRC/t/node/forge

node_setup () {
	command -v node >/dev/null || test_skip_all "node is not installed"
	command -v npm >/dev/null || test_skip_all "npm is not installed"
	node_major=$(node -p 'process.versions.node.split(".")[0]')
	test "$node_major" -ge 20 ||
		test_skip_all "node is $node_major, these packages need 20"
	test -f "$TELLUS_BUILD/t/unit/forge_check" ||
		test_skip_all "t/unit/forge_check is not built"
	# The mark comes last: the folder alone may be half made.
	node_mark=$node_dir/node_modules/.complete
	test -f "$node_mark" && return
	# two tests at once must not install into one folder
	exec 9>"$TELLUS_BUILD/t/node-forge.lock" && flock 9
	test -f "$node_mark" && return
	(
		cd "$node_dir" &&
		npm ci --no-audit --no-fund --ignore-scripts >"$T/npm.log" 2>&1
	) || {
		rm -rf "$node_dir/node_modules"
		test_skip_all "npm could not install the packages: $(
			grep -m1 'ERR' "$T/npm.log" || tail -n 1 "$T/npm.log")"
	}
	: >"$node_mark"
	exec 9>&-
}
node_setup
