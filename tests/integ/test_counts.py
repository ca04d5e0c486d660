"""For each program of the oracle set: line by line what a sys.settrace function counts, and nothing else changed.

On 3.12 and later three times: by events only, by inline probes from the first line on, and with frames that go over to
these at random. (Once under the interpreter's JIT, where there are none.)"""
import json
import os
import re
import sys

import pytest

from oracle import PROBES, PROGRAMS, Job, assert_equal_counts, run_job


def head_comment(program, what, default):
    """`# what: value` above a program's docstring."""
    match = re.match(r"(?:#.*\n)*?# %s: (.*)" % what, program.read_text(encoding="utf-8"))
    return match.group(1) if match else default


def runs_here(program):
    needs = head_comment(program, "needs", "3.0")
    return tuple(map(int, needs.split("."))) <= sys.version_info[:2]


SHM = ("shm-events", "shm-probes", "shm-random") if PROBES and os.environ.get("PYTHON_JIT") != "1" else ("shm",)
SET = {program.stem: program for program in sorted(PROGRAMS.glob("*.py")) if runs_here(program)}


def long_module():
    """Lines far beyond 16 bits, one gap of more than 2^15 lines, a jump over more than 256 instructions."""
    yield "import sys"
    yield "def f(n):"
    yield "    total = 0"
    yield "    for i in range(n):"
    for i in range(400):
        yield f"        if i == {i}: total += i"
    yield "    return total"
    yield "print(f(3))"
    for i in range(6000):
        yield f"x{i % 100} = {i}"
    for i in range(40000):
        yield ""
    yield "def g(n):"
    for i in range(200):
        yield f"    n += (  # {i}"
        yield from [""] * 130
        yield "        f(1)"
        yield "    )"
    yield "    return n"
    yield "print(g(1), [g(n) for n in range(3)])"


def run_program(name, directory):
    """The runs of a program of the set, by mode."""
    program = SET.get(name)
    if program is None:
        program = directory / "long_module.py"
        program.write_text("\n".join(long_module()) + "\n")
    compared = head_comment(program, "oracle", "settrace") == "settrace"
    modes = ("plain", "oracle", *SHM) if compared else ("plain", *SHM)
    return run_job(Job([program], files=[PROGRAMS, program], start=head_comment(program, "start", "now")), directory, modes)


@pytest.mark.parametrize("name", [*SET, "long_module"])
def test_exact_and_unnoticed(name, tmp_path):
    ran = run_program(name, tmp_path)
    plain = ran["plain"]
    expected = int(head_comment(SET[name], "exit", "0")) if name in SET else 0
    assert plain.returncode == expected and (expected or not plain.stderr), plain
    if "oracle" in ran:
        assert ran["oracle"].stdout == plain.stdout, "the program is not the same twice"
    wrong = []
    for mode in SHM:
        try:
            assert_unnoticed(plain, ran[mode])
            if "oracle" in ran:
                assert_equal_counts(ran["oracle"].counts, ran[mode].counts)
            elif head_comment(SET[name], "oracle", "none") == "itself":
                assert_own_counts(SET[name], ran[mode])
        except AssertionError as error:
            wrong.append(f"{mode}: {error}")
    assert not wrong, "\n\n".join(wrong)


def assert_unnoticed(plain, shm):
    assert shm.counts is not None, str(shm)
    assert (shm.stdout, shm.stderr, shm.returncode) == (plain.stdout, plain.stderr, plain.returncode), f"{plain}\n{shm}"
    assert shm.process == plain.process


def assert_own_counts(program, run):
    """The program's last line of output says how often its marked lines were hit."""
    expected = json.loads(run.stdout.splitlines()[-1])
    marks = {}
    for line, text in enumerate(program.read_text().splitlines(), 1):
        mark = re.search(r"# = (\w+)$", text)
        if mark:
            marks[mark.group(1)] = run.counts.get((str(program), line), 0)
    assert marks == expected
