#!/bin/sh
# SPDX-License-Identifier: MIT
# make bench: ratios, each against a floor measured in the same run on the
# same machine.  t/bench/README says how each floor is defined.  Prints a
# table and writes bench.json.  BENCH_N: pushes measured (default 40).
: "${TELLUS_BUILD:?}" "${TELLUS_SRC:?}"
. "$TELLUS_SRC/t/lib.sh"
. "$TELLUS_SRC/t/agent.sh"
bench="$TELLUS_BUILD/t/bench"
n=${BENCH_N:-40}
json="$TELLUS_BUILD/bench.json"
: >rows

median () {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# row WHAT OURS FLOOR UNIT: ratio ours/floor
row () {
	awk -v w="$1" -v a="$2" -v b="$3" -v u="$4" 'BEGIN {
		printf "%-34s %12s %12s %-10s %6.2f\n", w, a, b, u, (b > 0 ? a / b : 0) }' |
		tee -a table
	printf '{"what":"%s","ours":%s,"floor":%s,"unit":"%s"}\n' "$1" "$2" "$3" "$4" >>rows
}

memory () { # resident, private: KiB
	awk '/^Rss:/ { r = $2 } /^Private_Clean:|^Private_Dirty:/ { p += $2 } END { print r, p }' \
		"/proc/$agent_pid/smaps_rollup"
}

printf '%-34s %12s %12s %-10s %6s\n' what ours floor unit ratio

# ---- push to first line ----
make_repo demo >/dev/null <<'EOF'
name: ci
run: [ "echo first-line-of-output" ]
EOF
echo bench-secret >secret && chmod 600 secret
{
	repo_conf demo
	printf '[repository "acme/bench"]\n\turl = file://%s/none.git\n\tforge = github\n\twebhook-secret-file = %s/secret\n' "$T" "$T"
} | agent_config
agent_start || exit 1
set -- $(memory)
idle_rss=$1 idle_private=$2
git clone -q --bare demo.git floor.git && rm -f floor.git/hooks/* 2>/dev/null
cat >floor.git/hooks/post-receive <<'EOF'
#!/bin/sh
/bin/true
echo first-line-of-output
EOF
chmod +x floor.git/hooks/post-receive
git -C demo push -q origin main 2>/dev/null
git -C demo remote add floor "$T/floor.git"
i=0
while test $i -lt "$n"
do
	i=$((i + 1))
	commit_file demo file "$i" "commit $i" >/dev/null
	"$bench/firstline" first-line-of-output git -C demo push floor main >>floor.us
	"$bench/firstline" first-line-of-output git -C demo push origin main >>ours.us
done
row 'push to first line' "$(median <ours.us)" "$(median <floor.us)" us

# ---- a step ----
{
	printf 'name: steps\nrun:\n'
	for i in $(seq 200); do echo '  - "true"'; done
} >demo/.tellus.yml
i=0
while test $i -lt 5
do
	i=$((i + 1))
	commit_file demo file "step $i" "steps $i" >/dev/null
	git -C demo push -q origin main 2>/dev/null
	tellus list --json --limit 1 | jq '.[0].run' >last
	tellus show "$(cat last)" --json | jq '.jobs[0].ms * 5' >>step.us
	"$bench/box" 100 | sed -n 's/^box .*median *\([0-9]*\) us.*/\1/p' >>box.us
done
row 'a step of true' "$(median <step.us)" "$(median <box.us)" us

# ---- from a start to settled ----
now_ms () {
	echo $(($(date +%s%N) / 1000000))
}
# started LIVE: milliseconds until it answers and has found LIVE workers.
started () {
	: >"$T/agent.log"
	from=$(now_ms)
	tellusd --config "$config" >>"$T/agent.log" 2>&1 </dev/null &
	agent_pid=$!
	until agent_up 2>/dev/null &&
		test "$(grep -c 'found again' "$T/agent.log")" -ge "$1"
	do
		sleep 0.002
	done
	took=$(($(now_ms) - from))
}
count_runs () {
	tellus list --json --state "$1" --limit 500 | jq length
}
tags_are_over () {
	test "$(count_runs skipped)" = 500 && test "$(count_runs received)" = 0 &&
		test "$(count_runs planning)" = 0
}
eight_run () {
	test "$(count_runs running)" = 8
}
none_runs () {
	test "$(count_runs running)" = 0
}
echo 'run: [ "sleep 600" ]' >demo/.tellus.yml
agent_stop
sed -i 's/jobs = 2/jobs = 8/' "$config"
agent_start || exit 1
commit_file demo file settle settle >/dev/null
for i in $(seq 1000); do printf 'create refs/tags/t%s HEAD\n' "$i"; done |
	git -C demo update-ref --stdin
git -C demo push -q -o ci.detach origin --tags 2>/dev/null
wait_for 600 tags_are_over || exit 1
for i in $(seq 8)
do
	git -C demo push -q -o ci.detach origin "HEAD:refs/heads/b$i" 2>/dev/null
done
wait_for 60 eight_run || exit 1
for i in 1 2 3 4 5
do
	agent_kill
	started 8
	echo "$took" >>settle.ms
done
for i in $(tellus list --json --state running --limit 20 | jq '.[].run')
do
	tellus cancel "$i" >/dev/null
done
wait_for 60 none_runs || exit 1
agent_stop
mv "$state" "$state.full"
for i in 1 2 3 4 5
do
	started 0
	echo "$took" >>empty.ms
	agent_kill
	rm -rf "$state"
done
mv "$state.full" "$state"
row 'start, 1,000 runs, 8 live' "$(median <settle.ms)" "$(median <empty.ms)" ms

# ---- deliveries ----
sed -i 's/jobs = 8/jobs = 1/' "$config"
rm -rf "$state"
agent_start || exit 1
mkfifo hold
"$bench/floor-mhd" bench-secret <hold >floor.port &
floor_pid=$!
exec 9>hold
wait_for 10 test -s floor.port
for c in 1 16 128
do
	count=$((c * 40 + 1000))
	f=$("$bench/load" "$(cat floor.port)" $c $((count * 4)) bench-secret) || f=0
	o=$("$bench/load" "$port" $c $count bench-secret) || o=0
	row "deliveries at $c connections" "$o" "$f" per-second
done
exec 9>&-
wait "$floor_pid"
set -- $(memory)
row 'memory idle' "$idle_rss" "$idle_private" 'KiB r/p'
row 'memory after the deliveries' "$1" "$2" 'KiB r/p'
sed '$!s/$/,/' rows | { echo '['; cat; echo ']'; } >"$json"
echo "written to $json"
