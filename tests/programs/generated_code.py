"""Code made by the standard library: dataclasses, namedtuple, enum, typing; mostly named "<string>"."""
import collections
import dataclasses
import enum
import string
import typing


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 2
    rest: list = dataclasses.field(
        default_factory=lambda: [
            1
        ]
    )

    def __post_init__(self):
        self.sum = self.x + self.y

    def total(self): return self.sum


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str = "f"


Pair = collections.namedtuple("Pair", "left right", defaults=[0])


class Typed(typing.NamedTuple):
    a: int
    b: str = "b"

    def both(self):
        return self.a, self.b


class Color(enum.Enum):
    RED = 1
    GREEN = 2

    def describe(self):
        return self.name.lower()

    @classmethod
    def _missing_(cls, value):
        return cls.RED


class Upper(string.Template):
    delimiter = "%"


points = [Point(n) for n in (3, 1, 2)]
print(sorted(points)[0], points[0] == Point(3), points[0] < points[1], Frozen(), hash(Frozen()) == hash(Frozen()))
print(Pair(1), Pair(1, 2)._replace(left=3), Typed(1).both(), Color(7).describe(), [c.describe() for c in Color])
print(Upper("%who").substitute(who="me"), dataclasses.asdict(points[1]))
