"""Stands in for pyperf, so that pyperformance's programs run in this very process, a chosen number of times.

pyperf itself starts worker processes, calibrates and takes minutes. Here a Runner calls each benchmark function
PYPERF_CALLS times (default 1), and again until PYPERF_SECONDS (default 0) have passed, and, with PYPERF_RESULT, appends to
that file one line of JSON for each call: the benchmark's name and its seconds, measured as pyperf does.
PYPERF_GLOBALS, a JSON object, replaces globals of the benchmark's module (sizes, mostly) before they are used.
"""
import argparse
import asyncio
import json
import os
import sys
from time import perf_counter

__all__ = ["Runner", "perf_counter", "python_implementation"]


def python_implementation():
    return sys.implementation.name


class Runner:
    def __init__(self, values=None, processes=None, loops=1, min_time=0, metadata=None, show_name=True, program_args=None,
                 add_cmdline_args=None, _argparser=None, warmups=None):
        self.metadata = dict(metadata or {})
        self.argparser = argparse.ArgumentParser() if _argparser is None else _argparser
        self.args = None
        self._least_calls = int(os.environ.get("PYPERF_CALLS", 1))
        self._least_seconds = float(os.environ.get("PYPERF_SECONDS", 0))
        self._result = os.environ.get("PYPERF_RESULT")
        sys._getframe(1).f_globals.update(json.loads(os.environ.get("PYPERF_GLOBALS", "{}")))

    def parse_args(self, args=None):
        if self.args is None:
            self.args = self.argparser.parse_args(args)
        return self.args

    def bench_time_func(self, name, func, *args, inner_loops=None, metadata=None):
        self.parse_args()
        for _ in self._calls():
            self._tell(name, func(1, *args))

    def bench_func(self, name, func, *args, inner_loops=None, metadata=None):
        self.parse_args()
        for _ in self._calls():
            start = perf_counter()
            func(*args)
            self._tell(name, perf_counter() - start)

    def bench_async_func(self, name, func, *args, loop_factory=None, metadata=None):
        self.parse_args()
        loop = loop_factory() if loop_factory else asyncio.new_event_loop()
        try:
            for _ in self._calls():
                start = perf_counter()
                loop.run_until_complete(func(*args))
                self._tell(name, perf_counter() - start)
        finally:
            loop.close()

    def _calls(self):
        calls, end = 0, perf_counter() + self._least_seconds
        while calls < self._least_calls or perf_counter() < end:
            yield calls
            calls += 1

    def _tell(self, name, seconds):
        if self._result:
            with open(self._result, "a") as file:
                file.write(json.dumps([name, seconds]) + "\n")
