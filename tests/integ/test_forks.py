"""Forks at odd moments: by C code, while the package is imported, beside threads that start programs."""
import textwrap

from family import Ended, family
from test_processes import BODY, LOOKED_AT, SAMPLER_IS_BACK, both, program, worked


def test_fork_of_c_code_whose_child_forks_again(tmp_path):
    """Before any event of ours: there is nothing that could be kept for the second child."""
    path = program(tmp_path, "import ctypes, signal\n" + textwrap.dedent(LOOKED_AT) + textwrap.dedent("""
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            signal.alarm(10)
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.wait()
            os._exit(any(".%d." % pid in name for name in os.listdir("/dev/shm")))
        print(os.waitpid(pid, 0)[1])
        """))
    both(path, tmp_path)


def test_fork_of_c_code_whose_child_ends_at_once(tmp_path):
    """Without any event of ours it comes to the exit handlers, where nobody may wait for a sampler that it has not got."""
    path = program(tmp_path, "import ctypes, signal\n" + textwrap.dedent(LOOKED_AT) + textwrap.dedent("""
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            signal.alarm(10)
            sys.exit(3)
        print(os.waitpid(pid, 0)[1])
        """))
    both(path, tmp_path)


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
    assert worked(family(ours.pid)) == [3, 3]


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
