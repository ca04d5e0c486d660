"""Lambdas, functions on one line, several on one line, statements joined by semicolons, default arguments."""
import functools


def one(): return 1
def two(a, b=3): return a + b
def three():  pass
def four(n): n += 1; n *= 2; return n
def five(n): return n if n < 2 else five(n - 1) + five(n - 2)
def six(): yield 1; yield 2
def seven(f=lambda n: n + 1, *, g=lambda: [m for m in range(3)]): return f(1), g()


print(one(), two(1), three(), four(3), five(8), list(six()), seven())
a = 1; b = 2; c = a + b; print(c)
f = lambda n: n * 2; g = lambda n: f(n) + 1; print(f(1), g(1))
if a: b = 3; c = 4
if not a: b = 5
else: b = 6; c = 7
pick = (lambda n: "even" if n % 2 == 0 else "odd")
print([pick(n) for n in range(4)])
over_lines = lambda x: (
    x
    + 1,
    [
        x
        for _ in range(2)
    ],
)
print(over_lines(1))
print(sorted("banana", key=lambda letter: (letter != "n", letter)))
print(list(map(lambda n: n + 1, filter(lambda n: n % 2, range(8)))))
print(functools.reduce(lambda x, y: x + y, range(5)))
print((lambda: (lambda: (lambda: "deep")())())())
table = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
}
for name in table: print(name, table[name](3, 4))
print(max([1, -5, 3], key=lambda n:
          abs(n)))
class Empty: pass
class Short: x = 1; y = 2
def outer(): return lambda: lambda: 1
print(outer()()(), Short.y)
for _ in range(3): (lambda: None)(); three()
