"""Forks at odd moments: by C code, while the package is imported, beside threads that start programs."""
import textwrap

import pytest

from family import Ended, family
from test_processes import BODY, SAMPLER_IS_BACK, both, program, worked


def test_fork_of_c_code_whose_child_forks_again(tmp_path):
    """With Python's hooks: it is first told what the child itself has become."""
    path = program(tmp_path, """
        import ctypes, signal
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            signal.alarm(10)
            pid = os.fork()
            if pid == 0:
                work(3)
                os._exit(0)
            os.wait()
            work(5)
            os._exit(0)
        print(os.waitpid(pid, 0)[1])
        """)
    assert worked(family(both(path, tmp_path).pid)) == [3, 5]


def test_forks_of_c_code_one_in_the_other(tmp_path):
    """Before the first child has run any code that would tell what becomes of it."""
    path = program(tmp_path, """
        import ctypes, signal
        fork = ctypes.PyDLL(None).fork
        signal.alarm(20)
        pids = list(map(type(fork).__call__, (fork, fork)))  # no bytecode between them
        work(1 + sum(pid == 0 for pid in pids))
        for pid in filter(None, pids):
            print(os.waitpid(pid, 0)[1], flush=True)
        """)
    assert worked(family(both(path, tmp_path).pid)) == [1, 2, 2, 3]


def test_fork_of_c_code_whose_child_ends_at_once(tmp_path):
    """Without any event of ours it comes to the exit handlers, where nobody may wait for a sampler that it has not got."""
    path = program(tmp_path, """
        import ctypes, signal
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            signal.alarm(10)
            sys.exit(3)
        print(os.waitpid(pid, 0)[1])
        """)
    both(path, tmp_path)


@pytest.mark.parametrize("library", ["CDLL", "PyDLL"])
def test_fork_of_c_code_while_the_sampler_waits(tmp_path, library):
    """For the lock, which the forking thread has had for a while: the child is not to wait for the sampler, whether it has
    the lock (PyDLL) or has to take it again."""
    path = program(tmp_path, f"""
        import ctypes, signal, time
        usleep, fork = ctypes.PyDLL(None).usleep, ctypes.{library}(None).fork
        for i in range(5):
            pid = list(map(type(usleep).__call__, (usleep, fork), (70000, 0)))[1]  # no bytecode between them
            if pid == 0:
                signal.alarm(10)
                end = time.monotonic() + 0.02
                while time.monotonic() < end:
                    pass
                work(3)
                os._exit(0)
            signal.alarm(20)
            print(os.waitpid(pid, 0)[1])
        """)
    assert worked(family(both(path, tmp_path).pid)) == [3] * 5


def test_imported_while_a_fork_is_under_way(tmp_path):
    """Our hook before that fork has not run, that behind it does. The forks that follow are as ever."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(f"""
        import os, time, warnings
        warnings.simplefilter("ignore")
        ways = ["import"]
        def work(n):
            for i in range(n):  # line 6
                pass            # line 7
        def before():
            if ways:
                ways.clear()
                import heartrate_shm
                heartrate_shm.trace(children=True)
        {textwrap.indent(textwrap.dedent(SAMPLER_IS_BACK), " " * 8).strip()}
        def fork():
            pid = os.fork()
            if pid == 0:
                work(3)
                os._exit(0)
            print(wait(), os.waitpid(pid, 0)[1])
        os.register_at_fork(before=before)
        for i in range(3):
            fork()
        """))
    ours = Ended([path], tmp_path)
    assert ours.seen() == ("True 0\n" * 3, "", 0), ours
    assert worked(family(ours.pid)) == [3, 3, 3]


def test_a_fork_while_another_thread_starts_a_program(tmp_path):
    """Which of the two children only becomes another program is known of each."""
    path = program(tmp_path, """
        import subprocess, threading, warnings
        warnings.simplefilter("ignore")
        starting, forked = threading.Event(), threading.Event()
        def before():
            if not starting.is_set():
                os.system("true")
                starting.set()
                forked.wait()
        def fork():
            starting.wait()
            pid = os.fork()
            if pid == 0:
                work(3)
                os._exit(0)
            forked.set()
            print(os.waitpid(pid, 0)[1])
        os.register_at_fork(before=before)
        thread = threading.Thread(target=fork)
        thread.start()
        subprocess.run(["true"], preexec_fn=lambda: None)
        thread.join()
        """)
    members = family(both(path, tmp_path).pid)
    assert [member.hits(BODY) for member in members] == [0, 3], members


def test_a_fork_while_another_thread_runs_a_command(tmp_path):
    """Meanwhile our variables stand in C's environment, and would for ever in the child."""
    path = program(tmp_path, """
        import threading, warnings
        warnings.simplefilter("ignore")
        for fifo in "runs", "ends":
            if not os.path.exists(fifo):
                os.mkfifo(fifo)
        thread = threading.Thread(target=os.system, args=("echo > runs; read line < ends",))
        thread.start()
        open("runs").read()
        pid = os.fork()
        if pid == 0:
            if os.path.exists("traced"):
                HANDLE.stop()
            os.execv("/bin/sh", ["sh", "-c", "echo ${HEARTRATE_SHM_CHILD-nothing}"])
        print(os.waitpid(pid, 0)[1], flush=True)
        open("ends", "w").close()
        thread.join()
        """)
    assert both(path, tmp_path).stdout == "nothing\n0\n"
