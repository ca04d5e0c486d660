"""Imports second, which imports this one while it is half made."""
half = True
from . import second
whole = True


def value():
    return second.other() + 1
