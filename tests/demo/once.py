"""once.py [--screenshot FILE] — `./dev demo --once`: the demo without a person, as a test.

A program, hrview on a free port, a headless browser. The program begins when the page shows it. Once the page's
numbers have moved and the program has come to rest, three counts of every line must agree: the page's, `hrview dump`'s, and those of a plain sys.settrace counter.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

from browser import Page
from programs import DEMO, HRVIEW, ROOT, DemoError, end, python, start_viewer

WORK = "--rounds", "8", "--when-told"
SHOWN = os.path.join(os.path.dirname(DEMO), "lexer.py"), 42  # file and line on the screenshot
SHOWN_HITS = 500000


def hit_lines(lines):
    """{line: hits} without the lines that were not hit, whatever JSON made of the keys."""
    return {int(line): hits for line, hits in lines.items() if hits}


def dump(pid):
    """{path: {line: hits}} as `hrview dump` has it."""
    done = subprocess.run([HRVIEW, "dump", str(pid), "--format", "json"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise DemoError(f"hrview dump {pid} ended with exit code {done.returncode}")
    files = {}
    for file in json.loads(done.stdout)["files"]:
        lines = files.setdefault(file["path"], {})
        for line, hits in hit_lines(file["lines"]).items():  # a path has several entries when the file changed
            lines[line] = lines.get(line, 0) + hits
    return {path: lines for path, lines in files.items() if lines}


class Oracle:
    """The same program under a plain counter."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.out = os.path.join(self.folder.name, "counts.json")
        self.process = python(os.path.join(ROOT, "tests", "demo", "count.py"), self.out, DEMO, *WORK,
                              stdout=subprocess.DEVNULL)

    def counts(self):
        if self.process.wait() != 0:
            raise DemoError(f"the program failed under sys.settrace (exit code {self.process.returncode})")
        with open(self.out, encoding="utf-8") as file:
            return {path: hit_lines(lines) for path, lines in json.load(file).items()}

    def close(self):
        end(self.process)
        self.folder.cleanup()


def compare(name, expected, found):
    """Every line, both ways; the first differences with both numbers."""
    wrong = []
    for path in sorted({*expected, *found}):
        own, other = expected.get(path, {}), found.get(path, {})
        for line in sorted({*own, *other}):
            if own.get(line, 0) != other.get(line, 0):
                wrong.append(f"{path}:{line}: hrview dump {own.get(line, 0)}, {name} {other.get(line, 0)}")
    if wrong:
        more = f"\n  and {len(wrong) - 10} more lines" if len(wrong) > 10 else ""
        raise DemoError(f"hrview dump and {name} differ:\n  " + "\n  ".join(wrong[:10]) + more)


def check(screenshot):
    program = viewer = page = oracle = None
    os.makedirs(os.path.dirname(screenshot), exist_ok=True)
    try:
        page = Page()
        program = python(DEMO, *WORK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        viewer, url = start_viewer(program, "--port", "0")
        for question in (("open", url), ("show", *SHOWN)):
            before = page.ask(*question)["hits"]
            if before == 0:
                raise DemoError(f"the page shows no hits: {question[0]} {question[1]}")
        program.stdin.write("begin\n")
        program.stdin.flush()
        after = page.ask("more", before)["hits"]
        if after <= before:
            raise DemoError(f"the page's numbers do not move ({before} hits, then {after})")
        oracle = Oracle()
        page.ask("picture", screenshot, SHOWN_HITS)
        program.stdout.readline()  # its summary: now it rests
        if program.poll() is not None:
            raise DemoError(f"the program has ended (exit code {program.returncode}) instead of coming to rest")
        dumped = dump(program.pid)
        total = sum(sum(lines.values()) for lines in dumped.values())
        shown = page.ask("read", total, *dumped)
        compare("the page", dumped, {path: hit_lines(lines or {}) for path, lines in shown["files"].items()})
        if shown["total"] != total:
            raise DemoError(f"the page's list of files sums up to {shown['total']} hits, hrview dump to {total}")
        compare("sys.settrace", dumped, oracle.counts())
        return f"{total} hits on {sum(map(len, dumped.values()))} lines of {len(dumped)} files agree on the page, in" \
               f" hrview dump and under sys.settrace; picture: {os.path.relpath(screenshot, ROOT)}"
    finally:
        for helper in filter(None, (page, oracle)):
            helper.close()
        for process in filter(None, (viewer, program)):
            end(process)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--screenshot", default=os.path.join(ROOT, "build", "demo", "screenshot.png"))
    options = parser.parse_args()
    try:
        print("demo: ok:", check(os.path.abspath(options.screenshot)))
    except DemoError as error:
        sys.exit(f"demo: {error}")
