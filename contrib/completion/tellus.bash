# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of tellus(1) for bash: commands, and each one's options.

_tellus ()
{
	local word=${COMP_WORDS[COMP_CWORD]} cmd='' i words
	local global='--socket --config --local --no-color --help --version'

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --config) ((i++)) ;;
		-*) ;;
		*)
			cmd=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $cmd in
	'') words="run list show why journal log retry approve cancel gc lint init hook doctor push
		version help $global" ;;
	run) words="--file $global" ;;
	list) words="--repository --ref --sha --state --before --limit --json
		$global" ;;
	log) words="--follow $global" ;;
	retry) words="--job --from --skip --set --limit --ref --follow
		$global" ;;
	gc) words="--dry-run --json $global" ;;
	show | why | journal | lint | doctor) words="--json $global" ;;
	hook) words="install remove status --name --json $global" ;;
	push) words="--repository --detach $global" ;;
	help) words='run list show why journal log retry approve cancel gc lint init hook doctor push' ;;
	*) words=$global ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _tellus tellus
