"""What tracing costs, for `./dev bench`: ratios to the untraced program, side by side in one interleaved run.

Each of pyperformance's programs, and two of loops, runs in fresh processes, all ways in turn, `--repeat` times; a way's
time is the least of its runs. See docs/benchmarks.md for what the columns are.
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = os.path.join(ROOT, "build", "python")
DOCUMENT = os.path.join(ROOT, "docs", "benchmarks.md")
MARKS = "<!-- %s: written by ./dev bench -->\n", "<!-- end of %s -->\n"

PROGRAMS = ["chaos", "deltablue", "fannkuch", "float", "generators", "go", "hexiom", "nbody", "nqueens", "pyflate",
            "raytrace", "richards", "scimark", "spectral_norm"]
LOOPS = ["in_a_call", "in_a_module"]  # ours, in tests/bench/loops: rows of their own, not in the mean
SLOW_WAY_PROGRAMS = ["float", "go", "nbody", "richards"]  # for heartrate itself, which takes 20 to 30 times as long
SIZES = {"fannkuch": {"DEFAULT_ARG": 8}}  # smaller than its own, of which a single call takes seconds
REQUIREMENTS = ["pyperformance>=1.11", "coverage>=7.6", "heartrate==0.2.2"]


class Way:
    def __init__(self, title, name, oldest=(3, 8), only=None, **environment):
        self.title, self.name, self.oldest, self.only, self.environment = title, name, oldest, only, environment


WAYS = [
    Way("untraced", "plain"),
    Way("empty C callback", "empty"),
    Way("**ours**", "ours"),
    Way("ours, events only", "ours", (3, 11), HEARTRATE_SHM_COUNT="events"),
    Way("ours, other files", "elsewhere"),
    Way("coverage.py, C tracer", "coverage", COVERAGE_CORE="ctrace"),
    Way("coverage.py, sysmon", "coverage", (3, 12), COVERAGE_CORE="sysmon"),
    Way("heartrate", "heartrate", only=SLOW_WAY_PROGRAMS),
]


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], env=dict(os.environ, **environment), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode != 0:
        sys.exit("bench: %s failed:\n%s" % (" ".join(map(str, command)), done.stdout[-4000:]))
    return done.stdout


class Python:
    """An interpreter with what the benchmarks need, in build/bench/VERSION."""

    def __init__(self, path):
        facts = run(path, "-c", "import platform, sys, sysconfig; print(platform.python_version(), sysconfig.get_path("
                                "'include'), sysconfig.get_config_var('EXT_SUFFIX'))").split()
        self.version, include, suffix = facts
        self.release = tuple(map(int, self.version.split(".")[:2]))
        folder = os.path.join(ROOT, "build", "bench", self.version)
        self.path = os.path.join(folder, "venv", "bin", "python")
        self.folder = folder
        say("Python %s: preparing" % self.version)
        run(os.path.join(ROOT, "dev"), "build", "--python", path)
        if not os.path.exists(os.path.join(folder, "ready")):
            run(path, "-m", "venv", "--clear", os.path.join(folder, "venv"))
            run(self.path, "-m", "pip", "install", "--quiet", *REQUIREMENTS)
            run("cc", "-O2", "-shared", "-fPIC", "-I", include, os.path.join(HERE, "empty.c"), "-o",
                os.path.join(folder, "empty" + suffix))
            open(os.path.join(folder, "ready"), "w").close()
        self.site = run(self.path, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()

    def environment(self, **more):
        places = [PACKAGES, self.folder, os.path.join(ROOT, "tests", "standin")]
        cache = os.path.join(self.folder, "pycache")  # modules are compiled once, as for anybody
        return dict(more, PYTHONPATH=os.pathsep.join(places), PYTHONHASHSEED="0", PYTHONPYCACHEPREFIX=cache,
                    PYTHONDONTWRITEBYTECODE="")

    def script(self, program):
        if program in LOOPS:
            return os.path.join(HERE, "loops", program + ".py")
        folder = os.path.join(self.site, "pyperformance", "data-files", "benchmarks", "bm_" + program)
        return os.path.join(folder, "run_benchmark.py")

    def seconds(self, way, program):
        """Of the benchmark's functions, in one process."""
        with tempfile.NamedTemporaryFile("r") as result:
            run(self.path, os.path.join(HERE, "one.py"), way.name, self.script(program), **self.environment(
                PYPERF_RESULT=result.name, PYPERF_CALLS="2", PYPERF_SECONDS="0.3",
                PYPERF_GLOBALS=json.dumps(SIZES.get(program, {})),
                **way.environment))
            best = {}
            for line in result:
                name, seconds = json.loads(line)
                best[name] = min(seconds, best.get(name, seconds))
        return sum(best.values())


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def measure(python, programs, repeat):
    """{way title: {program: least seconds}}."""
    ways = [way for way in WAYS if python.release >= way.oldest]
    least = {way.title: {} for way in ways}
    for program in programs:
        for turn in range(repeat):
            for way in ways:
                if way.only is None or (program in way.only and turn == 0):
                    seconds = python.seconds(way, program)
                    least[way.title][program] = min(seconds, least[way.title].get(program, seconds))
        say("Python %s, %s: %s" % (python.version, program, ", ".join(
            "%s %.2f" % (title, found[program] / least["untraced"][program])
            for title, found in least.items() if program in found and title != "untraced")))
    return least


def table(least):
    titles = list(least)
    lines = ["| program | untraced, s | " + " | ".join(titles[1:]) + " |", "|---|" + "---|" * len(titles)]
    for program, plain in least["untraced"].items():
        ratios = ["%.2f" % (least[title][program] / plain) if program in least[title] else "" for title in titles[1:]]
        lines.append("| %s | %.3f | %s |" % (program, plain, " | ".join(ratios)))
    means = {title: geometric_mean([seconds / least["untraced"][program] for program, seconds in least[title].items()
                                    if program not in LOOPS]) for title in titles[1:]}
    lines.append("| geometric mean without `in_a_…` | | %s |" % " | ".join("**%.2f**" % mean for mean in means.values()))
    empty = means["empty C callback"]
    excess = ["%s %.2f ×" % (title.strip("*"), (mean - 1) / (empty - 1)) for title, mean in means.items()
              if title in ("**ours**", "ours, events only")]
    return "\n".join(lines) + "\n\nWhat the empty callback costs over the untraced program, taken as 1: %s.\n" % ", ".join(excess)


def start_up(python, turns=15):
    """Median milliseconds of `import X; X.trace()` in a process that has just started."""
    code = "import time; start = time.perf_counter(); import {0}; {0}.trace({1}); seconds = time.perf_counter() - start; " \
           "import os; print(seconds, flush=True); os._exit(0)"
    found = {}
    for name, arguments in ("heartrate_shm", ""), ("heartrate", "port=0, daemon=True"):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "script.py")
            with open(script, "w") as file:
                file.write(code.format(name, arguments))
            seconds = []
            for _ in range(turns if name == "heartrate_shm" else 5):
                lines = run(python.path, script, **python.environment()).split()
                seconds.append(float(next(word for word in lines if word.startswith("0.") or word[0].isdigit())))
        found[name] = statistics.median(seconds) * 1000
    return found


MEMORY = r"""
import re, sys
def resident():
    status = open("/proc/self/status").read()
    kinds = [int(re.search(kind + r":\s+(\d+)", status).group(1)) for kind in ("VmRSS", "RssAnon", "RssShmem")]
    return kinds[0], kinds[1] + kinds[2]
if sys.argv[1] == "ours":
    import heartrate_shm
    heartrate_shm.trace(heartrate_shm.files.path_contains(sys.argv[2]))
sys.path.insert(0, sys.argv[2])
import big
big.run()
print(*resident())
"""


def memory(python, lines=20000):
    """Resident MB that a program of so many traced lines, all of them hit, has more: (all, its own). What is not its own
    are pages of executables, the interpreter's most of all, which the system has once for all programs."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "big.py"), "w") as file:
            for number in range(lines // 10):
                file.write("def f%d():\n%s" % (number, "    a = 1\n" * 9))
            file.write("def run():\n    for number in range(%d):\n        globals()['f%%d' %% number]()\n" % (lines // 10))
        script = os.path.join(folder, "script.py")
        with open(script, "w") as file:
            file.write(MEMORY)
        run(python.path, script, "plain", folder, **python.environment())  # compiles, which takes memory of its own
        sizes = {way: [list(map(int, run(python.path, script, way, folder, **python.environment()).split())) for _ in range(5)]
                 for way in ("plain", "ours")}
    medians = {way: [statistics.median(kind) for kind in zip(*found)] for way, found in sizes.items()}
    return [(ours - plain) * 1024 / 1e6 for ours, plain in zip(medians["ours"], medians["plain"])]


def report(python, programs, repeat):
    least = measure(python, programs, repeat)
    started = start_up(python)
    resident, own = memory(python)
    return ("## Python %s\n\n%s\n`import heartrate_shm; trace()` takes %.1f ms, heartrate %.0f ms (median). A program of 20,000 "
            "traced lines has %.2f MB more resident memory, of which %.2f MB are its own and the rest pages of executables.\n" % (
                python.version, table(least), started["heartrate_shm"], started["heartrate"], resident, own))


def write(name, text):
    """Puts the text between its marks in the document, in place of what stood there."""
    begin, end = (mark % name for mark in MARKS)
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    if begin not in document:
        document += "\n" + begin + end
    before, rest = document.split(begin, 1)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(before + begin + text + end + rest.split(end, 1)[1])


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--python", action="append", metavar="PY", help="interpreter to measure; may be repeated (default: python3)")
    parser.add_argument("--programs", metavar="A,B", help="default: %s" % ",".join(PROGRAMS + LOOPS))
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="turns, of which the least counts (default: 3)")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    options = parser.parse_args()
    programs = options.programs.split(",") if options.programs else PROGRAMS + LOOPS
    unknown = set(programs) - set(PROGRAMS + LOOPS)
    if unknown or options.repeat < 1:
        parser.error("no such program: %s" % ", ".join(sorted(unknown)) if unknown else "--repeat needs a number above 0")
    print("%d cores, Linux %s" % (os.cpu_count(), platform.release().split("-")[0]))
    for path in options.python or [sys.executable]:
        python = Python(path)
        text = report(python, programs, options.repeat)
        print(text, flush=True)
        if options.write:
            write("Python %d.%d" % python.release, text)


if __name__ == "__main__":
    main()
