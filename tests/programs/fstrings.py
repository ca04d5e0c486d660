"""f-strings over lines, nested, with calls and formats inside."""


def name():
    return "you"


def value(n): return n * 2


width = 8
print(f"hello {name()}")
print(
    f"one {value(1)} "
    f"two {value(2)!r:>{width}} "
    "plain "
    f"three {name():*^{width}}"
)
print(f"""
first {name()}
second {value(3)} and {
value(4)}
third {[value(n) for n in range(3)]}
fourth {(lambda n: n + 1)(4)} {'in' f'{name()}ner'}
""")
for n in range(3):
    text = f"""{n}
    {
        value(
            n
        )
    }"""
    print(text)
print("{} {}".format(
    f"{value(5)}",
    f"{name()}",
))
print(f"{value(1) if width > 5 else name()}" f"{'x' if not width else 'y'}")
