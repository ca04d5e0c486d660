"""The system refuses memory, /dev/shm or a thread to our extension, at each single call: the program is as without us.

HR_HARDENING=100 tries every call; by default the first few, and some behind (docs/reliability.md).
"""
import errno
import shutil
import subprocess

import pytest

import hardening
import oracle
from hardening import LONG

FUNCTIONS = {
    "malloc": errno.ENOMEM, "calloc": errno.ENOMEM, "realloc": errno.ENOMEM, "strdup": errno.ENOMEM,
    "madvise": errno.EFAULT, "posix_fallocate": errno.ENOSPC, "ftruncate": errno.EFBIG, "mmap": errno.ENOMEM,
    "open": errno.EMFILE, "flock": errno.ENOLCK, "rename": errno.EDQUOT, "pthread_create": errno.EAGAIN,
}

PROGRAM = """\
import sys, threading
import heartrate_shm
import other

def work(n):
    total = 0
    for i in range(n):
        total += i
    return total

def many(n):
    space = {}
    exec(compile("def f(n):\\n    if n:\\n        return f(n - 1)\\n    return 7\\n" * 3, "cell%d" % n, "exec"), space)
    return space["f"](n)

for life in range(2):
    heartrate_shm.trace(lambda path: "threading" not in path)
    print(work(100), other.work(20), [many(n) for n in range(40)])
    thread = threading.Thread(target=work, args=(50,))
    thread.start()
    thread.join()
    heartrate_shm.stop()
print("end")
sys.exit(3)
"""
OTHER = "def work(n):\n    return sum([i for i in range(n)])\n" + "".join(
    "def f%d():\n    return %d\n" % (i, i) for i in range(30)) + "def all():\n    return [globals()['f%d' % i]() for i in range(30)]\n"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    path = tmp_path_factory.mktemp("refuse") / "refuse.so"
    subprocess.run([shutil.which("cc") or "gcc", "-O1", "-shared", "-fPIC", "-o", str(path), str(oracle.HERE / "refuse.c"),
                    "-ldl"], check=True)
    return path


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("program")
    (directory / "other.py").write_text(OTHER)
    return hardening.script(directory, PROGRAM)


def refused(shim, program, function, nth, ever=False):
    """(the run, how often the function was called)."""
    count = program.parent / "count"
    env = hardening.environment(LD_PRELOAD=str(shim), REFUSE=function, REFUSE_NTH=str(nth), REFUSE_COUNT=str(count),
                                REFUSE_ERRNO=str(FUNCTIONS[function]))
    if ever:
        env["REFUSE_EVER"] = "1"
    ran = hardening.run(program, env=env)
    return ran, int(count.read_text())


def own(segment):
    """Lines of the program's own files: what the standard library does between differs from life to life."""
    return {key: n for key, n in segment.lines.items() if key[0].endswith(("program.py", "other.py")) or "cell" in key[0]}


def some(calls):
    """Call numbers to try."""
    if LONG >= 100:
        return range(1, calls + 1)
    return sorted({1, calls}.union(range(1, calls + 1, calls // (2 * LONG) + 1)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_call_refused(shim, program, function):
    whole, calls = refused(shim, program, function, 0)
    assert (whole.returncode, len(whole.segments), whole.stderr) == (3, 2, ""), str(whole)
    expected = [own(segment) for segment in whole.segments]
    # A frame may be sampled before its file is registered: of one look, not of the counts.
    assert calls > 0 and not any(set(segment.drops) - {"frames"} for segment in whole.segments), whole.segments[0].drops
    for ever in False, True:
        for nth in some(calls):
            ran, _ = refused(shim, program, function, nth, ever)
            where = f"{function} call {nth} of {calls}{' and all later' if ever else ''}\n{ran}"
            if ran.returncode == 1 and not ran.stdout and ran.stderr.endswith("\nMemoryError\n"):
                continue  # the import itself found no memory
            assert (ran.returncode, ran.stdout) == (whole.returncode, whole.stdout), where
            told = ran.stderr.splitlines()
            assert all(line.startswith("heartrate_shm: ") for line in told) and len(told) <= 2, where
            for segment in ran.segments:
                assert segment.state == "closed", where
                found = own(segment)
                lines = min(expected, key=lambda one: sum(one.get(key) != found.get(key) for key in {*one, *found}))
                wrong = {key: (n, found.get(key, 0)) for key, n in lines.items() if found.get(key, 0) != n}
                assert set(found) <= set(lines) and all(n < want for want, n in wrong.values()), f"{wrong}\n{where}"
                assert not wrong or set(segment.drops) - {"frames"} or (told and not found), f"nothing dropped, but {wrong}\n{where}"
            if len(ran.segments) < 2:
                assert told, f"a life is missing, and nobody is told\n{where}"
