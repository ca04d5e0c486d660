"""``HEARTRATE_SHM=1``: programs that cannot be changed, traced as ``python -m heartrate_shm`` would.

heartrate_shm.pth, which every Python of an environment runs when it starts, calls begin() when the variable is
there. Its value is 1, or options of ``python -m heartrate_shm``: ``HEARTRATE_SHM="--files myapp/ --name web"``.
"""

import os
import sys


_begun = False


def begin():
    """Once: site reads the .pth files of a virtual environment twice."""
    global _begun
    if _begun:
        return
    _begun = True
    value = os.environ["HEARTRATE_SHM"].strip()
    if value in ("", "0") or "HEARTRATE_SHM_CHILD" in os.environ:
        return  # the latter: the program that started this one says how to trace it (_children.py)
    from . import _trace

    try:
        _begin(value)
    except Exception as error:  # whatever it is, the program runs on
        _trace.tell("HEARTRATE_SHM=%s: not tracing, the program runs on: %s" % (value, error))


def _begin(value):
    from . import _children, _commandline

    words = [os.fsdecode(word) for word in _commandline.own()[1:]]
    _, kind, program, _ = _commandline.split(words)
    if not kind or _commandline.is_viewer(kind, program):
        return
    import shlex

    from . import __main__  # not before: as the program itself it would be there already

    # Where the program's own modules will be looked for is not in sys.path yet.
    sys.path.insert(0, os.getcwd())
    try:
        command = ["-" + kind, program] if kind in "cm" else [program]
        settings, _ = __main__.read(([] if value == "1" else shlex.split(value)) + command)
    finally:
        del sys.path[0]
    settings.called = settings.name if settings.name is not None else _commandline.name(words)
    _children.begin(settings)

