"""Beside other tools: coverage.py with each of its tracers, programs that use sys.monitoring, debuggers' slot."""
import json
import platform
import re
import sys
from pathlib import Path

import pytest

from oracle import DEADLINE_S, dump, poll
from programs import Program, run

MONITORING = sys.version_info >= (3, 12)

COVERED = """\
    import json, sys
    import coverage
    def work(n):
        total = 0
        for i in range(n):
            if i == 1000:
                total = "never"
            total += i
        return total
    if sys.argv[1] == "traced":
        import heartrate_shm
        heartrate_shm.trace()
    work(2)
    cover = coverage.Coverage(data_file=None, include=__file__, branch=True)
    cover.start()
    work(3)
    cover.stop()
    data = cover.get_data()
    print(json.dumps([sorted(data.lines(__file__)), sorted(data.arcs(__file__))]), flush=True)
    for line in sys.stdin:
        work(1)
        print("worked", flush=True)
    """


@pytest.mark.parametrize("how", ["events", "probes"] if MONITORING else [""])
@pytest.mark.parametrize("core", ["ctrace", "pytrace", "sysmon"] if MONITORING else ["ctrace", "pytrace"])
def test_coverage(core, how, tmp_path):
    plain = run(tmp_path, COVERED, "plain", COVERAGE_CORE=core)
    assert json.loads(plain.stdout)[0], "coverage saw nothing"
    with Program(tmp_path, COVERED, "traced", COVERAGE_CORE=core, HEARTRATE_SHM_COUNT=how) as traced:
        assert json.loads(traced.line()) == json.loads(plain.stdout)
        if MONITORING:
            hits = traced.hits()
            assert (hits[4], hits[5], hits[6], hits[8], hits[9]) == (2, 7, 5, 5, 2)
            assert not dump(traced.pid)["notes"]
        else:
            # While coverage.py had the slot nobody else could count. When it lets go it is ours again.
            def counts_again():
                traced.child.stdin.write("work\n")
                traced.child.stdin.flush()
                return traced.line() == "worked" and traced.hits()[4] > 1

            poll(counts_again, "lines are counted again")
        assert traced.end().stderr == plain.stderr


def test_own_settrace_takes_over_and_gives_back(tmp_path):
    program = run(tmp_path, """\
        import sys
        import heartrate_shm
        seen = []
        def tracer(frame, event, arg):
            seen.append((event, frame.f_lineno))
            return tracer
        def work(n):
            for i in range(n):
                pass
        heartrate_shm.trace()
        work(2)
        sys.settrace(tracer)
        work(3)
        sys.settrace(None)
        work(4)
        print(seen == [("call", 7), ("line", 8), ("line", 9), ("line", 8), ("line", 9), ("line", 8), ("line", 9),
                       ("line", 8), ("return", 8)], sys.gettrace())
        """)
    assert program.stdout == "True None\n"
    kinds = [note["kind"] for note in dump(program.pid)["notes"]]
    hits = program.hits()
    if MONITORING:
        assert (hits[8], hits[9], hits[13]) == (12, 9, 1) and kinds == []
    else:
        assert (hits[8], hits[9]) == (8, 6) and hits[15] == 1 and kinds == ["taken-over", "resumed"]


PROFILED = """\
    import sys
    def work(n):
        total = 0
        for i in range(n):
            total += abs(i)
        return total
    if sys.argv[1] == "traced":
        import heartrate_shm
        heartrate_shm.trace()
    seen = []
    def profiler(frame, event, arg):
        if frame.f_code is work.__code__:
            seen.append((event, frame.f_lineno))
    work(2)
    sys.setprofile(profiler)
    work(3)
    sys.setprofile(None)
    work(4)
    print(seen)
    """


def test_profiler(tmp_path):
    """One that calls sys.setprofile(), as sentry's and others do: it sees the same, and no hit is lost."""
    plain, traced = (run(tmp_path, PROFILED, way) for way in ("plain", "traced"))
    assert traced.stdout == plain.stdout and "c_call" in plain.stdout
    hits = traced.hits()
    assert [hits[line] for line in range(3, 7)] == [3, 12, 9, 3] and not dump(traced.pid)["notes"]


SAMPLED = """\
    import os, time
    import heartrate_shm
    heartrate_shm.trace()
    def work(n):
        total = 0
        for i in range(n):
            total += i
        return total
    rounds, end = 0, time.monotonic() + 1
    while time.monotonic() < end:
        work(1000)
        rounds += 1
    print(os.getpid(), rounds)
    """
AUSTIN = Path(sys.executable).with_name("austin")
AUSTIN_NO_PYTHON = 32  # exit code


def started_by_austin(tmp_path, *options):
    """SAMPLED, ended. austin looks once whether what it has started is Python, which without us is too early at times, too."""
    for _ in range(20):
        with Program(tmp_path, SAMPLED, wrapper=(str(AUSTIN), *options)) as program:
            if program.child.wait(DEADLINE_S) != AUSTIN_NO_PYTHON:
                return program.end()
    raise AssertionError("austin never took it for Python")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="austin 3.7 knows Python up to 3.13; 4.0, up to 3.14, needs a newer C library")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="austin's wheels are for x86_64")
def test_austin(tmp_path):
    """It reads the interpreter's memory from outside: it finds the stacks, and no hit is lost."""
    samples = tmp_path / "samples"
    program = started_by_austin(tmp_path, "-i", "1ms", "-o", str(samples))
    program.pid, rounds = map(int, re.search(r"^(\d+) (\d+)$", program.stdout, re.M).groups())
    hits = program.hits()
    assert [hits[line] for line in range(5, 9)] == [rounds, 1001 * rounds, 1000 * rounds, rounds]
    assert re.search(r"program\.py:work:[5-8]\b", samples.read_text(encoding="utf-8"))


DEBUGGED = """\
    import sys
    def work(n):
        total = 0
        for i in range(n):
            total += i
            if i == 2:
                breakpoint()
        return total
    if sys.argv[1] == "traced":
        import heartrate_shm
        heartrate_shm.trace()
    elif sys.version_info[:2] == (3, 13):  # whose first release lets pdb begin elsewhere when any tool watches lines
        monitoring = sys.monitoring
        monitoring.use_tool_id(3, "another")
        monitoring.register_callback(3, monitoring.events.LINE, lambda code, line: None)
        monitoring.set_local_events(3, work.__code__, monitoring.events.LINE)
    print(work(4))
    print(work(2))
    """


def test_breakpoint(tmp_path):
    seen = []
    for way in "plain", "traced":
        with Program(tmp_path, DEBUGGED, way) as program:
            program.child.stdin.write("p total, i\nnext\nstep\nwhere\nb 8\ncontinue\np total\nclear 1\ncontinue\n")
            seen.append((program.end().stdout, program.stderr))
    assert seen[1] == seen[0] and "(3, 2)" in seen[0][0] and seen[0][0].endswith("1\n")
    hits, notes = program.hits(), [note["kind"] for note in dump(program.pid)["notes"]]
    if MONITORING:
        assert [hits[line] for line in range(3, 9)] == [2, 8, 6, 6, 1, 2] and notes == []
    else:
        assert hits[7] == 1 and notes[0] == "taken-over"


@pytest.mark.skipif(not MONITORING, reason="sys.monitoring is new in 3.12")
def test_programs_own_monitoring(tmp_path):
    program = run(tmp_path, """\
        import sys
        monitoring = sys.monitoring
        tool = int(sys.argv[1])
        seen = []
        def work(n):
            for i in range(n):
                pass
        monitoring.use_tool_id(tool, "mine")
        monitoring.register_callback(tool, monitoring.events.LINE, lambda code, line: seen.append(line))
        monitoring.set_local_events(tool, work.__code__, monitoring.events.LINE)
        import heartrate_shm
        handle = heartrate_shm.trace()
        work(2)
        handle.stop()
        work(1)
        monitoring.set_local_events(tool, work.__code__, 0)
        work(1)
        print(seen, monitoring.get_tool(tool), [monitoring.get_tool(id) for id in range(6) if id != tool])
        """, 5)
    assert program.stdout == "[6, 7, 6, 7, 6, 6, 7, 6] mine [None, None, None, None, None]\n"
    assert program.hits() == {6: 3, 7: 2, 13: 1, 14: 1}


@pytest.mark.parametrize("how", ["events", "probes"])
@pytest.mark.skipif(sys.version_info < (3, 13), reason="C code fires events of its own from 3.13 on")
def test_events_of_c_code(how, tmp_path):
    program = run(tmp_path, """\
        import ctypes, sys
        import heartrate_shm
        heartrate_shm.trace()
        api, events = ctypes.pythonapi, sys.monitoring.events
        fired = {events.PY_START: api._PyMonitoring_FirePyStartEvent, events.PY_RESUME: api._PyMonitoring_FirePyResumeEvent}
        types = (ctypes.c_uint8 * 2)(*[event.bit_length() - 1 for event in fired])
        class Template:
            pass
        def render(code):
            tools, version = (ctypes.c_uint8 * 2 * 2)(), ctypes.c_uint64()
            api.PyMonitoring_EnterScope(tools, ctypes.byref(version), types, ctypes.c_ssize_t(2))
            heard = tools[0][0] == tools[1][0] != 0
            for tool, fire in zip(tools, fired.values()):
                for offset in 0, 2, 1000000:
                    heard = heard and fire(tool, ctypes.py_object(code), offset) == 0
            return heard
        for i in range(3):
            print(render(Template()), render("a template"), render(compile("1", "a template", "exec")), render(render.__code__))
        """, HEARTRATE_SHM_COUNT=how)
    assert program.stdout == "True True True True\n" * 3


@pytest.mark.skipif(not MONITORING, reason="sys.monitoring is new in 3.12")
def test_no_free_tool_id(tmp_path):
    program = run(tmp_path, """\
        import sys
        for id in range(6):
            sys.monitoring.use_tool_id(id, "tool %d" % id)
        import heartrate_shm
        try:
            heartrate_shm.trace()
        except RuntimeError as error:
            print(error)
        sys.monitoring.free_tool_id(2)
        print(heartrate_shm.trace().active)
        """)
    error, active = program.stdout.splitlines()
    assert error.startswith("heartrate_shm: ") and "sys.monitoring tool ids are taken" in error
    assert active == "True"
