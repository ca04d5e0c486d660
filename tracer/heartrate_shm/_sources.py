"""Source text of code that is no file on disk: exec, <stdin>, notebook cells, doctests, zip members, frozen modules.

One name has one text in a segment, the first. Nobody keeps the text of a plain ``exec("...")``.
"""


def source_text(filename, module_globals):
    """The text of ``filename``, or None. ``module_globals`` are those of code that carries this name."""
    for look in (_of_linecache, _of_loader, _of_frozen, _of_command):
        try:
            text = look(filename, module_globals or {})
        except Exception:  # loaders are anybody's
            continue
        if text:
            return text
    return None


def _of_linecache(filename, _module_globals):
    """What a shell, a notebook, doctest or attrs has put there; without globals, or it would give any code its
    module's text."""
    import linecache

    if _is_special(filename):
        return None
    lines = linecache.getlines(filename)
    if not lines:
        # 3.13 and later: the interactive interpreter and -c register each code object.
        for entry in reversed(list(getattr(linecache, "_interactive_cache", {}).values())):
            if entry[3] == filename:
                lines = entry[2]
                break
    return "".join(lines)


def _of_loader(filename, module_globals):
    if module_globals.get("__file__") != filename:
        return None
    spec = module_globals.get("__spec__")
    loader = module_globals.get("__loader__") or spec.loader
    try:
        return loader.get_source(spec.name if spec else module_globals["__name__"])
    except Exception:
        # zipimporter takes every source for UTF-8.
        from importlib.util import decode_source

        return decode_source(loader.get_data(filename))


def _of_frozen(filename, _module_globals):
    """<frozen NAME>: the standard library's file of that name."""
    import os
    import tokenize

    if not (filename.startswith("<frozen ") and filename.endswith(">")):
        return None
    path = os.path.join(os.path.dirname(os.__file__), *filename[len("<frozen ") : -1].split("."))
    for candidate in (path + ".py", os.path.join(path, "__init__.py")):
        if os.path.exists(candidate):
            with tokenize.open(candidate) as source:
                return source.read()
    return None


def _of_command(filename, module_globals):
    """python -c TEXT."""
    import sys

    if filename != "<string>" or module_globals.get("__name__") != "__main__" or sys.argv[:1] != ["-c"]:
        return None
    with open("/proc/self/cmdline", "rb") as cmdline:
        words = cmdline.read().split(b"\0")
    return words[words.index(b"-c") + 1].decode("utf-8", "surrogateescape")


def _is_special(filename):
    """A FIFO, terminal or device: linecache would read the program's input, or for ever."""
    import os
    import stat

    try:
        return not stat.S_ISREG(os.stat(filename).st_mode)
    except (OSError, ValueError):
        return False
