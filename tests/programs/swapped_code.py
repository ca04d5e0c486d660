"""Functions whose __code__ is swapped: before a call, while they run, back again; code made with replace()."""


def first(n):
    n += 1
    return n


def second(n):
    n *= 10
    for _ in range(3):
        n += 1
    return n


def suicidal(n):
    n += 1
    suicidal.__code__ = second.__code__
    n += 1
    return n


def generator(n):
    yield n
    yield n + 1


def other_generator(n):
    yield from (
        n,
        n * 2,
    )


def closure(n):
    def inner():
        return n
    return inner


print(first(1))
kept = first.__code__
first.__code__ = second.__code__
print(first(1))
first.__code__ = kept
print(first(1), suicidal(1), suicidal(1))

running = generator(1)
print(next(running))
generator.__code__ = other_generator.__code__
print(next(running), list(generator(1)))

moved = second.__code__.replace(co_name="moved", co_firstlineno=second.__code__.co_firstlineno)
second.__code__ = moved
print(second(2), second.__code__.co_name)
renamed = type(first)(kept.replace(co_name="renamed"), globals())
print(renamed(5), first(5))

one, two = closure(1), closure(2)
print(one(), two())
one.__code__ = (lambda n: lambda: n + 100)(0).__code__
print(one(), two())
