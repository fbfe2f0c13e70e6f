#!/bin/sh
# SPDX-License-Identifier: MIT
# What a run's records look like as plain text, byte for byte.
. "${TELLUS_SRC:-$(dirname "$0")/..}/t/lib.sh"
. "$TELLUS_SRC/t/cli/lib.sh"

# shown RUN: as retry -f shows the stream that was set for it.
shown () {
	echo '{"run":1,"attempt":1}' | reply "POST _api_v1_runs_$1_retry" 202
	tellus retry -f "$1" >out
}

test_expect_success 'setup' 'fake_start'

test_expect_success 'a run that fails is told in order' '
	echo "{\"run\":42,\"ref\":\"refs/heads/main\",\"sha\":\"1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e\",\"subject\":\"fix the parser\",\"url\":\"http://ci.example/runs/42\"}" |
		reply "GET _api_v1_runs_42" 200 &&
	reply "GET _api_v1_runs_42_stream" 200 <<-\END &&
	{"type":"run","run":42,"state":"planning","jobs":[]}
	{"type":"run","run":42,"state":"running","workflow":"ci","jobs":["build"]}
	{"type":"job","job":0,"name":"build","state":"running","attempt":1}
	{"type":"step","job":0,"step":0,"name":"make","state":"running"}
	{"type":"output","job":0,"step":0,"text":"one\ntw"}

	{"type":"output","job":0,"step":0,"text":"o\n"}
	{"type":"step","job":0,"step":0,"name":"make","state":"passed","exit":0,"ms":1200,"attempt":1}
	{"type":"step","job":0,"step":1,"name":"test","state":"running"}
	{"type":"output","job":0,"step":1,"text":"no line end"}
	{"type":"step","job":0,"step":1,"name":"test","state":"failed","exit":2,"ms":250,"attempt":1,"text":"exited with 2"}
	{"type":"job","job":0,"name":"build","state":"failed","attempt":1}
	{"type":"end","run":42,"state":"failed","class":"code","text":"step \"test\" exited with 2","suggestion":"tellus log 42 build test","step":"test"}
	END
	exits_with 1 shown 42 &&
	cat >want <<-\END &&
	run 42  main 1a2b3c4  fix the parser
	    one
	    two
	✓ build / make  1.2 s
	    no line end
	✗ build / test  250 ms  exit 2
	run 42 failed: step "test" exited with 2
	  tellus log 42 build test
	  http://ci.example/runs/42
	END
	diff want out
'
test_expect_success 'several jobs have their names before their lines' '
	reply "GET _api_v1_runs_43_stream" 200 <<-\END &&
	{"type":"run","run":43,"state":"running","workflow":"ci","jobs":["a","b"]}
	{"type":"step","job":0,"step":0,"name":"x","state":"running"}
	{"type":"step","job":1,"step":0,"name":"y","state":"running"}
	{"type":"output","job":0,"step":0,"text":"from a, "}
	{"type":"output","job":1,"step":0,"text":"from b\n"}
	{"type":"output","job":0,"step":0,"text":"whole\n"}
	{"type":"step","job":0,"step":0,"name":"x","state":"passed","exit":0,"ms":5}
	{"type":"step","job":1,"step":0,"name":"y","state":"passed","exit":0,"ms":6}
	{"type":"end","run":43,"state":"passed"}
	END
	shown 43 &&
	cat >want <<-\END &&
	run 43
	    [b] from b
	    [a] from a, whole
	✓ a / x  5 ms
	✓ b / y  6 ms
	run 43 passed
	END
	diff want out
'
test_expect_success 'nothing from a step reaches the terminal as a command' '
	reply "GET _api_v1_runs_44_stream" 200 <<-\END &&
	{"type":"run","run":44,"state":"running","jobs":["\u001b]0;x\u0007job"]}
	{"type":"step","job":0,"step":0,"name":"s\u001b[2J","state":"running"}
	{"type":"output","job":0,"step":0,"text":"\u001b[31mred\u001b[0m\u009b2J\n10%\r50%\r100%\r\n"}
	{"type":"step","job":0,"step":0,"name":"s","state":"failed","ms":1,"text":"killed by\nsignal 9"}
	{"type":"end","run":44,"state":"failed","text":"\u001b[1mbad"}
	END
	exits_with 1 shown 44 &&
	cat >want <<-\END &&
	run 44
	    red
	    100%
	✗ job / s  1 ms  killed by signal 9
	run 44 failed: bad
	END
	diff want out
'
test_expect_success 'a line without end comes in pieces, none of it is lost' '
	long=$(head -c 10000 /dev/zero | tr "\0" a) &&
	reply "GET _api_v1_runs_45_stream" 200 <<-END &&
	{"type":"run","run":45,"state":"running","jobs":["j"]}
	{"type":"output","job":0,"step":0,"text":"$long"}
	{"type":"end","run":45,"state":"passed"}
	END
	shown 45 && test "$(grep "^    a" out | tr -dc a | wc -c)" -eq 10000
'
test_expect_success 'records that make no sense are passed over' '
	reply "GET _api_v1_runs_46_stream" 200 <<-\END &&
	{"type":"step","job":-1,"step":0,"name":"x","state":"failed"}
	{"type":"step","job":0,"step":99999999,"name":"x","state":"failed"}
	{"type":"output","job":5000,"step":1,"text":7}
	{"type":"new kind"}
	[]
	{"type":"end","run":46,"state":"passed"}
	END
	shown 46 && grep -q "^run 46 passed$" out
'
test_expect_success 'a skipped job and one that is canceled say so' '
	reply "GET _api_v1_runs_47_stream" 200 <<-\END &&
	{"type":"run","run":47,"state":"running","jobs":["a","b"]}
	{"type":"job","job":0,"name":"a","state":"canceled"}
	{"type":"job","job":1,"name":"b","state":"skipped"}
	{"type":"end","run":47,"state":"canceled","text":"canceled by alice"}
	END
	exits_with 1 shown 47 &&
	grep -q "^- a  canceled$" out && grep -q "^- b  skipped$" out
'
test_expect_success 'a blocked run is settled and exits 1' '
	reply "GET _api_v1_runs_48_stream" 200 <<-\END &&
	{"type":"end","run":48,"state":"blocked","text":"deploy may have happened","suggestion":"tellus retry 48"}
	END
	exits_with 1 shown 48 && grep -q "^  tellus retry 48$" out
'
test_expect_success 'a stream that ends too early exits 3 and names the way on' '
	reply "GET _api_v1_runs_49_stream" 200 <<-\END &&
	{"type":"run","run":49,"state":"running","jobs":["a"]}
	END
	exits_with 3 shown 49 2>err &&
	grep -q "connection to the agent lost .*; the run goes on: tellus log -f 49" err
'
test_expect_success 'a stream that is no JSON exits 3' '
	echo "<html>" | reply "GET _api_v1_runs_50_stream" 200 &&
	exits_with 3 shown 50
'
test_expect_success 'on a terminal a failed step shows its whole output at the end' '
	if command -v script >/dev/null
	then
		reply "GET _api_v1_runs_51_stream" 200 <<-\END &&
		{"type":"run","run":51,"state":"running","jobs":["j"]}
		{"type":"step","job":0,"step":0,"name":"s","state":"running"}
		{"type":"output","job":0,"step":0,"text":"1\n2\n3\n4\n5\n6\n7\n"}
		{"type":"step","job":0,"step":0,"name":"s","state":"failed","exit":1,"ms":1}
		{"type":"end","run":51,"state":"failed","text":"no"}
		END
		printf "first line\n\033]0;x\007last line\n" |
			reply "GET _api_v1_runs_51_log" 200 &&
		echo "{}" | reply "POST _api_v1_runs_51_retry" 202 &&
		script -qec "TERM=xterm tellus retry -f 51" /dev/null </dev/null >out;
		cat out; grep -q "first line" out && grep -q "^last line" out &&
		grep -q "^GET /api/v1/runs/51/log?job=0&step=0 " "$R/requests"
	fi
'
test_expect_success 'its last lines are shown while it runs, then erased' '
	if command -v script >/dev/null
	then
		tr -d "\r" <out | grep -q "^    7$" &&
		! grep -q "^    1$" out && grep -q "$(printf "\033\\[6A")" out
	fi
'
test_done
