"""Every test there is, for `./dev test`: a suite is a command and a way to read its counts from what it prints.

    all.py [--python PY]...   with --python only the Python tests, with these interpreters
    all.py --update-golden    writes golden frames and pictures anew

A suite that fails, ends badly or runs no test at all fails the whole. What this machine has not got (a compiler, a
browser, Pythons) is listed as left out; with HR_STRICT=1 in the environment, as in CI, that is a failure too.

Most tests wait for something most of the time, so two suites run side by side where each can have the machine for itself:
namespaces of its own (unshare(1), root), in which it sees no process and no segment of the other and leaves none behind.
"""
import argparse
import concurrent.futures
import glob
import os
import platform
import re
import shutil
import subprocess
import sys
import time

import alone
import interpreters
from interpreters import ROOT

LOG = os.path.join(ROOT, "build", "log")
HRVIEW_TESTS = "tests/integ/test_hrview_*.py"  # of hrview alone: one Python suffices
STRICT = os.environ.get("HR_STRICT") == "1"
SIDE_BY_SIDE = 2


def say(text):
    """In one piece, whoever else says something."""
    print(text + "\n", end="", flush=True)


def sum_of(pattern, text):
    return sum(int(number) for number in re.findall(pattern, text, re.M))


def count_cmocka(text):
    """Every program prints its own two counts; one that died prints none, but ctest counts it."""
    died = sum_of(r"\d+% tests passed, (\d+) tests? failed", text)
    failed = sum_of(r"\[  FAILED  \] (?:\[.*?\] )?(\d+) test\(s\)", text)
    return sum_of(r"\[  PASSED  \] (\d+) test\(s\)", text), max(died, failed)


def count_last_line(text):
    """pytest's, and web/test.mjs's."""
    last = text.rstrip().rsplit("\n", 1)[-1]
    return sum_of(r"(\d+) passed", last), sum_of(r"(\d+) (?:failed|errors?)\b", last)


def count_model(text):
    return len(re.findall(r"(?m)^ok ", text)), len(re.findall(r"(?m)^BAD ", text))


def count_own(text):
    """This file's own closing line, of a run on another system."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    return tuple(map(int, found[-1])) if found else (0, 0)


def count_command(text):
    return 1, 0


class Run:
    def __init__(self):
        self.rows = []  # name, passed, failed, seconds, seconds of a processor
        self.left_out = []
        self.start = time.monotonic()
        self.prefix = ()  # of alone.py where several suites run
        self.stopped = False
        self.idle = concurrent.futures.ThreadPoolExecutor(1)
        self.left = []  # futures of what meanwhile() was given

    def suite(self, name, count, *command, **environment):
        if self.stopped:
            return False
        start = time.monotonic()
        path = os.path.join(LOG, "test-" + re.sub(r"[^A-Za-z0-9.]+", "-", name) + ".log")
        with open(path, "w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(
                [*self.prefix, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "build", "python"), **environment},
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            log.seek(0)
            text = re.sub(r"\x1b\[[0-9;]*m", "", log.read())
        seconds = time.monotonic() - start
        passed, failed = count(text) if code == 0 or count is not count_command else (0, 1)
        wrong = ""
        if code != 0 and failed == 0:
            failed, wrong = 1, f" (exit code {code})"
        elif passed == 0 and failed == 0:
            failed, wrong = 1, " (no test ran)"
        told = re.findall(r"\b[1-9]\d* (?:skipped|rerun)", text.rstrip().rsplit("\n", 1)[-1])
        if told:
            wrong += f" ({', '.join(told)})"
        lines = [f"{name:<44} {passed:5d} passed {failed:3d} failed {seconds:7.1f} s{wrong}"]
        lines += ["    " + line for line in re.findall("^RERUN .*", text, re.M)]
        if failed:
            lines += ["    " + line for line in text.splitlines()[-60:]]
            lines.append(f"    all of it: {os.path.relpath(path, ROOT)}")
        say("\n".join(lines))
        self.rows.append((name, passed, failed, seconds, used.ru_utime + used.ru_stime))
        return failed == 0

    def side_by_side(self, chains):
        """Runs lists of suites (functions), some of them at a time; one suite of a list after the other."""
        permitted = alone.permitted()
        self.prefix = alone.COMMAND if permitted else ()
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE if permitted else 1) as pool:
            try:
                for chain in [pool.submit(chain) for chain in chains]:
                    chain.result()
                for chain in self.left:
                    chain.result()
            except BaseException:  # Ctrl-C, which the suites got, too
                self.stopped = True
                raise
        self.prefix = ()

    def meanwhile(self, chain, *arguments):
        """One more beside those, which is to take no more than they leave of the processors."""
        self.left.append(self.idle.submit(chain, self, *arguments))

    def leave_out(self, name, why):
        say(f"{name:<44} left out: {why}")
        self.left_out.append((name, why))

    def close(self):
        """The table of times, and the closing line."""
        print("\nwhat took longest, and how much of a processor:")
        for name, _, _, seconds, used in sorted(self.rows, key=lambda row: -row[3])[:8]:
            print(f"  {seconds:7.1f} s {used:7.1f} s  {name}")
        print(f"  {time.monotonic() - self.start:7.1f} s {sum(row[4] for row in self.rows):7.1f} s  in all")
        for name, why in self.left_out:
            print(f"left out: {name}: {why}")
        failed = sum(row[2] for row in self.rows) + (len(self.left_out) if STRICT else 0)
        print(f"{sum(row[1] for row in self.rows)} passed, {failed} failed")
        return 1 if failed or not self.rows else 0


def dotted(version):
    return ".".join(map(str, version))


def pytest_with(inside):
    return (inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reruns", "1", "-rR", "-n", str(os.cpu_count()))


def build(run, python, name):
    """The extension for one interpreter, a warning being an error."""
    return run.suite(f"build for Python {name}, no warning", count_command, "./dev", "build", "--python", python, HR_WERROR="ON")


def python_tests(run, python, name, tools=interpreters.venv):
    """The Python tests with one interpreter, for which the extension is built. `tools` gives it with the test tools."""
    try:
        inside = tools(python)
    except subprocess.CalledProcessError as error:
        say(error.output)
        run.rows.append((f"test tools for {name}", 0, 1, 0.0, 0.0))
        return
    run.suite(f"pytest, Python {name}", count_last_line, *pytest_with(inside), "tests", "--ignore=tests/test_tree.py",
              "--ignore-glob=" + HRVIEW_TESTS)
    jit = "import sys; sys.exit(not (hasattr(sys, '_jit') and sys._jit.is_available()))"
    if subprocess.run([inside, "-c", jit]).returncode == 0:
        run.suite(f"counts under the JIT, Python {name}", count_last_line, *pytest_with(inside),
                  "tests/integ/test_counts.py", PYTHON_JIT="1")


def c_tests(run):
    """Optimised, under AddressSanitizer + UBSan, under ThreadSanitizer; all with -Werror."""
    # Without address randomisation: gcc 12's ThreadSanitizer refuses to start under a kernel with 32 random bits.
    plain = ["setarch", "-R"] if subprocess.run(["setarch", "-R", "true"], stderr=subprocess.DEVNULL).returncode == 0 else []
    for preset in ("check", "asan", "tsan"):
        built = run.suite(
            f"C tests: build {preset}", count_command, "sh", "-c",
            f"cmake --preset {preset} && cmake --build build/{preset} -j {os.cpu_count()}",
        )
        if built:
            run.suite(f"C tests: {preset}", count_cmocka, *plain, "ctest", "--test-dir", f"build/{preset}", "-V")
    if shutil.which("clang"):
        built = run.suite(
            "C tests: build with clang", count_command, "sh", "-c",
            f"CC=clang cmake --preset check -B build/clang && cmake --build build/clang -j {os.cpu_count()}",
        )
        if built:
            run.suite("C tests: clang, fuzzer", count_cmocka, "ctest", "--test-dir", "build/clang", "-V")
            run.meanwhile(fuzz, sorted(os.listdir(os.path.join(ROOT, "tests", "fuzz", "corpus"))))
    else:
        run.leave_out("C tests: clang, fuzzer", "there is no clang")
    if shutil.which("herd7"):
        run.suite("memory model", count_model, "python3", "tests/model/run.py")
    else:
        say(f"{'memory model':<44} not here: no herd7 (Debian: herdtools7, from forky on)")


def fuzz(run, targets):
    """A minute of each, in CI. It builds what it runs, so that it may not be begun before who runs the same has ended."""
    for target in targets if STRICT else ():
        run.suite(f"fuzz {target}, a minute", count_command, "nice", "-n", "10", "./dev", "fuzz", target, "60")


def fresh(name):
    """Whether `./dev fresh` has left that for another run: a system, or what a new one is made of (tests/fresh.sh)."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.geteuid() == 0 and os.path.exists(os.path.join(cache, "heartrate_shm", "fresh", name))


def packages(run):
    """A wheel, and Debian's packages; then both on a new system like this one that has no compiler."""
    wheel = run.suite("sdist, wheel, pip install", count_command, "tests/wheel.sh")
    debs = run.suite("Debian packages, lintian", count_command, "./dev", "deb")
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "sid")
    if not fresh(suite + ".tar"):
        say(f"not tried on a new system: wheel, Debian packages (as root, ./dev fresh {suite} prepares it)")
        return
    versions = [(interpreters.version_of(python) or ())[:2] for python in ("python3", "/usr/bin/python3")]
    kinds = ["wheels"] * (wheel and versions[0] == versions[1]) + ["deb"] * debs
    if kinds:
        run.suite(f"{', '.join(kinds)} on a new {suite}", count_command, "./dev", "fresh", suite, *kinds)


def newest_pythons(run, found):
    """3.14 and 3.15 are tested on a forky system that `./dev fresh forky` left behind."""
    wanted = [f"python3.{minor}" for minor in (14, 15) if minor not in [version[1] for version in found]]
    if not wanted:
        return
    if not fresh("forky"):
        say(f"not found: {', '.join(wanted)} (as root, ./dev fresh forky makes a system that has them)")
        return
    arguments = " ".join("--python " + python for python in wanted)
    run.suite(f"{', '.join(wanted)} on forky (HEAD)", count_own, "tests/fresh.sh", "forky", f"./dev test {arguments}")


def house(run, inside):
    run.suite("formatting", count_command, "./dev", "fmt", "--check")
    run.suite("ruff, mypy, stubs, eslint, clang-tidy", count_command, "./dev", "lint")
    run.suite("the tree", count_last_line, inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_tree.py")
    run.suite("docs", count_command, "./dev", "docs")
    if shutil.which("chromium"):
        run.suite("demo --once", count_command, "./dev", "demo", "--once")


def page(run, notebook):
    """The page as it was built, which hrview has in it: nobody may build it anew while others run that."""
    run.suite("page: types and units", count_last_line, "npm", "--prefix", "web", "test")
    if shutil.which("chromium"):
        notebook.exception()  # a test makes it again, and says what is wrong
        run.suite("page: in a browser", count_last_line, "sh", "-c", "cd web && exec node test.mjs browser")
    else:
        run.leave_out("page: in a browser, demo --once", "there is no chromium")
    if shutil.which("firefox-esr"):
        run.suite("page: in firefox", count_last_line, "sh", "-c", "cd web && exec node test.mjs firefox")
    else:
        run.leave_out("page: in firefox", "there is no firefox-esr")
    run.meanwhile(fuzz, ["page"])


def everything(run):
    found = interpreters.find()
    say("Pythons found: " + ", ".join(f"{dotted(version)} ({path})" for version, path in found.items()))
    # The tools come over the network meanwhile.
    fetcher = concurrent.futures.ThreadPoolExecutor(1)
    own = fetcher.submit(interpreters.venv, "python3")
    notebook = fetcher.submit(interpreters.venv, "python3", "jupyterlab")
    newest_first = dict(reversed(found.items()))
    tools = {path: fetcher.submit(interpreters.venv, path) for path in newest_first.values()}
    # First what all others run, which must not change under them.
    built = {path: build(run, path, dotted(version)) for version, path in found.items()}
    inside = own.result()
    run.side_by_side([
        lambda: house(run, inside),
        # What takes longest is begun first, so that nothing is left alone in the end.
        lambda: newest_pythons(run, [version[:2] for version in found]),
        lambda: page(run, notebook),
        lambda: c_tests(run),
        *(lambda version=version, path=path: python_tests(run, path, dotted(version), lambda python: tools[python].result())
          for version, path in newest_first.items() if built[path]),
        lambda: run.suite("hrview", count_last_line, *pytest_with(inside), *sorted(glob.glob(HRVIEW_TESTS, root_dir=ROOT))),
        lambda: packages(run),
    ])


def update_golden(run):
    """Writes what a person has to look at before it is committed: frames of the wire, pictures of the page."""
    os.environ["HR_UPDATE_GOLDEN"] = "1"
    run.suite("C tests: build check", count_command, "sh", "-c",
              f"cmake --preset check && cmake --build build/check -j {os.cpu_count()}")
    run.suite("golden frames", count_cmocka, "ctest", "--test-dir", "build/check", "-V", "-R", "test_wire|test_recording")
    run.suite("golden pictures", count_last_line, "sh", "-c",
              "cd web && node build.mjs && node build.mjs --tests && node test.mjs browser golden")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--update-golden", action="store_true")
    options = parser.parse_args()
    pythons = options.python
    os.makedirs(LOG, exist_ok=True)
    run = Run()
    for python in pythons:
        version = interpreters.version_of(python)
        if version is None:
            sys.exit(f"test: {python} is not a CPython 3.{interpreters.OLDEST} to 3.{interpreters.NEWEST} that runs")
        if build(run, python, dotted(version)):
            python_tests(run, python, dotted(version))
    if options.update_golden:
        update_golden(run)
    elif not pythons:
        everything(run)
    return run.close()


if __name__ == "__main__":
    sys.exit(main())
