"""``hrview attach PID``: tracing begins in a program that runs already, by ``sys.remote_exec`` (PEP 768, Python 3.14+).

hrview runs this file as a script with an interpreter of the program's version, which asks for a few lines of hrview's
to be run on the program's main thread; these import this module there and call begin().
"""

import os
import sys


def main(pid, script):
    """Asks for it. What went wrong is printed, its class first: hrview turns it into words."""
    try:
        sys.remote_exec(int(pid), script)
    except Exception as error:
        print(type(error).__name__, error)
        return 1
    return 0


def begin(patterns, every, name, result):
    """In the program: traces as ``python -m heartrate_shm`` would, and tells how it went."""
    try:
        said = _begin(patterns, every, name)
    except BaseException as error:
        said = "%s: %s" % (type(error).__name__, error)
    tell(result, said)


def _begin(patterns, every, name):
    from . import _commandline, _trace, _tracer, files

    settings = _trace.Settings([], [], True, name, _tracer.DEFAULT_SIZE, True)
    settings.called = _trace.default_name() if name is None else name
    settings.files.append(files.all if every else files.path_contains(*patterns) if patterns else files.marked)
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script:
        settings.callers.append(script)
        settings.files.append(_commandline.only(script))
    if not _trace.begin(settings):
        return "it is traced already"
    return "" if _tracer.segment() else "the program says on its standard error why"


def tell(result, said):
    """Writes the file that hrview waits for, whole."""
    descriptor = os.open(result + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(descriptor, said.encode("utf-8", "replace"))
    os.close(descriptor)
    os.rename(result + ".new", result)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
