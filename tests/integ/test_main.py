"""python -m heartrate_shm: what the program, its caller and its user see is what plain python shows."""
import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest

import oracle
from family import Ended, family

US = ["-m", "heartrate_shm"]

# All that a program can ask about how it was started.
SELF = """\
import os, sys
frame = sys._getframe()
print(sys.argv, sys.path, sys.flags, sys.warnoptions, sys._xoptions, getattr(sys, "orig_argv", None))
print(sorted((name, repr(value)[:60].split(" at 0x")[0]) for name, value in globals().items() if name != "frame"))
print(sys.modules["__main__"].__dict__ is globals(), frame.f_code.co_filename, frame.f_code.co_name)
while frame:
    print(frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno)
    frame = frame.f_back
print(sorted((name, value) for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"))
print(open("/proc/self/cmdline").read().split(chr(0)), sorted(os.listdir("/proc/self/fd")))
print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, sys.getrecursionlimit())
print("sitecustomize" in sys.modules, "runpy" in sys.modules, sys.stdin.fileno(), sys.executable)
import warnings
print(warnings.filters)
"""


def make(tmp_path):
    (tmp_path / "script.py").write_text(SELF)
    (tmp_path / "package" / "sub").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("print('package is imported once')\n")
    (tmp_path / "package" / "__main__.py").write_text(SELF)
    (tmp_path / "package" / "module.py").write_text(SELF)
    (tmp_path / "package" / "sub" / "__main__.py").write_text(SELF)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(SELF)
    with zipfile.ZipFile(str(tmp_path / "archive.zip"), "w") as archive:
        archive.writestr("__main__.py", SELF)


@pytest.mark.parametrize("words, file", [
    (["script.py", "-a", "--all", "--help", "", "ä"], "script.py"),
    (["./folder/../script.py"], "script.py"),
    (["-m", "script", "-m", "x"], "script.py"),
    (["-mpackage"], "__main__.py"),
    (["-m", "package.module", "-c"], "module.py"),
    (["-m", "package.sub"], "__main__.py"),
    (["folder", "-x"], "__main__.py"),
    (["archive.zip", "y"], "__main__.py"),
    (["-c", SELF, "z", "-v"], "<string>"),
    (["-", "z"], "<stdin>"),
], ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else None)
def test_the_program_is_started_as_by_python(tmp_path, words, file):
    make(tmp_path)
    stdin = SELF if words[0] == "-" else "input"
    plain, ours = Ended(words, tmp_path, stdin=stdin), Ended(US + words, tmp_path, stdin=stdin)
    assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"
    assert plain.returncode == 0, plain
    (program,) = family(ours.pid)
    assert program.hits(1, file) == 1 and program.hits(3, file) == 1, program
    assert os.path.basename(program.caller) == file


@pytest.mark.parametrize("options", [
    ["-u", "-X", "dev", "-W", "error::UserWarning"], ["-Xdev", "-OOB", "-Werror"], ["-bb", "-s", "-q"],
    ["-X", "utf8", "-W", "once", "--check-hash-based-pycs", "never"]], ids=" ".join)
def test_options_of_the_interpreter_are_kept(tmp_path, options):
    make(tmp_path)
    plain = Ended(options + ["script.py", "argument"], tmp_path)
    ours = Ended(options + US + ["script.py", "argument"], tmp_path)
    assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"


def test_an_option_may_stand_before_the_m(tmp_path):
    make(tmp_path)
    plain, ours = Ended(["-q", "script.py"], tmp_path), Ended(["-qm", "heartrate_shm", "script.py"], tmp_path)
    assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"


ENDS = {
    "end": "pass",
    "exit 0": "sys.exit()",
    "exit 3": "sys.exit(3)",
    "exit text": "sys.exit('a text')",
    "exit big": "sys.exit(2**40)",
    "exit tuple": "sys.exit((1, 2))",
    "raise SystemExit": "raise SystemExit(9)",
    "exit in a function": "def f(): sys.exit(4)\nf()",
    "exit in a thread": "import threading\nt = threading.Thread(target=sys.exit, args=(5,)); t.start(); t.join()",
    "os._exit": "os._exit(6)",
    "error": "def f():\n    1 / 0\nf()",
    "error in an error": "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('x') from e",
    "error in a thread": "import threading\nt = threading.Thread(target=int, args=('x',), name='T'); t.start(); t.join()",
    "own hook": "sys.excepthook = lambda *a: print('hook', a[0], a[2].tb_next is None, a[2].tb_frame.f_lineno)\n1 / 0",
    "exit handler": "import atexit\natexit.register(print, 'bye')\n1 / 0",
    "failing exit handler": "import atexit\natexit.register(int, 'x')",
    "print_stack": "import traceback\ntraceback.print_stack()",
    "warning": "import warnings\nwarnings.warn('w')\nwarnings.warn('w', stacklevel=2)\nwarnings.warn('w', stacklevel=3)",
    "recursion": "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\nprint(f(0))",
    "KeyboardInterrupt": "os.kill(os.getpid(), signal.SIGINT)\nfor i in range(10**9): pass",
    "raise KeyboardInterrupt": "raise KeyboardInterrupt",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGSEGV": "os.kill(os.getpid(), signal.SIGSEGV)",
    "SIGPIPE": "print(signal.getsignal(signal.SIGPIPE), signal.getsignal(signal.SIGINT), signal.pthread_sigmask(0, []))",
    "handler": "signal.signal(signal.SIGUSR1, lambda *a: print('got', a[0]))\nos.kill(os.getpid(), signal.SIGUSR1)",
    "abort": "os.abort()",
    "closed stdout": "sys.stdout.close()",
    "syntax error": "def f(:",
    "annotations": "from __future__ import annotations\nx: nothing = 1\nprint(__annotations__)",
    "pickle": "import pickle\nclass C: pass\nprint(pickle.loads(pickle.dumps(C)) is C, C.__module__)",
    "import __main__": "import __main__\nprint(__main__.sys is sys, __main__.__file__ == __file__)",
    "daemon thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(100,), daemon=True).start()",
    "source": "import inspect\ndef f():\n    return 1\nprint(inspect.getsource(f), inspect.getfile(f))",
}


@pytest.mark.parametrize("end", ENDS)
def test_it_ends_as_under_python(tmp_path, end):
    text = ENDS[end]
    if "from __future__" not in text:
        text = "import os, signal, sys\n" + text
    (tmp_path / "script.py").write_text(text + "\n")
    for words in (["script.py"], ["-m", "script"]):
        plain, ours = Ended(words, tmp_path), Ended(US + words, tmp_path)
        assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"


@pytest.mark.parametrize("words", [["missing.py"], ["-m", "missing"], ["-m", "missing.module"], ["-m", "json"], ["-c"],
                                   ["-m"], ["-c", "("], ["."]], ids=" ".join)
def test_python_itself_says_what_is_wrong_with_the_program(tmp_path, words):
    plain, ours = Ended(words, tmp_path), Ended(US + words, tmp_path)
    assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"
    assert plain.returncode != 0


PROGRAM = """\
import helper
class Base:
    x = [i for i in range(3)]
    def method(self, n): return [n * k for k in self.x]
class Derived(Base):
    def method(self, n):
        try:
            return super().method(n)
        finally:
            helper.count(n)
def numbers(n):
    while n:
        yield n
        n -= 1
total = 0
for i in numbers(7):
    total += len(Derived().method(i))
    if total > 12:
        continue
    total += 1
print(total, (lambda x: x + 1)(2), __name__)
"""

HELPER = """\
def count(n):
    for i in range(n):
        pass
"""

ORACLE = """\
import json, runpy, sys
counts = {}
def local(frame, event, arg):
    if event == "line":
        key = "%s:%d" % (frame.f_code.co_filename.rsplit("/", 1)[-1], frame.f_lineno)
        counts[key] = counts.get(key, 0) + 1
    return local
def trace(frame, event, arg):
    return local if frame.f_code.co_filename.endswith(("program.py", "helper.py")) else None
sys.path.insert(0, ".")
sys.settrace(trace)
runpy.run_path("program.py", run_name="__main__")
sys.settrace(None)
json.dump(counts, open("counts.json", "w"))
"""


@pytest.mark.parametrize("words", [["program.py"], ["-m", "program"]], ids=" ".join)
@pytest.mark.parametrize("options, files", [
    ([], {"program.py"}), (["--files", "elper"], {"program.py", "helper.py"}), (["--all"], {"program.py", "helper.py"}),
    (["--files=nothing", "--files=helper"], {"program.py", "helper.py"}), (["--files", "/nowhere"], {"program.py"})])
def test_every_line_counts_from_the_first_on(tmp_path, words, options, files):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "helper.py").write_text(HELPER)
    subprocess.run([sys.executable, "-c", ORACLE], cwd=str(tmp_path), check=True, stdout=subprocess.DEVNULL)
    expected = json.loads((tmp_path / "counts.json").read_text())
    ours = Ended(US + options + words, tmp_path)
    assert ours.returncode == 0, ours
    (program,) = family(ours.pid)
    found = {f"{name}:{line}": hits for name in ("program.py", "helper.py")
             for line, hits in program.files.get(name, {}).items()}
    assert found == {key: hits for key, hits in expected.items() if key.split(":")[0] in files}
    assert ("--all" in options) == (len(program.files) > 2)


@pytest.mark.skipif(not hasattr(sys, "_jit") or not sys._jit.is_available(), reason="this interpreter has no JIT")
@pytest.mark.parametrize("on", [True, False], ids=["jit", "no-jit"])
@pytest.mark.parametrize("count", ["", "probes", "random"])
def test_nothing_counts_inline_under_the_jit(tmp_path, count, on):
    (tmp_path / "program.py").write_text(textwrap.dedent("""\
        import subprocess, sys
        def callee(i):
            return i + 1
        def work(n):
            total = 0
            for i in range(n):
                total += callee(i)
            return total
        print(sys._jit.is_enabled(), work(20000), work(20000))
        if len(sys.argv) == 1:
            subprocess.run([sys.executable, __file__, "child"], check=True)
        """))
    ours = Ended(US + ["--all", "program.py"], tmp_path, PYTHON_JIT=str(int(on)), HEARTRATE_SHM_COUNT=count)
    assert ours.seen() == (f"{on} 200010000 200010000\n" * 2, "", 0), ours
    for program in family(ours.pid):
        files = oracle.dump(program.pid)["files"]
        assert program.hits(7, "program.py") == 40000
        assert (sum(file["counted_by"]["probes"] for file in files) == 0) == on


def test_the_script_itself_is_traced_in_multiprocessing_children_too(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent("""\
        import multiprocessing
        def work(n):
            for i in range(n):
                pass
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            for n in (10, 20):
                child = context.Process(target=work, args=(n,))
                child.start()
                child.join()
        """))
    ours = Ended(US + ["--name", "my own", "script.py"], tmp_path)
    assert ours.seen() == ("", "", 0), ours
    members = family(ours.pid)
    assert [member.hits(4, "script.py") for member in members] == [0, 10, 20]
    assert {member.name for member in members} == {"my own"}


def test_trace_in_the_program_adds_to_it(tmp_path):
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "script.py").write_text("import heartrate_shm\nheartrate_shm.trace(heartrate_shm.files.path_contains"
                                        "('helper'))\nimport helper\nhelper.count(3)\n")
    ours = Ended(US + ["script.py"], tmp_path)
    assert ours.returncode == 0, ours
    (program,) = family(ours.pid)
    assert (program.hits(1, "script.py"), program.hits(3, "helper.py")) == (1, 3)


def test_a_sitecustomize_of_the_program_is_loaded(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nprint('customised', __name__, __file__)\n")
    (tmp_path / "script.py").write_text("import sys\nprint(sys.modules['sitecustomize'].__file__, sys.path)\n")
    path = os.pathsep.join([oracle.environment()["PYTHONPATH"], str(tmp_path)])
    seen = []
    for us in ([], US):
        env = dict(oracle.environment(), PYTHONPATH=path)
        done = subprocess.run([sys.executable, *us, "script.py"], cwd=str(tmp_path), env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        seen.append((done.stdout.splitlines()[-2:], done.returncode))
    assert seen[0] == seen[1] and "customised" in seen[0][0][0]


def test_terminal_signals_reach_it_as_under_python(tmp_path):
    """Ctrl-C: the exit status says that it died of SIGINT."""
    (tmp_path / "script.py").write_text("print('ready', flush=True)\nfor i in range(10**12): pass\n")
    for us in ([], US):
        child = subprocess.Popen([sys.executable, *us, "script.py"], cwd=str(tmp_path), env=oracle.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        try:
            assert child.stdout.readline() == "ready\n"
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=oracle.DEADLINE_S)
        finally:
            child.kill()
        assert (child.returncode, out, err.count("File "), err.count("script.py")) == (-signal.SIGINT, "", 1, 1), err
        assert err.endswith("\nKeyboardInterrupt\n")


def test_help_and_wrong_words(tmp_path):
    shown = Ended(US + ["--help"], tmp_path)
    assert shown.returncode == 0 and "examples:" in shown.stdout and shown.stderr == ""
    for words, part in ([], "which program"), (["--nonsense", "x.py"], "--nonsense"), (["--files"], "needs a value"):
        wrong = Ended(US + words, tmp_path)
        assert (wrong.returncode, wrong.stdout) == (2, "") and part in wrong.stderr and wrong.stderr.count("\n") == 1


def test_an_interpreter_that_loads_nothing_is_told(tmp_path):
    (tmp_path / "script.py").write_text("print('ran')\n")
    wrong = Ended(["-S"] + US + ["script.py"], tmp_path)
    assert wrong.returncode == 2 and "-S" in wrong.stderr and "trace()" in wrong.stderr
