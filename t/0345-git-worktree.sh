# SPDX-License-Identifier: MIT
# Working trees of all kinds as commits, held against git add.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/git-lib.sh"

# all_of FOLDER: everything in it to the last byte, time stamps included.
all_of () {
	(cd "$1" && find . -printf '%y %m %i %s %T@ %C@ %p %l\n' | sort && find . -type f -print0 | sort -z | xargs -0r sha1sum)
}

# by_add FOLDER: the tree that git itself would commit, made in a copy.
by_add () {
	rm -rf "$T/copy" && cp -a "$1" "$T/copy" && git -C "$T/copy" add -A && git -C "$T/copy" write-tree
}

# snap FOLDER: prints the commit and "clean" or "dirty"; the folder is as
# before to the last byte.
snap () {
	all_of "$1" >"$T/.before" && rm -rf "$T/objects" &&
	"$drv" snapshot "$1" "$T/objects" >"$T/.snap" && all_of "$1" >"$T/.after" &&
	cmp "$T/.before" "$T/.after" && cat "$T/.snap"
}

# in_snap FOLDER GIT-COMMAND...: with the snapshot's objects.
in_snap () {
	in_snap_dir=$1
	shift
	GIT_OBJECT_DIRECTORY="$T/objects" git -C "$in_snap_dir" "$@"
}

# right FOLDER: the snapshot is on HEAD and holds what git add would take.
right () {
	snap "$1" && read -r right_sha right_state <"$T/.snap" && test "$right_state" = dirty &&
	test "$(in_snap "$1" rev-parse "$right_sha^{tree}")" = "$(by_add "$1")" &&
	test "$(in_snap "$1" log -1 --format=%P "$right_sha")" = "$(git -C "$1" rev-parse -q --verify HEAD)" &&
	in_snap "$1" fsck --full "$right_sha"
}

test_expect_success 'a repository' '
	git init -q r && ( cd r && mkdir d && for f in keep change delete mode d/in; do echo $f >$f; done && ln -s keep link && echo "*.o" >.gitignore &&
	git add -A && git commit -q -m one )
'

test_expect_success 'a clean tree is HEAD itself, and no commit is made' '
	snap r && echo "$(git -C r rev-parse HEAD) clean" | cmp - .snap && test -z "$(find objects -type f -not -path "*/info/*")"
'

test_expect_success 'modified and deleted files' '
	echo changed >r/change && rm r/delete && right r
'

test_expect_success 'untracked files, in new folders and with odd names too' '
	mkdir -p r/new/deep && echo n >r/new/deep/n && echo o >"r/$(printf "odd\nname")" && echo m >r/-rf && echo o >r/new/x.o && right r &&
	in_snap r ls-tree -r --name-only $right_sha | grep -q new/deep/n && ! in_snap r ls-tree -r --name-only $right_sha | grep "\.o"
'

test_expect_success 'the executable bit, given and taken' '
	chmod +x r/mode && right r && in_snap r ls-tree $right_sha mode | grep ^100755 && git -C r commit -q -a -m two && chmod -x r/mode && right r
'

test_expect_success 'links: new, changed, in the place of a file and the other way round' '
	ln -s nowhere r/new-link && ln -sf change r/link && rm r/keep && ln -s link r/keep && right r && git -C r add -A && git -C r commit -q -m three &&
	rm r/link && echo file >r/link && right r
'

test_expect_success 'a folder in the place of a file, and the other way round' '
	rm r/change && mkdir r/change && echo in >r/change/in && rm -r r/d && echo d >r/d && right r
'

test_expect_success 'a link in the place of a folder' '
	git -C r add -A && git -C r commit -q -m four && rm -r r/change && ln -s new r/change && right r
'

test_expect_success 'what is staged and then changed counts as it is in the files' '
	echo staged >r/staged && git -C r add staged && echo later >r/staged && echo gone >r/gone && git -C r add gone && rm r/gone && right r &&
	test "$(in_snap r show $right_sha:staged)" = later
'

test_expect_success 'an ignored file that was added by force is taken' '
	echo forced >r/forced.o && git -C r add -f forced.o && right r && in_snap r ls-tree --name-only $right_sha | grep forced.o
'

test_expect_success 'a file that is to be added later is taken' '
	echo later >r/intent && git -C r add -N intent && right r
'

test_expect_success 'ignore rules of the user and of the clone count' '
	mkdir -p "$HOME/.config/git" && echo "*.user" >"$HOME/.config/git/ignore" && echo "*.clone" >>r/.git/info/exclude && printf "*.deep\n!not.deep\n" >r/new/.gitignore &&
	echo x >r/a.user && echo x >r/a.clone && echo x >r/new/a.deep && echo x >r/new/not.deep && right r &&
	! in_snap r ls-tree -r --name-only $right_sha | grep -E "user|clone|a.deep$" && in_snap r ls-tree -r --name-only $right_sha | grep not.deep
'

test_expect_success 'a change that keeps size and time of a file just committed is seen' '
	git -C r add -A && git -C r commit -q -m five && (for i in 1 2 3 4 5 6 7 8 9; do echo $i >r/racy && git -C r add racy && git -C r commit -q -m racy && echo 0 >r/racy && right r || exit 1; done)
'

test_expect_success 'line endings are stored as git would' '
	git init -q eol && ( cd eol && echo "*.txt text" >.gitattributes && printf "a\r\nb\r\n" >a.txt && printf "a\r\nb\r\n" >a.bin && git add -A && git commit -q -m eol && printf "c\r\n" >>a.txt && printf "c\r\n" >>a.bin ) && right eol
'

test_expect_success 'files that are left out of a sparse checkout are not deleted' '
	git init -q sparse && ( cd sparse && mkdir in out && echo 1 >in/f && echo 2 >out/f && git add -A && git commit -q -m sparse && git sparse-checkout set in && echo 3 >in/f && test ! -e out ) && right sparse &&
	in_snap sparse ls-tree -r --name-only $right_sha | grep out/f
'

test_expect_success 'a repository without commits' '
	git init -q new && snap new && read -r sha state <.snap && test "$state" = dirty && test -z "$(in_snap new ls-tree $sha)" && echo f >new/f && right new
'

test_expect_success 'a detached head, and a second working tree' '
	git -C r worktree add -q --detach "$T/second" HEAD~1 && echo x >second/x && snap second && read -r sha state <.snap && test "$state" = dirty &&
	test "$(in_snap second log -1 --format=%P $sha)" = "$(git -C r rev-parse HEAD~1)" && test "$(in_snap second show $sha:x)" = x
'

test_expect_success 'a clone that shares its objects' '
	git clone -q --shared r shared && echo s >shared/s && right shared
'

test_expect_success 'a merge that is not resolved' '
	git init -q m && ( cd m && echo 1 >f && git add f && git commit -q -m 1 && git checkout -q -b b && echo 2 >f && git commit -q -am 2 && git checkout -q main && echo 3 >f && git commit -q -am 3 && ! git merge -q b ) && right m &&
	in_snap m show $right_sha:f | grep "<<<<"
'

test_expect_success 'repositories inside the repository are left alone' '
	git init -q outer && ( cd outer && echo f >f && git add f && git commit -q -m f && git init -q inner && echo secret >inner/s && echo g >g ) && snap outer && read -r sha state <.snap &&
	in_snap outer ls-tree -r --name-only $sha >names && printf "f\ng\n" | cmp - names
'

test_expect_success 'hooks, filters and monitors of the repository are not run' '
	git init -q evil && ( cd evil && echo "* filter=evil" >.gitattributes && echo f >f && git add -A && git commit -q -m f && git config filter.evil.clean "touch $T/pwned; cat" && git config filter.evil.required true && git config core.fsmonitor "touch $T/pwned" &&
	for h in pre-commit post-commit post-index-change fsmonitor-watchman; do printf "#!/bin/sh\ntouch $T/pwned\n" >.git/hooks/$h && chmod +x .git/hooks/$h; done && echo g >f ) && snap evil && grep dirty .snap && test ! -e pwned
'

test_expect_success 'the snapshot is built like any commit' '
	right r && tree=$(in_snap r rev-parse "$right_sha^{tree}") && ALTERNATES="$T/objects" "$drv" tree r/.git "$S" $tree && by_add r >/dev/null && git -C copy commit -q -m all && same_as_git copy HEAD "$S/trees/$tree/t/w"
'

test_done
