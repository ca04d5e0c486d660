# needs: 3.15
"""lazy imports (PEP 810): a module's code runs in the middle of the line that first wants it."""
import sys

lazy import modules
lazy from modules import first, second as two
lazy from modules.first import (
    value,
    whole,
)
lazy import modules.broken as broken

print([name for name in sys.modules if name.startswith("modules")])


def wants():
    return (
        two.early,
        value(),
    )


print(wants(), wants())
print(
    whole,
    first.half,
    modules.names,
)
for _ in range(2):
    try:
        broken.anything
    except ImportError as error:
        print(type(error.__cause__ or error).__name__)
print([name for name in globals() if name in ("first", "broken")])
