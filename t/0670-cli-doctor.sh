#!/bin/sh
# SPDX-License-Identifier: MIT
# tellus doctor: verdicts, remedies and exit status.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

test_expect_success 'without an agent it fails, says what to do, asks tellusd' '
	mkdir bin && printf "#!/bin/sh\necho machine: \$*\n" >bin/tellusd &&
	chmod +x bin/tellusd &&
	TELLUS_LIBEXECDIR=$T/bin exits_with 3 tellus --socket "$T/none" doctor >out &&
	cat out && grep -q "^FAIL  agent: could not be reached at $T/none" out &&
	grep -q "systemctl start tellusd" out && grep -q "^machine: --doctor" out
'
test_expect_success 'a healthy agent is OK and exits 0' '
	fake_start &&
	echo "{\"version\":\"$(tellus version | cut -d" " -f2)\",\"pid\":7,\"uptime_ms\":65000,\"running\":1,\"queued\":2,\"outbox\":0,\"dead\":0}" |
		reply "GET _api_v1_status" 200 &&
	tellus doctor >out && cat out && ! grep -Eq "^(WARN|FAIL)" out &&
	grep -q "^OK    agent: .*pid 7, up 1 min 5 s" out &&
	grep -q "1 running, 2 queued" out
'
test_expect_success 'statuses that were given up are a warning' '
	echo "{\"version\":\"0\",\"pid\":7,\"dead\":3}" | reply "GET _api_v1_status" 200 &&
	tellus doctor >out && grep -q "^WARN  statuses: .*3 given up" out &&
	grep -q "^WARN  version" out
'
test_expect_success 'a wrong configuration fails with its line' '
	printf "[agent]\n\tjobs = many\n" >conf &&
	exits_with 2 tellus --config "$T/conf" doctor >out;
	cat out; grep -q "^FAIL  configuration: .*conf:2" out
'
test_expect_success '--json is an array of checks' '
	tellus doctor --json |
		jq -e "map(.check) | index(\"agent\") and index(\"configuration\")"
'
test_done
