"""Comprehensions of every kind: inlined since 3.12, functions before; over lines, nested, with closures."""

print([n * n for n in range(10)])
print({n % 3 for n in range(10)})
print({n: -n for n in range(10) if n % 2})
print(sum(n for n in range(10)))


def over_lines(limit):
    return [
        (
            a,
            b,
        )
        for a in range(limit)
        if a % 2
        for b in range(
            a
        )
        if b != 1
    ]


def nested(limit):
    return [[a + b for b in range(a)] for a in range(limit)]


def nested_lines(limit):
    return {
        a: [
            b
            for b in range(a)
        ]
        for a in range(limit)
    }


def closures():
    return [lambda: n for n in range(3)], [(lambda m: m + n)(1) for n in range(3)]


def walrus(numbers):
    return [y for n in numbers if (y := n % 4)]


def with_calls(numbers):
    return [
        double(n)
        for n in numbers
        if odd(
            n
        )
    ]


def double(n):
    return n * 2


def odd(n): return n % 2


def failing():
    try:
        return [
            1 // (n - 2)
            for n in range(5)
        ]
    except ZeroDivisionError as error:
        return type(error).__name__


def generator_of_generators():
    return sum(
        sum(
            b
            for b in range(a)
        )
        for a in range(6)
    )


class Body:
    limit = 4
    numbers = [
        n + 1
        for n in range(limit)
    ]
    table = {n: [m for m in range(n)] for n in numbers}


print(over_lines(6))
print(nested(4), nested_lines(4))
functions, sums = closures()
print([f() for f in functions], sums)
print(walrus(range(9)), with_calls(range(6)), failing(), generator_of_generators())
print(Body.numbers, Body.table)
if any(n > 3 for n in range(100)):
    print(all(n < 3 for n in range(100)))
