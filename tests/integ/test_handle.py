"""The handle: stop(), with, again and again; and programs that ended, however, stay readable."""
import os
import signal

import pytest

from oracle import dump, hrview, poll
from programs import Program, run


def test_stop_ends_counting_and_twice_is_fine(tmp_path):
    program = run(tmp_path, """\
        import heartrate_shm, sys
        handle = heartrate_shm.trace()
        x = 1
        print(handle.active, handle.segment is not None)
        handle.stop()
        x = 2
        handle.stop(); heartrate_shm.stop()
        print(handle.active, handle.segment, sys.gettrace())
        """)
    assert program.stdout == "True True\nFalse None None\n"
    assert program.hits() == {3: 1, 4: 1, 5: 1}
    assert dump(program.pid)["state"] == "closed"


def test_with_ends_counting_at_its_end_and_lets_exceptions_pass(tmp_path):
    program = run(tmp_path, """\
        import heartrate_shm
        try:
            with heartrate_shm.trace() as handle:
                x = 1
                raise ValueError("passes")
        except ValueError as error:
            print(error, handle.active)
        """)
    assert program.stdout == "passes False\n"
    assert {4, 5} <= set(program.hits()) <= {3, 4, 5}  # whether the `with` line is hit again at its end differs


def test_stop_from_within_traced_functions_and_threads(tmp_path):
    program = run(tmp_path, """\
        import heartrate_shm, threading
        def down(n):
            if n:
                return down(n - 1)
            heartrate_shm.stop()
            return 0
        def stops():
            heartrate_shm.stop()
            return 1
        heartrate_shm.trace()
        down(5)
        for _ in range(10):
            pass
        handle = heartrate_shm.trace()
        thread = threading.Thread(target=stops)
        thread.start()
        thread.join()
        print(handle.active)
        """)
    assert program.stdout == "False\n"


def test_a_thousand_times_leaks_nothing(tmp_path):
    program = run(tmp_path, """\
        import gc, os, sys
        import heartrate_shm
        def work(n):
            for i in range(n):
                pass
        def once():
            heartrate_shm.trace()
            work(3)
            exec("x = 1")
            heartrate_shm.stop()
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        def mapped():
            with open("/proc/self/maps") as file:
                return sum("heartrate" in line or "deleted" in line for line in file)
        def measure():
            gc.collect()
            return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), mapped(), resident()
        for _ in range(100):
            once()
        before = measure()
        for _ in range(1000):
            once()
        after = measure()
        print(*before, *after)
        """)
    fds, threads, maps, resident, fds_after, threads_after, maps_after, resident_after = map(int, program.stdout.split())
    assert (fds_after, threads_after) == (fds, threads)
    assert maps_after <= maps + 2, (maps, maps_after)
    assert resident_after - resident < 2 << 20, (resident, resident_after)
    assert len([name for name in os.listdir("/dev/shm") if f".{program.pid}." in name]) <= 8 + 1


def test_each_start_counts_from_zero(tmp_path):
    program = run(tmp_path, """\
        import heartrate_shm
        def f():
            return 1
        heartrate_shm.trace()
        f(); f()
        heartrate_shm.stop()
        f()
        heartrate_shm.trace()
        f()
        """)
    assert program.hits() == {3: 1, 9: 1}


def test_only_the_calling_threads_lines_count_with_threads_false(tmp_path):
    program = run(tmp_path, """\
        import threading
        import heartrate_shm
        go = threading.Event()
        def work(n):
            go.wait()
            for i in range(n):
                pass
        before = threading.Thread(target=work, args=(100,))
        before.start()
        heartrate_shm.trace(threads=False)
        go.set()
        later = threading.Thread(target=work, args=(1000,))
        later.start()
        work(3)
        before.join(), later.join()
        """)
    hits = program.hits()
    assert (hits[5], hits[6], hits[7]) == (1, 4, 3)


def test_positional_arguments_are_heartrates():
    import inspect

    import heartrate_shm

    parameters = inspect.signature(heartrate_shm.trace).parameters.values()
    positional = [(one.name, one.default) for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert positional[1:] == [("port", 9999), ("host", "127.0.0.1"), ("browser", False), ("daemon", False)]
    assert positional[0] == ("files", heartrate_shm.files.marked)
    assert all(one.kind is one.KEYWORD_ONLY for one in list(parameters)[5:])


@pytest.mark.parametrize("arguments,message", [
    ("files=1", "TypeError: files must be a callable"),
    ("unknown=1", "TypeError"),
])
def test_wrong_arguments_are_said_at_once(arguments, message, tmp_path):
    program = run(tmp_path, f"import heartrate_shm\nheartrate_shm.trace({arguments})\n", code=1)
    assert message in program.stderr


ENDS = {
    "falls off its end": ("", 0, "closed"),
    "sys.exit": ("sys.exit(3)", 3, "closed"),
    "an exception": ("raise ValueError", 1, "closed"),
    "os._exit": ("os._exit(4)", 4, "closed"),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "dead"),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, "dead"),
    "a segfault": ("ctypes.string_at(0)", -signal.SIGSEGV, "dead"),
    "os.abort": ("os.abort()", -signal.SIGABRT, "dead"),
}


@pytest.mark.parametrize("end", ENDS)
def test_ended_program_stays_readable(end, tmp_path):
    how, code, state = ENDS[end]
    program = run(tmp_path, f"""\
        import ctypes, os, signal, sys
        import heartrate_shm
        def f(n):
            for i in range(n):
                pass
        heartrate_shm.trace()
        f(1000)
        {how}
        """, code=code)
    hits = program.hits()
    assert (hits[4], hits[5], hits[7]) == (1001, 1000, 1)
    assert dump(program.pid)["state"] == state
    rows = [row.split() for row in hrview("list").splitlines()]
    assert any(str(program.pid) in row and state in row for row in rows), rows


def test_live_program_is_readable_while_it_waits(tmp_path):
    with Program(tmp_path, """\
        import heartrate_shm
        heartrate_shm.trace()
        for _ in range(5):
            pass
        print("waits", flush=True)
        input()
        """) as program:
        assert program.line() == "waits"
        poll(lambda: program.hits().get(6), "the line of input()")
        assert program.hits() == {3: 6, 4: 5, 5: 1, 6: 1}
        assert dump(program.pid)["state"] == "live"
        program.child.stdin.write("\n")
        program.end()
        assert dump(program.pid)["state"] == "closed"
