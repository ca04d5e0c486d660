"""Runs a program under a plain sys.settrace counter: what hrview's numbers must be equal to.

    count.py OUT.json SCRIPT [ARGUMENT …]

It stands in for heartrate_shm: the program's own `trace()` starts the counting, of the files that carry the comment,
in the calling thread from its next line and in later threads. When the program reads its standard input, it rests:
then the counts {path: {line: hits}} are written and the program goes on with an empty input.
"""
import functools
import io
import json
import os
import re
import runpy
import sys
import threading
import types

counts = {}  # (thread, path, line): the thread is in the key because `+=` is not atomic


@functools.lru_cache(maxsize=None)
def traced(path):
    try:
        with open(path, encoding="utf-8") as file:
            return re.search(r"# *heartrate", file.read()) is not None
    except (OSError, UnicodeDecodeError):
        return False


def on_call(frame, event, arg):
    return on_line if traced(frame.f_code.co_filename) else None


def on_line(frame, event, arg):
    if event == "line":
        key = threading.get_ident(), frame.f_code.co_filename, frame.f_lineno
        counts[key] = counts.get(key, 0) + 1
    return on_line


def trace(**options):
    frame = sys._getframe(1)
    while frame is not None:
        frame.f_trace = on_call(frame, "call", None)
        frame = frame.f_back
    threading.settrace(on_call)
    sys.settrace(on_call)


class Rest(io.StringIO):
    """The standard input of a program that says with it that it has come to rest."""

    def __init__(self, out):
        super().__init__()
        self.out = out

    def read(self, *size):
        files = {}
        for (_, path, line), hits in counts.items():
            lines = files.setdefault(path, {})
            lines[line] = lines.get(line, 0) + hits
        with open(self.out, "w", encoding="utf-8") as file:
            json.dump(files, file)
        return ""


if __name__ == "__main__":
    out, script = sys.argv[1], os.path.abspath(sys.argv[2])
    sys.modules["heartrate_shm"] = types.ModuleType("heartrate_shm")
    sys.modules["heartrate_shm"].trace = trace
    sys.stdin = Rest(out)
    sys.argv = [script] + sys.argv[3:]
    sys.path[0] = os.path.dirname(script)
    runpy.run_path(script, run_name="__main__")
