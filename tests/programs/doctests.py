"""
doctest runs code named <doctest ...>, and sets sys.settrace to what it was before.

>>> def f(n):
...     return [
...         n
...     ]
>>> for n in range(3):
...     if n:
...         print(f(n))
[1]
[2]
"""
import doctest


def documented(n):
    """
    >>> documented(1)
    2
    >>> documented("x")
    Traceback (most recent call last):
    TypeError: ...
    """
    return n + 1


def test():
    """
    >>> with __import__("contextlib").suppress(ValueError):
    ...     for n in "12x":
    ...         print(int(n))
    1
    2
    """


for _ in range(2):
    print(doctest.testmod(optionflags=doctest.ELLIPSIS))
print(documented(2))
