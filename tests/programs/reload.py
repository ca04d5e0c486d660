"""A module that is changed on disk and reloaded: functions of the old and of the new text run side by side."""
import importlib
import os
import sys

sys.path.insert(0, os.getcwd())

FIRST = """
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
value = f(3)
"""
SECOND = """

def f(n):
    return n * 2

def g(n):
    return f(n)
value = g(3)
"""


def write(text, when):
    with open("changing.py", "w") as file:
        file.write(text)
    os.utime("changing.py", (when, when))
    importlib.invalidate_caches()


write(FIRST, 1000000000)
import changing

old = changing.f
print(changing.value, old(4))
importlib.reload(changing)
print(changing.value, old(4), changing.f(5))
write(SECOND, 1000000100)
importlib.reload(changing)
print(changing.value, old(4), changing.f(5), changing.g(6))
del sys.modules["changing"]
import changing as again

print(again is not changing, again.f(1), changing.f(1))
