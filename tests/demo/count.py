"""Runs a program under a plain sys.settrace counter: what hrview's numbers must be equal to.

    count.py OUT.json SCRIPT [ARGUMENT …]

It stands in for heartrate_shm: the program's own `trace()` starts the counting, of the files that carry the comment,
in the calling thread from its next line and in later threads. When the program reads its standard input, it rests:
then the counts {path: {line: hits}} are written and the program goes on with an empty input.
"""
import io
import json
import os
import re
import runpy
import sys
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integ"))
from counter import LineCounter


def traced(path):
    try:
        with open(path, encoding="utf-8") as file:
            return re.search(r"#\s*heartrate", file.read()) is not None
    except OSError:
        return False


class Rest(io.StringIO):
    """The standard input of a program that says with it that it has come to rest."""

    def __init__(self, out, counter):
        super().__init__()
        self.out = out
        self.counter = counter

    def read(self, *size):
        with open(self.out, "w", encoding="utf-8") as file:
            json.dump(self.counter.result(), file)
        return ""


if __name__ == "__main__":
    out, script = sys.argv[1], os.path.abspath(sys.argv[2])
    counter = LineCounter(traced)
    counter.install()
    sys.modules["heartrate_shm"] = types.ModuleType("heartrate_shm")
    sys.modules["heartrate_shm"].trace = lambda **options: counter.start()
    sys.stdin = Rest(out, counter)
    sys.argv = [script] + sys.argv[3:]
    sys.path[:2] = [os.path.dirname(script)]
    runpy.run_path(script, run_name="__main__")
