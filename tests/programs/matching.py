# needs: 3.10
"""match: literals, captures, guards, classes, mappings, sequences, alternatives, no match."""


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


def describe(value):
    match value:
        case 0:
            return "zero"
        case 1 | 2 | 3:
            return "small"
        case int(n) if n > 100:
            return "big"
        case int():
            return "int"
        case "a" | "b" as letter:
            return "letter " + letter
        case [] | ():
            return "empty"
        case [
            first,
            *rest,
        ] if len(
            rest
        ) > 2:
            return f"long from {first}"
        case [Point(x=0), *_]:
            return "starts on the axis"
        case [_, _]:
            return "pair"
        case {"kind": "dog", "name": str(name), **others}:
            return f"dog {name} {sorted(others)}"
        case Point(0, 0):
            return "origin"
        case Point(
            x,
            y,
        ) if x == y:
            return "diagonal"
        case Point():
            return "point"
        case None:
            return "none"
    return "nothing matched"


def in_loop():
    out = []
    for command in "go left;stop;go;jump".split(";"):
        match command.split():
            case ["go", where]:
                out.append(where)
            case ["stop"]:
                continue
            case ["go"]: out.append("straight")
            case _: break
    return out


for value in (
    0, 2, 7, 1000, "a", "c", [], (1, 2, 3, 4), [Point(0, 1)], [1, 2], {"kind": "dog", "name": "Rex", "age": 3},
    {"kind": "cat"}, Point(0, 0), Point(2, 2), Point(1, 2), None, 1.5,
):
    print(describe(value))
print(in_loop())
