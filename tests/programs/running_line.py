# start: itself
"""Counting begins in the middle of an expression over several lines, in a comprehension, and in a generator."""
import counting


def value(n):
    if n == 3:
        counting.start()
    return n


def values():
    for n in range(6):
        yield value(
            n
        )


def expression():
    return [
        value(1),
        value(
            2
        ) + sum(
            values()
        ),
        *[
            value(n)
            for n in range(2)
        ],
        value(
            4
        ),
    ]


print(
    expression(),
    value(
        5
    ),
)
