"""The bytecode editor: what it makes is the original with probes, and they are hit where sys.settrace has line events."""
import dis
import gc
import os
import sys
import types
from collections import Counter
from pathlib import Path

import pytest

import grammar
from oracle import PACKAGES, source_line

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="twins are of CPython 3.12 and later")

TOOL = 3
PROGRAMS = 2000 if os.environ.get("HR_STRICT") else 200
LIBRARY = Path(os.__file__).parent


@pytest.fixture(scope="module")
def twin():
    """twin(code, make_probe): the editor; a str when it is not sure."""
    sys.path.insert(0, str(PACKAGES))
    from heartrate_shm import _tracer

    sys.path.remove(str(PACKAGES))
    sys.monitoring.use_tool_id(TOOL, "test_twins")

    def make(code, make_probe):
        sys.monitoring.set_local_events(TOOL, code, sys.monitoring.events.LINE)
        try:
            return _tracer._twin(code, make_probe)
        finally:
            sys.monitoring.set_local_events(TOOL, code, 0)

    yield make
    sys.monitoring.free_tool_id(TOOL)


def code_within(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from code_within(const)


# ---- the shape ----


def instructions(code):
    """[instruction], {offset: index of the instruction that begins there or is prefixed there}; without EXTENDED_ARG."""
    found, index, begins = [], {}, []
    for instruction in dis.get_instructions(code):
        begins.append(instruction.offset)
        if instruction.opname != "EXTENDED_ARG":
            index.update(dict.fromkeys(begins, len(found)))
            found.append(instruction)
            begins = []
    return found, index


def without_probes(code, const_count):
    """The same of a twin, as if its probes and the jumps over them were the instruction behind them."""
    found, index = instructions(code)
    kept, new_index = [], []
    i = 0
    while i < len(found):
        new_index.append(len(kept))
        hops = found[i].opname == "JUMP_FORWARD" and index[found[i].argval] == i + 4
        probe = i + hops
        if probe + 2 < len(found) and found[probe].opname == "LOAD_CONST" and found[probe].arg >= const_count:
            names = [instruction.opname for instruction in found[probe + 1:probe + 3]]
            assert names == ["UNARY_NEGATIVE", "POP_TOP"]
            new_index += [len(kept)] * (probe + 2 - i)
            i = probe + 3
        else:
            kept.append(found[i])
            i += 1
    return kept, {offset: new_index[at] for offset, at in index.items()}


def handlers(code, index):
    return {index[offset]: (index[entry.target], entry.depth, entry.lasti)
            for entry in dis._parse_exception_table(code) for offset in range(entry.start, entry.end, 2) if offset in index}


def assert_same_but_probes(code, twin):
    was, was_at = instructions(code)
    now, now_at = without_probes(twin, len(code.co_consts))
    assert [i.opname for i in was] == [i.opname for i in now]
    for before, after in zip(was, now):
        assert before.positions == after.positions, (before, after)
        if before.opcode in dis.hasjrel:
            assert was_at[before.argval] == now_at[after.argval], (before, after)
        else:
            assert (before.arg, before.argrepr) == (after.arg, after.argrepr)
    assert handlers(code, was_at) == handlers(twin, now_at)
    assert twin.co_stacksize - code.co_stacksize in (0, 1)
    for name in ("co_name co_qualname co_filename co_firstlineno co_flags co_varnames co_cellvars co_freevars co_names "
                 "co_nlocals co_argcount co_posonlyargcount co_kwonlyargcount").split():
        assert getattr(twin, name) == getattr(code, name), name


def test_twins_of_the_standard_library(twin):
    """Those of functions, but for a few in a hundred, can be had, and are the original with probes."""
    made, unsure = 0, Counter()
    for path in sorted(LIBRARY.rglob("*.py")):
        if {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.parts):
            continue
        for code in code_within(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)):
            found = twin(code, lambda line: line)
            if not isinstance(found, str):
                made += 1
                assert_same_but_probes(code, found)
            elif code.co_flags & 2:  # CO_NEWLOCALS: a function
                unsure[found] += 1
    assert made > 5000 and sum(unsure.values()) * 100 < made * 3, (made, unsure)


# ---- the counts ----


def count_by_settrace(code, name):
    counts, log = Counter(), []
    namespace = grammar.world(log)
    exec(code, namespace)

    def call(frame, event, arg):
        return line if frame.f_code.co_filename == name else None

    def line(frame, event, arg):
        if event == "line":
            counts[frame.f_lineno] += 1
        return line

    before = sys.gettrace()
    sys.settrace(call)
    try:
        grammar.drive_all(namespace, log)
    finally:
        sys.settrace(before)
    gc.collect()
    return counts, log


def count_by_twins(twin, code):
    """The same, and the lines of code that has no twin."""
    counts, log, unsure = Counter(), [], set()

    class Probe:
        def __init__(self, line):
            self.line = line

        def __neg__(self):
            counts[self.line] += 1

    def make(code):
        consts = (make(const) if isinstance(const, types.CodeType) else const for const in code.co_consts)
        code = code.replace(co_consts=tuple(consts))
        found = twin(code, Probe)
        if isinstance(found, str):
            unsure.update(line for _, _, line in code.co_lines())
            return code
        return found

    namespace = grammar.world(log)
    exec(make(code), namespace)
    counts.clear()
    grammar.drive_all(namespace, log)
    gc.collect()
    return counts, log, unsure


def difference(twin, text, path):
    """How many lines were compared, and what to say when sys.settrace and twins do not agree."""
    code = compile(text, str(path), "exec", dont_inherit=True)
    traced, traced_log = count_by_settrace(code, str(path))
    counted, counted_log, unsure = count_by_twins(twin, code)
    wrong = sorted(line for line in {*traced, *counted} - unsure if traced[line] != counted[line])
    if not wrong and traced_log == counted_log:
        return len({*traced} - unsure), None
    path.write_text(text)
    shown = [f"{path}:{line}: sys.settrace {traced[line]}, twins {counted[line]}{source_line(path, line)}"
             for line in wrong[:10]]
    return 0, f"{len(wrong)} lines differ, same output: {traced_log == counted_log}\n" + "\n".join(shown)


# What random programs have found, made small.
FOUND = {
    "far from the first line (3.13.0)":
        "    with Manager(1) as (a, b):\n        try: pass\n        finally:\n" + "            call(a)\n" * 300,
    "a call returns to a jump target (3.12)":
        "    b = (a and few(\n    call(1)))\n    return b\n",
    "thrown into a delegation (3.12)":
        "    yield from sub(2); yield from sub(3)\n",
    "raised again through several lines":
        "    with (Manager(1) as a,\n        Manager(2) as (b, c)):\n        yield boom(a)\n        return call(b)\n",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(twin, tmp_path, name):
    text = "".join(f"def f{i}(a, b=2, c=3):\n{FOUND[name]}\n" for i in range(3))
    assert difference(twin, text, tmp_path / "found.py")[1] is None


@pytest.mark.filterwarnings("ignore")
def test_random_programs(twin, tmp_path, monkeypatch):
    """2,000 programs under .ci/run. One that fails is kept as a file, named in the message."""
    monkeypatch.setattr(sys, "unraisablehook", lambda what: None)
    compared = 0
    for seed in range(1, PROGRAMS + 1):
        try:
            lines, trouble = difference(twin, grammar.Program(seed).text, tmp_path / f"{seed}.py")
        except SyntaxError:  # a return with a value where there must be none
            continue
        compared += lines
        assert trouble is None, f"seed {seed}: {trouble}"
    assert compared > PROGRAMS * 10
