"""hrview's commands as a shell and man(1) know them. `--help` is the truth: completions read it, man pages are held
against it, so whoever adds a command or an option needs to add its man page (docs/man) and nothing else."""
import os
import re
import shutil
import subprocess

import pytest

from viewer import HRVIEW, Program, ROOT, hrview

MAN = ROOT / "docs" / "man"
COMPLETION = ROOT / "viewer" / "completion"


def help_of(command):
    code, out, err = hrview(*filter(None, [command]), "--help")
    assert (code, err) == (0, "")
    return out


def commands():
    block = help_of("").split("\nCommands", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"(?m)^  ([a-z]+) +\S", block)


def options(command):
    """{option: its value as the help has it, or ""}"""
    return dict(re.findall(r"(?m)^  (--?[a-z][a-z-]*)(?: (\S+))?(?:  .*)?$", help_of(command)))


# Asked once, when tests are collected: each command is a test of its own.
COMMANDS = commands() if os.path.exists(HRVIEW) else []
EACH = pytest.mark.parametrize("command", ["", *COMMANDS], ids=lambda command: command or "hrview")


@EACH
def test_help_is_regular(command):
    """What completions rely on, and that it tells the exit codes."""
    text = help_of(command)
    assert text.startswith("usage: hrview " + (command or "[PID|NAME]"))
    assert "--help" in options(command)
    said = re.findall(r"(?m)^  (-\S+)", text)
    assert said == list(options(command)), "a line that begins with an option is `  --option[ VALUE]  description`"


# ---- man pages -----------------------------------------------------------------------------------------------------


def page_of(command):
    return MAN / ("hrview-%s.1" % command if command else "hrview.1")


def test_there_is_a_page_for_each_command_and_no_other():
    assert sorted(page.name for page in MAN.iterdir()) == sorted(page_of(command).name for command in ["", *COMMANDS])
    overview = page_of("").read_text()
    for command in COMMANDS:
        assert ".It Xr hrview-%s 1" % command in overview


@EACH
def test_page_has_every_option_and_value(command):
    text = page_of(command).read_text()
    assert ".Sh EXIT STATUS" in text
    for option, value in options(command).items():
        assert re.search(r"(?m)^\.It .*\bFl %s\b" % re.escape(option[1:]), text), option + " has no entry"
        for word in value.split("|") if "|" in value else []:
            assert re.search(r"\b%s\b" % re.escape(word), text), "%s %s is not told" % (option, word)
    for option in re.findall(r"(?m)^\.It Fl (-[a-z-]+)", text):
        assert "-" + option in options(command), "there is no " + option


@pytest.mark.skipif(not shutil.which("mandoc"), reason="there is no mandoc")
def test_mandoc_finds_nothing_to_say():
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *map(str, sorted(MAN.iterdir()))], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    # Pages refer to each other, which are not installed here.
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man (Debian: man-db)")
def test_man_formats_without_a_warning():
    for page in sorted(MAN.iterdir()):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"") and len(done.stdout) > 500, page


# ---- completion ----------------------------------------------------------------------------------------------------


def run_shell(*command, directory):
    env = {**os.environ, "PATH": os.path.dirname(HRVIEW) + ":" + os.environ["PATH"], "HOME": str(directory),
           "XDG_CONFIG_HOME": str(directory), "XDG_DATA_HOME": str(directory), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=str(directory), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode()


def bash(words, directory):
    script = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
        $(complete -p hrview | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' "${COMPREPLY[@]}" """
    return run_shell("bash", "--norc", "-c", script, "bash", str(COMPLETION / "hrview.bash"), *words,
                     directory=directory).split()


def fish(words, directory):
    script = "source $argv[1]; complete -C (string join ' ' -- $argv[2..-1])"
    out = run_shell("fish", "--no-config", "-c", script, str(COMPLETION / "hrview.fish"), *words, directory=directory)
    return [line.split("\t")[0] for line in out.splitlines()]


# A zsh with a terminal of its own, in which the words are typed and completed; compadd tells what it was offered.
ZSH = r"""
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal "PS1=; fpath=($1:h \$fpath); autoload -Uz compinit; compinit -u -D; stty -echo"
zpty -w terminal 'compadd() {
  local -a found
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
  builtin compadd -A found "$@"; print -r -- "@<"${^found}">@"; builtin compadd "$@" }'
zpty -w terminal 'complete-and-tell() { print; print START; zle list-choices; print; print END; BUFFER=; zle accept-line }
  zle -N complete-and-tell; bindkey "^T" complete-and-tell; print REA""DY'
local out
zpty -m -r terminal out '*READY*'
zpty -w -n terminal "${(j: :)@[2,-1]}"$'\x14'
zpty -m -r terminal out '*END*'
print -r -- ${out#*START}
"""


def zsh(words, directory):
    out = run_shell("zsh", "-f", "-c", ZSH, "zsh", str(COMPLETION / "_hrview"), *words, directory=directory)
    return re.findall(r"@<(.*?)>@", out)


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.fixture(params=list(SHELLS))
def complete(request, tmp_path):
    if not shutil.which(request.param):
        pytest.skip("there is no " + request.param)
    return lambda *words: sorted(set(SHELLS[request.param](words, tmp_path)))


def test_completion_of_commands_options_and_values(complete, tmp_path):
    with Program(tmp_path) as program:
        found = complete("hrview", "")
        assert set(found) > set(COMMANDS) and str(program.pid) in found
        assert complete("hrview", "--") == sorted(options(""))
        assert complete("hrview", "dump", "--") == sorted(options("dump"))
        formats = options("dump")["--format"].split("|")
        assert complete("hrview", "dump", "--format", "") == sorted(formats)
        assert complete("hrview", "dump", "1", "--format", "lc") == ["lcov"]
        assert str(program.pid) in complete("hrview", "dump", "")
        assert complete("hrview", "dump", "--output", "pr") == ["prog.py"]
        assert str(program.pid) in complete("hrview", "--show", "")
        assert complete("hrview", "clean", "") == []
        assert complete("hrview", "--port", "") == []
