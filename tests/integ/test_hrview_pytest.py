"""pytest --heartrate: a run of the tests as a program to watch, workers of pytest-xdist included."""
import subprocess
import sys

import oracle
from family import family, hrview
from oracle import poll

WORK = """\
def work(n):
    for i in range(n):
        i += 1
    return n
"""
TESTS = """\
import os, subprocess, sys, time, work

def test_waits():
    assert work.work(3) == 3
    end = time.monotonic() + 120
    while not os.path.exists("go"):
        assert time.monotonic() < end, "nobody has looked"
        time.sleep(0.02)

def test_starts_a_program():
    assert work.work(4) == 4
    subprocess.run([sys.executable, "child.py"], check=True)
"""
UNLOADED = """\
import sys

def test_nothing_is_loaded():
    assert "heartrate_shm_pytest" in sys.modules and "heartrate_shm" not in sys.modules
"""


def start(folder, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "heartrate_shm_pytest", "-p", "no:cacheprovider", *options],
        cwd=str(folder), env=oracle.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


def end(process):
    out, _ = process.communicate(timeout=oracle.DEADLINE_S * 3)
    assert process.returncode == 0, out
    return out


def threads_named(name):
    """(pid, the name of the thread) of those whose name begins so, in any pytest."""
    return [(program["pid"], thread["name"]) for program in hrview("list")["programs"]
            if program["name"] == "pytest" and program["state"] in ("live", "idle")
            for thread in hrview("dump", str(program["pid"]))["threads"] if thread["name"].startswith(name)]


def test_a_run_with_workers(tmp_path):
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "child.py").write_text("for i in range(9):\n    pass\n")
    run = start(tmp_path, "--heartrate", "-n", "2")
    try:
        named = poll(lambda: threads_named("gw0 test_waits") + threads_named("gw1 test_waits"), "the test's name")
    finally:
        (tmp_path / "go").touch()
        out = end(run)
    assert named[0][1].endswith("test_waits · test_it.py")
    assert "2 passed" in out and "hrview shows them (process %d)" % run.pid in out
    members = family(run.pid)
    assert members[0].name == "pytest"
    workers = [member for member in members if member.name == "pytest" and member.parent == members[0].id]
    assert len(workers) == 2 and named[0][0] in [worker.pid for worker in workers]
    assert sum(member.hits(3, "work.py") for member in members) == 3 + 4
    assert sum(member.hits(2, "child.py") for member in members) == 9


def test_a_run_in_one_process_counts_from_the_first_line_of_its_conftest(tmp_path):
    (tmp_path / "conftest.py").write_text("x = 1\nfor i in range(5):\n    x += i\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    run = start(tmp_path, "--heartrate")
    end(run)
    (member,) = family(run.pid)
    assert member.hits(3, "conftest.py") == 5 and member.hits(2, "test_it.py") == 1


def test_without_the_option_nothing_is_loaded(tmp_path):
    (tmp_path / "test_it.py").write_text(UNLOADED)
    run = start(tmp_path)
    assert "1 passed" in end(run)
    assert family(run.pid) == []
