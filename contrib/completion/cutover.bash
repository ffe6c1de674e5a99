# SPDX-License-Identifier: Apache-2.0
# Completion of cutover in bash: commands and options as `cutover help` tells them, then what a run
# waits for, runs, and files. Installed as share/bash-completion/completions/cutover; in zsh, source
# it after `autoload bashcompinit && bashcompinit`.

_cutover()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
	local commands command= word

	commands=$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p')
	# The command is its first word, or its first two: "audit verify".
	for word in "${words[*]:0:2}" "${words[0]}"; do
		if [ -z "$command" ] && grep -qxF -- "$word" <<<"$commands"; then
			command=$word
		fi
	done

	COMPREPLY=()
	if [ -z "$command" ]; then
		# The next word of those commands that go on from what is there.
		local typed="${words[*]}"
		mapfile -t COMPREPLY < <(sed -n "s/^${typed:+$typed }\([a-z]*\).*/\1/p" \
			<<<"$commands" | sort -u | grep -- "^$cur")
		return
	fi
	# What is due here, as the help calls it: an option's value, or an argument.
	local help due=
	help=$("$program" help $command 2>/dev/null)
	[[ $prev != --* ]] || due=$(sed -n "s/^  $prev \([^ ]\+\).*/\1/p" <<<"$help")
	if [ -z "$due" ] && [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^  \(--[a-z-]*\).*/\1/p' \
			<<<"$help")" -- "$cur")
		return
	fi
	[ -n "$due" ] || due=$(head -n 1 <<<"$help")
	# First what the run waits for, in the words of its status; then the run.
	if [ "${words[*]}" = "$command" ] && [[ $due == *" GATE "* || $due == *" STEP "* ]]; then
		due=WAITED
	fi
	case $due in
	WAITED) mapfile -t COMPREPLY < <(compgen -W "$("$program" status 2>/dev/null |
		tr -s '\n' ' ' | tr -s ' ' | sed 's/cutover/\n&/g' |
		sed -n "s/^cutover ${command/decline/approve} \([^ ;,]*\).*/\1/p")" -- "$cur") ;;
	DIR) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	*RUNBOOK* | FILE* | *" FILE"*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*COMMAND*) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	*\[RUN\]*) mapfile -t COMPREPLY < <(compgen -W "$("$program" list 2>/dev/null |
		sed 's/ .*//')" -- "$cur") ;;
	[a-z]*\|*) mapfile -t COMPREPLY < <(compgen -W "${due//|/ }" -- "$cur") ;;
	esac
}
complete -o filenames -F _cutover cutover
