# SPDX-License-Identifier: MIT
# For the tests of tellus: an agent that answers with canned bytes.  Source
# it after t/lib.sh.

command -v python3 >/dev/null || test_skip_all 'python3 is not installed'

# fake_start [SOCKET]: TELLUS_SOCKET is where it listens, $R its answers.
fake_start () {
	R="$T/replies"
	fake_sock=${1:-$T/sock}
	mkdir -p "$R"
	python3 "$TELLUS_SRC/t/cli/fake-agent.py" "$fake_sock" "$R" &
	fake_pid=$!
	test_on_exit "kill $fake_pid"
	wait_for 10 test -S "$fake_sock" &&
	export TELLUS_SOCKET="$fake_sock"
}

# reply 'GET _healthz' STATUS: the body comes from standard input.
reply () {
	{
		printf 'HTTP/1.1 %s X\r\nContent-Type: application/json\r\n' "$2"
		printf 'Connection: close\r\n\r\n'
		cat
	} >"$R/$1"
}

# reply_raw 'GET _healthz' FORMAT: as printf has it.
reply_raw () {
	# shellcheck disable=SC2059
	printf "$2" >"$R/$1"
}

# The body of the last request to a target.
sent_to () {
	grep "^POST $1 " "$R/requests" | tail -n 1 | cut -d' ' -f3-
}
