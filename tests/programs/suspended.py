# start: itself
"""Generators, coroutines and async generators that were suspended before counting began."""
import counting


class Pause:
    def __await__(self):
        got = yield "pause"
        return got


def plain(n):
    for i in range(n):
        yield i
    print("plain ends")


def delegating():
    got = yield from plain(4)
    print(got)
    yield "own"


def guarded():
    try:
        yield 1
        yield 2
    finally:
        print("guarded ends")


async def inner():
    first = await Pause()
    second = await Pause()
    return first + second


async def outer():
    total = await inner()
    print(total)
    return total


async def ticks():
    for n in range(3):
        await Pause()
        yield n


def drive(coroutine, *values):
    for value in values:
        try:
            print(coroutine.send(value))
        except StopIteration as stop:
            print("end", stop.value)
        except StopAsyncIteration:
            print("async end")


fresh = plain(2)
running, through, dropped, thrown = plain(5), delegating(), guarded(), guarded()
expression = (
    n * 2
    for n in range(4)
)
for generator in running, through, dropped, thrown, expression:
    next(generator)
next(running)
waiting = outer()
waiting.send(None)
source = ticks()
pending = source.__anext__()
pending.send(None)

counting.start()

print(list(running), list(through), list(expression), list(fresh))
del dropped
try:
    thrown.throw(ValueError("thrown"))
except ValueError as error:
    print(error)
drive(waiting, 1, 2)
drive(pending, None)
drive(source.__anext__(), None, None)
drive(source.__anext__(), None, None)
drive(source.__anext__(), None)
