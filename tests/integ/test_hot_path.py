"""Counting makes no system call: ten million traced lines under strace."""
import re
import shutil

from oracle import dump
from programs import run

LINES = 10000000
PROGRAM = """\
    import os, sys
    import heartrate_shm
    def work(n):
        total = 0
        for i in range(n):
            total += i
        return total
    heartrate_shm.trace()
    work(10)
    os.getpgid(0)
    work(5000000)
    os.getpgid(0)
    """


def test_ten_million_lines_make_no_system_call(tmp_path):
    strace = shutil.which("strace")
    assert strace, "strace is needed: apt-get install strace"
    log = tmp_path / "calls"
    program = run(tmp_path, PROGRAM, wrapper=(strace, "-f", "-o", str(log)))
    thread, _ = log.read_text().split(None, 1)  # the first call is the main thread's
    seen = dump(int(thread))
    hits = next(file["lines"] for file in seen["files"] if file["path"] == str(program.path))
    assert sum(hits.values()) > LINES and hits["6"] == 5000010
    calls = [match.group(1) for match in re.finditer(r"^%s +(\w+)\(" % thread, log.read_text(), re.M)]
    first, last = (i for i, call in enumerate(calls) if call == "getpgid")
    made = calls[first + 1:last]
    # The interpreter's own: it hands its lock to the sampler, which asks for it some hundred times a second at most.
    assert set(made) <= {"futex"}, sorted(set(made))
    assert len(made) < LINES / 10000, f"{len(made)} futex calls"
