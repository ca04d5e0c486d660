"""What the page costs and how quick it is, for `./dev bench page`: real programs, the real hrview, a headless chromium.

The bounds are the page's promise; a number outside of its bound is marked. See docs/benchmarks.md.
"""
import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "demo"), HERE]
from programs import DEMO, ROOT, end, python, start_viewer  # noqa: E402
from run import run, say, write  # noqa: E402

LINES = 100000
A_FUNCTION = 100  # lines of one function of the long file
CHANGING = 1000
LEAST = 1000000  # hits of the line whose next ones are awaited on the screen

LONG = """
import sys, time
sys.path.insert(0, sys.argv[1])
import heartrate_shm
heartrate_shm.trace(heartrate_shm.files.path_contains(sys.argv[1]), name="long")
import long
for function in long.FUNCTIONS:
    function(0)
print("ready", flush=True)
turn = 0
while True:  # {count} functions of {lines} lines, twenty times a second; those on the screen among them
    start = time.monotonic()
    for function in long.FUNCTIONS[:2] + [long.FUNCTIONS[(turn * 7 + i * 11) % len(long.FUNCTIONS)] for i in range({count} - 2)]:
        function(turn)
    turn += 1
    time.sleep(max(0.0, 0.05 - (time.monotonic() - start)))
"""

PING = """
import sys, time
import heartrate_shm
heartrate_shm.trace(name="ping")
def hit(_):
    return
any(map(hit, range({least})))  # no other line has so many
print("ready", flush=True)
for line in sys.stdin:
    hit(0)
    print(time.time(), flush=True)
"""


def page(*words):
    return json.loads(run("node", os.path.join(HERE, "page.mjs"), *words).splitlines()[-1])


class Watched:
    """A traced program and an hrview for it."""

    def __init__(self, *words):
        self.viewer = None
        self.program = python(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)

    def __enter__(self):
        self.viewer, self.url = start_viewer(self.program, "--port", "0")
        return self

    def __exit__(self, *_):
        for process in filter(None, (self.viewer, self.program)):
            end(process)

    def ready(self):
        if self.program.stdout.readline() != "ready\n":
            sys.exit("bench: the program did not come up")
        return self


def script(folder, text):
    path = os.path.join(folder, "main.py")
    with open(path, "w") as file:
        file.write(text)
    return path


def long_file(folder):
    """A module of 100,000 lines in functions of a hundred, each line of which can be hit."""
    with open(os.path.join(folder, "long.py"), "w") as file:
        file.write("FUNCTIONS = []\n")
        for number in range(LINES // A_FUNCTION):
            body = "".join("    total += x %% %d\n" % (line + 2) for line in range(A_FUNCTION - 4))
            file.write("def f%d(x):\n    total = 0\n%s    return total\nFUNCTIONS.append(f%d)\n" % (number, body, number))


def instance(url):
    """Of the only program that this hrview serves."""
    with urllib.request.urlopen(url + "api/programs") as answer:
        return json.load(answer)["programs"][0]["id"]


def frames(seconds, turns):
    """What a frame takes on the long file, and how soon that and the demo's page are ready."""
    with tempfile.TemporaryDirectory() as folder:
        long_file(folder)
        text = LONG.format(count=CHANGING // A_FUNCTION, lines=A_FUNCTION)
        with Watched(script(folder, text), os.path.join(folder, "")) as watched:
            watched.ready()
            url = "%s#/p/%s?file=%s&line=40" % (watched.url, instance(watched.url), os.path.join(folder, "long.py"))
            return page("frames", url, seconds), page("ready", url, turns)["times"]


def latencies(hits):
    """Milliseconds from a hit, as the program's clock has it, to the frame after the one that shows its count."""
    with tempfile.TemporaryDirectory() as folder, Watched(script(folder, PING.format(least=LEAST))) as watched:
        watched.ready()
        browser = subprocess.Popen(["node", os.path.join(HERE, "page.mjs"), "pixels", watched.url, str(LEAST)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        try:
            if not json.loads(browser.stdout.readline() or "{}").get("ready"):
                sys.exit("bench: the page did not come up")
            happened = []
            for _ in range(hits):
                time.sleep(random.uniform(0.1, 0.3))
                watched.program.stdin.write("\n")
                watched.program.stdin.flush()
                happened.append(float(watched.program.stdout.readline()) * 1000)
            time.sleep(1)
            drawn = json.loads(browser.communicate()[0].splitlines()[-1])["drawn"]
        finally:
            end(browser)
    found = []
    for number, at in enumerate(happened, 1):
        seen = [moment for count, moment in drawn if count >= LEAST + number and moment >= at]
        found.append(min(seen) - at if seen else float("inf"))
    return found


def bundle():
    """Bytes of all that is loaded, each file by gzip; what the build has compressed beside them is the same again."""
    files = [os.path.join(place, name) for place, _, names in os.walk(os.path.join(ROOT, "web", "dist"))
             for name in names if not name.endswith(".gz")]
    total = 0
    for path in files:
        with open(path, "rb") as file:
            total += len(gzip.compress(file.read(), 9))
    return total


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(options):
    rows = []

    def row(what, value, unit, bound, note=""):
        text = "%.1f %s" % (value, unit)
        rows.append("| %s | %s%s | %s |" % (what, text, note, "" if bound is None else
                                            ("≤ %g %s" % (bound, unit)) + ("" if value <= bound else " **missed**")))
        say("%s: %s%s" % (what, text, note))

    spent, opened = frames(options.seconds, options.turns)
    say("a frame by what it does, ms: %s" % json.dumps(spent["top"]))
    row("main thread in a frame, on average (%d frames)" % spent["frames"], spent["wallMs"], "ms", 4,
        " (%.1f ms of processor)" % spent["cpuMs"])
    row("longest task of the main thread", spent["longestMs"], "ms", 50, " (%.1f ms of processor)" % spent["longestCpuMs"])
    row("the long file's page is ready, median", statistics.median(opened), "ms", None)
    with Watched(DEMO) as watched:
        row("the demo's page is ready, median", statistics.median(page("ready", watched.url, options.turns)["times"]), "ms", 300)
        if options.minutes:
            sizes = page("memory", watched.url, options.minutes)["sizes"]
            row("heap growth in %d minutes" % options.minutes, (max(sizes[1:]) - sizes[0]) / 1e6, "MB", 20,
                " (from %.1f MB)" % (sizes[0] / 1e6))
    found = latencies(options.hits)
    row("from a hit to the screen, 95 %% of %d" % len(found), quantile(found, 0.95), "ms", 120,
        " (median %.1f ms)" % statistics.median(found))
    row("bundle, gzip", bundle() / 1024, "KB", 220)
    return "\n".join(["| | measured | bound |", "|---|---|---|"] + rows) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench page", description=__doc__)
    parser.add_argument("--minutes", type=int, default=1, metavar="N", help="how long the heap is watched (default: 1; 0: not)")
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="how long frames are traced (default: 10)")
    parser.add_argument("--turns", type=int, default=7, metavar="N", help="how often a page is opened (default: 7)")
    parser.add_argument("--hits", type=int, default=200, metavar="N", help="hits that are waited for on the screen (default: 200)")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    options = parser.parse_args()
    text = "## The page\n\n%s" % report(options)
    print(text)
    if options.write:
        write("the page", text)


if __name__ == "__main__":
    main()
