"""Pythons that are not supported get a clear ImportError, and nothing of ours is imported before it is asked for."""
import subprocess
import sys
import zipfile

import pytest

from oracle import PACKAGES
from programs import run

CASES = {
    "too old": ("sys.version_info = (3, 7, 17, 'final', 0)", ["3.8", "3.7"]),
    "free-threaded": ("sys.abiflags = 't'", ["free-threaded"]),
    "not CPython": ("sys.implementation.name = 'pypy'", ["CPython", "pypy"]),
}


@pytest.mark.parametrize("case", CASES)
def test_clear_import_error(case, tmp_path):
    change, words = CASES[case]
    program = run(tmp_path, f"""\
        import sys
        {change}
        try:
            import heartrate_shm
        except ImportError as error:
            print(error)
        """)
    assert all(word in program.stdout for word in words), program.stdout
    assert "Traceback" not in program.stderr


def test_not_built_for_this_python(tmp_path):
    package = tmp_path / "heartrate_shm"
    package.mkdir()
    for module in (PACKAGES / "heartrate_shm").glob("*.py"):
        (package / module.name).write_bytes(module.read_bytes())
    program = run(tmp_path, "import heartrate_shm", code=1)
    last = program.stderr.splitlines()[-1]
    assert last.startswith("ImportError: heartrate_shm was not built for this Python"), program.stderr
    assert sys.executable in last and "./dev build --python" in last


def test_not_from_a_zip_archive(tmp_path):
    """As in a zipapp: nothing compiled can be loaded from there, whatever it was built for."""
    archive = tmp_path / "app.pyz"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("__main__.py", "import heartrate_shm")
        for path in (PACKAGES / "heartrate_shm").glob("*.*"):
            packed.write(path, "heartrate_shm/" + path.name)
    program = subprocess.run([sys.executable, "-I", archive], capture_output=True, text=True)
    last = program.stderr.splitlines()[-1]
    assert last.startswith("ImportError: heartrate_shm cannot be loaded from a zip archive (%s)" % archive), program.stderr


def test_import_starts_nothing(tmp_path):
    program = run(tmp_path, """\
        import os, sys, threading
        def look():
            return (sys.gettrace(), sys.getprofile(), threading.active_count(), len(os.listdir("/proc/self/task")),
                    sorted(os.listdir("/proc/self/fd")), sorted(os.listdir("/dev/shm")), sys.getrecursionlimit())
        before = look()
        import heartrate_shm
        print(look() == before)
        """)
    assert program.stdout == "True\n"


def test_import_and_trace_load_little(tmp_path):
    """Start-up is part of what is promised: modules that take milliseconds are not for `import heartrate_shm`."""
    program = run(tmp_path, """\
        import sys
        before = set(sys.modules)
        import heartrate_shm
        heartrate_shm.trace()
        print(*sorted(name for name in set(sys.modules) - before if not name.startswith("heartrate_shm")))
        """)
    assert set(program.stdout.split()) <= {"atexit", "types", "_posixsubprocess"}, program.stdout
