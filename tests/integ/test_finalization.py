"""What a program leaves to the interpreter's end: files that nobody has closed, finalizers, suspended generators."""
import pytest

from programs import run

MODULE = """\
class Loud:
    def __init__(self, name): self.name = name
    def __del__(self): print("del", self.name, flush=True)
one = Loud("of another module")
file = open("other.txt", "w")
file.write("written by another module")
def generate(name):
    try:
        while True: yield name
    finally:
        print("generator ends", name, flush=True)
"""

PROGRAM = """\
import asyncio, atexit, functools, subprocess, sys, tempfile, threading, weakref
import other

def wanted(path): return path.endswith(("program.py", "other.py"))

class Filter:
    def __init__(self): self.me = self
    def __call__(self, path): return wanted(path)
    def method(self, path): return wanted(path)

if sys.argv[1] != "plain":
    import heartrate_shm
    trace = heartrate_shm.trace
    if sys.argv[1] == "lambda":
        trace(lambda path: wanted(path))
    elif sys.argv[1] == "object":
        trace(Filter())
    elif sys.argv[1] == "method":
        trace(Filter().method)
    elif sys.argv[1] == "partial":
        trace(functools.partial(lambda answer, path: answer, True))
    elif sys.argv[1] == "other module's":
        exec("def wanted(path): return True", other.__dict__)
        trace(other.wanted)
    elif sys.argv[1] == "children":
        trace(wanted, children=True)
    elif sys.argv[1] == "twice":
        trace(wanted)
        heartrate_shm.stop()
        trace(Filter())
    del trace

mine = other.Loud("of main")
cycle = other.Loud("in a cycle")
cycle.me = cycle
file = open("main.txt", "w")
file.write("written by main")
suspended = other.generate("suspended")
next(suspended)
local = threading.local()
local.mine = other.Loud("of a thread")
loop = asyncio.new_event_loop()
async def wait():
    try:
        await asyncio.sleep(1000)
    finally:
        print("task ends", flush=True)
task = loop.create_task(wait())
loop.run_until_complete(asyncio.sleep(0))
child = subprocess.Popen([sys.executable, "-c", ""])
child.wait()
weakref.finalize(other.Loud("finalized"), print, "finalized", flush=True)
directory = tempfile.TemporaryDirectory(prefix="")
class Meta(type):
    def __del__(cls): print("class ends", flush=True)
class Made(metaclass=Meta): pass
def hot(n):
    total = 0
    for i in range(n):
        total += i
    return total
for _ in range(3000):
    hot(3)
atexit.register(print, "exit handler", flush=True)
print("end", flush=True)
"""


def ended(directory, way, counting):
    """All that it said, in no order (the collector's own depends on what else there is), and wrote."""
    directory.mkdir()
    (directory / "other.py").write_text(MODULE)
    program = run(directory, PROGRAM, way, options=["-W", "default"], HEARTRATE_SHM_COUNT=counting)
    said = [line.split(" at 0x")[0].split("/tmp")[0].split("<Task")[0] for line in (program.stdout + program.stderr).splitlines()]
    return program, (sorted(said), (directory / "main.txt").read_text(), (directory / "other.txt").read_text())


@pytest.mark.parametrize("counting", ["", "probes"])
@pytest.mark.parametrize("way", ["lambda", "object", "method", "partial", "other module's", "children", "twice"])
def test_what_a_filter_could_hold_ends_as_without_us(tmp_path, way, counting):
    _, plain = ended(tmp_path / "plain", "plain", counting)
    program, traced = ended(tmp_path / "traced", way, counting)
    assert traced == plain
    assert plain[1:] == ("written by main", "written by another module") and "del of main" in plain[0]
    assert program.hits()[1 + PROGRAM[:PROGRAM.index("    for i in")].count("\n")] == 12000
    assert program.hits(tmp_path / "traced" / "other.py")[3] == sum(line.startswith("del ") for line in plain[0])
