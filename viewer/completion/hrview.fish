# fish completion for hrview. Commands, options and their values are read from hrview's own --help, so that they are
# what this hrview has.

function __hrview_commands
    hrview --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z]\{1,\}\)  *\(.*\)/\1\t\2/p'
end

function __hrview_programs
    hrview list 2>/dev/null | sed -n 's/^ *\([0-9]\{1,\}\)  *\(.*\)/\1\t\2/p'
end

# The words for "text|json", "PID|NAME", "FILE"; nothing for what only the user knows.
function __hrview_words
    for part in (string split '|' -- $argv)
        switch $part
            case PID
                __hrview_programs
            case FILE
                __fish_complete_path (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))
            case '*'
                string match -rq '^[a-z]+$' -- $part; and echo $part
        end
    end
end

function __hrview
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l command
    if set -q tokens[2]; and contains -- $tokens[2] (__hrview_commands | string split -f 1 \t)
        set command $tokens[2]
    end
    set -l help (hrview $command --help 2>/dev/null)
    set -l option (string match -rg -- '^(--[a-z-]+)=' $current)
    set -l prefix ''
    if test -n "$option"
        set prefix $option=
    else
        set option $tokens[-1]
    end
    if string match -rq -- '^--?[a-z][a-z-]*$' $option
        set -l kind (string match -rg -- "^  $option ([^ ]+)(?: .*)?\$" $help)
        if test -n "$kind"
            __hrview_words $kind | string replace -r '^' -- $prefix
            return
        end
    end
    if string match -q -- '-*' $current
        printf '%s\n' $help | sed -n 's/^  \(-\{1,2\}[a-z][a-z-]*\)\( [^ ]\{1,\}\)\{0,1\}\(  *\(.*\)\)\{0,1\}$/\1\t\4/p'
        return
    end
    if test -z "$command"
        set -q tokens[2]; or __hrview_commands
        __hrview_programs
        return
    end
    # What stands in the usage line and is no option.
    set -l usage (string replace -ra '\[-[^]]*\]|[\[\]]' '' -- $help[1] | string replace -r '^usage: hrview [a-z]* *' '')
    __hrview_words (string split -n ' ' -- $usage)
end

complete -c hrview -f -a '(__hrview)'
