"""exec, eval and compile, with and without a file name; the same text again and again; equal and unlike texts."""

TEXT = """
def inside(n):
    total = 0
    for i in range(n):
        total += i
    return total

result = inside(4)
"""


def run(text, name=None):
    namespace = {}
    exec(text if name is None else compile(text, name, "exec"), namespace)
    return namespace


print(run(TEXT)["result"])
print(run(TEXT, "<made up>")["result"])
for _ in range(5):
    run(TEXT, "<again>")
for n in range(4):
    run("x = %d\ny = x\n" % n + "z = 0\n" * n, "<unlike>")

inside = run(TEXT)["inside"]
print(inside(3), inside(5))

print(eval("1 + 1"), eval("[n for n in range(3)]"), eval("(lambda n:\n n + 1)(1)"))
print(eval(compile("sum(\n n\n for n in range(4)\n)", "<expression>", "eval")))
exec(compile("1 + 1\n[2]\n", "<single>", "exec"))
eval(compile("for n in range(2): n\n", "<interactive>", "single"))

late = compile("\n" * 40 + "def far():\n    return 1\nfar()\n", "<late>", "exec")
exec(late)
exec(late)

class Space(dict):
    def __missing__(self, key):
        return len(key)


print(eval("abc + de", {"__builtins__": {}}, Space()))
exec("def f():\n  return 1\nprint(f())")
exec("def f():\n\n  return 1\nprint(f())")
try:
    exec("x = 1\nraise ValueError(x)\n")
except ValueError as error:
    print(error, error.__traceback__.tb_next.tb_lineno)
try:
    exec("x = = 1")
except SyntaxError as error:
    print(error.lineno)
