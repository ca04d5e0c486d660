# bash completion for hrview. Commands, options and their values are read from hrview's own --help, so that they are
# what this hrview has.

# What hrview says of the command being typed; of hrview itself when there is none.
_hrview_help() {
	"$1" ${2:+"$2"} --help 2>/dev/null
}

_hrview_commands() {
	sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\)  .*/\1/p'
}

_hrview_programs() {
	"$1" list 2>/dev/null | sed -n 's/^ *\([0-9]\{1,\}\) .*/\1/p'
}

# _hrview_words PROGRAM KIND: the words for "text|json", "PID|NAME", "FILE"; nothing for what only the user knows.
_hrview_words() {
	local words= part
	for part in ${2//|/ }; do
		case $part in
		PID) words+=" $(_hrview_programs "$1")" ;;
		FILE) compopt -o filenames && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
		*[!a-z]*) ;;
		*) words+=" $part" ;;
		esac
	done
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$words" -- "$cur")
}

_hrview() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} hrview=${COMP_WORDS[0]} command= help kind=
	COMPREPLY=()
	# bash has made three words of --format=json.
	if [[ $cur == '=' ]]; then
		cur=
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	help=$(_hrview_help "$hrview")
	if ((COMP_CWORD > 1)) && _hrview_commands <<<"$help" | grep -qxF -e "${COMP_WORDS[1]}"; then
		command=${COMP_WORDS[1]}
		help=$(_hrview_help "$hrview" "$command")
	fi
	if [[ $prev =~ ^--?[a-z][a-z-]*$ ]]; then
		kind=$(sed -n "s/^  $prev \([^ ]\{1,\}\)\( .*\)\{0,1\}$/\1/p" <<<"$help")
		if [[ $kind ]]; then
			_hrview_words "$hrview" "$kind"
			return
		fi
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(sed -n 's/^  \(-\{1,2\}[a-z][a-z-]*\)\( .*\)\{0,1\}$/\1/p' <<<"$help")" -- "$cur")
		return
	fi
	if [[ ! $command ]]; then
		((COMP_CWORD > 1)) || mapfile -t COMPREPLY < <(compgen -W "$(_hrview_commands <<<"$help")" -- "$cur")
		_hrview_words "$hrview" PID
		return
	fi
	# What stands in the usage line and is no option.
	kind=$(sed -n '1{s/\[-[^]]*\]//g;s/[][]//g;s/^usage: hrview [a-z]* *//p;q}' <<<"$help")
	_hrview_words "$hrview" "${kind// /|}"
}

complete -F _hrview hrview
