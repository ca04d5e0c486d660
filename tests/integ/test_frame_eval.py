"""Traced files among untraced ones: what goes back and forth between them counts as if all were traced. Below 3.12, where
untraced code runs without trace events (frame_eval.c), the ways in which that could be lost."""
import sys
import textwrap

import pytest

from live import Program
from oracle import Job, assert_equal_counts, run_job

UNTRACED = '''
    """Not traced. Calls what it is given."""
    import sys, threading

    def call(f, *args):
        for i in range(3):
            result = f(*args)
        return result

    def each(iterable):
        for item in iterable:
            yield item

    def catch(f):
        try:
            f()
        except ValueError:
            return "caught"

    def dive(n, f):
        return f() if n == 0 else dive(n - 1, f)

    def with_profile(f):
        sys.setprofile(lambda *_: None)
        try:
            return f()
        finally:
            sys.setprofile(None)

    def in_thread(f):
        thread = threading.Thread(target=f)
        thread.start()
        thread.join()

    def stumbles(f):
        try:
            {}[1]
        except KeyError:
            f()
        return f()

    def falls(f):
        f()
        raise LookupError(f())

    class Ends:
        def __init__(self, n):
            self.n = n

        def __iter__(self):
            return self

        def __next__(self):
            if self.n == 0:
                raise StopIteration
            self.n -= 1

    def stumbling(f):
        for _ in Ends(2):
            f()
        for i in range(3):
            try:
                yield f()
                {}[i]
            except KeyError:
                f()
            stumbles(f)

    class Base:
        def template(self):
            return self.step() + self.step()
'''

TRACED = '''
    import functools, os, sys
    sys.path.insert(0, os.path.dirname(__file__))
    import untraced
    from untraced import Base, Ends, call, catch, dive, each, falls, in_thread, stumbles, stumbling, with_profile

    def add(a, b=1):
        total = a
        total += b
        return total

    class Step(Base):
        def step(self):
            add(1)
            return 2

    def numbers(n):
        for i in range(n):
            yield i

    def fail():
        raise ValueError

    def nested(n):
        if n > 0:
            return call(nested, n - 1)
        return add(n)

    def fails_in_the_middle():
        add(1)
        catch(fail)
        add(2)

    @functools.lru_cache(maxsize=None)
    def cached(n):
        return n if n < 2 else cached(n - 1) + cached(n - 2)

    def rounds(n):
        for i in range(n):
            call(add, i)
            add(i)

    def sinks(n):
        return add(n) if n == 0 else dive(3, lambda: sinks(n - 1))

    def falling(n):
        try:
            falls(lambda: add(n))
        except LookupError:
            add(n)
        for _ in Ends(n):
            add(n)
        return stumbles(lambda: add(n))

    def waits():
        generator = stumbling(add_one)
        for _ in range(2):
            next(generator)
            add_one()
        for sent in (KeyError, ValueError):
            try:
                generator.throw(sent)
            except ValueError:
                add_one()

    def add_one():
        return add(1)

    for n in range(9):
        falling(n)
        stumbles(lambda: falling(n))
        stumbles(waits)
        print([add(n) for _ in stumbling(add_one)])
    in_thread(lambda: falling(3))
    print(dive(190, lambda: falling(3)), dive(400, lambda: falling(3)))
    rounds(20)
    print(Step().template(), sorted([3, 1, 2], key=add), list(each(numbers(5))), list(map(add, each([1, 2]))))
    nested(4)
    fails_in_the_middle()
    print(cached(20), with_profile(lambda: call(add, 5)), call(catch, fail))
    add(0)
    in_thread(lambda: rounds(7))
    for depth in (10, 190, 400):  # from 200 on it is deep
        print(dive(depth, lambda: add(depth)))
        add(depth)
    print(sinks(100))
    rounds(3)
    generator = each(numbers(4))
    next(generator)
    try:
        generator.throw(ValueError)
    except ValueError:
        rounds(1)
    generator = numbers(4)
    call(next, generator)
    call(generator.close)
    rounds(1)
'''


def line_with(path, end):
    """Number of the line that ends so."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith(end))


def test_calls_back_and_forth(tmp_path):
    (tmp_path / "untraced.py").write_text(textwrap.dedent(UNTRACED))
    main = tmp_path / "traced.py"
    main.write_text(textwrap.dedent(TRACED))
    runs = run_job(Job([main], files=[main]), tmp_path)
    assert runs["plain"].returncode == 0, runs["plain"]
    assert runs["shm"].stdout == runs["plain"].stdout
    assert_equal_counts(runs["oracle"].counts, runs["shm"].counts)


PLACE = """
import ctypes
api = ctypes.pythonapi
get, put = api._PyInterpreterState_GetEvalFrameFunc, api._PyInterpreterState_SetEvalFrameFunc
get.restype = api.PyInterpreterState_Get.restype = ctypes.c_void_p
get.argtypes, put.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_void_p]
interpreter = api.PyInterpreterState_Get()
default = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value

def taken():
    return get(interpreter) != default
"""


@pytest.mark.skipif(not (3, 9) <= sys.version_info < (3, 12), reason="a frame evaluation function is for 3.8 to 3.11, and 3.8 does not show it")
def test_the_place_is_ours_while_tracing_unless_another_has_it(tmp_path):
    text = PLACE + textwrap.dedent("""
        before = taken()
        heartrate_shm.trace()
        during = taken()
        put(interpreter, default)  # another tool comes and goes
        while not taken():
            time.sleep(0.01)
        heartrate_shm.stop()
        ready(before=before, during=during, after=taken())
        wait()
    """)
    with Program(tmp_path, text) as program:
        assert program.facts() == {"before": False, "during": True, "after": False}


@pytest.mark.skipif(not (3, 9) <= sys.version_info < (3, 12), reason="a frame evaluation function is for 3.8 to 3.11, and 3.8 does not show it")
def test_the_place_is_ours_behind_a_recursion_that_traces_anew(tmp_path):
    """And is known to be: only then it is given up while a stack is deep, and untraced code has no events."""
    text = PLACE + textwrap.dedent("""
        files = lambda path: False

        def dive(n, bottom):
            return dive(n - 1, bottom) if n else bottom()

        def anew():
            heartrate_shm.stop()
            heartrate_shm.trace(files)

        heartrate_shm.trace(files)
        first = dive(300, taken)
        dive(300, anew)
        ready(first=first, second=dive(300, taken), after=taken())
        wait()
    """)
    with Program(tmp_path, text) as program:
        assert program.facts() == {"first": False, "second": False, "after": True}


def test_a_filter_may_stop_the_tracer(tmp_path):
    """It is asked when an untraced function is called, which then runs without any tracer."""
    (tmp_path / "untraced.py").write_text(textwrap.dedent(UNTRACED))
    text = textwrap.dedent("""
        import untraced

        def stops(path):
            if path.endswith("untraced.py"):
                heartrate_shm.stop()
            return False

        heartrate_shm.trace(files=stops)
        result = untraced.call(int, "5")
        heartrate_shm.trace(files=lambda path: path.endswith("untraced.py"))
        ready(result=[result, untraced.call(int, "6"), sys.gettrace()])
        wait()
    """)
    with Program(tmp_path, text) as program:
        assert program.facts() == {"result": [5, 6, None]}
        (file,) = [file for file in program.dump()["files"] if file["path"].endswith("untraced.py")]
        assert set(file["lines"].values()) == {1, 3, 4}


def test_a_frame_is_traced_from_now_on(tmp_path):
    """After an exception in it, when it was not traced and ran without events."""
    (tmp_path / "untraced.py").write_text(textwrap.dedent("""
        def outer(f):
            try:
                {}[1]
            except KeyError:
                pass
            f()
            try:  # from here
                {}[1]
            except KeyError:
                pass
            return 1  # to here
    """))
    with Program(tmp_path, textwrap.dedent("""
        import untraced
        heartrate_shm.trace()
        untraced.outer(lambda: heartrate_shm.trace(files=lambda path: path.endswith(("untraced.py", "program.py"))))
        ready(result=0)  # the caller
        wait()
    """)) as program:
        program.facts()
        files = {file["path"]: file["lines"] for file in program.dump()["files"]}
        first, last = (line_with(tmp_path / "untraced.py", end) for end in ("# from here", "# to here"))
        assert files[str(tmp_path / "untraced.py")] == {str(line): 1 for line in range(first, last + 1)}
        caller = line_with(program.path, "# the caller")
        assert files[str(program.path)][str(caller)] == 1


def test_other_tools_come_and_go_in_untraced_code(tmp_path):
    """Where our trace function may be out of the way just then."""
    (tmp_path / "untraced.py").write_text(textwrap.dedent("""
        import cProfile, sys, threading

        def seen():
            return [sys.gettrace(), sys.getprofile()]

        def nothing(*args):
            pass

        def come_and_go(f, set_one):
            f()
            set_one(nothing)
            set_one(None)
            return f()

        def come(set_one):
            set_one(nothing)

        def go(set_one):
            set_one(None)

        def profiled(f):
            profile = cProfile.Profile()
            profile.enable()
            f()
            profile.disable()
            return f()

        def raises(f, set_one):
            come(set_one)
            go(set_one)
            f()
            raise KeyError
    """))
    with Program(tmp_path, textwrap.dedent("""
        import untraced
        def add():
            total = 1  # this
            return untraced.seen()
        def all_of_it():
            for set_one in sys.setprofile, sys.settrace:
                yield untraced.come_and_go(add, set_one)
                untraced.come(set_one)
                untraced.go(set_one)
                yield add()
                try:
                    untraced.raises(add, set_one)
                except KeyError:
                    yield add()
            yield untraced.profiled(add)
        heartrate_shm.trace()
        here = list(all_of_it())
        thread = threading.Thread(target=lambda: here.extend(all_of_it()))
        thread.start()
        thread.join()
        ready(result=here)
        wait()
    """)) as program:
        assert program.facts() == {"result": [[None, None]] * 14}
        this = line_with(program.path, "# this")
        (file,) = [file for file in program.dump()["files"] if file["path"] == str(program.path)]
        assert file["lines"][str(this)] == 24


def test_subscripts_of_classes(tmp_path):
    """Before 3.11.4 hot ones call __getitem__() on a way of their own; from untraced code and from traced."""
    (tmp_path / "untraced.py").write_text("def take(of):\n    return [of[i] for i in range(300)] and sum(of[i] for i in range(300))\n")
    with Program(tmp_path, textwrap.dedent("""
        import untraced
        class Own:
            def __getitem__(self, i):
                return i  # this
        def take(of):
            total = 0
            for i in range(300):
                total += of[i]
            return total
        def every():
            return [take(Own()), take(Own()), untraced.take(Own())]
        every()
        heartrate_shm.trace()
        traced = every()
        heartrate_shm.stop()
        every()
        heartrate_shm.trace()
        ready(result=[traced, every()])
        wait()
    """)) as program:
        assert program.facts() == {"result": [[44850] * 3] * 2}
        this = line_with(program.path, "# this")
        (file,) = [file for file in program.dump()["files"] if file["path"] == str(program.path)]
        assert file["lines"][str(this)] == 1200


def test_untraced_frames_that_run_since_before_trace(tmp_path):
    """What they call and they themselves return, and whoever called them by way of C goes on with events."""
    (tmp_path / "starter.py").write_text("import heartrate_shm\ndef start(): heartrate_shm.trace(lambda path: path.endswith('program.py'))\n")
    (tmp_path / "untraced.py").write_text(textwrap.dedent("""
        import starter
        def begins(n):
            starter.start()
            try:
                {}[n]
            except KeyError:
                pass
            return inner(n)
        def inner(n):
            try:
                {}[n]
            except KeyError:
                return n
    """))
    with Program(tmp_path, textwrap.dedent("""
        import untraced
        def outer():
            result = list(map(untraced.begins, [1]))
            result.append(2)
            return result  # and here
        ready(result=outer())
        wait()
    """)) as program:
        assert program.facts() == {"result": [1, 2]}
        last = line_with(program.path, "# and here")
        (file,) = [file for file in program.dump()["files"] if file["path"] == str(program.path)]
        assert (file["lines"].get(str(last - 1)), file["lines"].get(str(last))) == (1, 1)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there each call takes C stack")
@pytest.mark.parametrize("stack_kilobytes", [0, 64])
def test_recursion_takes_no_stack(stack_kilobytes, tmp_path):
    """As deep as without us, in a file that is not traced, and counts are right below."""
    (tmp_path / "untraced.py").write_text(textwrap.dedent(UNTRACED))
    text = textwrap.dedent("""
        import untraced
        heartrate_shm.trace()

        def bottom():
            return 1  # bottom

        def run():
            for depth in (20, 300, 50000):
                untraced.dive(depth, bottom)

        sys.setrecursionlimit(100000)
        threading.stack_size(%d)
        untraced.in_thread(run)
        ready()
        wait()
    """) % (stack_kilobytes * 1024)
    with Program(tmp_path, text) as program:
        program.facts()
        lines = program.path.read_text().splitlines()
        bottom = next(n for n, line in enumerate(lines, 1) if line.endswith("# bottom"))
        (file,) = [file for file in program.dump()["files"] if file["path"] == str(program.path)]
        assert file["lines"][str(bottom)] == 3
