"""The rest of the grammar: del, global, nonlocal, augmented and starred assignment, slices, long signatures, star calls."""


def counter():
    n = 0

    def up(
        by=1,
        *,
        times=(
            1
        ),
    ):
        nonlocal n
        n += by \
            * times
        return n
    return up


def unpacking(pairs):
    for (a, b), *rest in pairs:
        yield (
            a,
            b,
            rest,
        )


def augmented():
    table = {"a": [1, 2, 3]}
    table["a"][
        0
    ] += 5
    table["a"][1:
               2] = [
        7,
        8,
    ]
    table["a"] *= 2
    x = y = z = [
        0
    ] * 2
    x[0], y[1] = y[1], \
        x[0]
    del table["a"][0], \
        z[0]
    return table, z


def many(a, b, c=3, *d, e, f=6, **g):
    return (a, b, c, d, e, f, sorted(g))


def early_exits(n):
    if n > 3: return "big"
    if n < 0:
        return
    while n:
        if n == 2: return "two"
        n -= 1
    else:
        return "else"


up = counter()
print(up(), up(2, times=3), up(
    by=4,
))
print(list(unpacking([((1, 2), 3, 4), ("ab",)])), augmented())
print(many(1, 2, e=5), many(*[1, 2, 3, 4], **{"e": 5, "z": 1}))
print([early_exits(n) for n in (5, -1, 2, 1)])
global_value = 1; del global_value
if (found := up()) > 5: print("walrus", found)
first, *_, last = "letters"; print(first, last)
print(*[1,
        2], sep=(
    ", "
), end=".\n")
