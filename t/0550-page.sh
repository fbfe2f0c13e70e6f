#!/bin/sh
# SPDX-License-Identifier: MIT
# The pages in a real browser: they follow a run, what others wrote is text,
# nothing comes from elsewhere.  Needs chromium, node 20 and, the first time,
# the network.
. "${TELLUS_SRC:-$(cd "$(dirname "$0")/.." && pwd)}/t/lib.sh"
. "$TELLUS_SRC/t/agent.sh"

for chromium in chromium chromium-browser google-chrome
do
	chromium=$(command -v $chromium) && break
done
test -n "$chromium" || test_skip_all 'chromium is not there'
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
test "${major:-0}" -ge 20 || test_skip_all 'node 20 is not there'

# Where the sources may not be written to, a copy will do.
web="$TELLUS_SRC/t/node/web"
if ! test -d "$web/node_modules"
then
	if ! test -w "$web"
	then
		cp -R "$web" web && chmod -R u+w web && web="$T/web"
	fi
	(cd "$web" && timeout 60 npm ci --ignore-scripts --no-audit --no-fund) \
		>/dev/null 2>&1 </dev/null ||
		test_skip_all 'playwright-core could not be installed'
fi

# page PHASE [GATE]: see page.mjs.
page () {
	timeout 100 node "$web/page.mjs" "$1" "$base" "$chromium" "${2:-}"
}

test_expect_success 'an agent gets a commit whose every name is hostile' '
	mkdir gate && chmod 777 gate &&
	node "$web/workflow.mjs" "$T/gate/go" >workflow &&
	make_repo demo <workflow &&
	node -p "JSON.parse(fs.readFileSync(process.argv[1])).join(\"\n\")" \
		"$web/payloads.json" >demo/payloads &&
	git -C demo add -A &&
	git -C demo commit -q --amend \
		--author "\" onmouseover=\"window.hit=1 <a@example.org>" \
		-m "</bdi></p></main><script>window.hit=1</script>" &&
	{ repo_conf demo; printf "[agent]\n\texpose = %s/gate\n" "$T"; } |
		agent_config &&
	agent_start &&
	git -C demo push -o ci.detach -q origin main &&
	wait_for 60 step_runs 1 "waits at the gate"
'

test_expect_success 'pages that are open follow the run, and become what a new page is' '
	page live "$T/gate/go"
'

test_expect_success 'what others wrote is text, and nothing of it runs or is loaded' '
	page text
'

test_expect_success 'without JavaScript the pages can be read' '
	page plain
'

test_expect_success 'the whole output of a step is plain text behind a link' '
	page whole
'

test_expect_success 'the keyboard alone is enough' '
	page keyboard
'

test_expect_success 'light and dark, on a phone and on a desk, all text can be read' '
	page look
'

test_expect_success 'a new run appears in a list that is open' '
	commit_file demo file two two &&
	{
		wait_for 30 test -e gate/listening &&
		git -C demo push -o ci.detach -q origin main
	} &
	page follows "$T/gate/listening"
'

test_done
