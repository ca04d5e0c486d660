"""Hours of everything at once, for `./dev soak`: is every count right, and does nothing grow?

    soak.py [--python PY] [--minutes N] [--share S]

A traced program works round after round: threads, asyncio tasks, generators, exceptions, forked children, code that
comes anew. Meanwhile an hrview serves pages that come and go and is asked for metrics, and an `hrview record` writes.
All of it takes at most S of a core (default 0.25) for N minutes (default 120).

The counts are judged by a plain sys.settrace counter, which runs two rounds of the same program: what the second adds to
a line, each further one adds. They are compared every minute, and at the end with the segment's bytes and the recording as
well. Code comes anew in the first CELLS * CELL_ROUNDS rounds. RSS, descriptors and the segment's blocks are looked at every
minute with no page open; of half an hour and more the last third must be as the second (hrview grows to its size in the
first minutes). It may be stopped (SIGSTOP) with all its
processes for as long as somebody likes.
"""
import argparse
import contextlib
import io
import json
import os
import random
import runpy
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "integ"))

import alone
import hardening
import viewer
from counter import LineCounter

PATIENCE_S = 600
PAGES = 12
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CHILD_LOOPS = 300
CELLS, CELL_ROUNDS = 20, 200  # files that come anew, and how often each is executed; the last for ever
JUDGED_MINUTES = 30  # a run that is shorter says nothing of growth
KEPT = 16  # ended segments at a time, generously

PROGRAM = '''
import asyncio
import os
import sys
import threading
import heartrate_shm
heartrate_shm.trace(lambda path: path == __file__ or path.startswith("cell"), children=True)
def spin(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
def pairs(n):
    for i in range(n):
        try:
            if i %% 5 == 0:
                raise KeyError(i)
        except KeyError:
            continue
        yield i, spin(3)
def drain():
    total = 0
    for first, second in pairs(40):
        total += first + second
    return total
async def step(n):
    for i in range(n):
        await asyncio.sleep(0)
        spin(5)
async def steps():
    await asyncio.gather(*[step(i) for i in range(12)])
def child():
    for i in range(%(loops)d):
        spin(1)
    os._exit(0)
def fork():
    pid = os.fork()
    if pid == 0:
        child()
    os.waitpid(pid, 0)
    return pid
CELL = "def grown(n):\\n" + "    n += 1\\n" * 20 + "    return n\\ngrown(1)\\n"
def grow(name):
    exec(compile(CELL, name, "exec"), {})
def work():
    threads = [threading.Thread(target=spin, args=(200,)) for _ in range(4)] + [threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    asyncio.run(steps())
    for thread in threads:
        thread.join()
exec("""def answered(commands):
    print("ready", flush=True)
    for number, command in enumerate(commands):
        yield "cell%%d" %% min(number // %(rounds)d, %(last)d)
        print(children[-1], flush=True)
""")
children = []
for name in answered(sys.stdin):
    work()
    grow(name)
    children[:] = [fork()]
''' % {"loops": CHILD_LOOPS, "rounds": CELL_ROUNDS, "last": CELLS - 1}


def oracle(rounds, path):
    """In a process of its own: the program without us, and what a sys.settrace function counts; printed as JSON."""
    counter = LineCounter(lambda name: name == path or name.startswith("cell"))
    counter.install()
    sys.modules["heartrate_shm"] = types.ModuleType("heartrate_shm")
    sys.modules["heartrate_shm"].trace = lambda *args, **options: counter.start()
    sys.stdin = io.StringIO("\n" * rounds)
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(path, run_name="__main__")
    json.dump(counter.result(), sys.stdout)


class Expected:
    """The lines' counts after any number of rounds, from those after one and after two."""

    def __init__(self, python, path):
        self.path = str(path)
        self.one, self.two = (self._ask(python, rounds) for rounds in (1, 2))

    def _ask(self, python, rounds):
        done = subprocess.run([python, __file__, "--oracle", str(rounds), self.path], stdout=subprocess.PIPE, check=True)
        return Counter({(name, int(line)): hits for name, lines in json.loads(done.stdout).items()
                        for line, hits in lines.items()})

    def after(self, rounds):
        cells = {name for name, _ in self.one if name != self.path}
        assert cells == {"cell0"}, cells
        expected = {}
        for (name, line), hits in self.one.items():
            more = self.two[name, line] - hits
            if name == self.path:
                expected[name, line] = hits + more * (rounds - 1)
                continue
            assert more == hits, "a cell's line: %d hits, then %d more" % (hits, more)
            for cell in range(min(CELLS, -(-rounds // CELL_ROUNDS))):
                executed = rounds - CELL_ROUNDS * cell
                expected["cell%d" % cell, line] = hits * (executed if cell == CELLS - 1 else min(CELL_ROUNDS, executed))
        return expected


def same(what, rounds, counts, expected):
    wrong = {place: (hits, counts.get(place, 0)) for place, hits in expected.items() if counts.get(place, 0) != hits}
    wrong.update({place: (0, hits) for place, hits in counts.items() if hits and place not in expected})
    assert not wrong, "%s after %d rounds: (expected, counted) %s" % (what, rounds, dict(sorted(wrong.items())[:10]))


class Process:
    """What the system says of one of the processes."""

    def __init__(self, name, pid):
        self.name, self.pid = name, pid

    def cpu_s(self):
        fields = Path("/proc/%d/stat" % self.pid).read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / TICKS_A_SECOND  # with children that were waited for

    def descriptors(self):
        """hrview's without those of segments, which are as many as there are ended programs: the eight newest and some."""
        leads = []
        for name in os.listdir("/proc/%d/fd" % self.pid):
            with contextlib.suppress(FileNotFoundError):
                leads.append(os.readlink("/proc/%d/fd/%s" % (self.pid, name)))
        of_segments = [lead for lead in leads if lead.startswith("/dev/shm/") and self.name == "hrview"]
        assert len(of_segments) < 4 * KEPT, "%s holds %s" % (self.name, of_segments)
        return len(leads) - len(of_segments)


class Soak:
    def __init__(self, options, folder):
        self.share, self.seconds = options.share, options.minutes * 60
        self.path = folder / "program.py"
        self.path.write_text(PROGRAM, encoding="utf-8")
        self.expected = Expected(options.python, self.path)
        self.dice = random.Random(1)
        self.rounds = self.asked = self.opened = self.lost = self.children = 0
        self.pages = []
        self.recording = folder / "soak.hrrec"
        self.stderr = open(str(folder / "stderr"), "w+")
        # Threads that were joined may not have ended yet for the kernel when the program forks, of which Python warns.
        quiet = ["-W", "ignore:This process:DeprecationWarning"]
        self.program = subprocess.Popen([options.python, *quiet, str(self.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr, env=hardening.environment(), bufsize=0)
        assert self.answer() == "ready"
        self.server = viewer.Server()
        self.recorder = subprocess.Popen([viewer.HRVIEW, "record", str(self.program.pid), "-o", str(self.recording),
                                          "--rate", "2"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.processes = [Process("program", self.program.pid), Process("hrview", self.server.process.pid),
                          Process("recorder", self.recorder.pid)]
        (self.segment,) = viewer.segments_of(self.program.pid)
        self.instance = self.segment.name.rsplit(".", 1)[1]

    def answer(self):
        line = self.program.stdout.readline().decode().strip()
        assert line, "the program ended: " + open(self.stderr.name).read()
        return line

    def round(self):
        self.program.stdin.write(b"\n")
        child = int(self.answer())
        self.rounds += 1
        if self.rounds % 20 == 0:  # before later ones push it out
            self.judge_child(child)

    def judge_child(self, pid):
        (segment,) = hardening.segments(pid)
        hits = segment.of(self.path)
        assert segment.state == "closed" and not segment.drops, (segment.state, segment.drops)
        lines = PROGRAM.splitlines()
        body = lines.index("        total += i * i") + 1
        loop = lines.index("        spin(1)") + 1
        assert (hits[loop], hits[body]) == (CHILD_LOOPS, CHILD_LOOPS), hits
        hardening.remove(pid)
        self.children += 1

    def ask(self):
        """One page asks for something, comes or goes."""
        try:
            what = self.dice.random()
            if not self.pages or what < 0.05 and len(self.pages) < PAGES:
                self.pages.append(viewer.WebSocket(self.server.port))
                self.opened += 1
            elif what < 0.08:
                self.pages.pop(self.dice.randrange(len(self.pages))).close()
            elif what < 0.1:
                self.server.request(self.dice.choice(["/metrics", "/", "/api/programs", "/api/dump/%d" % self.program.pid]))
            else:
                page = self.dice.choice(self.pages)
                page.ask(*self.dice.choice([(0,), (self.instance,), (self.instance, 0)]), every=what > 0.9)
            self.asked += 1
        except (OSError, EOFError):  # after a pause of all processes hrview has given pages up: they come again, as a browser's
            assert self.server.process.poll() is None, "hrview has ended"
            self.lost += 1
            self.close_pages()

    def close_pages(self):
        while self.pages:
            self.pages.pop().close()

    def rest(self, since, cpu_s):
        """Sleeps until what was used since then is no more than our share."""
        used = self.cpu_s() - cpu_s
        time.sleep(max(0, used / self.share - (time.monotonic() - since)))

    def cpu_s(self):
        return sum(process.cpu_s() for process in self.processes) + time.process_time()

    def look(self):
        """With no page open and all counts compared: [RSS, descriptors, …] of each process, blocks of the segment."""
        self.close_pages()
        dump = viewer.dump(self.program.pid)
        assert dump["drops"] == {}, dump["drops"]
        counts = {(file["path"], int(line)): hits for file in dump["files"] for line, hits in file["lines"].items() if hits}
        same("dump", self.rounds, counts, self.expected.after(self.rounds))
        assert self.server.process.poll() is None and self.recorder.poll() is None, "hrview or the recorder has ended"
        # hrview notices within its time-outs that the pages have gone.
        counted = [self.processes[1].descriptors()]
        viewer.poll(lambda: counted.append(self.processes[1].descriptors()) or len(counted) > 10 and len(set(counted[-10:])) == 1,
                    "hrview to close what pages have left", PATIENCE_S)
        # The fewest of some looks: a process may just have a file of /proc open.
        seen = {process.name: (viewer.memory_kb(process.pid), min(process.descriptors() for _ in range(20))) for process in self.processes}
        seen["segment"] = (os.stat(self.segment).st_blocks // 2, 0)
        return seen

    def run(self):
        start, looks = time.monotonic(), []
        next_look = start + min(60, self.seconds / 20)
        while time.monotonic() < start + self.seconds:
            since, cpu_s = time.monotonic(), self.cpu_s()
            self.round()
            for _ in range(10):
                self.ask()
            self.rest(since, cpu_s)
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + min(60, self.seconds / 20)
                looks.append(self.look())
                print("%5d min %7d rounds, %d asked, %d pages opened, %d lost, %d children judged; kB and descriptors: %s; "
                      "recording %d kB" % ((time.monotonic() - start) / 60, self.rounds, self.asked, self.opened, self.lost,
                                           self.children, json.dumps(looks[-1]), os.path.getsize(self.recording) >> 10), flush=True)
        looks.append(self.look())
        self.end()
        return looks

    def end(self):
        expected = self.expected.after(self.rounds)
        self.program.stdin.close()
        assert self.program.wait(PATIENCE_S) == 0
        self.stderr.seek(0)
        errors = self.stderr.read()
        assert errors == "", errors
        segment = hardening.Segment(self.segment)
        assert segment.state == "closed" and not segment.drops, (segment.state, segment.drops)
        same("segment", self.rounds, segment.lines, expected)
        assert self.recorder.wait(PATIENCE_S) == 0
        with viewer.Server("replay", str(self.recording)) as replay, viewer.WebSocket(replay.port) as page:
            files = page.ask(self.instance, full=True)["program"]["files"]
            recorded = {}
            for file in files:
                lines = page.ask(self.instance, file["i"], full=True)["program"]["lines"]
                recorded.update({(file["path"], line): hits for line, hits in viewer.triples(lines).items() if hits})
        same("recording", self.rounds, recorded, expected)

    def close(self):
        self.close_pages()
        for process in (self.program, self.recorder):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.server.__exit__()
        hardening.remove(self.program.pid)
        self.stderr.close()


def judge(looks):
    """Nothing is larger in the last third of the time than in the second."""
    third = len(looks) // 3
    trouble = []
    for name in looks[0]:
        (kb, descriptors), (kb_last, descriptors_last) = (
            [max(look[name][i] for look in part) for i in (0, 1)] for part in (looks[third:2 * third], looks[2 * third:]))
        if kb_last > kb * 1.05 + 512:
            trouble.append("%s: %d kB, later %d" % (name, kb, kb_last))
        if descriptors_last > descriptors:
            trouble.append("%s: %d descriptors, later %d" % (name, descriptors, descriptors_last))
    return trouble


def main():
    if sys.argv[1:2] == ["--oracle"]:
        return oracle(int(sys.argv[2]), sys.argv[3])
    parser = argparse.ArgumentParser(prog="./dev soak")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--share", type=float, default=0.25)
    parser.add_argument("--alone", action="store_true", help="in namespaces of its own already")
    options = parser.parse_args()
    if not options.alone and alone.permitted():  # the programs of others would be in hrview's list
        os.execvp(alone.COMMAND[0], [*alone.COMMAND, sys.executable, *sys.argv, "--alone"])
    viewer.DEADLINE_S = PATIENCE_S
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(options, Path(folder))
        try:
            looks = soak.run()
        finally:
            soak.close()
    long_enough = options.minutes >= JUDGED_MINUTES
    trouble = judge(looks) if long_enough else []
    growth = "nothing has grown" if long_enough else "too short to say whether anything grows (--minutes %d)" % JUDGED_MINUTES
    print("%d rounds, %d requests, %d pages, %d children: %s" % (
        soak.rounds, soak.asked, soak.opened, soak.children, "; ".join(trouble) or "every count right, " + growth))
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
