"""Generators: read to the end, closed early, dropped, sent to, delegating with `yield from`."""


def count(limit):
    try:
        for n in range(limit):
            yield n
    finally:
        print("count ends")


def echo():
    got = None
    while True:
        got = yield got
        if got is None:
            return "echo done"


def delegate():
    first = yield from count(3)
    second = yield from echo()
    print(first, second)
    yield from [1, 2]
    yield from (
        n
        for n in range(2)
    )
    return "end"


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


def one_line(): yield 1; yield 2


def with_block():
    with open("/dev/null") as null:
        yield null.closed
        yield null.closed


def multi_line_yield():
    value = (
        yield
        1
    ) if False else (yield (
        2,
        3,
    ))
    print("sent", value)
    yield value


print(list(count(4)))
closed = count(10)
print(next(closed), next(closed))
closed.close()
dropped = count(10)
print(next(dropped))
del dropped
never_started = count(5)
never_started.close()
del never_started

conversation = delegate()
print([next(conversation) for _ in range(4)])
print(conversation.send("a"), conversation.send("b"), next(conversation))
print(list(conversation))

print(list(tree(4)), list(one_line()))
for opened in with_block():
    print(opened)
    break
talk = multi_line_yield()
print(next(talk), talk.send("x"))
print(*count(2), *(n for n in count(2)))
a, *rest = count(3)
print(a, rest)
