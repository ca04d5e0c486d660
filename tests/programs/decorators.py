"""Decorators: stacked, with arguments over lines, on classes and methods, wrapping generators."""
import functools


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("call", function.__name__)
        return function(*args, **kwargs)
    return wrapper


def repeated(
    times,
    *,
    join=" ",
):
    def decorate(function):
        def wrapper(*args):
            return join.join(
                function(*args)
                for _ in range(times)
            )
        return wrapper
    return decorate


@logged
@repeated(
    3,
    join="-",
)
@logged
def greet(
    name,
    greeting="hi",
):
    return greeting + " " + name


def register(cls):
    cls.registered = True
    return cls


@register
class Shape:
    sides = 0

    @property
    def name(self):
        return "shape"

    @name.setter
    def name(self, value):
        print("set", value)

    @classmethod
    def make(cls): return cls()

    @staticmethod
    @logged
    def area(
        width,
        height=2,
    ):
        return width * height

    @functools.lru_cache(maxsize=None)
    def cached(self, n):
        return n + 1


@logged
def numbers():
    yield 1
    yield 2


print(greet("you"))
shape = Shape.make()
shape.name = "new"
print(shape.name, Shape.area(3), Shape.registered)
print([shape.cached(n % 2) for n in range(6)], list(numbers()))
add = logged(lambda a, b: a + b)
print(add(1, 2))
