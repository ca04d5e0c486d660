"""Watches a traced program while it runs: starts one, and asks `hrview dump` until it shows what is expected."""
import json
import subprocess
import sys
import time

import oracle

DEADLINE_S = 30

PRELUDE = """
import json, os, sys, threading, time
import heartrate_shm

def ready(**facts):
    print(json.dumps(facts), flush=True)

def wait():
    '''Until the test is done with us.'''
    sys.stdin.read()
"""


class Program:
    """`text` runs behind PRELUDE. It says ready() when there is something to see, and ends when wait() returns."""

    def __init__(self, directory, text, options=(), env=None):
        self.path = directory / "program.py"
        self.path.write_text(PRELUDE + text, encoding="utf-8")
        self.errors = open(str(directory / "stderr"), "w+")
        self.child = subprocess.Popen([sys.executable, *options, str(self.path)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=self.errors, universal_newlines=True,
                                      cwd=str(directory), env=oracle.environment(**(env or {})))

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.child.kill()
        self.child.communicate()
        self.errors.close()

    def facts(self):
        """What the program says with its next ready()."""
        line = self.child.stdout.readline()
        assert line, "the program ended: " + self.stderr()
        return json.loads(line)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read()

    def dump(self):
        return oracle.dump(self.child.pid)

    def poll(self, look, what):
        """The first true answer of look(dump)."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            dump = self.dump()
            found = look(dump)
            if found:
                return found
            assert time.monotonic() < deadline, "waited in vain: %s; last seen:\n%s\n%s" % (
                what, shown(dump), self.stderr())
            time.sleep(0.05)

    def row(self, name, look=lambda row: True):
        """The thread or task `name` as soon as it is there and look(row) is true."""
        return self.poll(lambda dump: next((row for row in dump["threads"] if row["name"] == name and look(row)), None),
                         "a row %r as it should be" % name)

    def end(self):
        """Lets the program end; (exit code, stdout, stderr)."""
        out, _ = self.child.communicate(timeout=DEADLINE_S)
        return self.child.returncode, out, self.stderr()


def calls(row, path=None):
    """[function, line] of a row's frames, outermost first; only those of `path` when it is given. Functions without
    what stands before their last dot: below 3.11 code does not know it."""
    return [[frame["function"].rsplit(".", 1)[-1], frame["line"]] for frame in row["frames"]
            if path is None or frame["file"] == str(path)]


def shown(dump):
    return "\n".join("%s %r %s: %s" % ("task" if row["task"] else "thread", row["name"], row["state"],
                                       " > ".join("%s:%d" % tuple(call) for call in calls(row)))
                     for row in dump["threads"])
