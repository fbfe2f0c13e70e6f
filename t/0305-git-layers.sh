# SPDX-License-Identifier: MIT
# Base trees in layers on each other, and what interrupted builds leave.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/git-lib.sh"

test_expect_success 'a repository with all that a tree can hold' '
	(
		git init -q r && cd r &&
		mkdir -p a/b/c "with space" && echo one >a/one && echo two >a/b/c/two &&
		printf "no newline" >"with space/x y" && : >empty &&
		printf "\0\1\377binary\r\n" >bin && printf "#!/bin/sh\n" >run && chmod 755 run &&
		ln -s a/one link && ln -s /nowhere/at/all dangling && ln -s . a/self &&
		printf x >"$(printf "new\nline")" && printf x >./-rf && printf x >"$(printf "\377\376")" &&
		head -c 300000 /dev/urandom >large &&
		for i in $(seq 300); do echo $i >a/many$i; done &&
		git add -A && git commit -q -m one &&
		git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub &&
		git commit -q -m "a submodule"
	)
'

test_expect_success 'a built tree is byte for byte what git archive holds' '
	tree=$(tree_of r HEAD) &&
	"$drv" tree r/.git "$S" $tree >layers &&
	echo "trees/$tree/t" >want && cmp want layers &&
	same_as_git r HEAD "$S/trees/$tree/t/w"
'

test_expect_success 'find knows the tree, and none that is not there' '
	"$drv" find "$S" $(tree_of r HEAD) >out && test -s out &&
	"$drv" find "$S" $(tree_of r HEAD^) >out && test ! -s out
'

test_expect_success 'what interrupted builds left behind is removed' '
	rm -rf s2 && mkdir s2 && tree=$(tree_of r HEAD) &&
	mkdir -p s2/trees/$tree/t/w s2/trees/.tmp.$tree.1/t/w/deep/er s2/trees/.tmp.$zero.1 &&
	echo wrong >s2/trees/$tree/t/w/wrong && chmod 0 s2/trees/.tmp.$tree.1/t/w/deep &&
	"$drv" tree r/.git s2 $tree && same_as_git r HEAD s2/trees/$tree/t/w &&
	ls -A s2/trees | sort >names && printf "%s\n" .tmp.$zero.1 $tree | sort | cmp - names
'

test_expect_success 'a damaged ok file counts as none' '
	tree=$(tree_of r HEAD) && echo "{" >s2/trees/$tree/ok &&
	"$drv" find s2 $tree >out && test ! -s out &&
	"$drv" tree r/.git s2 $tree && test -n "$("$drv" find s2 $tree)"
'

test_expect_success 'a build that was killed leaves nothing in the way' '
	rm -rf s3 && mkdir s3 && tree=$(tree_of r HEAD) &&
	! (ulimit -c 0 && ulimit -f 100 && exec "$drv" tree r/.git s3 $tree) &&
	ls -A s3/trees | grep "^\.tmp" &&
	test -z "$("$drv" find s3 $tree)" &&
	"$drv" tree r/.git s3 $tree && same_as_git r HEAD s3/trees/$tree/t/w &&
	test "$(ls -A s3/trees)" = $tree
'

test_expect_success 'a missing object is an error that names the file' '
	git clone -q --bare --no-local r broken && mv broken/objects/pack away && mkdir broken/objects/pack && git -C broken unpack-objects -q <$(ls away/*.pack) &&
	blob=$(git -C r rev-parse HEAD:a/b/c/two) &&
	rm -f broken/objects/$(echo $blob | cut -c1-2)/$(echo $blob | cut -c3-) &&
	rm -rf s5 && mkdir s5 &&
	fails_as absent "$drv" tree broken s5 $(tree_of r HEAD) && grep a/b/c/two .fails && test -z "$(ls -A s5/trees)"
'

test_expect_success 'an unknown tree, and something that is no id, are refused' '
	fails_as absent "$drv" tree r/.git "$S" 1111111111111111111111111111111111111111 &&
	fails_as permanent "$drv" tree r/.git "$S" ../../etc &&
	fails_as permanent "$drv" tree r/.git "$S" $(git -C r rev-parse HEAD)
'

# ---- layers ----

test_expect_success 'commits that change, delete, move and replace' '
	(
		cd r && echo changed >a/one && git rm -q -r a/b && rm empty && mkdir empty && echo in >empty/in &&
		rm link && echo "a file now" >link && chmod 644 run && git add -A && git commit -q -m two &&
		rm -rf empty && ln -s a empty && mkdir -p a/b && echo back >a/b/three &&
		git add -A && git commit -q -m three &&
		rm -rf empty && mkdir empty && echo again >empty/again && git add -A && git commit -q -m four
	)
'

# merged TREE FOLDER: the layers of a tree as overlayfs shows them.
merged () {
	rm -rf "$2" && mkdir "$2" && "$drv" find "$S" "$1" >"$T/.layers" &&
	sed "1!G;h;\$!d" "$T/.layers" >"$T/.bottom-up" || return 1
	while read -r layer
	do
		(cd "$S/$layer/w" && find . -mindepth 1 -printf "%y\t%p\0") >"$T/.entries" || return 1
		perl -0ne '
			chomp; my ($kind, $path) = split /\t/, $_, 2;
			my ($from, $to) = ("$ARGV_FROM/$path", "$ARGV_TO/$path");
			BEGIN { ($ARGV_FROM, $ARGV_TO) = splice @ARGV, 0, 2; }
			if ($kind eq "d") {
				if (-l $to || !-d $to) { unlink $to; mkdir $to or die "$to: $!"; }
			} else {
				system("rm", "-rf", "--", $to);
				$kind eq "c" or system("cp", "-a", "--", $from, $to) == 0 or die;
			}' "$S/$layer/w" "$2" "$T/.entries" || return 1
	done <"$T/.bottom-up"
}

test_expect_success 'a tree upon another holds only what differs' '
	"$drv" tree r/.git "$S" $(tree_of r HEAD~2) $(tree_of r HEAD~3) >layers &&
	printf "trees/%s/t\n" $(tree_of r HEAD~2) $(tree_of r HEAD~3) | cmp - layers &&
	find "$S/trees/$(tree_of r HEAD~2)/t/w" -type f | wc -l >n && test "$(cat n)" -eq 4
'

test_expect_success 'layers on each other are, merged, what git checks out' '
	(
		"$drv" tree r/.git "$S" $(tree_of r HEAD~1) $(tree_of r HEAD~2) &&
		"$drv" tree r/.git "$S" $(tree_of r HEAD) $(tree_of r HEAD~1) >layers && test "$(wc -l <layers)" -eq 4 &&
		for c in HEAD~2 HEAD~1 HEAD; do
			merged $(tree_of r $c) m && same_as_git r $c m || exit 1
		done
	)
'

# overlay COMMIT COMMAND...: with the layers of a commit's tree on $T/mnt.
overlay () {
	overlay_list=$("$drv" find "$S" "$(tree_of r "$1")" | sed "s,.*,$S/&/w," | paste -sd:)
	shift
	mkdir -p "$T/mnt"
	unshare -m sh -c 'mount -t overlay -o "ro,lowerdir=$0" overlay "$1" && shift && "$@"' "$overlay_list" "$T/mnt" "$@"
}

name='overlayfs itself shows the same'
if overlay HEAD true 2>/dev/null
then
	test_expect_success "$name" '
		mkdir seen && overlay HEAD cp -a "$T/mnt/." seen && same_as_git r HEAD seen
	'
else
	test_skip "$name" 'overlayfs can not be mounted here'
fi

name='an ordinary user can build layers'
if test "$(id -u)" -eq 0
then
	test_expect_success "$name" '
		as="setpriv --reuid 65000 --regid 65000 --clear-groups" &&
		mkdir s7 && chown 65000:65000 s7 && chmod -R a+rX r/.git &&
		KIND=user $as "$drv" tree "$T/r/.git" "$T/s7" $(tree_of r HEAD~3) &&
		KIND=user $as "$drv" tree "$T/r/.git" "$T/s7" $(tree_of r HEAD) $(tree_of r HEAD~3) >layers &&
		test "$(wc -l <layers)" -eq 2 && test "$(stat -c %u s7/trees/$(tree_of r HEAD)/ok)" = 65000
	'
else
	test_skip "$name" 'only root can become another user'
fi

test_done
