"""Lines that the compiler drops, folds or moves: pass, constants, docstrings, asserts, unreachable code."""
"a string statement"
...
0
if 0:
    print("never")
if 1:
    print("always")
if __debug__:
    print("debug")
while 0:
    pass
while 1:
    break


def documented():
    """Only a docstring."""


def passes():
    pass
    pass
    pass


def ellipsis(): ...


def after_return():
    return 1
    print("never")


def branches(n):
    if n == 0:
        pass
    elif n == 1:
        pass
    else:
        pass
    if n:
        pass
    for _ in ():
        pass
    if not n: pass
    if True:
        x = 1
    else:
        x = 2
    if False or n == 2:
        x = 3
    if n and True:
        x += 1
    return x


def folded():
    a = 1 + 2
    b = (
        1
        + 2
    )
    c = "a" \
        "b"
    d = (1,
         2,
         3)
    e = -1
    return a, b, c, d, e, 3 if True else 4


def globals_and_annotations():
    global made
    x: int
    y: int = 1
    made = y
    del y
    return made


def loop_with_constant():
    n = 0
    while True:
        n += 1
        if n == 3: break
        continue
    else:
        n = 100
    return n


def nothing_after():
    for n in range(3):
        if n == 1:
            continue
    try:
        pass
    finally:
        pass
    with open("/dev/null"):
        pass


print(documented(), passes(), ellipsis(), after_return())
print([branches(n) for n in range(3)], folded(), globals_and_annotations(), loop_with_constant(), nothing_after())
assert True
assert 1, "never"
