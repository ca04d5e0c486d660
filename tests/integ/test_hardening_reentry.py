"""Filters, names and objects of the program that do what nobody expects while the tracer has them in hand."""

import sys

import pytest

from hardening import environment, survives

PRELUDE = """\
import os, sys, threading, types
import heartrate_shm

def made(name, text="def f():\\n    return 1\\n", function="f"):
    space = {}
    exec(compile(text, name, "exec"), space)
    return space[function]

"""


def program(tmp_path, text, **options):
    return survives(tmp_path, PRELUDE + text, **options)


def test_a_filter_that_stops_the_tracer(tmp_path):
    program(tmp_path, """
def files(path):
    heartrate_shm.stop()
    return True
for i in range(20):
    heartrate_shm.trace(files)
    print(made("one%d" % i)(), made("two%d" % i)())
heartrate_shm.stop()
""")


def test_a_filter_that_traces_again(tmp_path):
    program(tmp_path, """
def files(path):
    heartrate_shm.trace(files)
    return "two" in path
heartrate_shm.trace(files)
for i in range(20):
    print(made("one%d" % i)(), made("two%d" % i)())
""")


def test_a_filter_that_stops_and_starts_anew(tmp_path):
    program(tmp_path, """
def files(path):
    heartrate_shm.stop()
    heartrate_shm.trace(lambda path: True)
    return True
for i in range(20):
    heartrate_shm.stop()
    heartrate_shm.trace(files)
    print(made("one%d" % i)(), made("two%d" % i)())
""")


def test_a_filter_that_imports(tmp_path):
    program(tmp_path, """
def files(path):
    import decimal, xml.dom.minidom, email.mime.text
    return True
heartrate_shm.trace(files)
print(made("one")(), made("two")())
""")


def test_filters_that_raise_everything(tmp_path):
    ran = program(tmp_path, """
class Odd(BaseException):
    def __str__(self):
        raise SystemExit(7)
raised = [ValueError("\\udc80 \\ud800"), Odd(), SystemExit(3), GeneratorExit(), RecursionError(), MemoryError()]
def files(path):
    if raised:
        raise raised.pop()
    return 3
class NoTruth:
    def __bool__(self):
        raise KeyError("truth")
heartrate_shm.trace(files)
heartrate_shm.trace(lambda path: NoTruth())
for i in range(20):
    print(made("one%d" % i)())
""")
    assert ran.segment.notes == ["the files filter raised MemoryError for %s: not traced ()" % (tmp_path / "program.py")] or \
        any("raised" in note for note in ran.segment.notes), ran.segment.notes


def test_ctrl_c_while_a_filter_is_at_work_is_not_lost(tmp_path):
    program(tmp_path, """
import signal
first = [True]
def files(path):
    if first:
        first.clear()
        os.kill(os.getpid(), signal.SIGINT)
        for i in range(100000): pass
    return True
def main():
    heartrate_shm.trace(files)
    if first:
        first.clear()
        os.kill(os.getpid(), signal.SIGINT)
    for i in range(10):
        made("one")()
try:
    main()
except KeyboardInterrupt:
    print("interrupted")
""")


def test_a_filter_that_runs_threads(tmp_path):
    """Bare ones: threading's own locks may be held by the very code that is asked about."""
    program(tmp_path, """
import _thread
inner = made("inner")
def files(path):
    ended = _thread.allocate_lock()
    ended.acquire()
    def run():
        inner()
        ended.release()
    _thread.start_new_thread(run, ())
    ended.acquire()
    return True
heartrate_shm.trace(files)
print(made("one")(), made("two")())
""")


def test_a_filter_that_takes_long_loses_no_other_threads_hits(tmp_path):
    """While one thread asks for a file, others run code of the same file for the first time."""
    ran = program(tmp_path, """
import time
other = made("other", "".join("def f%d():\\n    return %d\\n" % (i, i) for i in range(40)) + "all = [globals()['f%d' % i] for i in range(40)]\\n", "all")
asked, answered = threading.Event(), threading.Event()
def files(path):
    if path == "other":
        asked.set()
        answered.wait(0.2)
    return True
def run(i):
    if i:
        asked.wait(.3)
    other[i]()
    if i == 39:
        answered.set()
threads = [threading.Thread(target=run, args=(i,)) for i in range(40)]
heartrate_shm.trace(files)
for thread in threads: thread.start()
for thread in threads: thread.join()
print("done")
""")
    assert ran.segment.of("other") == {2 + 2 * i: 1 for i in range(40)}


def test_a_file_whose_stack_is_looked_at_while_its_filter_is_asked(tmp_path):
    """It has one entry in the segment, for which the filter's answer is waited for."""
    ran = program(tmp_path, """
import glob, struct, time
def samples():
    with open(glob.glob("/dev/shm/heartrate_shm.*.%d.*" % os.getpid())[0], "rb") as segment:
        start = segment.read(4096)
    control, = struct.unpack_from("=Q", start, 24)
    return struct.unpack_from("=Q", start, control + 88)[0]
def files(path):
    if path == "asked":
        before = samples()
        while samples() < before + 2:
            time.sleep(0.001)
        return True
heartrate_shm.trace(files)
print(made("asked")())
""")
    assert ran.segment.files.count("asked") == 1, ran.segment.files
    assert ran.segment.of("asked") == {1: 1, 2: 1}


def test_stopping_while_another_thread_waits_in_a_filter(tmp_path):
    program(tmp_path, """
import time
waiting, go = threading.Event(), threading.Event()
def files(path):
    if path.startswith("slow"):
        waiting.set()
        go.wait(.2)
    return True
for i in range(4):
    waiting.clear(), go.clear()
    heartrate_shm.trace(files)
    thread = threading.Thread(target=made("slow%d" % i))
    thread.start()
    if heartrate_shm.__name__ == "heartrate_shm":
        waiting.wait(.1)
    heartrate_shm.stop()
    if i % 2:
        heartrate_shm.trace(files)
    go.set()
    thread.join()
    heartrate_shm.stop()
print("done")
""")


def test_trace_and_stop_from_many_threads_at_once(tmp_path):
    program(tmp_path, """
def work(i):
    for n in range(30):
        if (i + n) % 3:
            heartrate_shm.trace(lambda path: True)
            made("work%d" % i)()
        else:
            heartrate_shm.stop()
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
heartrate_shm.stop()
print("done")
""")


def test_forks_while_other_threads_trace_and_stop(tmp_path):
    program(tmp_path, """
import warnings
warnings.simplefilter("ignore")
def work(i):
    for n in range(20):
        if n % 2:
            heartrate_shm.trace(lambda path: True)
            made("work%d" % i)()
        else:
            heartrate_shm.stop()
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for thread in threads: thread.start()
for n in range(10):
    pid = os.fork()
    if pid == 0:
        os._exit(made("child")())
    assert os.waitpid(pid, 0)[1] == 256
for thread in threads: thread.join()
heartrate_shm.stop()
print("done")
""")


def test_threads_that_end_while_an_audit_hook_lets_them(tmp_path):
    """Setting another thread's trace function must not wait for a hook of the program's: that thread may be gone behind it."""
    survives(tmp_path, """\
        import _thread, sys, time
        import heartrate_shm
        ended = []
        def audit(event, args):
            if event == "sys.settrace":
                time.sleep(0.0003)
        sys.addaudithook(audit)
        def short():
            ended.append(1)
        heartrate_shm.trace(lambda path: True)
        for _ in range(300):
            _thread.start_new_thread(short, ())
            _thread.start_new_thread(short, ())
            time.sleep(0.0005)
        while len(ended) < 600:
            time.sleep(0.001)
        print("done")
        """)


@pytest.mark.parametrize("malloc", ["pymalloc", "debug"])
@pytest.mark.parametrize("imported", ["before", "after"])
def test_tracemalloc_begun_and_ended(tmp_path, malloc, imported):
    """stop() frees what a thread that waits for the GIL in an allocation of its own goes on with: the sampler must not."""
    survives(tmp_path, """\
        import os, time
        if os.environ["IMPORTED"] == "before":
            import tracemalloc
        import heartrate_shm

        class Frames:
            def __index__(self):
                time.sleep(0.01)
                return 3

        def busy(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
        heartrate_shm.trace(lambda path: True)
        import tracemalloc
        for i in range(60):
            tracemalloc.start(Frames() if i % 4 == 0 else 3)
            busy(0.006)
            memory = [bytes(1000)]
            assert tracemalloc.get_object_traceback(memory[0]) is not None
            tracemalloc.stop()
            busy(0.006)
        try:
            tracemalloc.start(0)
        except ValueError as error:
            print(error)
        print(tracemalloc.is_tracing(), tracemalloc.start, tracemalloc.stop.__text_signature__)
        """, env=environment(PYTHONMALLOC=malloc, IMPORTED=imported))


def test_a_filters_finalizer_that_traces(tmp_path):
    program(tmp_path, """
class Filter:
    def __init__(self, n): self.n = n
    def __call__(self, path): return True
    def __del__(self):
        if self.n: heartrate_shm.trace(Filter(self.n - 1))
heartrate_shm.trace(Filter(5))
for i in range(8):
    made("one")()
    heartrate_shm.stop()
print(made("three")())
""")


def test_file_names_of_a_str_class(tmp_path):
    program(tmp_path, """
class Name(str):
    def __hash__(self): raise KeyError("hash")
    def __eq__(self, other): raise KeyError("eq")
    def encode(self, *args): raise KeyError("encode")
class Liar(str):
    def __hash__(self): heartrate_shm.stop(); return 1
    def __eq__(self, other): return True
heartrate_shm.trace(lambda path: True)
for kind in Name, Liar:
    f = made("plain")
    try:
        f = types.FunctionType(f.__code__.replace(co_filename=kind("odd")), {})
    except TypeError:
        pass
    print(f())
import time
""")


def test_file_names_of_a_str_class_are_the_programs_own(tmp_path):
    """The sampler, which looks at the stack while the filter is asked, does not call its methods."""
    program(tmp_path, """
import time
strangers = []
class Name(str):
    def __hash__(self):
        if threading.get_ident() != threading.main_thread().ident: strangers.append(1)
        return 1
    def __eq__(self, other): return False
def files(path):
    time.sleep(0.3 * (path == "odd"))
    return True
f = made("plain")
heartrate_shm.trace(files)
print(types.FunctionType(f.__code__.replace(co_filename=Name("odd")), {})(), strangers)
""")


ODD_NAMES = ["''", "'\\udc80.py'", "'\\ud800.py'", "'nul\\0.py'", "'/'", "'/dev/null'", "'.'", "'<x'", "'a' * 100000", "'\\n'",
             "'/proc/self/mem'", "'/dev/zero'", "'/dev/full'", "sys.executable"]


def test_odd_file_names(tmp_path):
    ran = program(tmp_path, """
heartrate_shm.trace(lambda path: True)
for name in [%s]:
    print(made(name)())
""" % ", ".join(ODD_NAMES))
    assert sum(n for (path, line), n in ran.segment.lines.items() if not path.endswith("program.py")) >= len(ODD_NAMES)


@pytest.mark.parametrize("files", ["", "heartrate_shm.files.contains_regex('heartrate')"])
def test_the_filters_read_nothing_that_has_no_end(tmp_path, files):
    """A FIFO without a writer, a device: opening or reading one would hang the program, or eat its input."""
    program(tmp_path, """
if not os.path.exists("fifo"): os.mkfifo("fifo")
r, w = os.pipe()
heartrate_shm.trace(%s)
for name in "fifo", "/dev/zero", "/dev/fd/%%d" %% r, "/dev/stdin", "/dev/tty":
    print(made(os.path.abspath(name))())
""" % files)


def test_no_source_is_looked_for_in_what_has_no_end(tmp_path):
    program(tmp_path, """
if not os.path.exists("fifo"): os.mkfifo("fifo")
r, w = os.pipe()
os.write(w, b"input")
heartrate_shm.trace(lambda path: True)
for name in "fifo", "/dev/zero", "/dev/fd/%d" % r, os.path.abspath("fifo"):
    print(made(name)())
print(os.read(r, 100))
""")


def test_a_loader_that_misbehaves(tmp_path):
    program(tmp_path, """
class Loader:
    def get_source(self, name):
        heartrate_shm.stop()
        if name == "raise": raise SystemExit(5)
        return 7 if name == "seven" else "\\udc80"
heartrate_shm.trace(lambda path: True)
for i, name in enumerate(("stop", "raise", "seven")):
    space = {"__name__": name, "__loader__": Loader()}
    exec(compile("def f():\\n    return 1\\n", "cell%d" % i, "exec"), space)
    heartrate_shm.trace(lambda path: True)
    print(space["f"]())
heartrate_shm.stop()
""")


def test_line_tables_that_span_all_numbers(tmp_path):
    """One counter for each line between the first and the last would take gigabytes."""
    program(tmp_path, """
import ast, resource
heartrate_shm.trace(lambda path: True)
tree = ast.parse("def f():\\n    x = 1\\n    return x\\n")
for number in 1, 2**20, 2**30 - 2, 2**30 + 5, 2**31 - 8:
    copy = ast.parse("def f():\\n    x = 1\\n    return x\\n")
    body = copy.body[0].body[1]
    for node in ast.walk(body):
        if hasattr(node, "lineno"): node.lineno = node.end_lineno = number
    space = {}
    exec(compile(copy, "far%d" % number, "exec"), space)
    print(space["f"]())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 300000)
""")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is of 3.11 and later")
def test_handlers_with_thousands_of_branches(tmp_path):
    """Our search through them takes none of a small stack."""
    program(tmp_path, """
import contextlib
many = ",\\n".join(["1 if c else 2, 1 if c else 2, 1 if c else 2"] * 1000)
text = "def f(a, c):\\n with a:\\n  try: c()\\n  except* KeyError as e: c()\\n  except* ValueError as e: [%s]" % many
heartrate_shm.trace(lambda path: True)
threading.stack_size(65536)
thread = threading.Thread(target=made("long", text), args=(contextlib.nullcontext(), int))
thread.start()
thread.join()
print("end")
""", env=environment(HEARTRATE_SHM_COUNT="probes"))


def test_code_objects_made_by_hand(tmp_path):
    program(tmp_path, """
heartrate_shm.trace(lambda path: True)
def f(n):
    x = n
    return x + 1
code = f.__code__
tables = [b"", b"\\x00", b"\\xff" * 4, b"\\x80\\x00" * 20, bytes(range(256))]
if sys.version_info[:2] == (3, 11):
    tables = []  # sys.settrace itself ends that interpreter
field = "co_linetable" if hasattr(code, "co_linetable") else "co_lnotab"
shown = 0
for table in tables + [getattr(code, field)]:
    for first in 0, 1, 2**31 - 1:
        try:
            odd = code.replace(**{field: table, "co_firstlineno": first, "co_filename": "odd%d" % first, "co_name": "\\udc80\\ud800"})
        except ValueError:
            continue
        shown += types.FunctionType(odd, {})(1)
print(shown)
""")


def test_threads_with_odd_names_and_threading_in_pieces(tmp_path):
    program(tmp_path, """
import time
class Odd(threading.Thread):
    name = property(lambda self: 1 / 0, lambda self, value: None)
    _name = property(lambda self: os._exit(3), lambda self, value: None)
heartrate_shm.trace(lambda path: True)
done = threading.Event()
threads = [Odd(target=done.wait)] + [threading.Thread(target=done.wait) for _ in range(4)]
for thread, name in zip(threads[1:], (7, None, "\\ud800", "x" * 100000)):
    thread._name = name
for thread in threads: thread.start()
time.sleep(.15)
real, active = threading, threading._active
threading._active = {Odd: 1}
time.sleep(.1)
sys.modules["threading"] = 3
time.sleep(.1)
sys.modules["threading"] = types.ModuleType("threading")
made("one")()
time.sleep(.1)
sys.modules["threading"] = real
real._active = active
done.set()
for thread in threads: thread.join()
print("done")
""")


@pytest.mark.parametrize("stderr", ["None", "Raises()", "Stops()", "Closed()"])
def test_a_stderr_that_cannot_be_written(tmp_path, stderr):
    """Where we would say our one line."""
    program(tmp_path, """
class Raises:
    def write(self, text): raise KeyError(text)
    def flush(self): pass
class Closed:
    closed = True
    def write(self, text): raise ValueError("I/O operation on closed file")
    def flush(self): pass
class Stops:
    def write(self, text): heartrate_shm.stop()
    def flush(self): pass
sys.stderr = %s
heartrate_shm.trace(lambda path: True, size=1 << 20)
for i in range(1500):
    made("one%%d" %% i, "def f():\\n    return 1\\n#" + "x" * 100)()
heartrate_shm.stop()
heartrate_shm.trace(size=1 << 20, name="\\ud800")
sys.argv = [None]
heartrate_shm.stop()
heartrate_shm.trace(size=1 << 20)
heartrate_shm.stop()
heartrate_shm.trace(size=1 << 62)
print("done")
""" % stderr, told=1)


def test_tracing_begun_at_the_interpreters_end(tmp_path):
    program(tmp_path, """
import atexit
atexit.register(lambda: (heartrate_shm.trace(lambda path: True), made("one")()))
class Late:
    def __del__(self, trace=heartrate_shm.trace, stop=heartrate_shm.stop):
        try:
            trace(lambda path: True)
            stop()
            trace(lambda path: True)
        except (TypeError, ImportError, RuntimeError): pass
late = Late()
sys.late = late
print("done")
""")


def test_the_codes_of_a_dying_module(tmp_path):
    program(tmp_path, """
import gc
heartrate_shm.trace(lambda path: True)
for i in range(2000):
    made("one%d" % (i % 7))()
gc.collect()
heartrate_shm.stop()
gc.collect()
heartrate_shm.trace(lambda path: True)
kept = [made("two%d" % i) for i in range(200)]
for f in kept: f()
del kept
print("done")
""")
