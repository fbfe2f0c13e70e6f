# SPDX-License-Identifier: MIT
# A step's own .git: real git finds a clean, fast, complete checkout.
. "${TELLUS_SRC:?}/t/lib.sh"

drv="$TELLUS_BUILD/t/unit/gitdrv"

sha_of () {
	git -C src rev-parse "$1^{commit}"
}

# checkout FOLDER REV REF [ALTERNATES]: the tree, with a .git beside it.
checkout () {
	tree=$(git -C src rev-parse "$2^{tree}") &&
	"$drv" tree src state "$tree" "${near:--}" >lower &&
	rm -rf "$1" && mkdir "$1" &&
	tac lower | while read -r layer
	do
		cp -a "state/$layer/w/." "$1" || exit 1
	done &&
	"$drv" gitdir src state "$1" "$(sha_of "$2")" "$3" "$tree" \
		"${url:-https://user:canary@example.org/a.git}" ${4+"$4"}
}

test_expect_success 'a repository with branches, tags and a history' '
	mkdir state && git init -q src && cd src &&
	mkdir -p d/e && echo 1 >a && echo 2 >d/e/b && ln -s a l &&
	printf "#!/bin/sh\n" >x && chmod +x x &&
	git add -A && git commit -qm one && git tag -am v1 v1.0 &&
	git tag light && git branch old && echo 3 >>a && git commit -qam two &&
	git checkout -qb topic && echo 4 >t && git add t &&
	git commit -qm three && git tag -am other v2.0 &&
	git checkout -q main && cd ..
'

test_expect_success 'the status is clean, on the branch' '
	checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	git -C co status --porcelain --branch >got &&
	test "$(grep -v "^##" got)" = "" &&
	test "$(git -C co symbolic-ref HEAD)" = refs/heads/main &&
	test "$(git -C co rev-parse HEAD)" = "$(sha_of main)"
'

test_expect_success 'the status reads no file that did not change' '
	checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	find co -path co/.git -prune -o -type f -exec touch -hd @1600000000 {} + &&
	find state/trees -type f -exec touch -hd @1600000000 {} + &&
	checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	strace -f -e trace=openat -o trace git -C co status --porcelain >got &&
	test ! -s got &&
	! grep -E "\"(a|x|d/e/b)\"" trace
'

test_expect_success 'log, describe and diff are right' '
	test $(git -C co rev-list --count HEAD) -eq 2 &&
	test "$(git -C co describe)" = "$(git -C src describe main)" &&
	test "$(git -C co describe --tags --exact-match HEAD~1)" = v1.0 &&
	git -C co diff --stat HEAD~1 >got && grep -q "a | 1 +" got &&
	git -C co diff --quiet HEAD && git -C co diff --quiet --cached &&
	git -C co fsck --strict
'

test_expect_success 'the other branches are origin'"'"'s, tags are tags' '
	git -C co for-each-ref --format="%(refname) %(objectname)" >got &&
	grep -qx "refs/remotes/origin/topic $(sha_of topic)" got &&
	grep -qx "refs/remotes/origin/main $(sha_of main)" got &&
	grep -qx "refs/tags/v1.0 $(git -C src rev-parse v1.0)" got &&
	! grep -q refs/heads/topic got
'

test_expect_success 'no credentials and no hooks are in it' '
	! grep -r canary co/.git && test ! -d co/.git/hooks &&
	test "$(git -C co remote get-url origin)" = https://example.org/a.git
'

test_expect_success 'an address can not add settings' '
	url="https://h/a\"]
[core]
sshCommand=id" checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	test -z "$(git -C co config core.sshCommand)" &&
	git -C co config --list >/dev/null
'

test_expect_success 'a changed file is seen, and commit works' '
	checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	echo more >>co/a && chmod -x co/x && rm co/l && echo n >co/new &&
	git -C co status --porcelain >got &&
	printf "%s\n" " M a" " D l" " M x" "?? new" | diff - got &&
	git -C co add -A && git -C co commit -qm local &&
	test $(git -C co rev-list --count main) -eq 3
'

test_expect_success 'a tag or a pull request gives a detached head' '
	checkout co v1.0 refs/tags/v1.0 "$PWD/src/.git/objects" &&
	! git -C co symbolic-ref -q HEAD &&
	test "$(git -C co describe)" = v1.0 &&
	checkout co topic refs/pull/7/head "$PWD/src/.git/objects" &&
	test "$(git -C co rev-parse HEAD)" = "$(sha_of topic)" &&
	test -z "$(git -C co status --porcelain)"
'

test_expect_success 'a commit behind the branch is where the branch stands' '
	checkout co main~1 refs/heads/main "$PWD/src/.git/objects" &&
	test "$(git -C co rev-parse main)" = "$(sha_of main~1)" &&
	test -z "$(git -C co status --porcelain)"
'

test_expect_success 'without alternates the history is copied, and no more' '
	checkout co main refs/heads/main &&
	test ! -e co/.git/objects/info/alternates &&
	git -C co fsck --strict && git -C co log --oneline >got &&
	test $(wc -l <got) -eq 2 && test -z "$(git -C co status --porcelain)" &&
	test "$(git -C co describe)" = "$(git -C src describe main)" &&
	! git -C co cat-file -e $(sha_of topic) &&
	! git -C co rev-parse -q --verify refs/tags/v2.0 &&
	! git -C co rev-parse -q --verify refs/remotes/origin/topic
'

test_expect_success 'a tree in layers has a clean status too' '
	near=$(git -C src rev-parse main^{tree}) &&
	checkout co topic refs/heads/topic "$PWD/src/.git/objects" &&
	test $(wc -l <lower) -eq 2 &&
	test -z "$(git -C co status --porcelain)" &&
	touch -hd @1600000000 co/a &&
	git -C co ls-files --debug a | grep -q "size: 4" ; near=
'

test_expect_success 'a submodule is an empty folder and no change' '
	git -C src update-index --add --cacheinfo 160000,$(sha_of main),sub &&
	git -C src commit -qm sub &&
	checkout co main refs/heads/main "$PWD/src/.git/objects" &&
	test -d co/sub && test -z "$(git -C co status --porcelain)"
'

test_done
