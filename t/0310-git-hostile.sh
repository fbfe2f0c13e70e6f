# SPDX-License-Identifier: MIT
# Crafted commits: refused before anything is written, in little memory.
. "${TELLUS_SRC:?}/t/lib.sh"

drv="$TELLUS_BUILD/t/unit/gitdrv"

# A tree object from raw entries: mode, name and id, one triple after the
# other; git mktree would refuse some of them.
raw_tree () {
	: >raw
	while test $# -gt 0
	do
		printf '%s %b\0' "$1" "$2" >>raw
		perl -e 'print pack "H*", shift' "$3" >>raw
		shift 3
	done
	git -C repo hash-object -w -t tree --literally --stdin <raw
}

# refused TREE 'words of the message': and nothing is left behind.
refused () {
	if "$drv" tree repo state "$1" 2>err
	then
		return 1
	fi
	cat err
	grep -q "^permanent: " err && grep -q -e "$2" err &&
	test ! -e "state/trees/$1" && test -z "$(ls -A state/trees)" &&
	test ! -e evil && test ! -e state/evil
}

test_expect_success 'a repository to craft in' '
	git init -q --bare repo && mkdir -p state/trees &&
	blob=$(echo text | git -C repo hash-object -w --stdin) &&
	up=$(printf .. | git -C repo hash-object -w --stdin) &&
	tmp=$(printf "%s" "$T" | git -C repo hash-object -w --stdin) &&
	inner=$(raw_tree 100644 evil $blob)
'

for name in .. . .git .GIT .Git git~1 GIT~1 '.git ' .git. '.git:x' \
	'.g\0342\0200\0214it' 'a\\.git' a/b ../evil /evil
do
	test_expect_success "a file called '$(printf '%b' "$name")' is refused" '
		refused $(raw_tree 100644 "$name" $blob) "the name"
	'
	test_expect_success "a folder called '$(printf '%b' "$name")' is refused" '
		refused $(raw_tree 40000 "$name" $inner) "the name"
	'
done

test_expect_success 'a name of 256 bytes is refused, one of 255 taken' '
	long=$(printf "%0256d" 0) &&
	refused $(raw_tree 100644 $long $blob) "longer than 255" &&
	t=$(raw_tree 100644 ${long#0} $blob) &&
	"$drv" tree repo state $t && rm -rf state/trees/$t
'

for mode in 104755 102755 101644 100777 100600 20644 60644 10644 140755 0
do
	test_expect_success "the mode $mode is refused" '
		refused $(raw_tree $mode f $blob) "the mode"
	'
done

test_expect_success 'a link and a file through it are refused' '
	refused $(raw_tree 120000 a $tmp 40000 a $inner) "more than once" &&
	refused $(raw_tree 40000 a $inner 120000 a $up) "more than once" &&
	test ! -e "$T/evil"
'

test_expect_success 'the same name twice is refused' '
	refused $(raw_tree 100644 a $blob 100644 a $blob) "more than once" &&
	refused $(raw_tree 100644 a $blob 100644 b $blob 100644 a $up) \
		"more than once"
'

test_expect_success 'a link to a file outside is kept as a link' '
	t=$(raw_tree 120000 out $tmp) && "$drv" tree repo state $t &&
	test "$(readlink state/trees/$t/t/w/out)" = "$T" &&
	rm -rf state/trees/$t
'

test_expect_success 'a link called .gitmodules is refused' '
	refused $(raw_tree 120000 .gitmodules $up) gitmodules
'

test_expect_success 'a link with an empty or a NUL target is refused' '
	empty=$(: | git -C repo hash-object -w --stdin) &&
	nul=$(printf "a\000b" | git -C repo hash-object -w --stdin) &&
	refused $(raw_tree 120000 l $empty) "target" &&
	refused $(raw_tree 120000 l $nul) "NUL"
'

test_expect_success 'names with newline, dash and invalid bytes are taken' '
	t=$(raw_tree 100644 "-rf" $blob 100644 "a\nb" $blob \
		100644 "\0377\0376" $blob) &&
	"$drv" tree repo state $t && test -f "state/trees/$t/t/w/-rf" &&
	test -f "state/trees/$t/t/w/a
b" && rm -rf state/trees/$t
'

test_expect_success 'entries that are not what they say are refused' '
	refused $(raw_tree 100644 f $inner) "not a file" &&
	refused $(raw_tree 40000 d $blob) "not a tree"
'

test_expect_success 'a damaged tree object is refused' '
	printf "100644 abc" >raw &&
	t=$(git -C repo hash-object -w -t tree --literally --stdin <raw) &&
	refused $t "damaged"
'

test_expect_success 'a missing file is refused and named' '
	t=$(raw_tree 100644 gone 1111111111111111111111111111111111111111) &&
	exits_with 13 "$drv" tree repo state $t 2>err && grep -q "gone" err &&
	test -z "$(ls -A state/trees)"
'

test_expect_success 'a tree bomb is refused at once, in little memory' '
	t=$inner &&
	for level in 1 2 3 4 5 6 7 8 9 10
	do
		t=$(raw_tree 40000 a $t 40000 b $t 40000 c $t 40000 d $t \
			40000 e $t 40000 f $t 40000 g $t 40000 h $t \
			40000 i $t 40000 j $t) || return 1
	done &&
	(ulimit -t 5 && export SHOW_RSS=1 &&
		refused $t "more than 500000 files") &&
	test "$(sed -n "s/^rss \(.*\) KiB/\1/p" err)" -lt 100000
'

test_expect_success 'a deep tree is refused' '
	t=$inner && i=0 &&
	while test $i -lt 140
	do
		t=$(raw_tree 40000 d $t) && i=$((i + 1)) || return 1
		test $i -ne 126 || fine=$t
	done &&
	refused $t "deeper than 128" &&
	"$drv" tree repo state $fine && rm -rf state/trees/$fine
'

test_expect_success 'a path that is too long is refused' '
	t=$inner && long=$(printf "%0250d" 0) && i=0 &&
	while test $i -lt 17
	do
		t=$(raw_tree 40000 $long $t) && i=$((i + 1)) || return 1
	done &&
	refused $t "too long"
'

test_expect_success 'the limits on files and bytes hold' '
	t=$(raw_tree 100644 a $blob 100644 b $blob 100644 c $blob) &&
	exits_with 1 "$drv" tree repo state $t - 2 2>err &&
	grep -q "more than 2 files" err &&
	exits_with 1 "$drv" tree repo state $t - 9 14 2>err &&
	grep -q "more than 14 bytes" err &&
	"$drv" tree repo state $t - 3 15
'

test_expect_success 'an index that lies about an id does not get into a tree' '
	a=$(echo aaaa | git -C repo hash-object -w --stdin) &&
	b=$(echo bbbb | git -C repo hash-object -w --stdin) &&
	t=$(raw_tree 100644 f $a) && rm -rf state/trees/* &&
	fa=repo/objects/$(echo $a | sed "s|..|&/|") &&
	fb=repo/objects/$(echo $b | sed "s|..|&/|") &&
	chmod u+w $fa && cat $fb >$fa &&
	! "$drv" tree repo state $t 2>err &&
	test -z "$(ls -A state/trees)"
'

test_done
