# SPDX-License-Identifier: MIT
# The working tree as a commit; the user's repository is not written.
. "${TELLUS_SRC:?}/t/lib.sh"

drv="$TELLUS_BUILD/t/unit/gitdrv"

# Names, types, modes, times and contents of a folder.
state_of () {
	(cd "$1" && find . -printf '%p %y %m %s %T@ %l\n' | LC_ALL=C sort &&
		find . -type f -print0 | LC_ALL=C sort -z |
		xargs -0r sha256sum)
}

# snap FOLDER: the commit goes to $sha, clean or dirty to $dirty; the
# repository must be the same before and after.
snap () {
	state_of "$1" >before &&
	"$drv" snapshot "$1" "$PWD/objects" >out &&
	state_of "$1" >after && diff before after &&
	read -r sha dirty <out
}

# Reads the snapshot with real git.
seen () {
	GIT_OBJECT_DIRECTORY="$PWD/objects" \
	GIT_ALTERNATE_OBJECT_DIRECTORIES="$PWD/w/.git/objects" git -C w "$@"
}

test_expect_success 'a repository' '
	git init -q w && cd w && mkdir d && echo a >a && echo b >d/b &&
	echo r >r && echo "*.o" >.gitignore && printf "#!/bin/sh\n" >x &&
	ln -s a l && git add -A && git commit -qm one && cd ..
'

test_expect_success 'an unchanged tree is HEAD itself' '
	snap w && test "$dirty" = clean &&
	test "$sha" = "$(git -C w rev-parse HEAD)"
'

test_expect_success 'touched files are no change' '
	touch w/a w/d/b && snap w && test "$dirty" = clean
'

test_expect_success 'changes, deletions, new files, modes and links are in it' '
	echo aa >w/a && rm w/r && chmod +x w/x && ln -sf d/b w/l &&
	mkdir w/n && echo new >w/n/f && echo junk >w/n/f.o && ln -s x w/n/l &&
	snap w && test "$dirty" = dirty &&
	seen diff --name-status --no-renames HEAD $sha >got &&
	printf "M\ta\nM\tl\nA\tn/f\nA\tn/l\nD\tr\nM\tx\n" | diff - got &&
	test "$(seen show $sha:a)" = aa && test "$(seen show $sha:l)" = d/b &&
	seen ls-tree $sha x | grep -q ^100755 &&
	seen ls-tree $sha n/l | grep -q ^120000 &&
	test "$(seen rev-parse $sha^)" = "$(git -C w rev-parse HEAD)" &&
	seen fsck --strict $sha
'

test_expect_success 'real git says the same tree' '
	rm -rf copy && cp -a w copy && git -C copy add -A &&
	test "$(git -C copy write-tree)" = "$(seen rev-parse $sha^{tree})"
'

test_expect_success 'the agent reads the commit by its alternates' '
	ALTERNATES="$PWD/objects" "$drv" commit w $sha >got &&
	grep -qx "sha $sha" got && mkdir state &&
	tree=$(seen rev-parse $sha^{tree}) &&
	ALTERNATES="$PWD/objects" "$drv" tree w state $tree &&
	test "$(cat state/trees/$tree/t/w/n/f)" = new
'

test_expect_success 'from a folder inside the whole tree is taken' '
	"$drv" snapshot w/d "$PWD/objects" >out && read -r other dirty <out &&
	test "$(seen rev-parse $other^{tree})" = "$(seen rev-parse $sha^{tree})"
'

test_expect_success 'an ignored file that was added is in it' '
	git -C w add -f n/f.o && snap w &&
	test "$(seen show $sha:n/f.o)" = junk
'

test_expect_success 'a staged file that is gone is not in it' '
	echo s >w/s && git -C w add s && rm w/s && snap w &&
	! seen cat-file -e $sha:s
'

test_expect_success 'a folder in the place of a file, and the other way' '
	rm w/a && mkdir w/a && echo in >w/a/in && rm -r w/d && echo d >w/d &&
	snap w && test "$(seen show $sha:a/in)" = in &&
	test "$(seen show $sha:d)" = d &&
	rm -rf copy && cp -a w copy && git -C copy add -A &&
	test "$(git -C copy write-tree)" = "$(seen rev-parse $sha^{tree})"
'

test_expect_success 'the user'"'"'s own ignore rules count' '
	mkdir -p "$HOME/.config/git" && echo "*.mine" >"$HOME/.config/git/ignore" &&
	echo x >w/x.mine && snap w && ! seen cat-file -e $sha:x.mine &&
	rm "$HOME/.config/git/ignore" && echo "*.mine" >"$HOME/ex" &&
	git config --global core.excludesFile "$HOME/ex" &&
	snap w && ! seen cat-file -e $sha:x.mine &&
	git config --global --unset core.excludesFile &&
	snap w && seen cat-file -e $sha:x.mine
'

test_expect_success 'a repository inside and a submodule stay as they are' '
	git init -q w/inner && echo i >w/inner/i && git -C w/inner add i &&
	git -C w/inner commit -qm i && snap w && ! seen cat-file -e $sha:inner &&
	git -C w add inner 2>/dev/null && git -C w commit -qm sub -- inner &&
	echo more >>w/inner/i && snap w &&
	seen ls-tree $sha inner | grep -q ^160000
'

test_expect_success 'pipes and sockets do not stop it' '
	mkfifo w/pipe && snap w && ! seen cat-file -e $sha:pipe && rm w/pipe
'

test_expect_success 'a linked worktree works' '
	git -C w worktree add -q ../wt HEAD && echo z >wt/z &&
	state_of w/.git >before && "$drv" snapshot wt "$PWD/objects2" >out &&
	state_of w/.git >after && diff before after &&
	read -r sha dirty <out && test "$dirty" = dirty
'

test_expect_success 'without a commit yet the snapshot has no parent' '
	git init -q e && echo f >e/f && state_of e >before &&
	"$drv" snapshot e "$PWD/objects3" >out && state_of e >after &&
	diff before after && read -r sha dirty <out && test "$dirty" = dirty &&
	GIT_OBJECT_DIRECTORY="$PWD/objects3" git -C e cat-file -p $sha >got &&
	! grep -q ^parent got && grep -q ^tree got
'

test_expect_success 'a bare repository and no repository are refused' '
	git init -q --bare b.git && mkdir none &&
	exits_with 1 "$drv" snapshot b.git "$PWD/o4" &&
	! "$drv" snapshot none "$PWD/o5"
'

test_done
