"""with: swallowing, passing on, several items, over lines, leaving by return, break, and exit that raises."""
import contextlib


class Guard:
    def __init__(self, swallow=False, fail=False):
        self.swallow = swallow
        self.fail = fail

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if self.fail:
            raise KeyError("from exit")
        return self.swallow


@contextlib.contextmanager
def managed(name):
    print("enter", name)
    try:
        yield name
    except ValueError as error:
        print("managed caught", error)
    finally:
        print("exit", name)


def swallowing():
    with Guard(True):
        raise ValueError
    with Guard(True):
        with Guard(False):
            raise ValueError
        print("never")
    return "on"


def several():
    with Guard() as a, Guard(True) as b, \
            Guard() as c:
        assert a is not b is not c
        raise ValueError
    return "out"


def over_lines():
    with managed(
        "long"
    ) as name, Guard(
        swallow=True,
    ):
        print(name)
        raise KeyError


def leaving():
    for n in range(4):
        with Guard():
            if n == 0:
                continue
            if n == 2:
                break
            print(n)
    with managed("return"):
        return n


def failing():
    try:
        with Guard(fail=True):
            pass
    except KeyError as error:
        print(error)
    try:
        with Guard(fail=True):
            raise ValueError
    except KeyError as error:
        print(error, type(error.__context__).__name__)


def stacked():
    with contextlib.ExitStack() as stack:
        for n in range(3):
            stack.enter_context(managed(n))
        stack.callback(print, "callback")
        raise ValueError("unwinding")


print(swallowing(), several())
over_lines()
print(leaving())
failing()
stacked()
with managed("one line"): print("body")
with contextlib.suppress(ZeroDivisionError): 1 / 0
