"""The publish protocol of shared/hr_atomic.h under the C11 memory model, checked exhaustively by herd7 (README.md).

    run.py [NAME]...      default: every *.litmus here

Each file states a situation that must never come about. A line marked `//* without: drop` (or `relax`) is claimed to be
needed: the check is made again without it (or with memory_order_relaxed) and must then find the situation.
Exit code 0: all as claimed.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = "rc11.cat"
MARK = re.compile(r"\s*//\* without: (drop|relax)\s*$")


def variants(text):
    """(what was taken away, litmus text): the file itself, and one for each marked line."""
    lines = text.splitlines()
    plain = [MARK.sub("", line) for line in lines]
    yield None, "\n".join(plain)
    for number, line in enumerate(lines):
        found = MARK.search(line)
        if found:
            weaker = "" if found.group(1) == "drop" else re.sub(r"memory_order_\w+", "memory_order_relaxed", plain[number])
            assert weaker != plain[number], f"line {number + 1} cannot be weakened: {line}"
            yield f"line {number + 1}, {plain[number].strip()}", "\n".join(plain[:number] + [weaker] + plain[number + 1:])


def herd(text):
    """(it can come about, executions looked at). A data race counts as anything coming about."""
    with tempfile.NamedTemporaryFile("w", suffix=".litmus") as file:
        file.write(text + "\n")
        file.flush()
        done = subprocess.run(["herd7", "-model", MODEL, file.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
    seen = re.search(r"^Observation \S+ (Never|Sometimes|Always) (\d+) (\d+)$", done.stdout, re.M)
    if done.returncode != 0 or not seen:
        sys.exit(f"herd7 failed:\n{done.stdout}")
    return seen.group(1) != "Never" or re.search(r"^Flag .*race", done.stdout, re.M) is not None, \
        int(seen.group(2)) + int(seen.group(3))


def main(names):
    wrong = 0
    for path in [os.path.join(HERE, name + ".litmus") for name in names] or sorted(glob.glob(f"{HERE}/*.litmus")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for weakened, litmus in variants(text):
            start = time.monotonic()
            possible, executions = herd(litmus)
            good = possible == (weakened is not None)
            wrong += not good
            name = os.path.basename(path)[:-len(".litmus")]
            verdict = "can happen" if possible else "cannot happen"
            print(f"{'ok  ' if good else 'BAD '} {name:10} {verdict:13} {executions:6} executions "
                  f"{time.monotonic() - start:5.1f} s  {'without ' + weakened if weakened else 'as it is'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
