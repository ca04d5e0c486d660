"""Exact and unnoticed with real programs: pyperformance's, the standard library's own tests, pip. All files count."""
import importlib.util
import re
from pathlib import Path

import pytest

from oracle import PROBES, Job, assert_equal_counts, run_job

# Programs of pyperformance that need nothing but Python; made small, because the oracle is some thirty times slower:
# arguments, and values for globals of the program (sizes).
PERFORMANCE = {
    "chaos": (["--width=30", "--height=30", "--iterations=150"], {}),
    "comprehensions": ([], {}),
    "coroutines": ([], {}),
    "deepcopy": ([], {}),
    "deltablue": ([], {}),
    "fannkuch": ([], {"DEFAULT_ARG": 6}),
    "float": ([], {"POINTS": 1000}),
    "go": ([], {"GAMES": 10}),
    "hexiom": (["--level=10"], {}),
    "logging": ([], {}),
    "meteor_contest": ([], {"SOLVE_ARG": 3}),
    "nbody": (["--iterations=200"], {}),
    "pickle": (["--pure-python", "pickle_list"], {}),
    "pidigits": (["--digits=100"], {}),
    "raytrace": (["--width=8", "--height=8"], {}),
    "richards": ([], {}),
    "spectral_norm": ([], {"DEFAULT_N": 10}),
    "telco": ([], {}),
    "typing_runtime_protocols": ([], {}),
}
LIBRARY = ["test_json", "test_difflib", "test_textwrap", "test_dataclasses", "test_argparse"]
# test_recursion goes to the recursion limit, where a Python trace function fails itself; test_tool waits for child
# processes, and how often it polls them is a matter of time.
LEFT_OUT = {"test_recursion", "test_tool"}
SHM = ("shm-events", "shm-probes") if PROBES else ("shm",)


def modules(suite):
    """The names of a suite's test modules."""
    found = importlib.util.find_spec("test") and importlib.util.find_spec("test." + suite)
    if not found:
        pytest.skip("this Python came without the standard library's own tests (Debian leaves them out)")
    if not found.submodule_search_locations:
        return [found.name]
    names = sorted(path.stem for path in Path(found.origin).parent.glob("test_*.py"))
    return [f"{found.name}.{name}" for name in names if name not in LEFT_OUT] or [found.name]


def benchmark(name):
    package = importlib.util.find_spec("pyperformance")
    assert package, "pyperformance is not installed: pip install -r tests/requirements.txt"
    return Path(package.origin).parent / "data-files" / "benchmarks" / ("bm_" + name) / "run_benchmark.py"


def run_all(job, directory):
    """Under the oracle and by us (on 3.12 and later by events alone, too); the last of our runs."""
    oracle, *ours = run_job(job, directory, modes=("oracle", *SHM)).values()
    for shm in ours:
        assert shm.counts is not None, shm
        assert_equal_counts(oracle.counts, shm.counts)
        assert (shm.stdout, shm.returncode) == (oracle.stdout, oracle.returncode), f"{oracle}\n{shm}"
    return ours[-1]


@pytest.mark.parametrize("name", PERFORMANCE)
def test_pyperformance(name, tmp_path):
    arguments, sizes = PERFORMANCE[name]
    run_all(Job([benchmark(name), *arguments], sizes=sizes, options=[], gc=False), tmp_path)


@pytest.mark.parametrize("suite", LIBRARY)
def test_library_suite(suite, tmp_path):
    shm = run_all(Job(["-m", "unittest", *modules(suite)], options=[], gc=False), tmp_path)
    assert re.search(r"^OK\b", shm.stderr, re.M), shm


def test_pip(tmp_path):
    shm = run_all(Job(["-m", "pip", "--help"], options=[], gc=False), tmp_path)
    assert shm.returncode == 0 and "install" in shm.stdout, shm
