"""The bytecode editor: what it makes is the original with probes, and they are hit where sys.settrace has line events."""
import opcode
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import twin_shape
from oracle import PACKAGES, ROOT, environment

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="twins are of CPython 3.11 and later")


@pytest.fixture(scope="module")
def twin():
    """twin(code, make_probe): the editor; a str when it is not sure."""
    sys.path.insert(0, str(PACKAGES))
    try:
        with twin_shape.Maker() as maker:
            yield maker
    finally:
        sys.path.remove(str(PACKAGES))


def test_twins_of_the_standard_library(twin):
    """Those of functions, but for a few in a hundred, can be had, and are the original with probes. (`./dev fuzz twins`
    verifies all that there is.)"""
    made, unsure = 0, Counter()
    for code in twin_shape.codes_of(sorted(Path(os.__file__).parent.glob("*/*.py"))[::6]):
        found = twin(code, lambda line: line)
        if not isinstance(found, str):
            made += 1
            twin_shape.assert_same_but_probes(code, found)
        elif code.co_flags & 2:  # CO_NEWLOCALS: a function
            unsure[found] += 1
    assert made > 1000 and sum(unsure.values()) * 100 < made * 4, (made, unsure)


def test_generators_need_no_more_stack(twin):
    """Where `await` is deepest a twin has room in a generator that was made without it."""
    for text in ("async def f(a): await a", "def f(a):\n yield from a", "async def f(a):\n async with a: pass"):
        (code,) = list(twin_shape.code_within(compile(text, "f.py", "exec")))[1:]
        assert twin(code, lambda line: line).co_stacksize == code.co_stacksize, text


def test_no_search_takes_long(twin):
    """Not even the one through 4,000 handlers, each of which leads to all behind it."""
    text = "def f(a):\n with a:\n  try: a()\n" + "  except* KeyError as e: a()\n" * 4000
    _, code = twin_shape.code_within(compile(text, "f.py", "exec"))
    assert isinstance(twin(code, lambda line: line), str)


def test_jumps_back_that_lead_on(twin):
    """A jump by 0, made by hand, past which there might be a probe."""
    op, (_, code) = opcode.opmap, twin_shape.code_within(compile("def f(a): return a", "f.py", "exec"))
    jump = op.get("POP_JUMP_IF_FALSE", op.get("POP_JUMP_FORWARD_IF_FALSE"))
    caches = twin_shape.CACHES[jump]
    code = code.replace(co_linetable=bytes([0xe8, 0, 0xe9 + caches, 2, 0xeb, 2]), co_exceptiontable=b"", co_code=bytes([
        op["RESUME"], 0, op["LOAD_FAST"], 0, jump, 2, *[0] * 2 * caches,
        op["NOP"], 0, op["JUMP_BACKWARD_NO_INTERRUPT"], 0, op["LOAD_FAST"], 0, op["RETURN_VALUE"], 0]))
    assert isinstance(twin(code, lambda line: line), str)


def with_lines(code, change):
    """The code, each unit of which has change(the name before it, its name, its line or None) as line."""
    table, last, before = bytearray(), code.co_firstlineno, None
    for unit, (line, *_) in enumerate(code.co_positions()):
        name = twin_shape.NAME[code.co_code[unit * 2]]
        line = change(before, name, line)
        table += bytes([0xe8, 2 * (line - last) if line >= last else 2 * (last - line) + 1]) if line else bytes([0xf8])
        last, before = line or last, name
    return code.replace(co_linetable=bytes(table))


def test_delegations_over_several_lines(twin):
    """No compiler makes them: SEND's jump would hit the line where they end, or, on 3.12, a generator's end alone."""
    (code,) = list(twin_shape.code_within(compile("def f(a): yield from a", "f.py", "exec")))[1:]
    assert not isinstance(twin(with_lines(code, lambda before, name, line: line), lambda line: line), str)
    for elsewhere in ["SEND", *["JUMP_BACKWARD_NO_INTERRUPT"] * (sys.version_info[:2] == (3, 12))]:
        odd = with_lines(code, lambda before, name, line: line and line + (name == elsewhere))
        assert isinstance(twin(odd, lambda line: line), str), elsewhere


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="END_FOR and POP_TOP end loops on 3.13")
def test_loops_that_end_without_a_line(twin):
    """None does that a compiler makes: only a generator's end would hit what is behind it."""
    (code,) = list(twin_shape.code_within(compile("def f(a):\n for x in a: pass", "f.py", "exec")))[1:]
    assert not isinstance(twin(with_lines(code, lambda before, name, line: line), lambda line: line), str)
    code = with_lines(code, lambda before, name, line: None if (before, name) == ("END_FOR", "POP_TOP") else line)
    assert isinstance(twin(code, lambda line: line), str)


def test_random_programs():
    """What random programs have found, and new ones: 2,000 under .ci/run, each Python its own."""
    programs = 500 if os.environ.get("HR_STRICT") else 100
    done = subprocess.run([sys.executable, str(ROOT / "tests" / "fuzz" / "counts.py"), "fuzz", str(programs),
                           str(1 + sys.version_info[1] % 4 * 500)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, env=environment())
    assert done.returncode == 0 and f"{programs} programs" in done.stdout, done.stdout
