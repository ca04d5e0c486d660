"""A package for imports.py."""
from . import first

names = [name for name in ("first", "second")
         if name]
