"""Runs a program with its lines counted, as python would run it:

    run_counted.py plain|oracle|shm JOB PROGRAM [ARG...]
    run_counted.py plain|oracle|shm JOB -m MODULE [ARG...]

`plain` counts nothing, `oracle` counts with counter.py, `shm` calls heartrate_shm.trace(). All three run the same
lines of this file, so that nothing but the counting differs. JOB is a JSON file:

    files    prefixes of the paths whose lines are counted; null: all files. "<...>" names but <frozen ...> always are
    start    "now": before the program's first line; "itself": when the program calls counting.start()
    gc       whether the cyclic collector runs
    result   where to write, at the very end, what the process looks like (and what the oracle counted); marshal

When that is written the process waits for the end of its standard input: time to look at it from outside. (Lines that
run later, while the interpreter is taken down, are counted by heartrate_shm but not by the oracle.)
"""
import atexit
import gc
import importlib
import json
import linecache  # noqa: F401 - with all that it imports: heartrate_shm may, the program may, and only one of them gets to count it
import marshal
import os
import pkgutil
import runpy
import sys
import threading
import types
import warnings

MODE = sys.argv[1]
with open(sys.argv[2]) as _file:
    JOB = json.load(_file)
PID = os.getpid()


def wanted(path):
    if path.startswith("<"):
        return not path.startswith("<frozen ")
    if JOB["files"] is None:
        return True
    return any(path.startswith(prefix) for prefix in JOB["files"])


class Probe:
    """An object whose references are counted before and after."""


def read(path):
    with open(path, "rb", buffering=0) as file:
        return file.read()


def describe_process():
    """What a program could see of a tracer beside it, at its end."""
    # Lines are still counted: from here on nothing that has Python code in other files.
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name).split(":")[0]  # without the number of a "pipe:[4711]"
        except OSError:
            continue  # the one that listdir itself had open
        if "libgcc_s" not in target:  # the C library loads it when the first thread ends, maybe just now
            descriptors[name] = target
    return {
        "descriptors": repr(sorted(descriptors.items())),
        "threads": repr(sorted(thread.name for thread in threading.enumerate())),
        "trace": repr(sys.gettrace()),
        "profile": repr(sys.getprofile()),
        "references": repr(sys.getrefcount(PROBE)),
        "filters": repr(warnings.filters),
        "recursion": repr(sys.getrecursionlimit()),
        "children": repr(read("/proc/self/task/%d/children" % PID)),
    }


def finish():
    if os.getpid() != PID:
        return
    result = {"process": describe_process()}
    if COUNTER is not None:
        result["counts"] = COUNTER.result()
    with open(JOB["result"] + ".new", "wb", buffering=0) as file:
        file.write(marshal.dumps(result))
    os.rename(JOB["result"] + ".new", JOB["result"])
    os.read(0, 1)


def start():
    if MODE == "oracle":
        COUNTER.start()
    elif MODE == "shm":
        heartrate_shm.trace(files=wanted)


if not JOB["gc"]:
    gc.disable()
PROBE = Probe()
COUNTER = None
if MODE != "plain":
    # Both by both: what is imported already has no lines to run later, and some programs count sys.modules.
    import heartrate_shm
    from counter import LineCounter

    for _module in pkgutil.iter_modules(heartrate_shm.__path__, "heartrate_shm."):
        if not _module.name.endswith("__main__"):
            importlib.import_module(_module.name)
if MODE == "oracle":
    COUNTER = LineCounter(wanted)
atexit.register(finish)  # first in, so last out

counting = sys.modules["counting"] = types.ModuleType("counting")
counting.start = start if JOB["start"] == "itself" else lambda: None
counting.probe = PROBE

sys.argv = sys.argv[3:]
if sys.argv[0] == "-m":
    del sys.argv[0]
    sys.path[0] = os.getcwd()
    module = sys.argv[0]
    code = None
else:
    sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
    with open(sys.argv[0], "rb") as _file:
        code = compile(_file.read(), os.path.abspath(sys.argv[0]), "exec")
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = os.path.abspath(sys.argv[0])
    main.__builtins__ = __builtins__
if COUNTER is not None:
    COUNTER.install()
if JOB["start"] == "now":
    start()
if code is None:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
else:
    exec(code, main.__dict__)
