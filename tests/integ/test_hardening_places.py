"""Places where a program may find itself: limits, closed descriptors, odd /dev/shm, signals, ends of every kind."""
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig

import pytest

import hardening
import oracle
from hardening import LONG, survives

PROGRAM = """\
import sys, threading
import heartrate_shm
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
def many():
    for i in range(400):
        space = {}
        exec(compile("def f():\\n    return %d\\n" % i, "cell%d" % i, "exec"), space)
        space["f"]()
heartrate_shm.trace(lambda path: "threading" not in path)
thread = threading.Thread(target=work, args=(1000,))
thread.start()
thread.join()
many()
print(work(1000))
sys.exit(3)
"""
LOOP = {4: 2, 5: 2002, 6: 2000, 7: 2}  # of work(1000), twice


def whole(ran):
    """Everything counted."""
    counts = {line: n for (path, line), n in ran.segment.lines.items() if path.endswith("program.py")}
    assert {line: counts.get(line) for line in LOOP} == LOOP, counts
    assert not set(ran.segment.drops) - {"frames"}


def limit(which, soft):
    return lambda: resource.setrlimit(which, (soft, resource.getrlimit(which)[1]))


@pytest.mark.parametrize("options", [["-X", "dev", "-W", "error"], ["-I"], ["-S"], ["-O"], ["-X", "faulthandler"],
                                     ["-X", "tracemalloc=5"]], ids=" ".join)
def test_interpreter_options(tmp_path, options):
    if "-I" in options:
        text = "import sys; sys.path.insert(0, 'PACKAGES')\n" + PROGRAM
        untraced = hardening.plain(tmp_path, text.replace("PACKAGES", str(tmp_path / "nothing")), options=options)
        traced = hardening.run(hardening.script(tmp_path, text.replace("PACKAGES", str(oracle.PACKAGES))), options=options)
        hardening.assert_same(traced, untraced)
        assert traced.segment.state == "closed"
    else:
        whole(survives(tmp_path, PROGRAM, options=options))


@pytest.mark.parametrize("malloc", ["debug", "malloc", "malloc_debug", "pymalloc_debug"])
def test_pythonmalloc(tmp_path, malloc):
    whole(survives(tmp_path, PROGRAM, env=hardening.environment(PYTHONMALLOC=malloc)))


def test_importtime(tmp_path):
    ran = hardening.run(hardening.script(tmp_path, PROGRAM), options=["-X", "importtime"])
    assert (ran.returncode, ran.stdout) == (3, "499500\n") and ran.segment.state == "closed"


@pytest.mark.parametrize("descriptors", range(3, 12, 2 if LONG == 1 else 1))
def test_descriptors_at_the_edge(tmp_path, descriptors):
    """Nothing of ours may take the program's last one."""
    text = PROGRAM.replace("many()\n", "many()\nresource.setrlimit(resource.RLIMIT_NOFILE, (%d, hard))\n" % descriptors, 1)
    text = PROGRAM.replace("thread = ", """\
import ctypes, os, resource
ctypes.CDLL("libgcc_s.so.1")  # 3.8 ends threads by it, and has no descriptor left to load it then
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (%d, hard))
held = []
try:
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
print(len(held))
for i in range(3000):
    os.close(held.pop())
    held.append(os.open("/dev/null", os.O_RDONLY))
thread = """ % descriptors, 1)
    survives(tmp_path, text, told=1)


@pytest.mark.parametrize("descriptors", range(4, 9))
def test_no_descriptor_to_begin_with(tmp_path, descriptors):
    survives(tmp_path, "import heartrate_shm, heartrate_shm as a, os, resource\n"
             "resource.setrlimit(resource.RLIMIT_NOFILE, (%d, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n" % descriptors
             + PROGRAM.replace("import sys, threading\n", "import sys, threading, linecache, tokenize\n"), told=1)


def test_descriptors_closed_and_opened_by_number(tmp_path):
    """close(1); open() is how programs redirect: the lowest number must be theirs at all times, whatever we open."""
    ran = survives(tmp_path, PROGRAM.replace("thread = ", """\
import os, time
os.closerange(3, 1000)
go = threading.Event()
many_threads = [threading.Thread(target=go.wait) for i in range(100)]
for one in many_threads: one.start()
wrong, end = 0, time.monotonic() + %d
while time.monotonic() < end:
    a = os.open("/dev/null", os.O_RDONLY)
    b = os.open("/dev/null", os.O_RDONLY)
    wrong += (a, b) != (3, 4)
    os.close(a), os.close(b)
go.set()
for one in many_threads: one.join()
print(wrong)
file = open("theirs", "wb+")
file.write(b"mine")
file.flush()
thread = """ % min(LONG, 10)).replace("sys.exit", "print(os.fstat(file.fileno()).st_size)\nsys.exit"))
    whole(ran)


@pytest.mark.parametrize("megabytes", [300, 400, 600, 1000])
def test_address_space_limited(tmp_path, megabytes):
    survives(tmp_path, PROGRAM, prepare=limit(resource.RLIMIT_AS, megabytes << 20), told=1)


@pytest.mark.parametrize("size", [0, 4096, 1 << 20, 1 << 24])
def test_file_size_limited(tmp_path, size):
    survives(tmp_path, PROGRAM, prepare=limit(resource.RLIMIT_FSIZE, size), told=1)


def test_memory_locked(tmp_path):
    """mlockall(MCL_FUTURE) must not fill the whole reserve."""
    ran = survives(tmp_path, """
import ctypes
if ctypes.CDLL(None).mlockall(2) != 0: raise SystemExit("no right to mlockall")
""" + PROGRAM.replace("sys.exit", """\
import glob, os
print([os.stat(path).st_blocks < 8192 for path in glob.glob("/dev/shm/heartrate_shm.*.%d.*" % os.getpid())] in ([], [True]))
sys.exit"""))
    assert ran.returncode == 3 and ran.segment.state == "closed", str(ran)


def test_a_storm_of_signals(tmp_path):
    ran = survives(tmp_path, """
import signal
caught = [0]
def handler(*args):
    caught[0] += 1
signal.signal(signal.SIGALRM, handler)
signal.signal(signal.SIGPROF, handler)
signal.setitimer(signal.ITIMER_REAL, .0007, .0007)
signal.setitimer(signal.ITIMER_PROF, .0011, .0011)
""" + PROGRAM.replace("many()\nprint", "for i in range(10): many()\nsignal.setitimer(signal.ITIMER_REAL, 0)\nsignal.setitimer(signal.ITIMER_PROF, 0)\nprint"))
    assert ran.segment.state == "closed" and ran.segment.samples > 0


def test_stopped_and_continued(tmp_path):
    path = hardening.script(tmp_path, PROGRAM.replace("many()\nprint", "for i in range(60): many()\nprint"))
    process = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, env=hardening.environment())
    stops = 0
    while process.poll() is None and stops < 100:
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        stops += 1
    stdout, stderr = process.communicate(timeout=hardening.DEADLINE_S)
    ran = hardening.Ran(process, stdout, stderr)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "499500\n", ""), str(ran)
    assert ran.segment.state == "closed"


def test_a_bomb_of_short_children(tmp_path):
    whole(survives(tmp_path, PROGRAM.replace("many()\nprint", """\
import os, warnings
warnings.simplefilter("ignore")
many()
def bomb(depth):
    for i in range(2):
        pid = os.fork()
        if pid == 0:
            if depth: bomb(depth - 1)
            os._exit(0)
        os.waitpid(pid, 0)
for i in range(5): bomb(2)
print""")))


def test_a_thousand_threads(tmp_path):
    ran = survives(tmp_path, PROGRAM.replace("many()\nprint", """\
threading.stack_size(65536 * 2)
go = threading.Event()
def wait():
    go.wait()
threads = [threading.Thread(target=wait) for i in range(1000)]
for thread in threads: thread.start()
many()
go.set()
for thread in threads: thread.join()
print"""))
    assert sum(n for (path, line), n in ran.segment.lines.items() if path.endswith("program.py")) > 6000
    assert set(ran.segment.drops) <= {"frames", "threads"}, ran.segment.drops


def test_the_segment_unlinked_while_it_runs(tmp_path):
    ran = survives(tmp_path, PROGRAM.replace("many()\nprint", """\
import glob, os
many()
for name in glob.glob("/dev/shm/*heartrate_shm.*.%d.*" % os.getpid()): os.unlink(name)
many()
print"""))
    assert ran.segments == []


ENDS = {
    "os._exit": "import os\nsys.stdout.flush()\nos._exit(5)",
    "kill": "import os\nsys.stdout.flush()\nos.kill(os.getpid(), 9)",
    "abort": "import os\nsys.stdout.flush()\nos.kill(os.getpid(), 15)",
    "raise": "1 / 0",
    "exit in thread": "t = threading.Thread(target=sys.exit, args=(4,))\nt.start()\nt.join()",
    "daemon threads": "def spin():\n    while True: work(10)\n"
                      "for i in range(8): threading.Thread(target=spin, daemon=True).start()",
    "threads that outlive": "import time\nthreading.Thread(target=lambda: (time.sleep(.1), print(work(5)))).start()",
    "atexit": "import atexit\natexit.register(lambda: print(work(7)))",
    "del at end": "class Last:\n    def __del__(self, work=work): work(9)\nsys.last = Last()",
    "exec": "import os\nsys.stdout.flush()\nos.execv(sys.executable, [sys.executable, '-c', 'print(2)'])",
    "stop in atexit": "import atexit\natexit.register(heartrate_shm.stop)",
    "exception in trace": "sys.excepthook = lambda *a: print(work(3))\nraise KeyError",
}


@pytest.mark.parametrize("end", ENDS)
def test_every_way_to_end(tmp_path, end):
    untraced = hardening.plain(tmp_path, PROGRAM.replace("sys.exit(3)", ENDS[end]))
    for _ in range(LONG):
        ran = hardening.run(hardening.script(tmp_path, PROGRAM.replace("sys.exit(3)", ENDS[end])))
        hardening.assert_same(ran, untraced)
        assert ran.segments[0].of(tmp_path / "program.py")[6] >= 2000


# ---- /dev/shm of other kinds, in a mount namespace of their own ----

def in_own_mounts(mount, point="/dev/shm"):
    """A wrapper that mounts where only the program sees it."""
    return ["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
            f'mount --make-private {point} && {mount} && exec "$0" "$@"']


SHM = {
    "tiny": ("mount -t tmpfs -o size=64k tmpfs /dev/shm", "/dev/shm"),
    "small": ("mount -t tmpfs -o size=256k tmpfs /dev/shm", "/dev/shm"),
    "few inodes": ("mount -t tmpfs -o nr_inodes=1 tmpfs /dev/shm", "/dev/shm"),
    "read-only": ("mount -t tmpfs -o ro tmpfs /dev/shm", "/dev/shm"),
    "missing": ("mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9", "/dev"),
    "a file": ("mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && touch /dev/shm", "/dev"),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("kind", SHM)
def test_dev_shm(tmp_path, kind):
    mount, point = SHM[kind]
    if not os.path.ismount(point):
        pytest.skip(f"{point} is no mount of its own here")
    ran = survives(tmp_path, PROGRAM, wrapper=in_own_mounts(mount, point), told=1)
    assert ran.returncode == 3, str(ran)
    assert "heartrate_shm: " in ran.stderr or kind == "small", str(ran)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_dev_shm_full_from_each_page_on(tmp_path):
    """Every size of /dev/shm at which something else is the first that finds no room."""
    untraced = hardening.plain(tmp_path, PROGRAM)
    path = hardening.script(tmp_path, PROGRAM)
    told = 0
    for pages in range(1, 60, 8 if LONG == 1 else 1):
        ran = hardening.run(path, wrapper=in_own_mounts("mount -t tmpfs -o size=%dk tmpfs /dev/shm" % (4 * pages)))
        hardening.assert_same(ran, untraced, told=1)
        told += "heartrate_shm: " in ran.stderr
    assert told > 3


# ---- interpreters inside a program ----

EMBEDDER = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < 4; i++) {
		Py_Initialize();
		int failed = PyRun_SimpleString(
		        "import heartrate_shm, threading\n"
		        "heartrate_shm.trace(lambda path: True)\n"
		        "space = {}\n"
		        "exec(compile('def f(n):\\n    return n\\n', 'cell', 'exec'), space)\n"
		        "t = threading.Thread(target=space['f'], args=(1,)); t.start(); t.join()\n"
		        "print([space['f'](i) for i in range(5)], flush=True)\n");
		if (argc > 1)
			PyRun_SimpleString("heartrate_shm.stop()");
		printf("%d %d\n", failed, Py_FinalizeEx());
		fflush(stdout);
	}
	return 0;
}
"""


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("embedder")
    (directory / "embedder.c").write_text(EMBEDDER)
    libdir, version = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDVERSION")
    subprocess.run([shutil.which("cc"), "-o", str(directory / "embedder"), str(directory / "embedder.c"),
                    "-I" + sysconfig.get_path("include"), "-L" + libdir, "-Wl,-rpath," + libdir, "-lpython" + version, "-lm"],
                   check=True)
    return directory / "embedder"


@pytest.mark.parametrize("stop", [False, True])
def test_an_interpreter_begun_again(embedder, stop):
    """The first life is traced whole, the later ones run untraced and say so."""
    process = subprocess.Popen([str(embedder)] + ["stop"] * stop, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, env=hardening.environment(PYTHONHOME=sys.base_prefix))
    ran = hardening.Ran(process, *process.communicate(timeout=hardening.DEADLINE_S))
    assert (ran.returncode, ran.stdout) == (0, "[0, 1, 2, 3, 4]\n0 0\n" * 4), str(ran)
    assert ran.stderr.count("heartrate_shm: not tracing") == len(ran.stderr.splitlines()) == 3, str(ran)
    assert ran.segment.of("cell")[2] == 6 and ran.segment.state == "closed"


SUB = """
import heartrate_shm, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
heartrate_shm.trace(lambda path: True)
text = '''
import heartrate_shm
with heartrate_shm.trace(lambda path: True, children=True, port=1) as handle:
    print(handle.active, handle)
heartrate_shm.stop()
def f(n):
    return n
print(f(1), flush=True)
'''
# Before 3.13 create() makes isolated ones from 3.12 on, and those of old before.
kinds = [("isolated",), ("legacy",)] if sys.version_info >= (3, 13) else [(), ()]
for kind in kinds:
    id = interpreters.create(*kind)
    interpreters.run_string(id, text)
    interpreters.destroy(id)
def g():
    return 5
print(g())
"""


def test_sub_interpreters_are_left_alone(tmp_path):
    ran = hardening.run(hardening.script(tmp_path, SUB), options=["-W", "ignore"])
    assert (ran.returncode, ran.stdout) == (0, "False <heartrate_shm.Trace stopped>\n1\n" * 2 + "5\n"), str(ran)
    assert ran.segment.of(tmp_path / "program.py")[23] == 1, ran.segment.lines


def test_a_sub_interpreter_that_alone_would_trace(tmp_path):
    """Such as mod_wsgi's: it is told why it does not."""
    text = SUB.replace("heartrate_shm.trace(lambda path: True)\n", "", 1)
    ran = hardening.run(hardening.script(tmp_path, text), options=["-W", "ignore"])
    assert (ran.returncode, ran.stdout) == (0, "False <heartrate_shm.Trace stopped>\n1\n" * 2 + "5\n"), str(ran)
    told = "heartrate_shm: not tracing, the program runs on: this is a sub-interpreter"
    assert [line[:len(told)] for line in ran.stderr.splitlines()] == [told] * 2, str(ran)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_calls_in_sub_interpreters(tmp_path):
    """Functions that need more than themselves find it by running the program's file, trace() and all, over there."""
    survives(tmp_path, """\
        import heartrate_shm
        heartrate_shm.trace(lambda path: True)
        import concurrent.interpreters
        from concurrent.futures import InterpreterPoolExecutor

        MORE = 3

        def more(x):
            return x + MORE

        if __name__ == "__main__":
            for calls in 0, 2000:
                for i in range(calls):
                    more(i)
                with InterpreterPoolExecutor(2) as pool:
                    print(list(pool.map(more, range(5))))
                interpreter = concurrent.interpreters.create()
                print(interpreter.call(more, 4))
                interpreter.close()
        """)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_functions_given_to_sub_interpreters(tmp_path):
    """Where nobody could find them by name they go by their code, which is to have nothing of ours."""
    survives(tmp_path, """\
        import heartrate_shm
        heartrate_shm.trace(lambda path: True)
        import concurrent.interpreters

        def make():
            def nested(x):
                return x + 1
            return nested

        queue = concurrent.interpreters.create_queue()
        for calls in 0, 1, 2000:
            for function in make(), lambda x: x * 2:
                for i in range(calls):
                    function(i)
                interpreter = concurrent.interpreters.create()
                print(interpreter.call(function, 3))
                queue.put(function)
                print(queue.get()(4))
                interpreter.close()
        """)
