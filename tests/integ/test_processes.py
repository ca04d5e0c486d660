"""Forks, spawns and execs: each process its own counts, the parent's untouched, and nothing that the program can see."""
import os
import textwrap

import pytest

from family import Ended, family

START = """\
import os, sys
if os.path.exists("traced"):
    import heartrate_shm
    HANDLE = heartrate_shm.trace({arguments})
def work(n):
    for i in range(n):  # line 6
        pass            # line 7
"""
FOR, BODY = 6, 7

METHODS = ["fork", "spawn", "forkserver"]


def program(tmp_path, text, arguments="children=True", name="program.py"):
    path = tmp_path / name
    path.write_text(START.format(arguments=arguments) + textwrap.dedent(text))
    return path


def both(path, tmp_path, *options):
    """The run with us, which nobody could tell from one without."""
    options = options or ("-W", "error")
    plain, ours = Ended([*options, path], tmp_path, traced=False), Ended([*options, path], tmp_path)
    assert ours.seen() == plain.seen(), f"{plain}\n--- with us\n{ours}"
    return ours


def worked(members):
    """How often the body of work() ran in each, without those where it did not."""
    return sorted(filter(None, (member.hits(BODY) for member in members)))


FORK = """
    work(3)
    pid = os.fork()
    if pid == 0:
        work(40)
        pid = os.fork()
        if pid == 0:
            work(500)
            os._exit(5)
        work(10)
        print("child", os.waitpid(pid, 0)[1] >> 8, flush=True)
        os._exit(7)
    work(1)
    print("parent", os.waitpid(pid, 0)[1] >> 8)
    try:
        os.wait()
    except ChildProcessError:
        print("no other child")
    print(sorted(os.listdir("/proc/self/fd")))
    """


def test_forked_children_have_counts_of_their_own(tmp_path):
    ours = both(program(tmp_path, FORK), tmp_path)
    parent, child, grandchild = family(ours.pid)
    assert (parent.hits(BODY), child.hits(BODY), grandchild.hits(BODY)) == (4, 50, 500)
    assert (parent.hits(FOR), child.hits(FOR), grandchild.hits(FOR)) == (6, 52, 501)
    assert (child.parent, grandchild.parent) == (parent.id, child.id)
    assert [member.why for member in (parent, child, grandchild)] == ["exit"] * 3
    assert {member.name for member in (parent, child, grandchild)} == {"program.py"}


def test_without_children_only_the_parent_counts(tmp_path):
    ours = both(program(tmp_path, FORK, ""), tmp_path)
    (parent,) = family(ours.pid)
    assert parent.hits(BODY) == 4


def test_a_child_that_is_not_traced_has_nothing_of_us(tmp_path):
    path = program(tmp_path, """
        pid = os.fork()
        if pid == 0:
            work(5)
            tools = [sys.monitoring.get_tool(i) for i in range(6)] if sys.version_info >= (3, 12) else []
            with open("/proc/self/maps") as maps:
                print(sys.gettrace(), tools, len(os.listdir("/proc/self/task")), "/dev/shm" in maps.read(), flush=True)
            os._exit(0)
        os.wait()
        """, "")
    both(path, tmp_path)


def test_what_runs_between_the_fork_and_the_own_segment_is_counted(tmp_path):
    """Hooks of others run before ours: code that was known, and code that nobody has seen yet."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent("""\
        import os
        def known(n):
            for i in range(n):
                pass
        def hook():
            known(20)
            eval("late(300)")
        def late(n):
            for i in range(n):
                pass
        os.register_at_fork(after_in_child=hook)
        if os.path.exists("traced"):
            import heartrate_shm
            heartrate_shm.trace(children=True)
        known(1)
        if os.fork() == 0:
            known(4)
            os._exit(0)
        os.wait()
        """))
    parent, child = family(both(path, tmp_path).pid)
    assert {line: child.hits(line) for line in (3, 4, 6, 7, 9, 10, 17, 18)} == {
        3: 26, 4: 24, 6: 1, 7: 1, 9: 301, 10: 300, 17: 1, 18: 1}
    assert child.hits(19) == child.hits(15) == parent.hits(17) == parent.hits(10) == 0


@pytest.mark.parametrize("arguments", ["children=True", ""])
def test_fork_of_c_code_without_hooks(tmp_path, arguments):
    """Such as uWSGI's workers. Whatever the child counts is not the parent's."""
    path = program(tmp_path, f"""
        import ctypes
        def later():
            work(1000)
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            work(100)
            later()
            if os.path.exists("traced"):
                assert HANDLE.active is {bool(arguments)}
            os._exit(0)
        print(os.waitpid(pid, 0)[1])
        work(2)
        """, arguments)
    members = family(both(path, tmp_path).pid)
    assert [member.hits(BODY) for member in members] == ([2, 1100] if arguments else [2])


@pytest.mark.parametrize("method", METHODS)
def test_multiprocessing_process(tmp_path, method):
    path = program(tmp_path, f"""
        import multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            children = [context.Process(target=work, args=(n,)) for n in (30, 400)]
            for child in children:
                child.start()
            for child in children:
                child.join()
            print([child.exitcode for child in children], multiprocessing.active_children())
        """)
    ours = both(path, tmp_path)
    members = family(ours.pid)
    assert worked(members) == [30, 400]
    assert worked(members[:1]) == []
    assert {member.why for member in members if member.hits(BODY)} == {"exit"}


@pytest.mark.parametrize("method", METHODS)
def test_process_pool_executor(tmp_path, method):
    path = program(tmp_path, f"""
        import concurrent.futures, multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                print(list(pool.map(work, range(10))))
        """)
    # A pool has a thread, and 3.12 to 3.14 warn of forking then, with us or without.
    members = family(both(path, tmp_path, "-W", "ignore").pid)
    assert sum(worked(members)) == sum(range(10))
    assert worked(members[:1]) == []


CHILD = """\
import os, sys
def work(n):
    for i in range(n):
        pass
work(int(sys.argv[1]))
print(sys.argv, sorted((name, value) for name, value in os.environ.items() if name != "LC_CTYPE"), flush=True)
print(sys.path, __name__, __file__, "sitecustomize" in sys.modules, sys.flags, flush=True)
"""

WAYS = {
    "subprocess": "subprocess.check_call(CHILD)",
    "subprocess, other environment": "subprocess.check_call(CHILD, env={'HOME': '/', 'PYTHONPATH': '/nowhere:/else'})",
    "subprocess, empty path": "subprocess.check_call(CHILD, env=dict(os.environ, PYTHONPATH=''))",
    "subprocess, no environment": "subprocess.check_call(CHILD, env={})",
    "subprocess, bytes": "subprocess.check_call(CHILD, env={b'A': b'\\xff', b'PYTHONPATH': b'/b'})",
    "subprocess, hooks": "subprocess.check_call(CHILD, preexec_fn=int)",
    "subprocess, no descriptors closed": "subprocess.check_call(CHILD, close_fds=False)",
    "system": "print(os.system(' '.join(CHILD)))",
    "popen": "pipe = os.popen(' '.join(CHILD)); print(pipe.read(), pipe.close())",
    "posix_spawn": "print(os.waitpid(os.posix_spawn(CHILD[0], CHILD, os.environ), 0)[1])",
    "posix_spawnp": "print(os.waitpid(os.posix_spawnp(CHILD[0], CHILD, {'B': 'c'}), 0)[1])",
    "spawnv": "print(os.spawnv(os.P_WAIT, CHILD[0], CHILD))",
    "spawnve": "print(os.spawnve(os.P_WAIT, CHILD[0], CHILD, {'D': 'e'}))",
    "execv": "os.execv(CHILD[0], CHILD)",
    "execve": "os.execve(CHILD[0], CHILD, {'F': 'g'})",
    "execve, by name": "os.execve(path=CHILD[0], argv=CHILD, env={'F': 'g'})",
    "execvp": "os.environ['PATH'] = os.path.dirname(CHILD[0]); os.execvp(os.path.basename(CHILD[0]), CHILD)",
}


@pytest.mark.parametrize("way", WAYS)
def test_new_programs(tmp_path, way):
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, f"""
        import subprocess
        CHILD = [sys.executable, "child.py", "70"]
        before = dict(os.environ)
        os.environ["TOLD"] = "later"
        work(1)
        if {way.startswith("exec")}:
            for missing in (["/nowhere/python"], ["child.py"]):
                try:
                    os.execv(missing[0], missing)
                except OSError as error:
                    print(error, flush=True)
        {WAYS[way]}
        print({{name for name in dict(os.environ).items() ^ before.items()}}, os.environ.get("HEARTRATE_SHM_CHILD"))
        work(2)
        """, "lambda path: path.endswith('child.py'), children=True")
    parent, *between, child = family(both(path, tmp_path).pid)
    assert child.hits(4, "child.py") == 70 and child.hits(1, "child.py") == 1
    assert child.files.keys() == {"child.py"} and child.notes == []
    assert (parent.hits(BODY), parent.why) == ((1, "exec") if way.startswith("exec") else (3, "exit"))
    if way.startswith("spawn"):  # os.spawnv forks in Python, and the child becomes the program
        (forked,) = between
        assert (forked.parent, child.parent, child.pid) == (parent.id, forked.id, forked.pid) and forked.why == "exec"
    else:
        assert not between and child.parent == parent.id


def test_programs_between_hand_it_on(tmp_path):
    """python, sh, env, python: what is not Python cannot be traced, and what it starts can."""
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, """
        import subprocess
        subprocess.check_call(["sh", "-c", "env A=b %s child.py 90" % sys.executable])
        """, "lambda path: 'child' in path, children=True")
    members = family(both(path, tmp_path).pid)
    assert [(member.name, member.hits(4, "child.py")) for member in members] == [("program.py", 0), ("child.py", 90)]


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_a_python_that_loads_nothing_runs_untraced(tmp_path, option):
    """What it starts in its turn is traced again: the variables are still there."""
    (tmp_path / "child.py").write_text("import subprocess, sys\nprint(sys.flags)\n"
                                       "subprocess.check_call([sys.executable, 'grandchild.py', '90'])\n")
    (tmp_path / "grandchild.py").write_text(CHILD)
    path = program(tmp_path, f"""
        import subprocess
        subprocess.check_call([sys.executable, "{option}", "child.py"])
        """, "lambda path: 'child' in path, children=True")
    members = family(both(path, tmp_path).pid)
    assert [(member.name, member.hits(4, "grandchild.py")) for member in members] == [("program.py", 0), ("grandchild.py", 90)]


def test_after_stop_nobody_is_traced(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, """
        import subprocess
        if os.path.exists("traced"):
            HANDLE.stop()
        subprocess.check_call([sys.executable, "child.py", "70"])
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        """)
    assert len(family(both(path, tmp_path).pid)) == 1


def test_the_functions_are_the_interpreters_own(tmp_path):
    path = program(tmp_path, """
        import inspect, posix, _posixsubprocess
        for function in (os.execv, os.execve, os._exit, os.posix_spawn, os.system, _posixsubprocess.fork_exec):
            print(function.__name__, function.__doc__, function.__module__, repr(function)[:30], type(function),
                  function is getattr(posix, function.__name__, function))
        print(os.execve in os.supports_fd, sorted(function.__name__ for function in os.supports_fd))
        print(inspect.signature(os.execve), inspect.signature(os.system))
        for wrong in ((), (1, 2), ("/nowhere", [], {}), ("/nowhere", ["x"], {1: 2}), ("/nowhere", ["x"], 5)):
            try:
                os.execve(*wrong)
            except Exception as error:
                print(type(error), error)
        """)
    both(path, tmp_path)


@pytest.mark.skipif(not hasattr(os, "unshare"), reason="Python's since 3.12")
def test_namespaces_that_only_a_process_without_threads_may_enter(tmp_path):
    """EINVAL where there is another thread, before it is asked who may."""
    path = program(tmp_path, """
        def attempt(function, *arguments):
            try:
                print(function.__name__, function(*arguments))
            except OSError as error:
                print(function.__name__, error)
        work(3)
        descriptor = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        attempt(os.setns, descriptor, os.CLONE_NEWNS)
        attempt(os.unshare, os.CLONE_NEWUSER)
        work(40)
        print(sorted(os.listdir("/proc/self/fd")))
        """)
    ours = both(path, tmp_path)
    assert "Invalid argument" not in ours.stdout
    assert worked(family(ours.pid)) == [43]


FILTERS = """
    import functools, re
    PREFIX = "chi"
    def named(path, *, part="ld"):
        return helper(path) and part in path
    def helper(path):
        return PREFIX in path and isinstance(path, str)
    def made(*parts):
        return lambda path: all(part in path for part in parts)
    {add}
    import subprocess
    subprocess.check_call([sys.executable, "child.py", "60"])
    """


@pytest.mark.parametrize("accepts", [
    "heartrate_shm.files.all", "heartrate_shm.files.path_contains('x', 'hild')",
    "heartrate_shm.files.contains_regex('def wor.')", "named", "made('ch', 'ld')",
    "functools.partial(named, part='child')", "re.compile('.*chi').match", "lambda path: os.path.basename(path) == 'child.py'"])
def test_filters_hold_in_new_programs(tmp_path, accepts):
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, FILTERS.format(add=f"heartrate_shm.trace({accepts})"), "lambda path: False, children=True")
    ours = Ended([path], tmp_path)
    assert ours.returncode == 0, ours
    parent, child = family(ours.pid)
    assert (parent.notes, child.notes) == ([], [])
    assert child.hits(4, "child.py") == 60


def test_what_cannot_be_passed_on_is_said(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, FILTERS.format(add="""
    class Filter:
        def __call__(self, path):
            return False
    DATABASE = Filter()
    heartrate_shm.trace(Filter())
    heartrate_shm.trace(lambda path: DATABASE(path))
    heartrate_shm.trace(lambda path: "child" in path)"""), "children=True")
    ours = Ended([path], tmp_path)
    assert ours.returncode == 0, ours
    parent, child = family(ours.pid)
    assert child.hits(4, "child.py") == 60
    assert any("Filter" in note for note in parent.notes) and any("DATABASE" in note for note in parent.notes)


def test_a_huge_filter_does_not_keep_programs_from_starting(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    path = program(tmp_path, """
        import subprocess
        NAMES = {str(i) for i in range(100000)}
        heartrate_shm.trace(lambda path: path in NAMES)
        subprocess.check_call([sys.executable, "child.py", "60"])
        """, "children=True")
    ours = Ended([path], tmp_path)
    assert ours.returncode == 0, ours
    parent, child = family(ours.pid)
    assert any("bytes" in note for note in parent.notes)


@pytest.mark.parametrize("children", [True, False])
def test_no_warning_of_a_fork_that_would_not_be_there(tmp_path, children):
    """Hooks of others that are Python functions (logging's are) run after ours and before threads are counted."""
    path = program(tmp_path, """
        import logging, threading
        for i in range(3):
            pid = os.fork()
            if pid == 0:
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)
                os._exit(0)
            print(os.waitpid(pid, 0)[1])
        """, f"children={children}")
    both(path, tmp_path)


def test_warnings_of_threaded_programs_stay(tmp_path):
    path = program(tmp_path, """
        import threading
        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            print(os.waitpid(pid, 0)[1])
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        """)
    ours = Ended(["-W", "always", path], tmp_path)
    plain = Ended(["-W", "always", path], tmp_path, traced=False)
    neutral = [text.replace(str(run.pid), "PID") for run, text in ((ours, ours.stderr), (plain, plain.stderr))]
    assert neutral[0] == neutral[1] and ours.stdout == plain.stdout


SAMPLER_IS_BACK = """
    def sampler():
        comms = []
        for id in os.listdir("/proc/self/task"):
            try:
                comms.append(open("/proc/self/task/%s/comm" % id).read())
            except OSError:
                pass
        return "heartrate_shm\\n" in comms
    def wait():
        end = time.monotonic() + 20
        while time.monotonic() < end and not sampler():
            time.sleep(0.005)
        return sampler()
    """


@pytest.mark.parametrize("where", ["main", "other"])
def test_the_sampler_comes_back(tmp_path, where):
    """Also when the main thread waits for something and runs no bytecode."""
    path = program(tmp_path, f"""
        import threading, time, warnings
        warnings.simplefilter("ignore")
        {textwrap.indent(textwrap.dedent(SAMPLER_IS_BACK), " " * 8).strip()}
        def fork():
            pid = os.fork()
            if pid == 0:
                os._exit(not wait())
            print(wait(), os.waitpid(pid, 0)[1])
        if {where == "main"}:
            fork()
        else:
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
        """)
    ours = Ended([path], tmp_path)
    assert ours.seen() == ("True 0\n", "", 0), ours


def test_threads_that_fork_at_the_same_time(tmp_path):
    path = program(tmp_path, """
        import threading, warnings
        warnings.simplefilter("ignore")
        def fork():
            for i in range(10):
                pid = os.fork()
                if pid == 0:
                    work(3)
                    os._exit(0)
                work(5)
                assert os.waitpid(pid, 0)[1] == 0
        threads = [threading.Thread(target=fork) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """)
    members = family(both(path, tmp_path).pid)
    assert members[0].hits(BODY) == 4 * 10 * 5
    assert len(members) > 1 and {member.hits(BODY) for member in members[1:]} == {3}


def test_a_fork_in_an_exit_handler(tmp_path):
    path = program(tmp_path, """
        import atexit
        def at_exit():
            try:
                pid = os.fork()
            except RuntimeError as error:  # 3.12's
                return print(error)
            if pid:
                print(os.waitpid(pid, 0)[1])
                work(2)
            else:
                work(4)
        atexit.register(at_exit)
        """)
    ours = both(path, tmp_path)
    expected = [0] if "shutdown" in ours.stdout else [2, 4]
    assert [member.hits(BODY) for member in family(ours.pid)] == expected
