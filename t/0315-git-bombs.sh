# SPDX-License-Identifier: MIT
# Commits that are to lead us elsewhere, or to use up memory and time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/git-lib.sh"

test_expect_success 'a repository to put hostile objects in' '
	git init -q --bare r && echo text >text && mkdir "$T/outside" && echo precious >"$T/outside/f" &&
	git -C r hash-object -w --stdin <text >blob &&
	printf %s "$T/outside" | git -C r hash-object -w --stdin >abs &&
	printf "../../../../../outside" | git -C r hash-object -w --stdin >up &&
	echo "100644 $(cat blob) f" | raw_tree r >folder
'

test_expect_success 'a message shows a hostile name without its control characters' '
	tree=$(printf "%s\n" "104755 $(cat blob) \033[31m\nEVIL\377" | raw_tree r) &&
	fails_as permanent "$drv" tree r "$S" $tree && grep -v "^rss" .fails >line && test "$(wc -l <line)" -eq 1 &&
	iconv -f UTF-8 -t UTF-8 line >/dev/null && ! grep -q "$(printf "\033")" line
'

# ---- links ----

test_expect_success 'absolute links and links upwards are made as they are' '
	tree=$(printf "%s\n" "120000 $(cat abs) abs" "120000 $(cat up) up" | raw_tree r) &&
	"$drv" tree r "$S" $tree && test "$(readlink "$S/trees/$tree/t/w/abs")" = "$T/outside" &&
	test "$(readlink "$S/trees/$tree/t/w/up")" = ../../../../../outside
'

test_expect_success 'a link and a folder of one name are refused, nothing is written through the link' '
	(for target in abs up; do
		tree=$(printf "%s\n" "120000 $(cat $target) sub" "40000 $(cat folder) sub" | raw_tree r) &&
		fails_as permanent "$drv" tree r "$S" $tree && grep "more than once" .fails || exit 1
	done) &&
	tree=$(printf "%s\n" "40000 $(cat folder) sub" "120000 $(cat abs) sub" | raw_tree r) &&
	fails_as permanent "$drv" tree r "$S" $tree &&
	test "$(cat outside/f)" = precious && test "$(ls outside)" = f
'

test_expect_success 'a folder in the place of a link of the tree below is not written through it' '
	one=$(printf "%s\n" "100644 $(cat blob) f" "120000 $(cat abs) sub" | raw_tree r) &&
	two=$(printf "%s\n" "100644 $(cat blob) f" "40000 $(cat folder) sub" | raw_tree r) &&
	"$drv" tree r "$S" $one && "$drv" tree r "$S" $two $one >layers && test "$(wc -l <layers)" -eq 2 &&
	test "$(cat outside/f)" = precious && test "$(cat "$S/trees/$two/t/w/sub/f")" = text
'

test_expect_success 'the trees folder may not be a link' '
	mkdir -p s2 elsewhere && ln -s "$T/elsewhere" s2/trees &&
	fails_as permanent "$drv" tree r s2 $(cat folder) && test -z "$(ls -A elsewhere)"
'

test_expect_success 'a link in the place of the lock or of a leftover is not followed' '
	rm -rf s2 && mkdir -p s2/trees && ln -s "$T/outside/new" s2/trees/.lock.$(cat folder) &&
	fails_as permanent "$drv" tree r s2 $(cat folder) && test ! -e outside/new && rm s2/trees/.lock.* &&
	ln -s "$T/outside" s2/trees/$(cat folder) && ln -s "$T/outside" s2/trees/.tmp.$(cat folder).1 &&
	"$drv" tree r s2 $(cat folder) && test "$(cat outside/f)" = precious && test "$(cat s2/trees/$(cat folder)/t/w/f)" = text
'

# ---- objects that are not what the entry says ----

# ---- bombs ----

# uses_at_most KIB: what the driver said of its memory; the address sanitizer
# keeps what was freed for a while.
uses_at_most () {
	ldd "$drv" | grep -q libasan || test "$(sed -n 's/^rss \(.*\) KiB/\1/p')" -lt "$1"
}

# levels N WIDTH: N levels of folders, each with WIDTH names for the next.
levels () {
	levels_tree=$(cat "$T/folder")
	for i in $(seq "$1")
	do
		levels_tree=$(for k in $(seq 0 $(($2 - 1))); do echo "40000 $levels_tree $k"; done | raw_tree r) || return 1
	done
	echo "$levels_tree"
}

test_expect_success 'folders deeper than 128 are refused, 128 are not' '
	levels 129 1 >deep && levels 128 1 >ok && rm -rf s2 && mkdir s2 &&
	fails_as permanent "$drv" tree r s2 $(cat deep) && grep "deeper than 128" .fails &&
	"$drv" tree r s2 $(cat ok)
'

test_expect_success 'ten thousand levels do not use up the stack' '
	python3 - r >deep <<-\EOF
	import hashlib, os, sys, zlib
	t = bytes.fromhex(open("folder").read().strip())
	for i in range(10000):
	    body = b"40000 d\0" + t
	    raw = b"tree %d\0" % len(body) + body
	    h = hashlib.sha1(raw)
	    d = "r/objects/" + h.hexdigest()[:2]
	    os.makedirs(d, exist_ok=True)
	    with open(d + "/" + h.hexdigest()[2:], "wb") as f:
	        f.write(zlib.compress(raw))
	    t = h.digest()
	print(t.hex())
	EOF
	fails_as permanent timeout 5 "$drv" tree r s2 $(cat deep) && grep "deeper than" .fails
'

test_expect_success 'many bytes behind few objects are refused' '
	head -c 1000000 /dev/zero | git -C r hash-object -w --stdin >mega &&
	tree=$(for i in $(seq 100); do echo "100644 $(cat mega) f$i"; done | raw_tree r) &&
	tree=$(for i in $(seq 100); do echo "40000 $tree d$i"; done | raw_tree r) &&
	fails_as permanent timeout 5 "$drv" tree r s2 $tree && grep "bytes" .fails
'

test_expect_success 'of large files one is held in memory at a time' '
	git init -q large && (cd large && for i in 1 2 3 4; do head -c 100000000 /dev/zero | tr "\0" $i >f$i; done && git add -A && git commit -q -m large) &&
	SHOW_RSS=1 "$drv" tree large/.git s2 $(tree_of large HEAD) 2>rss && cmp large/f3 s2/trees/$(tree_of large HEAD)/t/w/f3 &&
	cat rss && uses_at_most 150000 <rss && rm -rf large s2/trees
'

# ---- nothing is run ----

test_expect_success 'filters that a repository names are not run' '
	git init -q f && (
	cd f && echo "* filter=evil diff=evil merge=evil" >.gitattributes && echo x >x && git add -A && git commit -q -m filter &&
	git config filter.evil.smudge "touch $T/run" && git config filter.evil.required true &&
	git config core.fsmonitor "touch $T/run" && git config core.hooksPath "$T/hooks" ) &&
	"$drv" tree f/.git s2 $(tree_of f HEAD) && echo x | cmp - s2/trees/$(tree_of f HEAD)/t/w/x && test ! -e run
'

test_done
