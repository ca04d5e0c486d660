"""HEARTRATE_SHM=1 and the .pth file that reads it, in a virtual environment that has the package installed."""
import subprocess

import pytest

import oracle
from family import family

PTH = oracle.ROOT / "tracer" / "heartrate_shm.pth"
PROGRAM = """\
import sys
for i in range(7):
    helper = i
print("heartrate_shm" in sys.modules, sys.argv[1:])
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment")
    oracle.install(folder, PTH.name)
    return str(folder / "bin" / "python")


def run(python, folder, value, *words):
    (folder / "program.py").write_text(PROGRAM)
    env = oracle.environment()
    del env["PYTHONPATH"]
    if value is not None:
        env["HEARTRATE_SHM"] = value
    process = subprocess.Popen([python, *words], cwd=str(folder), env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True)
    out, err = process.communicate(timeout=oracle.DEADLINE_S)
    assert process.returncode == 0, err
    return out, err, family(process.pid)


@pytest.mark.parametrize("words, file", [
    (["program.py", "-x"], "program.py"),
    (["-m", "program", "-x"], "program.py"),
    (["-I", "-W", "error", "program.py", "-x"], "program.py"),
    (["-c", PROGRAM, "-x"], "<string>"),
], ids=["script", "module", "isolated", "command"])
def test_on(python, tmp_path, words, file):
    out, err, members = run(python, tmp_path, "1", *words)
    assert (out, err) == ("True ['-x']\n", "")
    assert members[0].hits(3, file) == 7 and members[0].parent is None


@pytest.mark.parametrize("value", [None, "0", ""])
def test_off(python, tmp_path, value):
    out, err, members = run(python, tmp_path, value, "program.py")
    assert (err, members) == ("", [])
    assert out == ("False []\n" if value is None else "True []\n")


def test_options_and_children(python, tmp_path):
    (tmp_path / "start.py").write_text("import subprocess, sys, program\n"
                                       "subprocess.run([sys.executable, 'program.py'], check=True)\n")
    _, err, members = run(python, tmp_path, "--files program.py --name 'a name'", "start.py")
    assert err == ""
    first, second = members
    assert first.name == "a name" and first.hits(3) == 7 and first.hits(2, "start.py") == 1
    assert second.parent == first.id and second.hits(3) == 7


def test_a_program_that_is_one_of_ours_is_none(python, tmp_path):
    _, err, members = run(python, tmp_path, "1", "-m", "heartrate_shm", "program.py")
    assert err == ""
    assert [member.hits(3) for member in members] == [7]


def test_what_is_wrong_is_one_line_and_the_program_runs(python, tmp_path):
    out, err, members = run(python, tmp_path, "--fils x", "program.py")
    assert out == "True []\n" and members == []
    assert err.startswith("heartrate_shm: HEARTRATE_SHM=--fils x: not tracing, the program runs on: what is --fils?")
    assert err.count("\n") == 1


def test_no_more_than_one_line_of_it_runs_in_every_python():
    assert PTH.read_text().count("\n") == 1 and len(PTH.read_text()) < 120
