# SPDX-License-Identifier: MIT
# For the worker's tests: a state folder, specs, and a driver that plays
# tellusd.  Sourced after lib.sh.

S=$T/state
drv=$TELLUS_BUILD/t/unit/workdrv
as_user= # a command before the driver: who runs the worker
nonce=0123456789abcdef0123456789abcdef
zero=0000000000000000000000000000000000000000
mkdir -p "$S/runs" && chmod 711 "$S" "$S/runs"

drive () {
	test -z "$as_user" || chown -R 65000:65000 "$S" || return 1
	$as_user "$drv" "$@"
}

# Some machines (containers) do not let anybody make namespaces.
need_boxes () {
	if test "$(id -u)" -eq 0
	then
		unshare -m true
	else
		unshare -Ur true
	fi 2>/dev/null || test_skip_all "namespaces are not allowed here"
}

# repo NAME: an empty repository with a checkout, in $T/NAME.
repo () {
	git init -q "$T/$1" && cd "$T/$1"
}

# commit_all: everything in the current checkout.
commit_all () {
	git add -A && git commit -q -m "${1:-a commit}"
}

# workflow: standard input as .tellus.yml; bare "steps:" become a job "a".
workflow () {
	cat >"$T/.workflow" &&
	if head -n 1 "$T/.workflow" | grep -q "^steps:"
	then
		printf "jobs:\n  a:\n" && sed "s/^/    /" "$T/.workflow"
	else
		cat "$T/.workflow"
	fi >.tellus.yml
}

# spec_plan RUN ATTEMPT REPOSITORY [JQ]: a planning attempt of the
# repository's main branch; JQ changes the spec.
spec_plan () {
	plan_dir=$S/runs/$1/plan.$2
	mkdir -p "$plan_dir" && chmod 711 "$S/runs/$1" &&
	jq -n --arg path "$3" --argjson run "$1" --argjson attempt "$2" \
		--arg sha "$(git -C "$3" rev-parse main 2>/dev/null || echo $zero)" \
		--arg nonce $nonce --arg zero $zero '
		{version: 1, kind: "plan", run: $run, attempt: $attempt,
		 nonce: $nonce, epoch: 1,
		 repository: {name: "acme/widget", url: null, path: $path,
			kind: "local", token_file: null},
		 push: {repository: "acme/widget", event: "push",
			ref: "refs/heads/main", before: $zero, sha: $sha,
			actor: "alice", source: "hook"},
		 host: {build_user: null, sandbox: "strict", expose: [],
			host_network: false},
		 near: null}
		| '"${4:-.}" >"$plan_dir/spec.json"
}

# spec_job RUN JOB ATTEMPT [JQ]: after the planning attempt 1 of that run.
spec_job () {
	job_dir=$S/runs/$1/$2.$3
	mkdir -p "$job_dir" &&
	jq --slurpfile plan "$S/runs/$1/plan.json" --argjson job "$2" \
		--argjson attempt "$3" '
		$plan[0] as $p | ($p.workflows | map(select(.skipped | not))[0]) as $w |
		. + {kind: "job", job: $job, attempt: $attempt, run_attempt: 1,
		 commit: $p.commit, tree: $p.tree, sha: $p.sha,
		 workflow: {file: $w.file, name: $w.name, env: ($w.env // {})},
		 plan: $w.jobs[$job], needs: {}, network: "none",
		 limits: {memory: 0, cpu: 0, pids: 0, disk: 0, output: 1048576},
		 timeout_ms: 60000, tries: [], done: []}
		| '"${4:-.}" "$S/runs/$1/plan.1/spec.json" >"$job_dir/spec.json"
}

# run_job RUN JOB ATTEMPT [driver options]: events to $T/ev.
run_job () {
	job_path=runs/$1/$2.$3
	shift 3
	drive "$@" "$S" "$job_path" >"$T/ev"
	job_rc=$?
	cat "$T/ev"
	cat "$S/$job_path/output" 2>/dev/null || :
	return $job_rc
}

# whole RUN REPOSITORY [PLAN-JQ [JOB-JQ [driver options]]]: plans and runs
# job 0 in one worker.
whole () {
	spec_plan "$1" 1 "$2" "${3:-.}" &&
	whole_run=$1 &&
	plan_only "$1" &&
	spec_job "$1" 0 1 "${4:-.}" &&
	if test $# -gt 4
	then
		shift 4
	else
		shift $#
	fi &&
	run_job "$whole_run" 0 1 "$@"
}

# plan_only RUN: events of planning to $T/pev.
plan_only () {
	drive "$S" "runs/$1/plan.1" >"$T/pev"
	plan_rc=$?
	cat "$T/pev"
	return $plan_rc
}

# ev JQ: true when an event of the last job (or, pev, of planning) is so.
ev () {
	jq -e -n "[inputs] | any(.[]; $1)" "$T/ev" >/dev/null
}
pev () {
	jq -e -n "[inputs] | any(.[]; $1)" "$T/pev" >/dev/null
}
# out RUN JOB ATTEMPT TEXT: the output has that line.
out () {
	grep -qxF -e "$4" "$S/runs/$1/$2.$3/output"
}
step_is () {
	ev ".kind == \"step-finished\" and .step == $1 and .data.state == \"$2\""
}
job_is () {
	ev ".kind == \"job-finished\" and .data.state == \"$1\""
}
