"""How Python reads its own command line."""

import os


def own():
    """This process's command line, as bytes; [] when it cannot be had."""
    try:
        with open("/proc/self/cmdline", "rb") as cmdline:
            return cmdline.read().split(b"\0")[:-1]
    except OSError:
        return []


def split(words):
    """(options, kind, program, arguments) of words after the interpreter's name.

    kind is "c" (program is the code), "m" (a module), "f" (a file, folder, zip archive or "-"), or "" when there is no
    program. Words may be str or bytes; options and arguments are lists of such.
    """
    options, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        text = os.fsdecode(word)
        if text == "--check-hash-based-pycs":
            options += [word] + rest[:1]
            del rest[:1]
        elif text == "-" or not text.startswith("-"):
            return options, "f", word, rest
        elif text.startswith("--"):
            options.append(word)
        else:
            letters = len(text) - len(text.lstrip("-"))
            while letters < len(text) and text[letters] not in "cmWX":
                letters += 1
            if letters == len(text):
                options.append(word)
                continue
            joined = word[letters + 1 :]
            value = joined or (rest.pop(0) if rest else word[:0])
            if text[letters] in "WX":
                options += [word] if joined else [word, value]
                continue
            if letters > 1:
                options.append(word[:letters])
            return options, text[letters], value, rest
    return options, "", None, []


def name(words):
    """What to call the program that an interpreter with these words runs."""
    _, kind, program, _ = split(words)
    if kind == "c" or not program:
        return "python -c" if kind == "c" else "python"
    program = os.fsdecode(program)
    return program if kind == "m" else os.path.basename(program.rstrip("/")) or program


def is_viewer(kind, program):
    """Whether that is one of our own commands, which soon becomes another program: nothing to watch."""
    program = os.fsdecode(program or "")
    if kind == "m":
        return program.split(".")[0] == "heartrate_shm"
    return kind == "f" and os.path.basename(program) in ("hrview", "heartrate_shm")


def only(path):
    """A filter: just this file."""
    path = os.path.realpath(path)

    def accepts(other):
        return os.path.realpath(other) == path

    return accepts


def below(folder):
    """A filter: files in the folder and below, but not what is installed there (virtual environments)."""

    def accepts(path):
        return path.startswith(folder + "/") and "/site-packages/" not in path

    return accepts
