"""A function that is called once and loops: what counts by calls never sees again."""
from time import perf_counter

import pyperf


def main():
    total = 0
    for number in range(1_000_000):
        if number & 1:
            total += number
        else:
            total -= 1
    return total


start = perf_counter()
main()
seconds = perf_counter() - start
pyperf.Runner().bench_time_func("in_a_call", lambda _loops: seconds)
