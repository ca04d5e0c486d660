"""``python -m heartrate_shm script.py``: the program runs as it is, traced from its first line.

The interpreter is started anew (exec: the same process) with the program's own command line, and traces as the child
of a traced program would (_children.py). So nothing about ``__main__``, ``sys.path``, tracebacks, signals or the exit
code can differ from plain ``python``.
"""

import importlib.machinery
import os
import sys

from . import _children, _commandline, _trace, _tracer, files

USAGE = """\
usage: python -m heartrate_shm [OPTION ...] SCRIPT [ARG ...]
       python -m heartrate_shm [OPTION ...] -m MODULE [ARG ...]
       python -m heartrate_shm [OPTION ...] -c CODE [ARG ...]

Runs a program as python would, and counts how often each line is hit, for hrview to show. Processes that it starts are
traced too. Without --files or --all: the script itself, and files that say "# heartrate" somewhere.

  --files PATTERN  files whose path contains PATTERN, and the script; may be given several times
  --all            every file
  --name NAME      what viewers call the program; default: its own name
  --open           start hrview for it and open the page in a browser
  --help           this

examples:
  python -m heartrate_shm train.py --epochs 3
  python -m heartrate_shm --files myapp/ -m myapp serve
  python -m heartrate_shm --all --open -c 'import this'
  python -W error -m heartrate_shm --files src/ -m pytest tests   (python's own options stand before -m)
"""


class Usage(Exception):
    """The message says what is wrong with the command line."""


def main():
    try:
        settings, command = read(sys.argv[1:])
        check_interpreter()
    except Usage as error:
        sys.stderr.write("heartrate_shm: %s\n" % error)
        return 2
    if command is None:
        sys.stdout.write(USAGE)
        return 0
    text, _ = _children.encode(settings, settings.callers)
    environ = dict(os.environb)
    path = environ.get(b"PYTHONPATH")
    environ[b"PYTHONPATH"] = os.fsencode(_children.SITE) + (b"" if path is None else b":" + path if path else b"/")
    environ[os.fsencode(_children.VARIABLE)] = b"0:" + text.encode()
    words = _commandline.own()
    options = _commandline.split(words[1:])[0]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, words[:1] + options + [os.fsencode(word) for word in command], environ)


def read(words):
    """(settings, the program's words), the latter None when help is asked for."""
    patterns, name, every, opens = [], None, False, False
    words = list(words)
    while words:
        word, equals, value = words[0].partition("=")
        if word in ("--files", "--name"):
            del words[0]
            if not equals:
                if not words:
                    raise Usage("%s needs a value; see --help" % word)
                value = words.pop(0)
            if word == "--files":
                patterns.append(value)
            else:
                name = value
        elif words[0] in ("--all", "--open", "--help", "-h"):
            every, opens = every or word == "--all", opens or word == "--open"
            if words.pop(0) in ("--help", "-h"):
                return None, None
        else:
            break
    if words[:1] and words[0][0:2] in ("-m", "-c") or words and (words[0] == "-" or not words[0].startswith("-")):
        settings = _trace.Settings([], [], True, name, _tracer.DEFAULT_SIZE, True, opens)
        settings.files.append(files.all if every else files.path_contains(*patterns) if patterns else files.marked)
        add_main(settings, words)
        return settings, words
    if words:
        raise Usage("what is %s? Options stand before the program, its own behind it; see --help" % words[0])
    raise Usage("which program? python -m heartrate_shm script.py; see --help")


def add_main(settings, words):
    """The program's own file is traced and its view is the first."""
    _, kind, program, _ = _commandline.split(words)
    if kind == "c":
        settings.callers.append("<string>")
        return
    if program == "-":
        settings.callers.append("<stdin>")
        return
    path = module_file(program) if kind == "m" else program
    if not path:
        return  # python will say what is wrong with it
    path = os.path.abspath(path)
    if kind == "f" and not is_source(path):
        path = os.path.join(path, "__main__.py")  # a folder or an archive
    settings.callers.append(path)
    settings.files.append(_commandline.only(path))


def is_source(path):
    if os.path.isdir(path):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4) != b"PK\x03\x04"
    except OSError:
        return True


def module_file(name):
    """Path of what ``python -m name`` runs, found without importing anything; None when it is not found."""
    place = sys.path
    for part in name.split(".") + ["__main__"]:
        try:
            spec = importlib.machinery.PathFinder.find_spec(part, place)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return None
        place = spec.submodule_search_locations
        if place is None:
            return spec.origin
    return None


def check_interpreter():
    if not sys.executable:
        raise Usage("this Python does not know its own path (sys.executable): call heartrate_shm.trace() instead")
    for flag, letters in (("ignore_environment", "-E or -I"), ("no_site", "-S")):
        if getattr(sys.flags, flag):
            raise Usage(
                "python %s loads nothing before the program: leave it out, or call heartrate_shm.trace() in the program"
                % letters
            )


if __name__ == "__main__":
    sys.exit(main())
