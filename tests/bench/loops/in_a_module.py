"""A loop of a module itself, whose variables are globals."""
from time import perf_counter

import pyperf

start = perf_counter()
total = 0
for number in range(1_000_000):
    if number & 1:
        total += number
    else:
        total -= 1
seconds = perf_counter() - start
pyperf.Runner().bench_time_func("in_a_module", lambda _loops: seconds)
