# SPDX-License-Identifier: MIT
# Base trees: what git archive gives is what stands in trees/ID/t/w.
. "${TELLUS_SRC:?}/t/lib.sh"

drv="$TELLUS_BUILD/t/unit/gitdrv"

# Types, modes, link targets and contents of everything below a folder.
listing () {
	(cd "$1" && find . -mindepth 1 -printf '%y %m %p -> %l\n' |
		LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z |
		xargs -0r sha256sum)
}

# The same, without the modes of links, as git archive unpacks it.
same_as_archive () {
	rm -rf want && mkdir want &&
	git -C repo archive "$1" | tar -C want -xp &&
	find want -type d -exec chmod 755 {} + &&
	find want -type f -perm /100 -exec chmod 755 {} + &&
	find want -type f ! -perm /100 -exec chmod 644 {} + &&
	listing want >want.list &&
	listing "$2" >got.list &&
	diff -u want.list got.list
}

tree_of () {
	git -C repo rev-parse "$1^{tree}"
}

test_expect_success 'a repository with files, links, folders and odd names' '
	git init -q repo && mkdir state &&
	cd repo &&
	mkdir -p a/b/c d &&
	echo one >a/one && echo two >a/b/two && echo three >a/b/c/three &&
	printf "#!/bin/sh\n" >run && chmod 755 run &&
	ln -s a/one link && ln -s /etc/passwd absolute && ln -s nowhere d/none &&
	printf "\000\001\377binary" >d/binary && : >empty &&
	echo x >"with space" && echo y >"-rf" && echo z >"new
line" && echo u >"ünïcode" &&
	head -c 3000000 /dev/urandom >big &&
	for i in $(seq 200); do echo $i >d/$i || return 1; done &&
	git add -A && git commit -qm first && cd ..
'

test_expect_success 'a built tree is the same as git archive unpacks' '
	"$drv" tree repo/.git state $(tree_of HEAD) >lower &&
	echo trees/$(tree_of HEAD)/t >want.lower && diff want.lower lower &&
	same_as_archive HEAD state/trees/$(tree_of HEAD)/t/w
'

test_expect_success 'home, tmp and cmd stand beside it with their modes' '
	(cd state/trees/$(tree_of HEAD)/t && stat -c "%n %a" *) >got &&
	printf "%s\n" "cmd 755" "home 755" "tmp 1777" "w 755" >want.modes &&
	diff want.modes got
'

test_expect_success 'no lock and no temporary folder stays behind' '
	test "$(ls -A state/trees)" = "$(tree_of HEAD)"
'

test_expect_success 'building again changes nothing but the time of its last use' '
	touch -d @1000 state/trees/$(tree_of HEAD)/ok state/trees/$(tree_of HEAD)/t &&
	"$drv" tree repo/.git state $(tree_of HEAD) &&
	test "$(stat -c %Y state/trees/$(tree_of HEAD)/t)" = 1000 &&
	test "$(stat -c %Y state/trees/$(tree_of HEAD)/ok)" -gt 1000
'

test_expect_success 'a tree of the other kind is not found, and made anew' '
	test -z "$(KIND=user "$drv" find state $(tree_of HEAD))" &&
	KIND=user "$drv" tree repo/.git state $(tree_of HEAD) &&
	test -n "$(KIND=user "$drv" find state $(tree_of HEAD))" &&
	test -z "$("$drv" find state $(tree_of HEAD))" &&
	rm -rf state/trees
'

test_expect_success 'a tree without its ok file is thrown away' '
	t=$(tree_of HEAD) &&
	mkdir -p state/trees/$t/t/w state/trees/.tmp.$t.99/t/w &&
	echo stale >state/trees/$t/t/w/stale &&
	"$drv" tree repo/.git state $t &&
	test ! -e state/trees/$t/t/w/stale &&
	test ! -e state/trees/.tmp.$t.99
'

test_expect_success 'the umask does not change modes' '
	rm -rf state/trees &&
	(umask 077 && "$drv" tree repo/.git state $(tree_of HEAD)) &&
	same_as_archive HEAD state/trees/$(tree_of HEAD)/t/w
'

test_expect_success 'a packed repository gives the same tree' '
	git -C repo gc -q && rm -rf state/trees &&
	"$drv" tree repo state $(tree_of HEAD) &&
	same_as_archive HEAD state/trees/$(tree_of HEAD)/t/w
'

test_expect_success 'a mode of 100664 is written as 644, a submodule as a folder' '
	blob=$(git -C repo rev-parse HEAD:a/one) &&
	t=$(printf "100664 blob %s\tgroup\n160000 commit %s\tsub\n" $blob \
		$(git -C repo rev-parse HEAD) | git -C repo mktree) &&
	"$drv" tree repo state $t &&
	test "$(stat -c %a state/trees/$t/t/w/group)" = 644 &&
	test -d state/trees/$t/t/w/sub &&
	test -z "$(ls -A state/trees/$t/t/w/sub)"
'

test_expect_success 'two builds of one tree at the same time both succeed' '
	rm -rf state/trees &&
	{ "$drv" tree repo state $(tree_of HEAD) & p1=$!; } &&
	{ "$drv" tree repo state $(tree_of HEAD) & p2=$!; } &&
	wait $p1 && wait $p2 &&
	same_as_archive HEAD state/trees/$(tree_of HEAD)/t/w
'

test_expect_success 'commits that change, delete and replace' '
	git -C repo tag base && cd repo &&
	echo changed >a/one && git rm -q a/b/two && chmod -x run &&
	git rm -rq d && echo file >d &&
	rm link && mkdir link && echo in >link/in &&
	echo new >a/b/c/new &&
	git add -A && git commit -qm second && cd ..
'

# What the layers named in a file show together.
layered_listing () {
	dirs=$(sed "s|^|$PWD/state/|; s|\$|/w|" "$1" | paste -sd:) &&
	mkdir -p mnt &&
	unshare -m sh -c '
		mount -t overlay overlay -o "ro,lowerdir=$1" mnt && cd mnt &&
		find . -mindepth 1 -printf "%y %m %p -> %l\n" |
			LC_ALL=C sort &&
		find . -type f -print0 | LC_ALL=C sort -z |
			xargs -0r sha256sum' sh "$dirs"
}

if unshare -m true 2>/dev/null && test "$(id -u)" = 0
then
	test_expect_success 'a layer over a near tree shows the same as git archive' '
		"$drv" tree repo state $(tree_of HEAD) $(tree_of base) >lower &&
		test $(wc -l <lower) -eq 2 &&
		test ! -e state/trees/$(tree_of HEAD)/t/w/big &&
		layered_listing lower >layered.list &&
		same_as_archive HEAD . >/dev/null
		diff -u want.list layered.list
	'
else
	test_skip 'a layer over a near tree shows the same as git archive' \
		'overlays can not be mounted here'
fi

test_expect_success 'a chain whose lowest tree is gone is not found' '
	mv state/trees/$(tree_of base) away &&
	test -z "$("$drv" find state $(tree_of HEAD))" &&
	"$drv" tree repo state $(tree_of HEAD) $(tree_of base) >lower &&
	test $(wc -l <lower) -eq 1 &&
	same_as_archive HEAD state/trees/$(tree_of HEAD)/t/w
'

test_expect_success 'a chain is folded when it is long' '
	rm -rf state/trees &&
	prev=- &&
	for i in $(seq 18)
	do
		echo $i >repo/count && git -C repo add count &&
		git -C repo commit -qm $i &&
		"$drv" tree repo state $(tree_of HEAD) $prev >lower &&
		prev=$(tree_of HEAD) && wc -l <lower >>lengths || return 1
	done &&
	test $(sort -n lengths | tail -n 1) -eq 16 &&
	test $(tail -n 1 lengths) -eq 2
'

test_expect_success 'commits, refs, files and changes are read' '
	git -C repo tag -a -m note annotated base &&
	test "$("$drv" peel repo $(git -C repo rev-parse annotated))" = \
		"$(git -C repo rev-parse base)" &&
	test "$("$drv" ref repo refs/tags/annotated)" = \
		"$(git -C repo rev-parse base)" &&
	"$drv" blob repo $(tree_of base) a/one >got && echo one | diff - got &&
	exits_with 13 "$drv" blob repo $(tree_of base) a/none &&
	exits_with 1 "$drv" blob repo $(tree_of base) big 1000 &&
	exits_with 1 "$drv" blob repo $(tree_of base) a &&
	exits_with 1 "$drv" blob repo $(tree_of base) link &&
	exits_with 13 "$drv" ref repo refs/heads/none &&
	exits_with 13 "$drv" peel repo 1111111111111111111111111111111111111111 &&
	"$drv" list repo $(tree_of base) a >got &&
	printf "b\none\n" | diff - got &&
	"$drv" changed repo $(git -C repo rev-parse base) \
		$(git -C repo rev-parse base~0) >got && test ! -s got &&
	git -C repo diff --no-renames --name-only HEAD~3 HEAD >want.names &&
	"$drv" changed repo $(git -C repo rev-parse HEAD~3) \
		$(git -C repo rev-parse HEAD) >got && diff want.names got &&
	"$drv" changed repo 0000000000000000000000000000000000000000 \
		$(git -C repo rev-parse HEAD) >got && grep -qx unknown got &&
	"$drv" changed repo $(git -C repo rev-parse base) \
		$(git -C repo rev-parse HEAD) 3 >got && test "$(cat got)" = unknown
'

test_expect_success 'a subject in another encoding becomes valid UTF-8' '
	printf "caf\351 \033[31m\n\nbody\n" >msg &&
	c=$(git -C repo commit-tree -F ../msg HEAD^{tree} 2>/dev/null ||
		git -C repo commit-tree HEAD^{tree} <msg) &&
	"$drv" commit repo $c >got && grep -q "^subject caf" got &&
	iconv -f UTF-8 -t UTF-8 got >/dev/null && ! grep -q "$(printf "\033")" got
'

test_done
