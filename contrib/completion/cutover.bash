# SPDX-License-Identifier: Apache-2.0
# Completion of cutover in bash: commands and options as `cutover help` tells them, then runs, and
# files. Installed as share/bash-completion/completions/cutover; in zsh, source it after
# `autoload bashcompinit && bashcompinit`.

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
	case $prev in
	--output) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur"); return ;;
	--state-dir | --plugin-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--params | --plan | --out | --vars) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" help $command 2>/dev/null |
			sed -n 's/^  \(--[a-z-]*\).*/\1/p')" -- "$cur")
		return
	fi
	case $("$program" help $command 2>/dev/null | head -n 1) in
	*RUNBOOK* | *FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	*COMMAND*) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$("$program" list 2>/dev/null |
		sed 's/ .*//')" -- "$cur") ;;
	esac
}
complete -o filenames -F _cutover cutover
