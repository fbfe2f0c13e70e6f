# SPDX-License-Identifier: MIT
# For end-to-end tests: a real tellusd with its own state folder and port,
# real repositories.  Source t/lib.sh first.

config="$T/config"
state="$T/state"
TELLUS_CONFIG=$config
export TELLUS_CONFIG
agent_pid=

# agent_config: the [agent] section, then standard input.
agent_config () {
	{
		printf '[agent]\n\tlisten = 127.0.0.1:0\n\tstate = %s\n' "$state"
		printf '\tnetwork = none\n\tjobs = 2\n'
		cat
	} >"$config"
}

agent_up () {
	curl -fs --unix-socket "$state/sock" http://localhost/healthz >/dev/null
}

# Starts tellusd in the background and waits until it answers; $port is its
# TCP port.
agent_start () {
	: >"$T/agent.log"
	tellusd --config "$config" >>"$T/agent.log" 2>&1 </dev/null &
	agent_pid=$!
	wait_for 20 agent_up || {
		cat "$T/agent.log"
		return 1
	}
	port=$(sed -n 's/.*listening on port \([0-9]*\).*/\1/p' "$T/agent.log" |
		tail -n 1)
	base="http://127.0.0.1:$port"
}

agent_stop () {
	test -n "$agent_pid" || return 0
	kill "$agent_pid" 2>/dev/null
	wait "$agent_pid" 2>/dev/null
	agent_pid=
}

agent_kill () {
	kill -9 "$agent_pid"
	wait "$agent_pid" 2>/dev/null
	agent_pid=
}

# Workers that outlived the test's agent are ended by pid.
agent_end () {
	agent_stop
	pids=$(cat "$state"/runs/*/*/identity 2>/dev/null |
		sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	for p in $pids
	do
		case $(cat "/proc/$p/cmdline" 2>/dev/null | tr '\0' ' ') in
		*tellus-worker*) kill -9 "$p" ;;
		esac
	done
}
test_on_exit agent_end

# make_repo NAME: a bare repository $T/NAME.git with the hook, and a checkout
# $T/NAME with its first commit not yet pushed.  The workflow is standard
# input.
make_repo () {
	git init -q --bare "$T/$1.git" &&
	git -C "$T/$1.git" config receive.advertisePushOptions true &&
	git init -q "$T/$1" &&
	git -C "$T/$1" remote add origin "$T/$1.git" &&
	cat >"$T/$1/.tellus.yml" &&
	echo one >"$T/$1/file" &&
	git -C "$T/$1" add -A &&
	git -C "$T/$1" commit -qm 'first commit' &&
	tellus hook install "$T/$1.git" --name "$1"
}

# repo_conf NAME: its section for the configuration.
repo_conf () {
	printf '[repository "%s"]\n\tpath = %s/%s.git\n' "$1" "$T" "$1"
}

# make_gate: $gate is a folder of the host that boxes may be shown (the
# temporary folders are the box's own), for steps to wait at.
make_gate () {
	for gate_in in /srv /opt "$OLD_RUNTIME_DIR"
	do
		gate=$(mktemp -d "$gate_in/tellus-t.XXXXXX" 2>/dev/null) && break
	done
	test -d "$gate" && chmod 777 "$gate" && test_on_exit "rm -rf $gate"
}

# commit_file REPO NAME CONTENT MESSAGE
commit_file () {
	printf '%s\n' "$3" >"$T/$1/$2" &&
	git -C "$T/$1" add -A &&
	git -C "$T/$1" commit -qm "$4"
}

# push_workflow TEXT [PUSH-OPTIONS]: the next commit of demo with that
# workflow, pushed (detached unless options are given); $run is its run.
push_workflow () {
	printf '%s\n' "$1" >"$T/demo/.tellus.yml" &&
	git -C "$T/demo" add -A &&
	git -C "$T/demo" commit --allow-empty -qm "after test $test_count" &&
	git -C "$T/demo" push ${2--o ci.detach} -q origin main 2>push.out
	push_rc=$?
	run=$(tellus list --json | jq ".[0].run")
	return $push_rc
}

run_state () {
	tellus show "$1" --json | jq -r .state
}

run_is () {
	test "$(run_state "$1")" = "$2"
}

is_settled () {
	case $(run_state "$1") in
	passed | failed | canceled | error | skipped | superseded | blocked)
		return 0
		;;
	esac
	return 1
}

# wait_run RUN STATE: settled within a minute, in that state.
wait_run () {
	tellus show "$1" >/dev/null && wait_for 60 is_settled "$1" && test "$(run_state "$1")" = "$2" || {
		tellus show "$1"
		tellus log "$1"
		cat "$T/agent.log"
		return 1
	}
}

# run_has RUN CONDITION: jq's.  No answer is no (jq says yes to nothing).
run_has () {
	run_json=$(tellus show "$1" --json 2>/dev/null) && test -n "$run_json" &&
		printf '%s\n' "$run_json" | jq -e "$2" >/dev/null
}

step_runs () {
	run_has "$1" "[.jobs[].steps[]|select(.name==\"$2\" and .state==\"running\")]|length>0"
}

# So that there is a configuration from the start.
agent_config </dev/null
