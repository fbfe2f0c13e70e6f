# SPDX-License-Identifier: MIT
# For the tests of the git layer: a driver that calls it, and what is wanted
# by real git to hold it against.  Sourced after lib.sh.

drv=$TELLUS_BUILD/t/unit/gitdrv
S=$T/state
mkdir -p "$S"
zero=0000000000000000000000000000000000000000

# fails_as CODE-NAME command...: fails, as this class of error, and prints
# the message.
fails_as () {
	fails_want=$1
	shift
	if "$@" >"$T/.fails" 2>&1
	then
		echo "worked: $*"
		return 1
	fi
	cat "$T/.fails"
	grep -aq "^$fails_want: " "$T/.fails"
}

# manifest FOLDER: type, permissions, name, link target and content of all
# that is in it.
manifest () {
	(
		cd "$1" || exit 1
		find . -mindepth 1 -path ./.git -prune -o -mindepth 1 \
			-printf '%y %m %p -> %l\0' | LC_ALL=C sort -z |
			tr '\0\n' '\n?'
		find . -path ./.git -prune -o -type f -print0 |
			LC_ALL=C sort -z | xargs -0r sha1sum --
	)
}

# by_git REPO COMMIT FOLDER: the commit's files as git itself hands them out.
by_git () {
	mkdir -p "$3" &&
	git -C "$1" -c tar.umask=0022 archive "$2" | tar -x -C "$3"
}

# same_as_git REPO COMMIT FOLDER: the folder holds what git would check out.
same_as_git () {
	rm -rf "$T/.by-git" &&
	by_git "$1" "$2" "$T/.by-git" &&
	manifest "$T/.by-git" >"$T/.want" &&
	manifest "$3" >"$T/.got" &&
	diff -a "$T/.want" "$T/.got"
}

tree_of () {
	git -C "$1" rev-parse "$2^{tree}"
}

# raw_tree REPO: a tree object of the lines "MODE ID NAME" on standard input
# as they are, right or wrong; the name with the escapes of printf.
raw_tree () {
	while read -r raw_mode raw_id raw_name
	do
		printf '%s ' "$raw_mode"
		# The escapes in the name are wanted.
		# shellcheck disable=SC2059
		printf -- "$raw_name"
		printf '\0'
		printf '%s' "$raw_id" | xxd -r -p
	done >"$T/.raw" &&
	git -C "$1" hash-object -w -t tree --literally "$T/.raw"
}
