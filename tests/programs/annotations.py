"""Annotations and defaults over lines; when they run depends on the Python (3.14 puts them off)."""
import sys


def noted(name):
    print("noted", name)
    return int


def function(
    a: noted("a"),
    b: noted("b") = noted("default"),
    *args: noted(
        "args"
    ),
    c: "a string" = 3,
) -> noted(
    "return"
):
    local: noted("never") = 1
    return a, local


class Annotated:
    x: noted("x") = 1
    y: noted(
        "y"
    )
    z: "later" = [
        2
    ]

    def method(self, n: noted("n")): return n


value: noted("module") = 5
print(function(1), Annotated().method(2))
print(sorted(function.__annotations__), sorted(Annotated.__annotations__))
print(sorted(Annotated.method.__annotations__), sorted(sys.modules[__name__].__annotations__))
