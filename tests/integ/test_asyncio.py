"""asyncio: each waiting task is a row with its await chain, and no code of the program runs to find it."""
import sys

import pytest

from live import Program, calls

# What a task awaits, as the program itself sees it; where a frame is shown that this walk cannot reach (the
# interpreter's own awaitables tell nobody what is behind them) the case says what follows.
REFERENCE = """
import asyncio, types

def chain(task):
    found, at = [], task.get_coro()
    while at is not None:
        for frame, awaits in (("cr_frame", "cr_await"), ("ag_frame", "ag_await"), ("gi_frame", "gi_yieldfrom")):
            if hasattr(at, awaits):
                if getattr(at, frame):
                    found.append([at.__name__, getattr(at, frame).f_lineno])
                at = getattr(at, awaits)
                break
        else:
            at = None
    return found

def graph(task):
    '''The same from asyncio, where it has it (3.14).'''
    if not hasattr(asyncio, "capture_call_graph"):
        return None
    stack = asyncio.capture_call_graph(task).call_stack
    return [[entry.frame.f_code.co_name, entry.frame.f_lineno] for entry in reversed(stack)]

async def done():
    await asyncio.get_running_loop().run_in_executor(None, wait)

async def settled(turns=20):
    for _ in range(turns):
        await asyncio.sleep(0)

async def leaf():
    await asyncio.get_running_loop().create_future()

"""

CASES = {
    "coroutine": ("async def mid(): await leaf()\nasync def top(): await mid()", []),
    "await method": ("class W:\n    def __await__(self):\n        yield from leaf().__await__()\n"
                     "async def top(): await W()", ["leaf"]),
    "wrapper": ("class W:\n    def __await__(self): return leaf().__await__()\nasync def top(): await W()", ["leaf"]),
    "async for": ("async def numbers():\n    await leaf()\n    yield 1\n"
                  "async def top():\n    async for _ in numbers(): pass", ["numbers", "leaf"]),
    "asend": ("async def numbers():\n    await leaf()\n    yield 1\nasync def top(): await numbers().asend(None)",
              ["numbers", "leaf"]),
    "async with": ("class W:\n    async def __aenter__(self): await leaf()\n    async def __aexit__(self, *_): pass\n"
                   "async def top():\n    async with W(): pass", []),
    "types.coroutine": ("@types.coroutine\ndef old(): yield from leaf()\nasync def top(): await old()", []),
    "event": ("async def top(): await asyncio.Event().wait()", []),
    "queue": ("async def top(): await asyncio.Queue().get()", []),
    "sleep": ("async def top(): await asyncio.sleep(1000)", []),
    "wait_for": ("async def top(): await asyncio.wait_for(leaf(), 1000)", []),
    "gather": ("async def top(): await asyncio.gather(leaf(), leaf())", []),
    "future": ("async def top(): await asyncio.get_running_loop().create_future()", []),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_row_of_a_waiting_task_is_its_await_chain(tmp_path, case):
    text, behind = CASES[case]
    with Program(tmp_path, REFERENCE + text + """
async def main():
    task = asyncio.ensure_future(top())
    task.set_name("Wärter")
    await settled()
    ready(chain=chain(task), graph=graph(task), loop=threading.get_ident(), id=id(task))
    await done()
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        facts = program.facts()
        known = len(facts["chain"])
        row = program.row("Wärter", lambda row: calls(row)[:known] == facts["chain"]
                          and [name for name, _ in calls(row)[known:]] == behind)
        assert row["task"] and row["state"] == "sleeping", row
        assert (row["native"], row["id"]) == (facts["loop"], facts["id"])
        if facts["graph"]:
            assert calls(row)[:len(facts["graph"])] == facts["graph"]


def test_deep_chain_keeps_both_ends(tmp_path):
    with Program(tmp_path, REFERENCE + """
async def deeper(n):
    if n:
        await deeper(n - 1)
    else:
        await leaf()
async def main():
    task = asyncio.ensure_future(deeper(99))
    task.set_name("deep")
    await settled()
    ready(chain=chain(task))
    await done()
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        expected = program.facts()["chain"]
        row = program.row("deep", lambda row: row["depth"] == 101)  # a look may have come while it went down
        assert (row["elided_at"], len(row["frames"])) == (16, 32)
        assert calls(row) == expected[:16] + expected[-16:]


def test_running_task_has_the_frames_below_its_coroutine(tmp_path):
    with Program(tmp_path, REFERENCE + """
def block():
    ready()
    wait()
async def top():
    block()
async def main():
    task = asyncio.ensure_future(top())
    task.set_name("busy")
    await task
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        program.facts()
        row = program.row("busy", lambda row: [name for name, _ in calls(row)] == ["top", "block", "wait"])
        thread = program.row("MainThread")
        assert calls(thread)[-3:] == calls(row)


def test_rows_follow_names_and_go_with_their_tasks(tmp_path):
    with Program(tmp_path, REFERENCE + """
async def main():
    loop = asyncio.get_running_loop()
    tasks = [asyncio.ensure_future(leaf()) for _ in range(5)]
    for i, task in enumerate(tasks):
        task.set_name("one %d" % i)
    await settled()
    ready()
    await loop.run_in_executor(None, sys.stdin.readline)
    for i, task in enumerate(tasks):
        task.set_name("two %d" % i)
    ready()
    await loop.run_in_executor(None, sys.stdin.readline)
    for task in tasks[1:]:
        task.cancel()
    await settled()
    ready()
    await done()
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        def names(dump):
            return sorted(row["name"] for row in dump["threads"] if row["task"] and row["name"][:3] in ("one", "two"))

        for expected in (["one %d" % i for i in range(5)], ["two %d" % i for i in range(5)], ["two 0"]):
            program.facts()
            program.poll(lambda dump: names(dump) == expected, "tasks " + ", ".join(expected))
            program.child.stdin.write("\n")
            program.child.stdin.flush()


def test_more_tasks_than_rows_are_counted_once_each(tmp_path):
    with Program(tmp_path, REFERENCE + """
async def main():
    loop = asyncio.get_running_loop()
    tasks = [asyncio.ensure_future(leaf()) for _ in range(40)]
    await settled()
    ready()
    await loop.run_in_executor(None, sys.stdin.readline)
    for task in tasks[:39]:
        task.cancel()
    tasks[39].set_name("last")
    await settled()
    ready()
    await done()
heartrate_shm.trace(size=1 << 20)
asyncio.run(main())
""") as program:
        program.facts()
        program.poll(lambda dump: dump["drops"].get("tasks") == 41 - 16, "25 of 41 tasks without a row")
        first = program.dump()["threads"]
        assert sum(row["task"] for row in first) == 16
        program.child.stdin.write("\n")
        program.child.stdin.flush()
        program.facts()
        program.row("last")
        assert program.dump()["drops"]["tasks"] == 41 - 16


def test_each_loop_has_its_thread(tmp_path):
    with Program(tmp_path, REFERENCE + """
started = []
async def main(name):
    task = asyncio.ensure_future(leaf())
    task.set_name(name)
    await settled()
    started.append((name, threading.get_ident()))
    if name == "first":
        while len(started) < 2:
            await asyncio.sleep(0.001)
        ready(**dict(started))
    await done()
heartrate_shm.trace()
thread = threading.Thread(target=lambda: asyncio.run(main("second")), daemon=True)
thread.start()
asyncio.run(main("first"))
""") as program:
        idents = program.facts()
        for name in ("first", "second"):
            assert program.row(name)["native"] == idents[name]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_eager_tasks_are_seen(tmp_path):
    with Program(tmp_path, REFERENCE + """
async def mid(): await leaf()
async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(mid(), name="eager")
    await settled()
    ready(chain=chain(task))
    await done()
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        facts = program.facts()
        program.row("eager", lambda row: calls(row) == facts["chain"])


HOSTILE = """
def shout(self, *args):
    os.write(1, b"the program's code was run\\\\n")
    raise RuntimeError("never ask")

hostile = dict.fromkeys(("__repr__", "__str__", "__bool__", "__len__", "__getattribute__"), shout)
hostile.update(dict.fromkeys(("done", "get_coro", "get_name", "_coro", "_name", "_loop", "_state"), property(shout)))
"""


@pytest.mark.parametrize("base", ["asyncio.Task", "asyncio.tasks._PyTask"])
def test_no_code_of_a_tasks_class_is_run(tmp_path, base):
    """What the sampler must not ask is put into the class when it is looked at, and taken out before asyncio goes on."""
    with Program(tmp_path, REFERENCE + HOSTILE + """
class Mine(%s):
    pass
if Mine.__mro__[1].__module__ != "_asyncio":
    for name in ("_coro", "_name", "_loop", "_state"):
        del hostile[name]
async def mid(): await leaf()
async def main():
    loop = asyncio.get_running_loop()
    task = Mine(mid(), loop=loop, name="mine")
    await settled()
    expected = chain(task)
    for name, value in hostile.items():
        setattr(Mine, name, value)
    heartrate_shm.trace()
    ready(chain=expected)
    sys.stdin.readline()
    for name in hostile:
        if name in vars(Mine):
            delattr(Mine, name)
    ready()
    await done()
asyncio.run(main())
""" % base) as program:
        facts = program.facts()
        program.row("mine", lambda row: calls(row) == facts["chain"])
        program.child.stdin.write("\n")
        program.child.stdin.flush()
        assert program.facts() == {}
        code, out, err = program.end()
        assert (code, out) == (0, ""), err


def test_tasks_of_the_python_class_are_seen(tmp_path):
    with Program(tmp_path, REFERENCE + """
async def mid(): await leaf()
async def main():
    task = asyncio.tasks._PyTask(mid(), loop=asyncio.get_running_loop(), name="python")
    await settled()
    ready(chain=chain(task))
    await done()
heartrate_shm.trace()
asyncio.run(main())
""") as program:
        facts = program.facts()
        program.row("python", lambda row: calls(row) == facts["chain"])


def test_a_storm_of_tasks_does_no_harm(tmp_path):
    """Tasks come and go as fast as they can while they are looked at, in memory that tells of wrong accesses."""
    with Program(tmp_path, REFERENCE + """
async def short(n):
    for _ in range(n):
        await asyncio.sleep(0)
    return n
async def main():
    total = 0
    end = time.monotonic() + 3
    while time.monotonic() < end:
        total += sum(await asyncio.gather(*[short(i % 7) for i in range(200)]))
    print(total > 0)
heartrate_shm.trace()
asyncio.run(main(), debug=False)  # which tells of slow steps, and other tests run beside us
""", options=["-X", "dev"]) as program:
        code, out, err = program.end()
        assert (code, out, err) == (0, "True\n", "")
