#!/bin/sh
# SPDX-License-Identifier: MIT
# What the source tree promises: layers, licence lines, headers that stand
# alone, sizes.
. "$(dirname "$0")/lib.sh"
src=$TELLUS_SRC/agent

# may FOLDER: the folders that it may include (design: one row each).
may () {
	case $1 in
	base) echo base ;;
	os) echo os base ;;
	model) echo model base ;;
	store) echo store base os model ;;
	forge) echo forge base os model ;;
	git) echo git base os model ;;
	box) echo box base os ;;
	work) echo work git box store model os base ;;
	core) echo core store forge model os base ;;
	web) echo web core store forge model os base ;;
	cli) echo cli model os base ;;
	prog) echo prog base os model store forge git box work core web cli ;;
	esac
}

test_expect_success 'no file includes a layer above its own' '
	bad=0
	for d in base os model store forge git box work core web cli prog; do
		for f in "$src/$d"/*.[ch]; do
			test -e "$f" || continue
			for i in $(sed -n "s,^#include \"\([a-z]*\)/.*,\1,p" "$f" | sort -u); do
				case " $(may $d) " in *" $i "*) ;; *) echo "$f includes $i/"; bad=1 ;; esac
			done
		done
	done
	test $bad -eq 0
'

test_expect_success 'of store/, the worker knows the spool and the output log only' '
	! grep -l "#include \"store/\(journal\|db\)" "$src"/work/*.[ch]
'

test_expect_success 'tellusd is not linked with libgit2, libyaml or libseccomp' '
	ldd "$TELLUS_BUILD/tellusd" >libs && ! grep -E "libgit2|libyaml|libseccomp" libs
'

test_expect_success 'tellus-worker is not linked with LMDB, libcurl or libmicrohttpd' '
	readelf -d "$TELLUS_BUILD/tellus-worker" | grep NEEDED >libs && ! grep -E "liblmdb|libcurl|libmicrohttpd" libs
'

test_expect_success 'tellus is linked with jansson and libyaml alone' '
	readelf -d "$TELLUS_BUILD/tellus" | grep NEEDED | grep -vE "libc\.|libjansson|libyaml|libasan|libubsan|libm\.|libgcc_s|ld-linux" >libs; cat libs; test ! -s libs
'

test_expect_success 'every source file begins with its licence' '
	bad=$(cd "$TELLUS_SRC" && find agent hooks contrib t templates .ci -type f -size +0 \( -name "*.[ch]" -o -name "*.sh" -o -name "*.mk" -o -name "*.mjs" -o -name "*.js" -o -name "*.css" -o -name "*.yml" \) \
		-not -path "*/node_modules/*" -not -path "*/corpus/*" -not -path "templates/init/*" -exec sh -c "head -n 3 \"\$1\" | grep -q SPDX-License-Identifier || echo \"\$1\"" _ {} \;)
	echo "$bad"; test -z "$bad"
'

test_expect_success 'every header stands alone' '
	bad=0
	for h in "$src"/*/*.h; do
		cd "$T" && printf "#include \"base/base.h\"\n#include \"%s\"\n" "${h#$src/}" >h.c
		${CC:-cc} -std=gnu11 -D_GNU_SOURCE -I"$src" -fsyntax-only h.c || { echo "$h"; bad=1; }
	done
	test $bad -eq 0
'

test_expect_success 'no file of C is longer than 600 lines' '
	find "$src" -name "*.[ch]" -exec wc -l {} \; | awk "\$1 > 600 { print; bad = 1 } END { exit bad }"
'

test_expect_success 'nothing unfinished is left in the sources' '
	! grep -rnE "TODO|XXX|HACK|FIXME\(?[^#(]" "$src" "$TELLUS_SRC/hooks" "$TELLUS_SRC/templates"
'

test_expect_success 'the scripts pass shellcheck' '
	if command -v shellcheck >/dev/null; then
		shellcheck -S warning "$TELLUS_SRC/hooks/post-receive" "$TELLUS_SRC/contrib/quickstart" "$TELLUS_SRC/.ci/run" "$TELLUS_SRC/t/run"
	fi
'

test_done
