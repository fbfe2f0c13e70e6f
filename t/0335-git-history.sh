# SPDX-License-Identifier: MIT
# A step's .git with the history seen through alternates, and copied.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/git-lib.sh"

url=https://git.example/acme/widget.git

# workspace NAME COMMIT REF [ALTERNATES]: the files and the .git in $T/NAME.
workspace () {
	workspace_tree=$(tree_of r "$2") &&
	"$drv" tree r/.git "$S" "$workspace_tree" >/dev/null &&
	rm -rf "${T:?}/$1" && cp -a "$S/trees/$workspace_tree/t/w" "$T/$1" &&
	"$drv" gitdir r/.git "$S" "$T/$1" "$(git -C r rev-parse "$2^{commit}")" "$3" "$workspace_tree" "$url" ${4:+"$4"}
}

# clean FOLDER: git finds nothing changed, and without reading a file.
clean () {
	git -C "$1" diff-files >"$T/.dirty" && cat "$T/.dirty" && test ! -s "$T/.dirty" &&
	git -C "$1" status --porcelain --ignored >"$T/.dirty" && cat "$T/.dirty" && test ! -s "$T/.dirty"
}

test_expect_success 'a repository with branches, tags, merges and a submodule' '
	git init -q r && (
	cd r && mkdir -p d/e && echo 1 >f && echo 1 >d/e/g && ln -s f l && echo x >x.sh && chmod +x x.sh && echo "*.o" >.gitignore &&
	git add -A && git commit -q -m one && git tag -a -m "version one" v1 && git branch other &&
	echo 2 >f && printf x >"$(printf "odd\nname")" && git add -A && git commit -q -m two && git tag light &&
	git checkout -q other && echo o >o && git add o && git commit -q -m other && git branch side && git checkout -q main && git merge -q --no-edit other &&
	git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub && git commit -q -m submodule &&
	git rm -q -r d && echo 3 >f && git commit -q -am three && git update-ref refs/pull/1/head HEAD && git update-ref refs/tellus/x HEAD )
'

for how in alternates copies
do
	case $how in
	alternates) objects=$T/r/.git/objects ;;
	copies) objects= ;;
	esac

	test_expect_success "with $how the checkout of a branch is clean and needs no file read" '
		workspace w main refs/heads/main $objects && clean w && test "$(git -C w branch --show-current)" = main &&
		test "$(git -C w rev-parse HEAD)" = "$(git -C r rev-parse main)"
	'

	test_expect_success "with $how git log shows the whole history" '
		git -C r log --format="%H %s" main >want && git -C w log --format="%H %s" >got && cmp want got
	'

	test_expect_success "with $how git describe finds tags, annotated and light" '
		test "$(git -C w describe)" = "$(git -C r describe main)" && test "$(git -C w describe --tags)" = "$(git -C r describe --tags main)" &&
		git -C w tag >tags && printf "light\nv1\n" | cmp - tags && test "$(git -C w cat-file -t v1)" = tag
	'

	test_expect_success "with $how git diff works between commits and in the files" '
		git -C w diff --stat HEAD~1 >got && git -C r diff --stat main~1 main | cmp - got && echo changed >>w/f &&
		git -C w diff --name-only >got && echo f | cmp - got && git -C w checkout -q f && test "$(cat w/f)" = 3
	'

	test_expect_success "with $how git fsck finds nothing" '
		git -C w fsck --full --strict >out 2>&1 && cat out && ! grep -v "^dangling" out
	'

	test_expect_success "with $how the branch follows origin, and other namespaces are not shown" '
		git -C w for-each-ref --format="%(refname)" >refs && grep -q refs/remotes/origin/main refs && ! grep -E "pull|tellus" refs &&
		test "$(git -C w rev-parse origin/main)" = "$(git -C r rev-parse main)" && test "$(git -C w rev-parse origin/other)" = "$(git -C r rev-parse other)" &&
		test "$(git -C w remote get-url origin)" = $url
	'

	test_expect_success "with $how a step can commit, branch and tag, and the repository is as before" '
		(cd r && git for-each-ref && find .git -type f | sort) >before &&
		(cd w && git checkout -q -b new && echo n >n && git add n && git commit -q -m new && git tag t && git branch -D -q main && git gc -q && git fsck) &&
		(cd r && git for-each-ref && find .git -type f | sort) | cmp before -
	'

	test_expect_success "with $how the checkout of a tag is detached at it" '
		workspace w v1 refs/tags/v1 $objects && clean w && test -z "$(git -C w branch --show-current)" && test "$(git -C w describe --exact-match)" = v1 &&
		test "$(git -C w log --oneline | wc -l)" -eq 1
	'

	test_expect_success "with $how a commit without a ref is detached" '
		workspace w main~1 - $objects && clean w && test -z "$(git -C w branch --show-current)" && test "$(git -C w rev-parse HEAD)" = "$(git -C r rev-parse main~1)" &&
		workspace w main refs/pull/1/head $objects && clean w && test -z "$(git -C w branch --show-current)"
	'
done

test_expect_success 'copied objects hold nothing that the commit does not reach' '
	workspace w main~3 refs/heads/main && ! git -C w cat-file -e $(git -C r rev-parse main) && ! git -C w rev-parse -q --verify origin/side &&
	test ! -e w/.git/objects/info/alternates
'

test_expect_success 'an older commit of a branch is that branch, as it was pushed' '
	workspace w main~1 refs/heads/main "$T/r/.git/objects" && test "$(git -C w rev-parse main)" = "$(git -C r rev-parse main~1)" &&
	test "$(git -C w rev-parse origin/main)" = "$(git -C r rev-parse main~1)" && clean w
'

test_expect_success 'a new tag, unknown to the repository, is there' '
	workspace w main refs/tags/v9 "$T/r/.git/objects" && test "$(git -C w describe --tags --match "v9")" = v9
'

test_expect_success 'a ref that git would refuse leads to a detached head' '
	(for ref in "refs/heads/a..b" "refs/heads/$(printf "x\ny")" refs/heads/ "refs/heads/a b" refs/heads/x.lock; do
		workspace w main "$ref" "$T/r/.git/objects" && test -z "$(git -C w branch --show-current)" && clean w || exit 1
	done)
'

test_expect_success 'an address with quotes and line breaks can not add a setting' '
	url=$(printf "https://h/a\"\n[core]\n\tfsmonitor = touch pwned #\\\\") && workspace w main refs/heads/main && ! git -C w config core.fsmonitor && git -C w config -l &&
	git -C w status && test ! -e w/pwned && url=https://git.example/acme/widget.git
'

test_expect_success 'a repository without an address has no remote' '
	url=- && workspace w main refs/heads/main "$T/r/.git/objects" && test -z "$(git -C w remote)" && clean w && test -z "$(git -C w for-each-ref refs/remotes)" && url=https://git.example/acme/widget.git
'

test_expect_success 'several object folders can be named' '
	git init -q --bare extra && workspace w main refs/heads/main "$T/extra/objects:$T/r/.git/objects" && clean w && test "$(wc -l <w/.git/objects/info/alternates)" -eq 2
'

test_expect_success 'an unknown commit is an error' '
	tree=$(tree_of r main) && mkdir -p w9 &&
	fails_as absent "$drv" gitdir r/.git "$S" w9 1111111111111111111111111111111111111111 refs/heads/main $tree $url
'

test_done
