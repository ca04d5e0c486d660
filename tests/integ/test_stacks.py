"""Stacks: names, ids, depth, columns and run states of all threads, and what the program must not see of the sampler."""
import sys

import pytest

from live import Program, calls


def test_threads_have_their_names_and_ids(tmp_path):
    with Program(tmp_path, """
import _thread
told = {}
def work(name):
    told[name] = [threading.get_ident(), threading.get_native_id()]
    wait()
heartrate_shm.trace()
told["MainThread"] = [threading.get_ident(), threading.get_native_id()]
threading.Thread(target=work, args=("first",), name="first", daemon=True).start()
late = threading.Thread(target=work, args=("Zweiter ✓",), name="not yet", daemon=True)
late.start()
_thread.start_new_thread(work, ("raw",))
while len(told) < 4:
    time.sleep(0.001)
late.name = "Zweiter ✓"
ready(**told)
wait()
""") as program:
        told = program.facts()
        for name, (ident, native) in told.items():
            row = program.row("thread %d" % ident if name == "raw" else name, lambda row: row["native"] in (native, 0))
            assert (row["id"], row["task"]) == (ident, False)
            # Below 3.11 only threading knows the kernel's id, and it does not know this thread.
            assert row["native"] == (0 if name == "raw" and sys.version_info < (3, 11) else native)


def test_rows_of_ended_threads_are_given_back(tmp_path):
    with Program(tmp_path, """
heartrate_shm.trace()
stop = threading.Event()
threads = [threading.Thread(target=stop.wait, name="t%d" % i) for i in range(5)]
for thread in threads: thread.start()
ready()
sys.stdin.readline()
stop.set()
ready()
wait()
""") as program:
        program.facts()
        program.poll(lambda dump: len(dump["threads"]) == 6, "six threads")
        program.child.stdin.write("\n")
        program.child.stdin.flush()
        program.poll(lambda dump: [row["name"] for row in dump["threads"]] == ["MainThread"], "only the main thread")


def test_only_the_calling_thread_with_threads_false(tmp_path):
    with Program(tmp_path, """
threading.Thread(target=wait, name="other", daemon=True).start()
heartrate_shm.trace(threads=False)
ready()
time.sleep(1000)
""") as program:
        program.facts()
        program.row("MainThread")
        assert [row["name"] for row in program.dump()["threads"]] == ["MainThread"]


@pytest.mark.parametrize("depth", [200, 10000])
def test_deep_stack_keeps_both_ends_and_tells_its_depth(tmp_path, depth):
    with Program(tmp_path, """
def deeper(n):
    if n:
        deeper(n - 1)
    else:
        ready()
        wait()
heartrate_shm.trace()
sys.setrecursionlimit(20000)
threading.stack_size(512 << 20)
thread = threading.Thread(target=deeper, args=(%d,), name="deep")
thread.start()
thread.join()
print("done", flush=True)
""" % depth) as program:
        program.facts()
        row = program.row("deep", lambda row: calls(row)[-1][0] == "wait")
        whole = depth + 5  # _bootstrap, _bootstrap_inner, run, deeper ..., wait
        assert row["depth"] == whole
        if whole <= 256:
            assert (row["elided_at"], len(row["frames"])) == (whole, whole)
        else:
            assert (row["elided_at"], len(row["frames"])) == (128, 256)
        names = [name for name, _ in calls(row)]
        assert names == ["_bootstrap", "_bootstrap_inner", "run"] + ["deeper"] * (len(names) - 4) + ["wait"]
        code, out, err = program.end()
        assert (code, out, err) == (0, "done\n", "")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="code has no columns below 3.11")
@pytest.mark.parametrize("body", [
    "x = 1 + here() * 2",
    "äöü = [\n        here()\n        for _ in range(1)]",
    "return dict(a=1,\n        b=here(),\n        c=3)",
    "return f'{here()}✓'",
    "return (lambda: here())()",
    "return C().attr",
    "with M(): pass",
    "for x in gen(): pass",
    "assert here() is None",
    "'ñandú'; here(); 'ñ'",
])
def test_columns_are_those_of_co_positions(tmp_path, body):
    with Program(tmp_path, """
def here():
    while sys.stdin.readline(): pass
class C:
    @property
    def attr(self): return here()
class M:
    def __enter__(self): here()
    def __exit__(self, *_): pass
def gen():
    yield here()
def run():
    %s
def expected(frame):
    found = []
    while frame:
        line, end_line, col, end_col = list(frame.f_code.co_positions())[frame.f_lasti // 2]
        found.insert(0, [frame.f_code.co_qualname, line, end_line, col, end_col])
        frame = frame.f_back
    return found
heartrate_shm.trace()
thread = threading.Thread(target=run, name="one", daemon=True)
thread.start()
def parked():
    frame = sys._current_frames().get(thread.ident)
    return frame if frame and frame.f_code is here.__code__ else None
while not parked():
    time.sleep(0.001)
ready(frames=expected(parked()))
thread.join()
""" % body) as program:
        frames = program.facts()["frames"]

        def got(row):
            return [[frame[what] for what in ("function", "line", "end_line", "col", "end_col")] for frame in row["frames"]]

        program.row("one", lambda row: got(row) == frames)


def test_run_states(tmp_path):
    with Program(tmp_path, """
heartrate_shm.trace(lambda path: False)
def spin():
    while True: pass
threading.Thread(target=spin, name="spins", daemon=True).start()
ready()
wait()
""") as program:
        program.facts()
        program.row("spins", lambda row: row["state"] == "running")
        program.row("MainThread", lambda row: row["state"] == "sleeping")


COLLECTIONS = """
import ctypes, gc
if sys.argv[1] == "traced":
    heartrate_shm.trace(lambda path: False)
elif sys.version_info < (3, 12):
    # Any trace function moves them: the interpreter makes objects for it. This C function does nothing, and says so.
    ctypes.pythonapi.PyEval_SetTrace(ctypes.CDLL(None).pthread_equal, None)

def samples():
    import struct
    with open("/dev/shm/" + heartrate_shm._tracer.segment(), "rb") as segment:
        return struct.unpack_from("<Q", segment.read(4096), 1024 + 88)[0]

moments = []
i = 0
def deeper(n):
    global i
    kept = []
    if n:
        deeper(n - 1)
        return
    for _ in range(300):
        time.sleep(0.001)
        for _ in range(40):
            i += 1
            kept.append([])
gc.callbacks.append(lambda phase, info: moments.append((i, phase, info["generation"], info["collected"])))
before = samples() if sys.argv[1] == "traced" else 0
deeper(0)  # what it takes to know a function is not the sampler's
gc.collect()
gc.collect()
del moments[:]
i = 0
deeper(100)
seen = samples() - before if sys.argv[1] == "traced" else 0
ready(moments=moments, seen=seen)
"""


def test_garbage_is_collected_at_the_same_moments(tmp_path):
    """Looking at stacks makes no objects, so the collector's counts move as without us; below 3.12, by events alone, as
    with a trace function that does nothing."""
    told = {}
    for way in ("plain", "traced"):
        (tmp_path / way).mkdir()
        env = {"HEARTRATE_SHM_COUNT": "events"} if sys.version_info < (3, 12) else {}
        with Program(tmp_path / way, COLLECTIONS.replace("sys.argv[1]", repr(way)), env=env) as program:
            told[way] = program.facts()
    assert told["traced"]["seen"] >= 3
    plain, traced = told["plain"]["moments"], told["traced"]["moments"]
    assert len(plain) > 4
    # Tracing itself may have left an object or two in the interpreter's free lists by the first; from there on the
    # distances are the same.
    assert 0 <= plain[0][0] - traced[0][0] <= 2
    shift = plain[0][0] - traced[0][0]
    assert [[at + shift] + what for at, *what in traced] == plain


def test_threads_come_and_go_while_they_are_looked_at(tmp_path):
    """In memory that tells of wrong accesses, with warnings as errors."""
    with Program(tmp_path, """
heartrate_shm.trace()
end = time.monotonic() + 3
def work(n):
    if n: work(n - 1)
while time.monotonic() < end:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print("done")
""", options=["-X", "dev", "-W", "error"]) as program:
        assert program.end() == (0, "done\n", "")


@pytest.mark.parametrize("turn", range(3))
def test_daemon_threads_at_shutdown(tmp_path, turn):
    with Program(tmp_path, """
heartrate_shm.trace()
def spin(n):
    if n: spin(n - 1)
    while True: [str(i) for i in range(100)]
for i in range(4):
    threading.Thread(target=spin, args=(i,), daemon=True).start()
time.sleep(0.%d)
print("done")
""" % (turn + 1), options=["-X", "dev"]) as program:
        assert program.end() == (0, "done\n", "")


def test_only_the_programs_threads_have_frames(tmp_path):
    with Program(tmp_path, """
heartrate_shm.trace()
frames = set()
for _ in range(100):
    time.sleep(0.005)
    frames.update(sys._current_frames())
ready(me=threading.get_ident(), frames=list(frames), threads=threading.active_count())
""") as program:
        facts = program.facts()
        assert (facts["frames"], facts["threads"]) == ([facts["me"]], 1)
        assert program.end() == (0, "", "")
