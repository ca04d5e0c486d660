"""Other people's tools that look closely at code, on code whose frames run twins: they see and do what they do without us."""
import json
import socket
import sys
import textwrap

import pytest

from oracle import DEADLINE_S, PROBES, dump
from programs import TRACED, Program, run

PROGRAMS = {
    "numba": """
        import numba
        def function(n):
            total = 0
            for i in range(n):
                total += i if i % 3 else -i
            return total
        @numba.njit
        def compiled(n):
            total = 0
            for i in range(n):
                total += i
            return total
        for i in range(3):
            print(function(2000), compiled(2000))
        later = numba.njit(function)  # of a function that is hot
        print(later(2000), function(2000), later.py_func is function, compiled.py_func(2000))
        """,
    "pony": """
        from pony.orm import Database, Required, count, db_session, select
        database = Database("sqlite", ":memory:")
        class Person(database.Entity):
            name = Required(str)
            age = Required(int)
        database.generate_mapping(create_tables=True)
        def older(n):
            return sorted(name for name in select(p.name for p in Person if p.age > n and not p.name.startswith("x")))
        with db_session:
            for i in range(5):
                Person(name="n%d" % i, age=i)
            for i in range(4):
                print(older(i), count(p for p in Person if p.age < i), select(lambda: None) if i > 4 else None)
            print(Person.select(lambda p: p.age == 3)[:][0].name)
        """,
    "ipython": """
        from IPython.core import ultratb
        def fails(n):
            for i in range(n):
                n += [1 / (2 - i)
                      for j in range(2)][0]
        def outer(n):
            try:
                fails(n)
            except ZeroDivisionError as error:
                raise ValueError(n) from error
        for i in range(3):
            try:
                outer(5)
            except ValueError as error:
                for way in ultratb.VerboseTB(), ultratb.FormattedTB(mode="Context"):
                    print(way.text(type(error), error, error.__traceback__))
        """,
    "pickles": """
        import subprocess, cloudpickle, dill
        def function(n, seen=[]):
            for i in range(n):
                seen.append(i + len(more))
            return lambda: (seen, [x for x in range(n)])
        more = [1]
        for i in range(3):
            inner = function(3)
            inner()
        for module in cloudpickle, dill:
            try:
                pickled = module.dumps((function, inner))
            except Exception as error:
                print(type(error))  # not every Python is known to either
                continue
            there = "import pickle, sys; function, inner = pickle.load(sys.stdin.buffer); print(function(2)(), inner())"
            done = subprocess.run([sys.executable, "-c", there + "; assert 'heartrate_shm' not in sys.modules"],
                                  input=pickled, stdout=subprocess.PIPE)
            print(module.__name__, done.stdout)
        """,
}
NEWEST = {"pony": (3, 14)}  # Python that it supports (as in tests/requirements.txt); the others support all


@pytest.mark.skipif(sys.version_info < (3, 12), reason="functions keep their code before CPython 3.12")
@pytest.mark.parametrize("name", PROGRAMS)
def test_tool_sees_the_same(name, tmp_path):
    if sys.version_info[:2] > NEWEST.get(name, (4, 0)):
        pytest.skip("%s does not support Python beyond %d.%d" % (name, *NEWEST[name]))
    text = TRACED + textwrap.dedent(PROGRAMS[name])
    plain, traced = (run(tmp_path, text, way, HEARTRATE_SHM_COUNT="probes") for way in ("plain", "traced"))
    assert plain.stdout and (traced.stdout, traced.stderr) == (plain.stdout, plain.stderr)
    counted = next(file["counted_by"] for file in dump(traced.pid)["files"] if file["path"] == str(traced.path))
    assert counted["probes"] > 0


# ---- debugpy, as VS Code speaks with it ----

DEBUGGED = TRACED + """\
import debugpy
def callee(x):
    x += 1
    return x
def work(n):
    total = 0
    for i in range(n):
        if i == 3:
            print(debugpy.listen(("127.0.0.1", 0))[1], flush=True)
            debugpy.wait_for_client()
        total += callee(i)
    return total
print(work(8))
"""


class Adapter:
    """The Debug Adapter Protocol: JSON behind a header with its length."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.file = self.socket.makefile("rwb")
        self.asked = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()
        self.socket.close()

    def send(self, command, **arguments):
        self.asked += 1
        body = json.dumps({"seq": self.asked, "type": "request", "command": command, "arguments": arguments}).encode()
        self.file.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.file.flush()
        return self.asked

    def receive(self):
        header = self.file.readline()
        assert header.startswith(b"Content-Length: "), header
        self.file.readline()
        return json.loads(self.file.read(int(header.split()[1])))

    def ask(self, command, **arguments):
        asked = self.send(command, **arguments)
        while True:
            message = self.receive()
            if message["type"] == "response" and message["request_seq"] == asked:
                assert message["success"], message
                return message.get("body")
            self.events.append(message)

    def wait(self, event):
        while True:
            for message in self.events:
                if message.get("event") == event:
                    self.events.remove(message)
                    return message.get("body")
            self.events.append(self.receive())

    def stopped(self):
        """Where it stands, and what its variables are. (Not why: where a step ends at a breakpoint, debugpy says now this,
        now that.)"""
        stop = self.wait("stopped")
        frames = self.ask("stackTrace", threadId=stop["threadId"])["stackFrames"]
        scope = self.ask("scopes", frameId=frames[0]["id"])["scopes"][0]["variablesReference"]
        variables = self.ask("variables", variablesReference=scope)["variables"]
        self.thread = stop["threadId"]
        return [[(frame["name"], frame["line"]) for frame in frames],
                [(v["name"], v["value"]) for v in variables if v["name"] in ("i", "x", "total", "n")]]


def debug(program):
    """What stood where at each stop."""
    seen = []
    with Adapter(int(program.line())) as adapter:
        adapter.ask("initialize", adapterID="test")
        adapter.send("attach", justMyCode=False)  # answered when the configuration is done
        adapter.wait("initialized")
        source = {"path": str(program.path)}
        lines = DEBUGGED.splitlines()
        at = [lines.index("        total += callee(i)") + 1, lines.index("    x += 1") + 1]
        adapter.ask("setBreakpoints", source=source, breakpoints=[{"line": line} for line in at])
        adapter.ask("configurationDone")
        for command in "continue", "stepOut", "next", "next", "stepIn", "next", "continue":
            seen.append(adapter.stopped())
            if command == "stepIn":
                adapter.ask("setBreakpoints", source=source, breakpoints=[{"line": at[1], "condition": "x == 6"}])
            adapter.ask(command, threadId=adapter.thread)
        seen.append(adapter.stopped())
        adapter.ask("setBreakpoints", source=source, breakpoints=[])
        adapter.ask("continue", threadId=adapter.thread)
    return seen


@pytest.mark.skipif(not PROBES, reason="inline probes are of CPython 3.11 and later")
def test_debugpy_comes_while_a_frame_runs_its_twin(tmp_path):
    seen = {}
    for way in "plain", "traced":
        with Program(tmp_path, DEBUGGED, way, options=["-Xfrozen_modules=off"], HEARTRATE_SHM_COUNT="probes",
                     PYDEVD_DISABLE_FILE_VALIDATION="1") as program:
            seen[way] = debug(program), program.end().stdout
    assert seen["traced"] == seen["plain"] and "36" in seen["plain"][1]
    hits = program.hits()
    line = DEBUGGED.splitlines().index("        total += callee(i)") + 1
    assert (hits[line - 4], hits[line - 3], hits[line], hits[line + 1]) == (9, 8, 8, 1)
