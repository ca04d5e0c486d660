"""Much code that runs once and little that runs often, as in most programs; conditional imports and definitions."""
import sys

if sys.version_info >= (3, 0):
    def pick(n):
        return n % 7
else:
    def pick(n):
        return n

try:
    import no_such_module
except ImportError:
    no_such_module = None

OPTIONS = {
    "a": 1,
    "b": 2,
}
OPTIONS.update(
    c=3,
)


def hot():
    buckets = [0] * 7
    for n in range(5000):
        buckets[pick(n * n)] += 1
    return buckets


def primes(limit):
    sieve = bytearray([1]) * limit
    for n in range(2, limit):
        if sieve[n]:
            for multiple in range(n * n, limit, n):
                sieve[multiple] = 0
    return sum(sieve) - 2


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


print(hot(), primes(2000), max(range(1, 300), key=collatz))
if __name__ == "__main__":
    print(sorted(OPTIONS))
