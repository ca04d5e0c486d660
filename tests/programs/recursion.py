"""Recursion: deep, mutual, through C functions, in generators and comprehensions."""
import functools


def down(n):
    if n:
        return down(n - 1)
    return "bottom"


def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return False if n == 0 else even(n - 1)


def through_c(n):
    return max(
        map(
            through_c,
            [n - 1],
        )
    ) + 1 if n else 0


@functools.lru_cache(maxsize=None)
def fibonacci(n):
    if n < 2:
        return n
    return (
        fibonacci(n - 1)
        + fibonacci(n - 2)
    )


def hanoi(n, a, b, c):
    if not n:
        return 0
    return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


def flatten(tree):
    for branch in tree:
        if isinstance(branch, list):
            yield from flatten(branch)
        else:
            yield branch


def nest(n):
    return [nest(m) for m in range(n)]


def unwind(n):
    try:
        if n == 0:
            raise LookupError
        unwind(n - 1)
    finally:
        n = None


print(down(400), even(301), through_c(40), fibonacci(40), hanoi(8, 1, 2, 3))
print(list(flatten([1, [2, [3, [4]], 5], [[[[6]]]]])), nest(5))
try:
    unwind(300)
except LookupError:
    print("unwound")
