"""Programs killed at random moments, from before they trace to the middle of growing tables, while viewers watch.

HR_HARDENING=N kills N times as many (docs/reliability.md).
"""
import collections
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import hardening
from viewer import DEADLINE_S, PACKAGES, Program, Server, WebSocket, dump, hrview, poll, segments_of, triples

TOGETHER = 6  # fewer than the ended segments that the next trace() keeps
SHM = Path("/dev/shm")

# One thread counts a chain of lines, one makes threads, the main one makes files, code and lines for ever.
LOADED = '''
import threading
import heartrate_shm
heartrate_shm.trace(lambda path: True)
def chain():
    while True:
        a = 1
        b = 2
        c = 3
def threads():
    while True:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
for function in (chain, threads):
    threading.Thread(target=function, daemon=True).start()
number = 0
while True:
    number += 1
    exec(compile("def f():\\n%s\\nf()" % ("    x = %d\\n" % number * 20), "cell%d" % number, "exec"), {})
'''


class Watching:
    """A server and a page of it that asks for everything."""

    def __init__(self):
        self.server = Server()
        self.page = WebSocket(self.server.port)

    def programs(self):
        return {entry["pid"]: entry for entry in self.page.ask(full=True)["programs"]}

    def kill(self):
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        self.close()

    def close(self):
        self.page.close()
        self.server.__exit__()


def start(path):
    return subprocess.Popen([sys.executable, str(path)], env={**os.environ, "PYTHONPATH": str(PACKAGES)},
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def half_made(pid):
    return list(SHM.glob(".heartrate_shm.%d.%d.*" % (os.geteuid(), pid)))


def judge(path, pid):
    """What a killed program left: whole, LIVE and unlocked, and no hit lost between lines that follow each other. None
    when it was killed before it had a segment."""
    for unfinished in half_made(pid):  # a trace() later on removes it
        with open(unfinished, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        unfinished.unlink()
    found = segments_of(pid)
    if not found:
        return None
    assert len(found) == 1, found
    with open(found[0], "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    segment = hardening.Segment(found[0])
    assert segment.state == "live" and not set(segment.drops) - {"frames"}, (segment.state, segment.drops)
    hits = segment.of(path)
    first = path.read_text(encoding="utf-8").splitlines().index("def chain():") + 3
    chain = [hits.get(line, 0) for line in range(first, first + 3)]
    assert chain == sorted(chain, reverse=True) and chain[0] - chain[2] <= 1, chain
    return segment


def totals(segment):
    """{path: hits of all its lines}"""
    sums = collections.Counter()
    for (path, _), hits in segment.lines.items():
        sums[path] += hits
    return sums


def killed_together(path, dice, watching):
    """Starts some, kills each at a moment of its own, and asks all viewers about them; how many had a segment."""
    programs = [start(path) for _ in range(TOGETHER)]
    # Every fourth at a moment after it was started, the others at one after their segment is there.
    moments = {program: time.monotonic() + dice.uniform(0, 0.1) for program in programs[::4]}
    waiting = list(programs)
    deadline = time.monotonic() + 3 * DEADLINE_S
    while waiting:
        assert time.monotonic() < deadline, "no segment of %s" % [program.pid for program in waiting]
        watching.page.ask(full=True)
        for program in list(waiting):
            if program not in moments and segments_of(program.pid):
                moments[program] = time.monotonic() + dice.uniform(0, 0.2)
            if program in moments and time.monotonic() >= moments[program]:
                program.kill()
                waiting.remove(program)
    left = {}
    for program in programs:
        _, errors = program.communicate()
        assert (program.returncode, errors) == (-signal.SIGKILL, b"")
        segment = judge(path, program.pid)
        if segment:
            left[program.pid] = segment

    def all_dead():
        seen = watching.programs()
        return all(pid in seen and seen[pid]["state"] == "dead" for pid in left)

    poll(all_dead, "the page to say that %s are dead" % list(left))
    for pid, segment in left.items():
        answer = dump(pid)
        assert answer["state"] == "dead"
        lines = {(file["path"], int(line)): hits for file in answer["files"] for line, hits in file["lines"].items() if hits}
        assert lines == segment.lines
        seen = watching.page.ask(segment.instance)["program"]
        paths = {file["i"]: file["path"] for file in seen.get("files", [])}
        assert {paths[i]: hits for i, hits in triples(seen.get("totals", [])).items() if hits} == totals(segment)
    return len(left)


def test_programs_killed_at_random_moments(tmp_path):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    path = tmp_path / "loaded.py"
    path.write_text(LOADED, encoding="utf-8")
    killed = with_segment = 0
    with Program(tmp_path) as witness:
        watching = Watching()
        for batch in range(7 * hardening.LONG):
            with_segment += killed_together(path, dice, watching)
            killed += TOGETHER
            assert hrview("clean")[0] == 0
            assert [name for name in os.listdir("/dev/shm") if ".%d." % witness.pid not in name] == []
            if batch % 3 == 2:  # a viewer may die as well: it leaves nothing, and no program notices
                watching.kill()
                watching = Watching()
            if killed % 1200 == 0:
                print(killed, "killed,", with_segment, "with a segment", flush=True)
        watching.close()
        witness.do("work(100)")
        assert dump(witness.pid)["state"] == "live"
        witness.end()
    print(killed, "killed,", with_segment, "with a segment")
    assert with_segment > 0
