"""Which frames and functions go over to twins, how long they stay, and that stop() puts everything back."""
import sys
import textwrap

import pytest

from oracle import PROBES, dump
from programs import run

MONITORING = sys.version_info >= (3, 12)
pytestmark = pytest.mark.skipif(not PROBES, reason="inline probes are of CPython 3.11 and later")


@pytest.mark.skipif(not MONITORING, reason="on 3.11 functions keep their code")
def test_functions_have_twins_until_others_listen(tmp_path):
    """As the garbage collector sees it, which asks functions in C what they refer to."""
    program = run(tmp_path, """\
        import gc, sys, threading
        import heartrate_shm
        handle = heartrate_shm.trace()
        def function(n):
            for i in range(n):
                pass
        code, monitoring = function.__code__, sys.monitoring
        def has_twin():
            for i in range(3):
                function(1)
            return not any(found is code for found in gc.get_referents(function))
        def watch(events, on=None):
            monitoring.use_tool_id(1, "another")
            monitoring.set_local_events(1, on, events) if on else monitoring.set_events(1, events)
            had = has_twin()
            monitoring.set_local_events(1, on, 0) if on else monitoring.set_events(1, 0)
            monitoring.free_tool_id(1)
            return had
        def between(begin, end, nothing=None):
            begin(lambda *event: None)
            had = has_twin()
            end(nothing)
            return had
        print(has_twin())
        print(watch(monitoring.events.CALL), has_twin(), watch(monitoring.events.LINE, code), has_twin())
        print(between(sys.settrace, sys.settrace), has_twin(), between(sys.setprofile, sys.setprofile), has_twin())
        print(between(threading.settrace_all_threads, sys._settraceallthreads), has_twin())
        print(between(threading.setprofile_all_threads, sys._setprofileallthreads), has_twin())
        watched = has_twin()
        handle.stop()
        print(watched, [found for found in gc.get_referents(function) if found is code] == [code])
        handle = heartrate_shm.trace()
        print(has_twin())
        """, HEARTRATE_SHM_COUNT="probes")
    assert program.stdout.split("\n") == ["True", "False True False True", "False True False True", "False True", "False True",
                                         "True True", "True", ""]


def test_c_code_that_begins_to_trace_meets_the_original(tmp_path):
    """It may be late only when nobody has traced before."""
    program = run(tmp_path, """\
        import ctypes, gc, sys
        import heartrate_shm
        heartrate_shm.trace()
        def function(n):
            for i in range(n):
                pass
        code, api, seen = function.__code__, ctypes.pythonapi, []
        api.PyFrame_GetCode.restype = ctypes.py_object
        @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)
        def event(this, frame, what, arg):
            found = api.PyFrame_GetCode(ctypes.py_object(frame))
            if found.co_name == "function":
                seen.append((found is code, what, frame.f_lineno))
            return 0
        def traced(begin):
            function(1), function(1), function(1)
            twin = not any(found is code for found in gc.get_referents(function))
            begin(event, ctypes.py_object(None))
            seen.clear()
            function(1)
            found = list(seen)
            begin(None, ctypes.py_object(None))
            return twin, found
        for begin in api.PyEval_SetTrace, api.PyEval_SetProfile:
            begin(None, ctypes.py_object(None))
            while not all(original for original, *event in traced(begin)[1]):
                pass
            for i in range(3):
                print(*traced(begin))
        """, HEARTRATE_SHM_COUNT="probes")
    CALL, LINE, RETURN = 0, 2, 3
    lines = [(True, CALL, 4), (True, LINE, 5), (True, LINE, 6), (True, LINE, 5), (True, RETURN, 5)]
    assert program.stdout == f"{MONITORING} {lines}\n" * 3 + f"{MONITORING} {[lines[0], lines[-1]]}\n" * 3


def test_stop_puts_everything_back(tmp_path):
    """When no frame runs a twin any more: the frames that trace and stop are not to be traced ones, therefore."""
    (tmp_path / "traced.py").write_text(textwrap.dedent("""\
        import heartrate_shm
        def start():
            return heartrate_shm.trace()
        def work(n):
            for i in range(n):
                yield i
        """))
    program = run(tmp_path, """\
        import sys, types
        from traced import start, work
        def state():
            return (type(types.TracebackType.__dict__["tb_lasti"]), types.TracebackType.tb_lasti, types.FrameType.f_code,
                    sys.getrefcount(work.__code__), sys.getsizeof(work(1)), work.__code__.co_stacksize)
        before = state()
        for i in range(3):
            handle = start()
            list(work(10))
            running = work(10)
            next(running)
            handle.stop()
            print(state() == before, running.gi_code is work.__code__, running.gi_frame.f_code is work.__code__, sum(running))
        del running
        start().stop()
        print(state() == before)
        """, HEARTRATE_SHM_COUNT="probes")
    assert program.stdout == "False True True 45\n" * 3 + "True\n"


def test_frames_on_twins_count_for_the_next_trace(tmp_path):
    """Of the function that stops and traces anew, and of a generator that is suspended meanwhile."""
    lines = {}
    for how in "events", "probes", "random":
        program = run(tmp_path, """\
            import heartrate_shm
            def generator(n):
                for i in range(n):
                    yield i
            def other():
                return 1
            def main(kept):
                global handle
                for turn in range(3):
                    for i in range(10):
                        next(kept)
                    for i in range(5):
                        other()
                    if turn < 2:
                        handle.stop()
                        handle = heartrate_shm.trace()
            kept = generator(100)
            handle = heartrate_shm.trace()
            main(kept)
            """, HEARTRATE_SHM_COUNT=how)
        lines[how] = next(file["lines"] for file in dump(program.pid)["files"] if file["path"] == str(program.path))
    expected = {3: 10, 4: 10, 6: 5, 9: 2, 10: 11, 11: 10, 12: 6, 13: 5, 14: 1}
    assert lines == dict.fromkeys(lines, {str(line): hits for line, hits in expected.items()})


def test_hot_loops_of_every_kind_leave_their_events(tmp_path):
    """Functions called once, the module itself, a class body, generators, coroutines, loops on one line."""
    program = run(tmp_path, """\
        import asyncio, sys
        import heartrate_shm
        heartrate_shm.trace()
        def once(n):
            for i in range(n):
                i += 1
        once(20000)
        for i in range(20000 if sys.version_info >= (3, 12) else 0):  # on 3.11 a frame that runs stays as it is
            i += 1
        class Body:
            for i in range(20000):
                i += 1
        def generator(n):
            for i in range(n): yield i
        sum(generator(20000))
        async def main(n):
            for i in range(n):
                i += 1
        asyncio.run(main(20000))
        sum(x for x in range(20000))
        [x for x in range(20000)]
        """, HEARTRATE_SHM_COUNT="")
    counted = next(file for file in dump(program.pid)["files"] if file["path"] == str(program.path))
    assert sum(counted["lines"].values()) == sum(counted["counted_by"].values())
    assert counted["counted_by"]["events"] < 0.1 * counted["counted_by"]["probes"], counted["counted_by"]


def test_finalizers_of_hot_code_count(tmp_path):
    """They run where its twin ends, which is within an event of other code."""
    program = run(tmp_path, """\
        import weakref
        import heartrate_shm
        ended, going = [], [1]
        def gone(number):
            if going:
                ended.append(number)
        heartrate_shm.trace(lambda path: "weakref" not in path)
        for number in range(300):
            space = {}
            exec(compile("def f():\\n    return 1\\n", "hot", "exec"), space)
            f = space.pop("f")
            f(), f(), f()
            weakref.finalize(f.__code__, gone, number)
        going.clear()
        print(len(ended))
        """, HEARTRATE_SHM_COUNT="probes")
    assert program.hits()[6] == int(program.stdout) > 100


def test_no_probes_on_request(tmp_path):
    program = run(tmp_path, """\
        import heartrate_shm
        heartrate_shm.trace()
        for i in range(5000):
            i += 1
        """, HEARTRATE_SHM_COUNT="events")
    counted = next(file["counted_by"] for file in dump(program.pid)["files"] if file["path"] == str(program.path))
    assert counted == {"events": 10001, "probes": 0}
