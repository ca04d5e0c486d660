"""Import of traced modules: packages, circular, failing, inside functions, by importlib."""
import importlib

import modules
from modules import first, second as two
from modules.first import (
    value,
    whole,
)


def lazily():
    from modules import second
    import modules.first as one
    return second.early, one.half


print(value(), whole, two.early, first.half, modules.names)
print(lazily(), lazily())
for _ in range(2):
    try:
        import modules.broken
    except ImportError as error:
        print(error)
print(importlib.import_module("modules.second").other())
try:
    from modules import missing
except ImportError:
    print("no such name")
