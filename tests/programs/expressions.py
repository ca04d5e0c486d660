"""Expressions and calls over several lines: where the interpreter goes back to an earlier line."""


def add(*numbers, **named):
    return sum(numbers) + sum(named.values())


def fail():
    raise ValueError


print(
    add(
        1,
        2,
        add(
            3,
            four=4,
        ),
        *[
            5,
            6,
        ],
        **{
            "seven": 7,
            "eight": add(
                8
            ),
        }
    )
)


def conditional(a, b):
    return (
        "both"
        if a
        and b
        else "one"
        if a
        or b
        else "none"
    )


def one_line_conditional(a, b): return "x" if a and b else "y" if a or b else "z"


def chained(a):
    return (
        0
        < a
        <= add(
            a
        )
        < 10
    )


def arithmetic(n):
    value = n \
        + 1 \
        * add(n,
              n)
    value += (
        n
        - 1
    )
    value = [
        n,
        value,
    ][
        1
    ]
    return value


def methods():
    return (
        "a,b;c"
        .replace(
            ";",
            ",",
        )
        .upper()
        .split(",")
    )


def collections():
    table = {
        "a": 1,
        "b": [
            2,
            3,
        ],
        **{"c": {
            4,
        }},
    }
    (
        first,
        [second,
         *third],
    ) = (
        1,
        [
            2,
            3,
            4,
        ],
    )
    table[
        "d"
    ] = first, second, third
    del (
        table["a"],
        table[
            "b"
        ],
    )
    return table


def short_circuit(a):
    if (
        a == 1
        or a == 2
        or (
            a > 5
            and a < 8
        )
    ):
        return True
    elif not (
        a
        % 3
    ):
        return None
    return False


def caught():
    try:
        add(
            1,
            fail(),
            2,
        )
    except ValueError:
        return "failed in the middle"


def strings():
    return (
        "one "
        "two "
        + str(
            3
        )
        + """ four
        five""".strip()
        + " %s" % (
            6,
        )
    )


def walrus(n):
    while (
        m := n
        - 1
    ) > 0:
        n = m
    return m


print([conditional(a, b) for a in (0, 1) for b in (0, 1)])
print([one_line_conditional(a, b) for a in (0, 1) for b in (0, 1)])
print([chained(n) for n in (0, 5, 20)], arithmetic(3), methods(), collections())
print([short_circuit(n) for n in range(9)], caught(), strings(), walrus(5))
