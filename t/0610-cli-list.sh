#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus list, show, retry and cancel.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

test_expect_success 'setup' '
	fake_start &&
	cat >run.json <<-\END &&
	{"run":42,"state":"failed","repository":"demo","event":"push","ref":"refs/heads/main","sha":"1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e","workflow":"ci","subject":"fix \u001b[31mthe parser","created":"2020-01-01T00:00:00Z","started":"2020-01-01T00:00:01Z","finished":"2020-01-01T00:00:03Z","attempt":1,"reason":{"class":"code","text":"step \"test\" exited with 2","suggestion":"tellus log 42 build test"},"jobs":[{"name":"build","state":"failed","attempt":1,"steps":[{"name":"make","state":"passed","exit":0,"attempt":1,"started":"2020-01-01T00:00:01Z","finished":"2020-01-01T00:00:02Z"},{"name":"test","state":"failed","exit":2,"attempt":2}]}]}
	END
	{ echo "["; cat run.json; echo "]"; } | tr -d "\n" >list.json &&
	reply "GET _api_v1_runs" 200 <list.json &&
	reply "GET _api_v1_runs_42" 200 <run.json
'
test_expect_success 'list shows a line per run and nothing on standard error' '
	tellus list >out 2>err && cat out err && test ! -s err &&
	grep -q "^ *42  failed  *demo  *main  *1a2b3c4  .* days ago  *fix the parser$" out
'
test_expect_success 'list --json prints what the agent said' '
	tellus list --json >out && cmp out list.json ||
	{ cat list.json; echo; } | cmp - out
'
test_expect_success 'what list is asked for reaches the agent, escaped' '
	tellus list --repository "a b&c" --state failed -n 3 --before 9 &&
	grep -q "^GET /api/v1/runs?limit=3&repository=a%20b%26c&state=failed&before=9" "$R/requests"
'
test_expect_success 'a limit above the agent'\''s is lowered' '
	tellus list -n 100000 && grep -q "limit=500" "$R/requests"
'
test_expect_success 'show tells the reason, the jobs and the steps' '
	tellus show 42 >out 2>err && test ! -s err &&
	grep -q "^run 42 failed$" out &&
	grep -q "^  step \"test\" exited with 2$" out &&
	grep -q "^  tellus log 42 build test$" out &&
	grep -q "^      ✓ make  passed  1.0 s$" out &&
	grep -q "^      ✗ test  failed  exit 2  attempt 2$" out
'
test_expect_success 'show lets no escape sequence through' '
	tellus show 42 >out && ! grep -q "$(printf "\033")" out
'
test_expect_success 'show --json prints what the agent said' '
	tellus show --json 42 >out && cmp out run.json
'
test_expect_success 'a run that is not there exits 2 with the agent'\''s words' '
	exits_with 2 tellus show 7 2>err && grep -q "no such thing" err
'
test_expect_success 'an agent that fails exits 3' '
	echo "{\"title\":\"x\",\"detail\":\"disk full\"}" |
		reply "GET _api_v1_runs_8" 503 &&
	exits_with 3 tellus show 8 2>err && grep -q "disk full" err
'
test_expect_success 'an answer that is no JSON exits 3' '
	echo "<html>" | reply "GET _api_v1_runs_9" 200 &&
	exits_with 3 tellus show 9
'
test_expect_success 'retry asks for all jobs, or for one' '
	reply "POST _api_v1_runs_42_retry" 202 <run.json &&
	tellus retry 42 && test "$(sent_to /api/v1/runs/42/retry)" = "{}" &&
	tellus retry 42 --job build &&
	test "$(sent_to /api/v1/runs/42/retry)" = "{\"job\":\"build\"}"
'
test_expect_success 'cancel asks the agent' '
	reply "POST _api_v1_runs_42_cancel" 202 <run.json &&
	tellus cancel 42 && grep -q "^POST /api/v1/runs/42/cancel" "$R/requests"
'
test_expect_success 'what the state does not allow exits 2' '
	echo "{\"detail\":\"run 43 has ended\"}" |
		reply "POST _api_v1_runs_43_cancel" 409 &&
	exits_with 2 tellus cancel 43 2>err && grep -q "has ended" err
'
test_done
