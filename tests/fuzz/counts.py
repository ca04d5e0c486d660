"""Random programs (tests/integ/grammar.py), counted by a plain sys.settrace function and by heartrate_shm: line by line
the same, and the programs themselves log the same.

    counts.py [N [FIRST]]    N programs (default 2000) from seed FIRST (default 1) on, with each Python of this machine that
                             has inline probes

What random programs have found, made small (FOUND), comes before them. heartrate_shm counts by probes from a frame's first
line on and, every other batch, with frames that go over at random moments; in every other two batches a part of the
functions is not traced. What differs is printed, and the program kept in build/fuzz/.
"""
import gc
import json
import marshal
import os
import random
import subprocess
import sys
import types
import warnings
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "integ")]

import grammar
import interpreters

CHUNK = 125  # programs of one process
FOUND = {
    "far from the first line (3.13.0)":
        "    with Manager(1) as (a, b):\n        try: pass\n        finally:\n" + "            call(a)\n" * 300,
    "a call returns to a jump target (3.12)":
        "    b = (a and few(\n    call(1)))\n    return b\n",
    "thrown into a delegation (3.12)":
        "    yield from sub(2); yield from sub(3)\n",
    "raised by a Python function that is called behind a yield (3.13 and later)":
        "    with Manager(1): boom((yield 1)); (yield from sub(2)); return (yield).a\n",
    "raised again through several lines":
        "    with (Manager(1) as a,\n        Manager(2) as (b, c)):\n        yield boom(a)\n        return call(b)\n",
}


def found():
    """{name: text} of FOUND."""
    return {f"<fuzz {what}>": "".join(f"def f{i}(a, b=2, c=3):\n{body}\n" for i in range(3)) for what, body in FOUND.items()}


def random_programs(first, count):
    """The same of random programs."""
    return {f"<fuzz {seed}>": grammar.Program(seed).text for seed in range(first, first + count)}


def partly_traced(code, dice):
    """The code, with a third of its functions as if they were of another file."""
    consts = [partly_traced(each, dice) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    stays = code.co_name == "<module>" or dice.random() > 1 / 3
    return code.replace(co_consts=tuple(consts), co_filename=code.co_filename if stays else "<not traced>")


def compiled(programs, partly):
    """The code of those that compile: a return with a value where there must be none does not."""
    for name, text in programs.items():
        try:
            code = compile(text, name, "exec", dont_inherit=True)
        except SyntaxError:
            continue
        yield partly_traced(code, random.Random(name)) if partly else code


def run_all(codes):
    """{name: what the program logged}."""
    logs = {}
    for code in codes:
        name = code.co_filename
        namespace = grammar.world(log := logs.setdefault(name, []))
        exec(code, namespace)
        grammar.drive_all(namespace, log)
        gc.collect()
    return logs


def count_by_settrace(codes):
    counts = Counter()

    def call(frame, event, arg):
        return line if frame.f_code.co_filename.startswith("<fuzz") else None

    def line(frame, event, arg):
        if event == "line":
            counts[f"{frame.f_code.co_filename}:{frame.f_lineno}"] += 1
        return line

    sys.settrace(call)
    logs = run_all(codes)
    sys.settrace(None)
    return counts, logs


def count_by_us(codes):
    import heartrate_shm

    handle = heartrate_shm.trace(files=lambda path: path.startswith("<fuzz"), size=1 << 30)
    logs = run_all(codes)
    handle.stop()
    dump = json.loads(subprocess.run([str(ROOT / "build" / "bin" / "hrview"), "dump", str(os.getpid()), "--format", "json"],
                                     stdout=subprocess.PIPE, check=True).stdout)
    assert dump["drops"] == {}, dump["drops"]
    counts = {f"{file['path']}:{line}": hits for file in dump["files"] for line, hits in file["lines"].items() if hits}
    by = Counter()
    for file in dump["files"]:
        if file["path"].startswith("<fuzz"):
            by.update(file["counted_by"])
    assert by["probes"] or os.environ["HEARTRATE_SHM_COUNT"] == "events", by
    return {place: hits for place, hits in counts.items() if place.startswith("<fuzz")}, logs


def child(way):
    gc.disable()  # its moments differ, and what is finalized within the trace function of the oracle is not counted by it
    sys.unraisablehook = lambda what: None
    warnings.simplefilter("ignore")
    counts, logs = (count_by_settrace if way == "settrace" else count_by_us)(marshal.load(sys.stdin.buffer))
    json.dump([counts, logs], sys.stdout)


def compare(programs, how, partly):
    """Messages on what differs, and how many lines were compared. `how`: HEARTRATE_SHM_COUNT; `partly`: partly_traced()."""
    ways = {}
    codes = marshal.dumps(list(compiled(programs, partly)))
    for way in "settrace", "us":
        env = dict(os.environ, PYTHONPATH=str(ROOT / "build" / "python"), PYTHONHASHSEED="0", HEARTRATE_SHM_COUNT=how)
        done = subprocess.run([sys.executable, __file__, way], input=codes, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=env)
        if done.returncode != 0:
            what = done.stderr.decode(errors="replace")[-2000:]
            return [f"{way}, {how}, from {next(iter(programs))} on: exit code {done.returncode}\n{what}"], 0
        ways[way] = json.loads(done.stdout)
    (expected, expected_logs), (counts, logs) = ways["settrace"], ways["us"]
    trouble = [f"{place}: sys.settrace {expected.get(place, 0)}, heartrate_shm ({how}) {counts.get(place, 0)}"
               for place in sorted({*expected, *counts}) if expected.get(place, 0) != counts.get(place, 0)]
    trouble += [f"{name}: another log ({how})" for name in expected_logs if expected_logs[name] != logs[name]]
    for name in {place.split(">")[0] + ">" for place in trouble}:
        folder = ROOT / "build" / "fuzz"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / (name[len("<fuzz "):-1] + ".py")).write_text(programs[name])
    return trouble, len(expected)


def fuzz(count, first):
    """All of it with this Python, or as much as until Ctrl-C; the exit code."""
    warnings.simplefilter("ignore")
    lines = failed = done = 0
    try:
        for start in range(first, first + count, CHUNK):
            size = min(CHUNK, first + count - start)
            programs = random_programs(start, size)
            if start == first:
                programs = {**found(), **programs}
            batch = (start - first) // CHUNK
            trouble, compared = compare(programs, "random" if batch & 1 else "probes", bool(batch & 2))
            lines += compared
            failed += len(trouble)
            done += size
            print("\n".join(trouble), end="\n" * bool(trouble), flush=True)
    except KeyboardInterrupt:
        pass
    print(f"Python {sys.version.split()[0]}: {done} programs, {lines} lines compared, {failed} differ", flush=True)
    return 1 if failed or lines < done else 0


def main():
    if sys.argv[1:] in (["settrace"], ["us"]):
        return child(sys.argv[1])
    how, *numbers = sys.argv[1:] if sys.argv[1:2] == ["fuzz"] else ["all", *sys.argv[1:]]
    if len(numbers) > 2 or not all(number.isdigit() for number in numbers):
        return "usage: ./dev fuzz counts [N [FIRST]]"
    count, first = map(int, [*numbers, 2000, 1][:2] if len(numbers) != 1 else [numbers[0], 1])
    if how == "fuzz":
        return fuzz(count, first)
    pythons = [path for version, path in interpreters.find().items() if version >= (3, 11)]
    codes = [subprocess.call([str(ROOT / "dev"), "build", "--python", path])
             or subprocess.call([path, __file__, "fuzz", str(count), str(first)]) for path in pythons]
    return "no Python 3.11 or newer here" if not codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
