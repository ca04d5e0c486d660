# oracle: none
"""pdb, driven from a string: breakpoints, steps, what it shows, and going on afterwards."""
import io
import pdb


def inner(n):
    n += 1
    return n * 2


def outer():
    total = 0
    for i in range(3):
        total += inner(i)
    return total


def debug(commands):
    out = io.StringIO()
    debugger = pdb.Pdb(stdin=io.StringIO("\n".join(commands) + "\n"), stdout=out, readrc=False, nosigint=True)
    debugger.use_rawinput = False
    result = debugger.runcall(outer)
    return result, out.getvalue()


print(*debug(["next", "next", "step", "step", "return", "p i, total", "where", "continue"]))
print(*debug(["break inner", "continue", "p n", "up", "p total", "clear 1", "continue"]))
print(*debug(["until 18", "jump 18", "continue"]))
print(outer())
