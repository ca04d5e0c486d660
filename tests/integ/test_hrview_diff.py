"""hrview diff: dumps and programs compared, and its exit codes, which are diff(1)'s."""
import json
import subprocess

import pytest

from viewer import DEADLINE_S, HRVIEW, Program, dump, hrview


@pytest.fixture
def program(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(100)")
        yield program


def saved(program, target):
    assert hrview("dump", program.pid, "--format", "json", "--output", target) == (0, "", "")
    return target


def test_program_against_its_earlier_dump(program, tmp_path):
    before = saved(program, tmp_path / "before.json")
    code, out, err = hrview("diff", before, program.pid)
    assert (code, err) == (0, "") and out.startswith("0 lines hit more often, 0 less often, ")
    program.do("work(23)")
    code, out, err = hrview("diff", before, "%d@%s" % (program.pid, dump(program.pid)["id"][:4]))
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == str(program.path)
    assert [line.split() for line in out.splitlines() if "+23" in line] == [
        [str(program.line_of("total += i")), "100", "->", "123", "+23"]]
    code, out, err = hrview("diff", program.pid, before, "--format", "json")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found["before"]["pid"] == found["after"]["pid"] == program.pid and found["before"]["state"] == "live"
    (file,) = found["files"]
    assert file["path"] == str(program.path)
    assert file["lines"][str(program.line_of("total += i"))] == [123, 100]
    assert str(program.line_of("total = None")) not in file["lines"]  # never hit
    assert found["more"] == 0 and found["fewer"] == len(file["lines"]) and found["same"] > 0


def test_two_programs_and_standard_input(program, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with Program(other) as second:
        code, out, err = hrview("diff", program.pid, second.pid)
        assert (code, err) == (1, "") and str(program.path) in out and str(second.path) in out
    text = saved(program, tmp_path / "a.json").read_bytes()
    done = subprocess.run([HRVIEW, "diff", "-", str(program.pid)], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE_S)
    assert (done.returncode, done.stderr) == (0, b"")


def test_trouble_is_exit_code_2(program, tmp_path):
    bad, other = tmp_path / "bad.json", tmp_path / "other.json"
    bad.write_text("{")
    other.write_text('{"files": [{"path": "/a", "lines": {"1": "x"}}]}')
    good = saved(program, tmp_path / "good.json")
    for what, expected in ((tmp_path / "none.json", "No such file"), (tmp_path, "directory"), (bad, "no JSON"),
                           (other, "files[0] has no count for line 1"), (2 ** 31 - 2, "no process")):
        for pair in ((what, good), (good, what)):
            code, out, err = hrview("diff", *pair)
            assert (code, out) == (2, "") and expected in err and err.count("\n") == 1, err
            assert err.startswith("hrview diff: ")
    for args in ([good], [good, good, good], [good, good, "--format", "xml"]):
        code, out, err = hrview("diff", *args)
        assert (code, out) == (2, "") and "--help" in err
