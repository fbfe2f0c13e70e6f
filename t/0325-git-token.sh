# SPDX-License-Identifier: MIT
# Servers that say no, send us away or ask for the token, and damage.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/git-lib.sh"

command -v python3 >/dev/null || test_skip_all 'python3 is needed to serve HTTP'
token=tok-s3cret-canary
M=$S/mirrors
mkdir -p "$M"
pids=
test_on_exit 'kill $pids'

# fetch MIRROR URL REF SHA [MAX]
fetch () {
	fetch_mirror=$1
	shift
	"$drv" fetch "$M/$fetch_mirror" "$@"
}

has () {
	git -C "$M/$1" cat-file -e "$2^{commit}"
}

# serve NAME [USER:PASSWORD]: an HTTP server whose port is $port.
serve () {
	python3 "$TELLUS_SRC/t/git-http.py" "$T/$1.log" "$T/$1.port" "$T/srv" ${2:+"$2"} >"$T/$1.err" 2>&1 &
	pids="$pids $!"
	wait_for 10 test -s "$T/$1.port" && port=$(cat "$T/$1.port") && : >"$T/$1.log"
}

free_port () {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listening () {
	git ls-remote "git://127.0.0.1:$1/up.git" >/dev/null 2>&1
}

test_expect_success 'a repository with branches, tags and a commit that only its id reaches' '
	mkdir srv && git init -q work && (
	cd work && echo 1 >f && git add f && git commit -q -m one && git tag -a -m "version one" v1 &&
	git branch other && echo 2 >f && git commit -q -am two &&
	git checkout -q other && echo o >o && git add o && git commit -q -m other && git checkout -q main
	) &&
	git clone -q --bare work srv/up.git && git -C srv/up.git config uploadpack.allowAnySHA1InWant true &&
	git -C work remote add up "$T/srv/up.git"
'

test_expect_success 'the servers start' '
	dport=$(free_port) && {
	"$(git --exec-path)/git-daemon" --listen=127.0.0.1 --port=$dport --export-all --reuseaddr --base-path="$T/srv" "$T/srv" >daemon.log 2>&1 &
	pids="$pids $!"; } &&
	wait_for 10 listening $dport && D=git://127.0.0.1:$dport &&
	serve open && H=http://127.0.0.1:$port &&
	serve locked "x-access-token:$token" && L=http://127.0.0.1:$port
'

# ---- what is fetched ----

test_expect_success 'after a forced push the commit that was pushed first is still fetched by its id' '
	main=$(git -C work rev-parse main) && fetch a.git $D/up.git refs/heads/main $main &&
	git -C work commit -q --amend -m "two, again" && new=$(git -C work rev-parse main) &&
	git -C work push -q -f up main && fetch b.git $D/up.git refs/heads/main $main && has b.git $main &&
	fetch a.git $D/up.git refs/heads/main $new && has a.git $new && has a.git $main &&
	test "$(git -C "$M/a.git" rev-parse refs/heads/main)" = $new
'

test_expect_success 'a commit that is gone is absent, and the message names it and the address' '
	git -C srv/up.git config uploadpack.allowAnySHA1InWant false &&
	fails_as absent fetch c2.git $D/up.git refs/heads/main $main && grep "$main.*$D/up.git" .fails &&
	git -C srv/up.git config uploadpack.allowAnySHA1InWant true &&
	fails_as absent fetch c2.git $D/up.git refs/heads/main 1111111111111111111111111111111111111111
'

# ---- servers that say no ----

test_expect_success 'a server that is not there, or has a problem, is temporary' '
	gone=$(free_port) && fails_as temporary fetch n3.git http://127.0.0.1:$gone/up.git refs/heads/main $main &&
	fails_as temporary fetch n3.git git://127.0.0.1:$gone/up.git refs/heads/main $main &&
	(for s in 500 502 503 429; do
		fails_as temporary fetch n3.git $H/s/$s/up.git refs/heads/main $main || exit 1
	done)
'

test_expect_success 'a refusal is denied, and nothing else is tried' '
	: >open.log && fails_as denied fetch n4.git $H/s/403/up.git refs/heads/main $main && test "$(wc -l <open.log)" -eq 1
'

# ---- credentials ----

test_expect_success 'a wrong token is denied, and no message shows it' '
	fails_as denied env TOKEN=wrong-$token "$drv" fetch "$M/l2.git" $L/up.git refs/heads/main $new && ! grep $token .fails
'

test_expect_success 'another user name can go with the token' '
	serve third "oauth2:$token" && fails_as denied env TOKEN=$token "$drv" fetch "$M/l3.git" http://127.0.0.1:$port/up.git refs/heads/main $new &&
	TOKEN=$token TOKEN_USER=oauth2 fetch l3.git http://127.0.0.1:$port/up.git refs/heads/main $new
'

test_expect_success 'a server that does not ask for a token never sees it' '
	: >open.log && TOKEN=$token fetch l4.git $H/up.git refs/heads/main $new && test -s open.log && ! grep -i basic open.log
'

test_expect_success 'a redirect to another server does not take the token along' '
	echo $L >srv/redirect && : >locked.log &&
	fails_as denied env TOKEN=$token "$drv" fetch "$M/l5.git" $H/r/up.git refs/heads/main $new && grep "sends us to another" .fails &&
	! grep -q Basic locked.log && ! grep $token .fails && grep -q "None$" locked.log
'

test_expect_success 'a server that asks for the token and then sends us away does not pass it on' '
	echo $H >srv/redirect && : >open.log && : >locked.log && TOKEN=$token fetch l6.git $L/r/up.git refs/heads/main $new >out 2>&1 &&
	grep up.git open.log && ! grep Basic open.log && ! grep $token out
'

test_expect_success 'a redirect on the same server is followed, with the token' '
	echo $L >srv/redirect && TOKEN=$token fetch l7.git $L/r/up.git refs/heads/main $new && has l7.git $new
'

test_expect_success 'no token is anywhere in the mirrors' '
	has l7.git $new && ! grep -r -a $token "$M"
'

# ---- from a path ----

test_expect_success 'from a path only what is new is copied' '
	fetch f.git "$T/srv/up.git" refs/heads/main $new && (cd work && echo 3 >f && git commit -q -am three && git push -q up main) &&
	fetch f.git "$T/srv/up.git" refs/heads/main $(git -C work rev-parse main) && git -C "$M/f.git" fsck --full &&
	newest=$(ls -t "$M/f.git"/objects/pack/*.idx | head -1) && test "$(git show-index <$newest | wc -l)" -eq 3
'

# ---- crashes and damage ----

test_expect_success 'a commit with a large file' '
	(cd work && head -c 400000 /dev/urandom >large && git add large && git commit -q -m large && git push -q up main) &&
	large=$(git -C work rev-parse main)
'

test_expect_success 'a fetch that was killed is made good by the next' '
	! (ulimit -c 0 && ulimit -f 200 && exec "$drv" fetch "$M/k.git" $D/up.git refs/heads/main $large) && ! has k.git $large 2>/dev/null &&
	fetch k.git $D/up.git refs/heads/main $large && has k.git $large && git -C "$M/k.git" fsck --full &&
	test -z "$(find "$M/k.git" -name "*.lock" -o -name "pack_git2_*")"
'

# damage MIRROR: its objects are overwritten, and nothing else.
damage () {
	chmod -R u+w "$M/$1/objects" &&
	for f in $(find "$M/$1/objects" -type f -name '*.pack') $(find "$M/$1/objects" -type f -path '*/??/*'); do
		printf 'garbage garbage garbage garbage' | dd of="$f" bs=1 seek=12 conv=notrunc 2>/dev/null
	done
}

test_expect_success 'a commit whose objects are damaged is fetched anew' '
	fetch h.git $H/up.git - $main && damage h.git && ! has h.git $main 2>/dev/null && fetch h.git $H/up.git refs/heads/main $main && has h.git $main && git -C "$M/h.git" fsck --full
'

test_expect_success 'a damaged mirror does not keep a new commit from being fetched' '
	has b.git $main && damage b.git && fetch b.git $D/up.git refs/heads/main $large && has b.git $large && git -C "$M/b.git" fsck --full
'

test_expect_success 'damage without a way to fetch anew is an error' '
	fetch d.git $D/up.git - $new && damage d.git && fails_as temporary fetch d.git git://127.0.0.1:$gone/up.git refs/heads/main $new
'

test_expect_success 'hostile refs are fetched like others or not at all, and stay inside' '
	evil="refs/heads/x;touch\${IFS}pwned;#" && git -C srv/up.git update-ref "$evil" $large && fetch v.git $D/up.git "$evil" $large && has v.git $large &&
	fetch v2.git $D/up.git "refs/heads/../../../evil" $large && fetch v3.git $D/up.git "--upload-pack=touch pwned" $large &&
	fetch v4.git $D/up.git "refs/heads/a:refs/heads/b" $large &&
	test ! -e pwned && test ! -e "$M/evil" && ! git -C "$M/v4.git" rev-parse -q --verify refs/heads/b
'

test_done
