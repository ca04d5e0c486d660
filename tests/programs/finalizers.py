"""__del__, weakref callbacks, atexit functions: code that runs where no line calls it."""
import atexit
import gc
import weakref


class Noisy:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)
        if self.name == "fails":
            self.name = (
                "failed"
            )


class Revived:
    kept = []

    def __del__(self):
        self.kept.append(self)


def scope():
    first = Noisy("first")
    second = Noisy("second"); second = None
    return "scope ends"


def generator():
    try:
        yield 1
    finally:
        print("generator dropped")


def cycle():
    a = Noisy("a")
    a.itself = a


gc.disable()
print(scope())
Noisy("temporary")
list(map(Noisy, ["x", "y"]))
revived = Revived()
del revived
print(len(Revived.kept))
g = generator()
next(g)
g = None
watched = Noisy("watched")
reference = weakref.ref(watched, lambda r: print("callback", r() is None))
weakref.finalize(watched, print, "finalize")
del watched
cycle()
print(gc.collect() > 0)
Noisy("fails")
try:
    local = Noisy("in try")
    raise ValueError
except ValueError:
    del local


def late(n):
    for _ in range(n):
        pass
    print("atexit", n)


atexit.register(late, 2)
atexit.register(lambda: print(
    "atexit lambda"
))
