#!/bin/sh
# SPDX-License-Identifier: MIT
# Hostile workflows and repositories, pushed to an agent that root started:
# what they may not read, reach, break or hold up.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"

test "$(id -u)" -eq 0 || test_skip_all 'this is about an agent that root started'
command -v perl >/dev/null || test_skip_all 'perl is not installed'

canary=canary-$$-of-the-host
limits='memory = 2G'
# Without CAP_SYS_RESOURCE, as in a container, root cannot fix the score.
keeps_oom=$(perl -ne '/^CapEff:\s*(\w+)/ and print hex($1) >> 24 & 1' /proc/self/status)

# attack MESSAGE: the workflow is standard input; the run's number becomes
# $run, what the pusher saw is in push.err.
attack () {
	cat >demo/.tellus.yml &&
	git -C demo add -A &&
	git -C demo commit -q --allow-empty -m "$1" &&
	git -C demo push origin HEAD:main 2>push.err || return 1
	run=$(tellus list --json | jq '.[0].run')
	tellus log "$run" >log
	cat push.err
}

# answers_within MS: the agent's status, meanwhile.
answers_within () {
	curl -fs -o /dev/null -w '%{time_total}' --max-time 20 \
		--unix-socket "$state/sock" http://localhost/api/v1/status |
		awk -v most="$1" '{ exit !($1 * 1000 <= most) }'
}

still_answers () {
	for i in 1 2 3 4 5
	do
		answers_within 1000 || return 1
	done
}

push_refs () {
	while read -r r
	do
		git -C demo update-ref "refs/heads/$r" HEAD || return 1
	done <refs.txt
	git -C demo push origin "refs/heads/h/*:refs/heads/h/*" 2>push.err
}

refs_came_through () {
	while read -r r
	do
		grep -F "remote:     <$r>" push.err || return 1
	done <refs.txt
}

memory_kib () {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$agent_pid/status"
}

cat >"$T/probe.pl" <<'EOF'
use Fcntl; use Socket; use POSIX;
my $x86 = (POSIX::uname())[4] eq "x86_64";
sub try { my ($n, $got) = @_; print $got ? "OPEN $n\n" : "closed $n\n" }
for my $f ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches",
    "/proc/1/mem", "/proc/1/oom_score_adj", "/proc/sysrq-trigger") {
	try("write $f", sysopen(my $h, $f, O_WRONLY) && syswrite($h, "1"));
}
open(my $s, ">", "/proc/self/oom_score_adj"); syswrite($s, "0"); close($s);
open($s, "<", "/proc/self/oom_score_adj"); try("a lower OOM score", $ENV{KEEPS_OOM} && <$s> < 300);
try("signal pid 1", kill(9, 1));
try("vsock", socket(my $v, 40, 1, 0)); try("packet", socket(my $p, 17, 3, 0));
try("netfilter", socket(my $n, 16, 3, 12)); try("raw", socket(my $r, 2, 3, 1));
socket(my $u, AF_UNIX, SOCK_STREAM, 0);
try("abstract socket of the host", connect($u, pack("Sa*", AF_UNIX, "\0tellus-t-$ENV{NAME}")));
socket(my $t, AF_INET, SOCK_STREAM, 0);
try("loopback of the host", connect($t, sockaddr_in($ENV{PORT}, inet_aton("127.0.0.1"))));
if ($x86) {
	my ($b, $dir, $dev) = ("\0" x 4096, "/tmp", "/tmp/d");
	try("unshare user", syscall(272, 0x10000000) == 0); try("mount", syscall(165, $b, $b, $b, 0, 0) == 0);
	try("ptrace pid 1", syscall(101, 16, 1, 0, 0) == 0); try("add_key", syscall(248, $b, $b, $b, 1, -2) >= 0);
	try("keyctl", syscall(250, 0, -3, 0) >= 0); try("io_uring", syscall(425, 8, $b) >= 0);
	try("userfaultfd", syscall(323, 1) >= 0); try("bpf", syscall(321, 0, $b, 64) >= 0);
	try("perf", syscall(298, $b, 0, -1, -1, 0) >= 0); try("setns", syscall(308, 0, 0) == 0);
	try("chroot", syscall(161, $dir) == 0); try("mknod", syscall(133, $dev, 020666, 0x103) == 0);
	try("open_by_handle", syscall(304, 3, $b, 0) >= 0); try("fsopen", syscall(430, $b, 0) >= 0);
	my $m = POSIX::open("/dev/ptmx", O_RDWR);
	try("TIOCSTI", syscall(16, $m, 0x5412, $dev) == 0); try("TIOCSTI in 64 bits", syscall(16, $m, 0x100005412, $dev) == 0);
}
try("new privileges", `grep NoNewPrivs /proc/self/status` !~ /1/);
try("capabilities", `grep CapEff /proc/self/status` !~ /0{16}/);
try("open descriptors", join(",", grep { $_ > 2 } map { m,(\d+)$, } glob("/proc/$$/fd/*")) =~ /\b([3-9])\b/ && readlink("/proc/$$/fd/$1") !~ m,probe|socket|/proc|/dev/p,);
EOF

cat >"$T/look.sh" <<'EOF'
for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline
do
	tr '\0' '\n' <"$f"
done 2>/dev/null
env
ls -la "$@" 2>&1
cat "$@" /etc/shadow /proc/1/root/etc/shadow 2>&1
for f in "$@"
do
	ls "/proc/1/root$f" "/proc/1/cwd$f" "$f/sock" 2>&1
done
exit 0
EOF

test_expect_success 'an agent with a token and a secret of its own starts' '
	printf %s "token-$canary" >token && chmod 600 token &&
	make_repo demo <<-\EOF &&
	run: [ "true" ]
	EOF
	{ echo "[agent]"; printf "\t%s\n" "$limits"; repo_conf demo; printf "\ttoken-file = %s/token\n" "$T"; } | agent_config &&
	AGENT_ENV="env-$canary" && export AGENT_ENV &&
	agent_start && unset AGENT_ENV &&
	git -C demo push -q origin HEAD:main &&
	wait_run 1 passed
'

test_expect_success 'neither token nor environment nor state can be found in a step' '
	cp look.sh demo/ &&
	attack secrets <<-EOF &&
	run: [ "sh look.sh $T $T/token $state $state/journal $state/runs/1/plan.json /root /var/lib /home" ]
	EOF
	test "$(run_state "$run")" = passed && test -s log &&
	! grep -a "$canary" log && ! grep -a "^root:" log &&
	! grep -raq "token-$canary" "$state" && ! grep -raq "env-$canary" "$state"
'

test_expect_success 'links, pipes and folders in place of the command files reach nothing' '
	for trick in "ln -s /etc/passwd" "ln -s /proc/self/environ" mkfifo mkdir
	do
		for file in GITHUB_OUTPUT GITHUB_ENV GITHUB_PATH GITHUB_STEP_SUMMARY
		do
			echo "      - { continue-on-error: true, run: \"rm \$$file; $trick \$$file\" }"
		done
	done >steps &&
	{ printf "jobs:\n  a:\n    steps:\n"; cat steps; printf "      - run: env\n"; } >flow && attack commands <flow &&
	! grep "root:x:0" log && grep "^HOME=/home/build" log &&
	tellus show "$run" --json >show.json && jq -c "[.jobs[0].steps[].state]" show.json &&
	test "$(jq "[.jobs[0].steps[]|select(.state==\"failed\")]|length" show.json)" -ge 12 &&
	! grep -q "root:x:0" show.json
'

test_expect_success 'a huge or sparse command file is refused, quickly' '
	attack sparse <<-\EOF &&
	run: [ "truncate -s 100G $GITHUB_OUTPUT" ]
	EOF
	test "$(run_state "$run")" = failed && grep "larger than the limit" push.err
'

test_expect_success 'no process outlives its step' '
	attack daemons <<-\EOF &&
	run:
	  - "setsid sleep 31571 & (setsid sh -c \"trap : TERM; sleep 31571 & sleep 31571\" &) ; nohup sleep 31571 >/dev/null 2>&1 & true"
	  - "grep -l 3157[1] /proc/[0-9]*/cmdline && exit 1 || true"
	EOF
	test "$(run_state "$run")" = passed &&
	! grep -lq "sleep.31571" /proc/[0-9]*/cmdline 2>/dev/null
'

test_expect_success 'what the kernel offers beyond files is closed' '
	cp "$T/probe.pl" demo/ &&
	perl -e "use Socket; socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,pack(\"Sa*\",AF_UNIX,\"\\0tellus-t-$$\")) && listen(S,5); sleep 60" &
	listener=$! && test_on_exit "kill $listener" &&
	attack probe <<-EOF &&
	run: [ "NAME=$$ PORT=$port KEEPS_OOM=$keeps_oom perl probe.pl" ]
	EOF
	test "$(grep -c "^closed" log)" -ge 14 && ! grep "^OPEN" log
'

test_expect_success 'a fork bomb is held, and the agent answers meanwhile' '
	cat >demo/.tellus.yml <<-\EOF &&
	jobs: { a: { limits: { pids: 100 }, steps: [ { name: bomb, run: "perl -e \"fork while 1\" & sleep 2" } ] } }
	EOF
	git -C demo commit -qam forks && { git -C demo push origin HEAD:main 2>push.err & push=$!; } &&
	run=$((run + 1)) && wait_for 20 step_runs $run bomb &&
	still_answers &&
	wait $push && wait_for 20 is_settled $run
'

test_expect_success 'a memory bomb is ended by its limit' '
	attack memory <<-\EOF &&
	jobs: { a: { limits: { memory: 100M }, steps: [ { name: bomb, run: "head -c 2G /dev/zero | tail -c 1G | wc -c" }, { name: shm, if: always(), run: "head -c 400M /dev/zero >/dev/shm/x" } ] } }
	EOF
	test "$(run_state "$run")" = blocked &&
	tellus show "$run" --json | jq -e ".reason.class == \"resource.memory\"" &&
	answers_within 1000
'

test_expect_success 'a flood of output is bounded, and the agent does not grow' '
	before=$(memory_kib) &&
	cat >demo/.tellus.yml <<-\EOF &&
	jobs: { a: { limits: { output: 4M }, steps: [ { name: flood, run: "timeout 2 cat /dev/zero || true" } ] } }
	EOF
	git -C demo commit -qam flood && { git -C demo push -q origin HEAD:main >/dev/null 2>&1 & push=$!; } &&
	run=$((run + 1)) && wait_for 20 step_runs $run flood &&
	still_answers &&
	wait $push && wait_run $run passed &&
	test "$(wc -c <"$state/runs/$run/0.1/output")" -le 4300000 &&
	after=$(memory_kib) && echo "$before $after" &&
	# The sanitizer keeps what was freed for a while.
	{ ldd "$TELLUS_BUILD/tellusd" | grep -q libasan || test $after -le $((before + 8192)); }
'

test_expect_success 'odd names, deep folders and many files are carried and cleared' '
	attack names <<-\EOF &&
	run:
	  - "perl -e \"mkdir qq(a\\\\nb); mkdir q(-rf); open F,qq(>\\\\xff\\\\e[31m); for (1..200) { mkdir q(d)x250; chdir q(d)x250 }\"; mkdir many; cd many; seq 20000 | xargs touch"
	  - "ls many | wc -l; perl -e \"chdir(q(d)x250) and \\$n++ for 1..200; print qq(\\$n deep\\\\n)\""
	EOF
	test "$(run_state "$run")" = passed && grep "^20000$" log && grep "^200 deep" log
'

test_expect_success 'bombs in place of a workflow are refused by name, at once' '
	{ echo "a0: &a0 [x,x,x,x,x,x,x,x,x]"; for i in 1 2 3 4 5 6 7 8 9; do p=$((i - 1)); echo "a$i: &a$i [*a$p,*a$p,*a$p,*a$p,*a$p,*a$p,*a$p,*a$p,*a$p]"; done; } >flow && attack aliases <flow &&
	grep "the aliases stand for more" push.err &&
	perl -e "print q(run: ), q([)x100000" >flow && attack deep <flow && grep "nested deeper" push.err &&
	perl -e "print q(name: ), q(x)x1000000" >flow && attack long <flow && grep "at most 262144 are read" push.err &&
	rm demo/.tellus.yml && ln -s /etc/passwd demo/.tellus.yml && git -C demo add -A && git -C demo commit -qm link &&
	git -C demo push origin HEAD:main 2>push.err && grep "not a regular file" push.err && rm demo/.tellus.yml
'

test_expect_success 'a tree bomb is refused' '
	b=$(echo "run: [ \"true\" ]" | git -C demo hash-object -w --stdin) &&
	t=$(printf "100644 blob %s\tf\n" $b | git -C demo mktree) &&
	for l in 1 2 3 4 5 6 7 8 9 10; do t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf "040000 tree %s\td%s\n" $t $i; done | git -C demo mktree); done &&
	t=$(printf "040000 tree %s\tbomb\n100644 blob %s\t.tellus.yml\n" $t $b | git -C demo mktree) &&
	git -C demo push origin "$(git -C demo commit-tree $t -m bomb):refs/heads/bomb" 2>push.err; cat push.err;
	grep "more than 500000 files" push.err
'

test_expect_success 'names of refs are only text' '
	cat >demo/.tellus.yml <<-\EOF &&
	run: [ "printf \"<%s>\\\\n\" \"$GITHUB_REF_NAME\"" ]
	EOF
	git -C demo add -A && git -C demo commit -qm refs &&
	cat >refs.txt <<-\EOF &&
	h/$(id)
	h/`id`
	h/a;id|id&id
	h/-x
	h/--upload-pack=x
	h/'\''"
	h/<script>alert(1)</script>
	h/zzz";echo${IFS}"hello";#
	h/%2e%2e%2f%0d
	h/${{github.sha}}
	EOF
	push_refs; cat push.err; refs_came_through &&
	tellus list | grep -F "h/<script>" && curl -s "$base/" >page && grep "h/&lt;script" page && ! grep "<script>alert" page
'

test_expect_success 'escape sequences do not reach the terminal of who pushes or looks' '
	e=$(printf "\033]0;owned\007\033[2J\302\233m\342\200\256") &&
	cat >demo/.tellus.yml <<-\EOF &&
	name: "wf \e]0;owned\a\e[2J\u009bm\u202e"
	jobs: { a: { name: "job \e[2J", steps: [ { name: "step \e]52;c;AAAA\a\r", run: "printf \"out \\\\033]0;owned\\\\007\\\\033[2J\\\\302\\\\233m\\\\r\\\\n\"; exit 3" } ] } }
	EOF
	git -C demo add -A && GIT_AUTHOR_NAME="author $e" git -C demo commit -qm "subject $e" &&
	git -C demo push origin HEAD:main 2>push.err; run=$(tellus list --json | jq ".[0].run") &&
	tellus list >list.txt && tellus show $run >show.txt && tellus show $run --json >show.json && grep subject list.txt && grep step show.txt &&
	curl -s "$base/runs/$run" >page && grep subject page &&
	LC_ALL=C && export LC_ALL &&
	! grep -aP "\x1b|\x07|\xc2\x9b" push.err list.txt show.txt show.json page; rc=$?; LC_ALL=C.UTF-8; test $rc -eq 0
'

test_expect_success 'a link to the state folder in the repository reaches nothing' '
	git -C demo rm -rqf --cached . && rm -f demo/probe.pl &&
	ln -s "$state" demo/state && ln -s / demo/host && ln -s "$T/token" demo/token &&
	attack links <<-\EOF &&
	run: [ "ls state/ host/root token 2>&1 || true; (cat token state/runs/1/plan.json; echo x >state/x) 2>&1 || true" ]
	EOF
	test "$(run_state "$run")" = passed && ! grep "$canary" log && test ! -e "$state/x"
'

test_expect_success 'what is left in the state folder is closed to others' '
	test "$(stat -c %a "$state")" = 711 && test "$(stat -c %a "$state/journal")" = 700 && test "$(stat -c %a "$state/trees")" = 700 &&
	find "$state" -path "$state/runs/*/*/layers/*" -prune -perm /077 -print >open &&
	find "$state" \( -path "$state/trees/*" -o -path "$state/runs/*/*/layers/*" \) -prune -o -type f -perm /077 -print >>open &&
	cat open && test ! -s open
'

# A state folder of its own with little room.
test_expect_success 'a full disk is a clear reason, and the agent goes on when there is room' '
	agent_stop && small=$T/small && mkdir $small && mount -t tmpfs -o size=48m,mode=755 none $small && test_on_exit "umount -l $small" &&
	state=$small/state && { repo_conf demo; } | agent_config && git -C demo rm -rqf --cached state host token && rm -f demo/state demo/host demo/token &&
	tellus hook install "$T/demo.git" --name demo && agent_start &&
	attack fill <<-\EOF &&
	run: [ "head -c 100M /dev/zero >fill" ]
	EOF
	test "$(run_state "$run")" = failed && tellus show "$run" --json | jq -r .reason.class,.reason.text,.reason.suggestion | tee why && grep -i "room\|space\|disk" why &&
	answers_within 1000 &&
	attack after <<-\EOF &&
	run: [ "echo fine >small; cat small" ]
	EOF
	test "$(run_state "$run")" = passed && agent_up
'

test_done
