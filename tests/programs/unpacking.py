# needs: 3.15
"""Unpacking in comprehensions (PEP 798)."""


def rows(n):
    for i in range(n):
        yield [
            i,
        ] * i


def flat(n):
    return [
        *row
        for row in rows(n)
        if row
    ]


print(flat(4), {*row for row in rows(4)})
print({
    **{i: str(i)}
    for i in range(
        3)
})
lazy_rows = (
    *row
    for row in rows(5)
)
print(next(lazy_rows), list(lazy_rows))


def broken():
    yield [1]
    raise ValueError("no row")


try:
    print([*row for row in broken()])
except ValueError as error:
    print(error)


async def rows_async():
    for i in range(3):
        yield [i]


async def main():
    print([*row async for row in rows_async()])
    async for x in (
        *row
        async for row in rows_async()
    ):
        print(x)


coroutine = main()
try:
    coroutine.send(None)
except StopIteration:
    pass
