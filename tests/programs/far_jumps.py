"""Jumps whose distance takes two bytes only with probes between: a frame that moves at such a jump goes all the way."""


def source(branches):
    yield "def f(n, found):"
    yield "    for i in range(n):"
    for k in range(branches):
        yield f"        {'elif' if k else 'if'} i == {k}:"
        yield f"            found.append({k})"
    yield "        else:"
    yield "            found.append(i)"
    yield "    return found"


for branches in range(6, 12):
    text = "\n".join(source(branches))
    for n in range(80):
        namespace = {}
        exec(compile(text, f"<{branches} branches>", "exec"), namespace)
        assert namespace["f"](n % 4, []) == [*range(n % 4)], branches
print("done")
