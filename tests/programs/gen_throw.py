"""Exceptions thrown into generators and coroutines from outside."""


def stubborn():
    n = 0
    while n < 4:
        try:
            yield n
        except ValueError as error:
            print("caught", error)
        else:
            print("resumed")
        finally:
            n += 1


def plain():
    yield 1
    yield 2


def outer():
    try:
        yield from stubborn()
    except KeyError:
        print("outer caught")
        yield "after"


def refuses():
    try:
        yield 1
    except GeneratorExit:
        print("asked to leave")
        yield 2


def replaces():
    try:
        yield 1
    except ValueError:
        raise RuntimeError("other")


generator = stubborn()
print(next(generator), generator.throw(ValueError("one")), next(generator))
print(generator.throw(ValueError("two")))
try:
    generator.throw(IndexError("out"))
except IndexError as error:
    print("out again:", error)

fresh = plain()
try:
    fresh.throw(ValueError("before the first line"))
except ValueError as error:
    print(error)

delegating = outer()
print(next(delegating), delegating.throw(ValueError("through")), delegating.throw(KeyError("up")))
try:
    next(delegating)
except StopIteration:
    print("over")

bad = refuses()
next(bad)
try:
    bad.close()
except RuntimeError as error:
    print(error)

changed = replaces()
next(changed)
try:
    changed.throw(ValueError("first"))
except RuntimeError as error:
    print(error, "from", error.__context__)


async def waiting():
    try:
        await Pause()
    except ValueError as error:
        print("coroutine caught", error)
        await Pause()
    return "done"


class Pause:
    def __await__(self):
        yield "pause"


coroutine = waiting()
print(coroutine.send(None), coroutine.throw(ValueError("thrown")))
try:
    coroutine.send(None)
except StopIteration as stop:
    print(stop.value)
