"""CPython's own regression tests with and without us, for `./dev regrtest`: each verdict must be the same.

    regrtest.py [--python PY]... [TEST]...

Each TEST (default: those that stress frames, tracing, threads and processes) runs twice as `python -m test -v TEST`, the
second time under `python -m heartrate_shm --all`. A verdict that differs is tried twice more before it counts: some of
these tests need a quiet machine. Prints a line a test; exit code 1 when a verdict differs.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import interpreters
from interpreters import ROOT

TESTS = """test_generators test_coroutines test_asyncgen test_exceptions test_contextlib test_with test_scope test_threading
test_thread test_fork1 test_sys_settrace test_sys_setprofile test_bdb test_frame test_traceback test_dis test_gc test_weakref
test_json test_dataclasses test_ast test_asyncio""".split()
# What any tool that traces changes (docs/reliability.md): tests of the interpreter's own state.
EXPLAINED = {
    # When the collector runs (coverage.py's tracer changes it as well). What code a frame has for the C interface
    # (docs/counts.md: inline probes; it takes HEARTRATE_SHM_COUNT=probes to see it there).
    "test_frame": ["test_sneaky_frame_object", "test_frame_getters"],
    "test_capi": ["TestInternalFrameApi", "Test_FrameAPI.test_frame_getters", "FrameTest.test_frame_getters"],
    # 3.9, 3.10: a call makes a bound method where a trace function is set, and the collector may run.
    "test_queue": ["CSimpleQueueTest.test_reentrancy"],
    # Code before any event; with HEARTRATE_SHM_COUNT=probes also code whose twin has run in its place.
    "test_dis": ["_specialize", "test_loop_quicken", "is_quickened", "test_show_caches", "test_super_instructions"],
    "test_opcache": ["test_assign_init_code", "TestRacesDoNotCrash", "TestSpecializer", "TestCallCache"],
    "test_type_cache": ["_specialization_"],
}
TIMEOUT_S = 1200
# The name and place of a test, what it prints (or its docstring) until the verdict, which may stand on a later line.
VERDICT = re.compile(r"^(test\w*) \(([^)\n]+)\)(?:(?!^test)[\s\S])*?\.\.\. (?:(?!^test)[\s\S])*?"
                     r"(ok|FAIL|ERROR|skipped|expected failure)\b", re.M)
AT_END = re.compile(r"^(FAIL|ERROR): (test\w*) \(([^)\n]+)\)", re.M)


def full_name(name, place):
    return place if place.endswith("." + name) else place + "." + name


def verdicts(python, test, traced):
    """({test: verdict}, exit code, seconds, output)"""
    us = ["-m", "heartrate_shm", "--all"] if traced else []
    environment = {**os.environ, "PYTHONPATH": os.path.join(ROOT, "build", "python")} if traced else dict(os.environ)
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            code = subprocess.run([python, *us, "-m", "test", "-v", test], stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, env=environment, timeout=TIMEOUT_S).returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
        output.seek(0)
        text = output.read()
    found = {full_name(*item[:2]): item[2] for item in VERDICT.findall(text)}
    found.update({full_name(name, place): verdict for verdict, name, place in AT_END.findall(text)})
    return found, code, time.monotonic() - start, text


def compare(python, test):
    """What differs, after three tries: {test: (without, with)}; how many agree; seconds without and with."""
    differ = None
    explained = EXPLAINED.get(test, [])
    for _ in range(3):
        plain, plain_code, plain_s, _ = verdicts(python, test, False)
        traced, traced_code, traced_s, text = verdicts(python, test, True)
        now = {name: (plain.get(name), traced.get(name)) for name in {*plain, *traced}
               if plain.get(name) != traced.get(name) and not any(word in name for word in explained)}
        crashed = not isinstance(traced_code, int) or traced_code < 0
        if plain_code != traced_code and (crashed or not explained):
            now["exit code"] = plain_code, traced_code
        differ = now if differ is None else {name: now[name] for name in differ if name in now}
        if not differ:
            break
    if differ:
        path = os.path.join(ROOT, "build", "log", "regrtest-%s-%s.log" % (os.path.basename(python), test))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as log:
            log.write(text)
    return differ, len(plain), plain_s, traced_s


def has(python, test):
    return subprocess.run([python, "-c", "import importlib.util, sys; sys.exit(not importlib.util.find_spec('test.' + sys.argv[1]))",
                           test], stderr=subprocess.DEVNULL).returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("tests", nargs="*", default=TESTS)
    options = parser.parse_args()
    # A shell without job control lets what it starts in the background ignore Ctrl-C; some of these tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed = agreed = 0
    for python in options.python or interpreters.find().values():
        print("Python", ".".join(map(str, interpreters.version_of(python))), flush=True)
        for test in options.tests:
            if not has(python, test):
                continue
            differ, count, plain_s, traced_s = compare(python, test)
            agreed += count
            failed += len(differ)
            print("  %-26s %5d verdicts %7.1f s %7.1f s traced%s" % (test, count, plain_s, traced_s,
                                                                    "" if not differ else ", DIFFERENT:"), flush=True)
            for name, (without, with_us) in sorted(differ.items()):
                print("      %s: %s, traced %s" % (name, without, with_us), flush=True)
    print("%d verdicts compared, %d differ" % (agreed, failed))
    return failed != 0 or agreed == 0


if __name__ == "__main__":
    sys.exit(main())
