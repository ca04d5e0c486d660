"""What hrview costs, the traced program and itself, for `./dev bench viewer`: real programs, the real hrview, many pages.

A page here is a connection that pulls as the page does (20 times a second, the lines of all files) and throws away what
comes. The bounds are hrview's promise; a number outside of its bound is marked. See docs/benchmarks.md.
"""
import argparse
import contextlib
import json
import os
import platform
import random
import resource
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "integ"), HERE]
from run import run, say, write  # noqa: E402
from viewer import NO_FILE, PACKAGES, ROOT, Refused, Server, WebSocket, unpack  # noqa: E402

PULL_S = 0.05
HEARTRATE_POLL_S = 0.5  # what its page does
SLOWER = 10  # so much less work it is given

WORK = """
import os, sys, time
answers = os.fdopen(os.dup(1), "w")
sys.stdout = open(os.devnull, "w")  # Flask has things to say there
way, rounds = sys.argv[1], int(sys.argv[2])
if way == "ours":
    import heartrate_shm
    heartrate_shm.trace(name="work")
elif way == "heartrate":
    import heartrate
    heartrate.trace(port=int(sys.argv[3]), daemon=True)
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
def work():
    longest = 0
    for n in range(1, 300):
        longest = max(longest, collatz(n))
    return longest
print("ready", flush=True, file=answers)
sys.stdin.readline()
start = time.process_time()
for _ in range(rounds) if rounds else iter(int, 1):
    work()
print(time.process_time() - start, flush=True, file=answers)
"""

# Hits a line now and then, and says in the end when that was.
PING = """
import random, sys, time
import heartrate_shm
heartrate_shm.trace(name="ping")
moments = []
def hit():
    moments.append(time.monotonic())
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[1])):
    time.sleep(random.uniform(0.1, 0.2))
    hit()
print("hit", flush=True)
sys.stdin.readline()
print(moments, flush=True)
"""


APPEAR = """
import sys, time
import heartrate_shm
moment = time.monotonic()
heartrate_shm.trace(name="appear")
print("ready", flush=True)
print(moment, flush=True)
sys.stdin.readline()
"""


class Traced:
    """A program of ours in a process; its lines of output are answers."""

    def __init__(self, folder, text, *words, python=sys.executable):
        self.path = os.path.join(folder, "program.py")
        with open(self.path, "w") as file:
            file.write(text)
        self.process = subprocess.Popen([python, self.path, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": str(PACKAGES)})
        self.pid = self.process.pid
        self.answer("ready")

    def answer(self, expected=None):
        line = self.process.stdout.readline().strip()
        if not line or expected not in (None, line):
            sys.exit("bench: the program said %r" % line)
        return line

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


class Tab:
    """One page: a request is out, or the next is due."""

    def __init__(self, port, instance):
        self.connection = WebSocket(port)
        self.request = struct.pack("<BBHIQ", 1, 2, 0, NO_FILE, instance)
        self.due = 0.0
        self.frames = self.left = 0
        self.head = b""

    def ask(self, now):
        self.due = now + PULL_S
        self.left = -1
        self.connection.send(2, self.request)

    def take(self, data):
        """True: a whole frame has come."""
        if self.left < 0:
            self.head += data
            short = self.head[1] & 127 if len(self.head) > 1 else 126
            size = 2 + {126: 2, 127: 8}.get(short, 0)
            if len(self.head) < size:
                return False
            length = int.from_bytes(self.head[2:size], "big") if short > 125 else short
            self.left = length + size - len(self.head)
            self.head = b""
        else:
            self.left -= len(data)
        self.frames += self.left == 0
        return self.left == 0


class Tabs(threading.Thread):
    """`count` pages that pull until they are closed."""

    def __init__(self, port, instance, count):
        super().__init__(daemon=True)
        self.tabs = [Tab(port, instance) for _ in range(count)]
        self.over = False
        for number, tab in enumerate(self.tabs):
            tab.due = time.monotonic() + PULL_S * number / count  # not all at one moment
        self.start()

    def run(self):
        selector = selectors.DefaultSelector()
        for tab in self.tabs:
            selector.register(tab.connection.socket, selectors.EVENT_READ, tab)
        waiting = list(self.tabs)
        while not self.over:
            now = time.monotonic()
            for tab in [tab for tab in waiting if tab.due <= now]:
                waiting.remove(tab)
                tab.ask(now)
            nearest = min((tab.due for tab in waiting), default=now + 0.2)
            for key, _ in selector.select(max(0.0, nearest - now)):
                if key.data.take(key.fileobj.recv(1 << 20)):
                    waiting.append(key.data)
        for tab in self.tabs:
            tab.connection.close()

    def rates(self, seconds):
        """Frames a second of each page over so many seconds."""
        before = [tab.frames for tab in self.tabs]
        start = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - start
        return [(tab.frames - frames) / passed for tab, frames in zip(self.tabs, before)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def instance_of(server, pid):
    (entry,) = [entry for entry in server.get_json("/api/programs")["programs"]
                if entry["pid"] == pid and entry["state"] == "live"]
    return int(entry["id"], 16)


def cpu_seconds(pid):
    return time.clock_gettime(~pid << 3 | 2)  # the process's clock, clock_getcpuclockid(3)


def own_memory(pid):
    """Resident bytes without the segments that are mapped."""
    with open("/proc/%d/status" % pid) as file:
        sizes = dict(line.split(":", 1) for line in file)
    return sum(int(sizes[name].split()[0]) for name in ("RssAnon", "RssFile")) * 1024


# ---- the measurements ----------------------------------------------------------------------------------------------


def program_with_tabs(folder, server, rounds, repeat):
    """{pages: least processor seconds of the program}, all numbers of pages in turn."""
    least = {}
    for _ in range(repeat):
        for count in (0, 5, 50):
            with Traced(folder, WORK, "ours", rounds) as program:
                with Tabs(server.port, instance_of(server, program.pid), count):
                    program.go_on()
                    seconds = float(program.answer())
            least[count] = min(seconds, least.get(count, seconds))
    return least


class Pollers(threading.Thread):
    """heartrate's pages: each asks for the table of a file twice a second."""

    def __init__(self, port, path, count):
        super().__init__(daemon=True)
        self.url = "http://127.0.0.1:%d/table/?filename=%s" % (port, urllib.parse.quote(path))
        self.threads = [threading.Thread(target=self.poll, daemon=True) for _ in range(count)]
        self.over = threading.Event()
        for thread in self.threads:
            thread.start()

    def poll(self):
        while not self.over.wait(HEARTRATE_POLL_S):
            with contextlib.suppress(OSError):  # it is busy tracing, or at its end
                urllib.request.urlopen(self.url, timeout=10).read()

    def close(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def heartrate_python():
    """An interpreter that has heartrate."""
    venv = os.path.join(ROOT, "build", "bench", "heartrate")
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        run(sys.executable, "-m", "venv", venv)
        run(python, "-m", "pip", "install", "--quiet", "heartrate==0.2.2")
    return python


def heartrate_with_pollers(folder, rounds, repeat):
    least = {}
    for _ in range(repeat):
        for count in (0, 5):
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                port = one.getsockname()[1]
            with Traced(folder, WORK, "heartrate", rounds, port, python=heartrate_python()) as program:
                pollers = Pollers(port, program.path, count)
                program.go_on()
                seconds = float(program.answer())
                pollers.close()
            least[count] = min(seconds, least.get(count, seconds))
    return least


def cost_of_hrview(folder, seconds):
    """With 1 and with 50 pages on a busy program: share of a core, frames a second of the slowest page, own memory."""
    found = {}
    with Traced(folder, WORK, "ours", 0) as program:
        program.go_on()
        for count in (1, 50):
            with Server() as server:
                with Tabs(server.port, instance_of(server, program.pid), count) as tabs:
                    time.sleep(1)
                    before, start = cpu_seconds(server.process.pid), time.monotonic()
                    rates = tabs.rates(seconds)
                    used = (cpu_seconds(server.process.pid) - before) / (time.monotonic() - start)
                    found[count] = used, min(rates), own_memory(server.process.pid)
                if count == 50:
                    more = [WebSocket(server.port) for _ in range(64)]  # the 50 have gone
                    try:
                        WebSocket(server.port).close()
                        found["65th"] = "let in"
                    except Refused as refused:
                        found["65th"] = str(refused)
                    for page in more:
                        page.close()
    return found


def under_attack(folder, seconds, count=10000):
    """Frames a second of a page while so many silent connections stand at the door, and how long a new page takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(count, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    silent = []
    with Traced(folder, WORK, "ours", 0) as program, Server() as server:
        program.go_on()
        with Tabs(server.port, instance_of(server, program.pid), 1) as tabs:
            silent = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(count)]
            start = time.monotonic()
            WebSocket(server.port).close()
            waited = time.monotonic() - start
            (rate,) = tabs.rates(seconds)
    for connection in silent:
        connection.close()
    return rate, waited


def latency(folder, hits):
    """Milliseconds from a line's hit to the frame that has it, sorted: a page that pulls 20 times a second."""
    seen = []
    with Traced(folder, PING, hits) as program, Server() as server, WebSocket(server.port) as page:
        instance = instance_of(server, program.pid)
        with open(program.path) as file:
            line = next(number for number, text in enumerate(file, 1) if "moments.append" in text)
        request = struct.pack("<BBHIQ", 1, 2, 0, NO_FILE, instance)
        program.go_on()
        count = 0
        while count < hits:
            start = time.monotonic()
            page.send(2, request)
            _, data = page.receive()
            now = time.monotonic()
            for _, _, lines in (unpack(data).get("program") or {}).get("linesOf", []):
                for at in range(0, len(lines), 3):
                    if lines[at] == line:
                        seen += [now] * (lines[at + 1] - count)
                        count = lines[at + 1]
            time.sleep(max(0.0, start + PULL_S - time.monotonic()))
        program.answer("hit")
        program.go_on()
        moments = json.loads(program.answer())
    return sorted((now - moment) * 1000 for now, moment in zip(seen, moments))


def appearance(folder, times=10):
    """Milliseconds from trace() to the frame whose list has the program, the longest of some."""
    longest = 0.0
    with Server() as server, WebSocket(server.port) as page:
        for _ in range(times):
            page.ask(full=True)
            with Traced(folder, APPEAR) as program:
                moment = float(program.answer())
                while not any(entry["pid"] == program.pid for entry in page.ask().get("programs", [])):
                    time.sleep(PULL_S)
                longest = max(longest, time.monotonic() - moment)
    return longest * 1000


def ending(folder):
    """Milliseconds from SIGTERM to the end, with 50 pages open."""
    with Traced(folder, WORK, "ours", 0) as program, Server() as server:
        program.go_on()
        pages = [WebSocket(server.port) for _ in range(50)]
        for page in pages:
            page.ask(instance_of(server, program.pid))
        start = time.monotonic()
        server.process.terminate()
        server.process.wait(30)
        ended = time.monotonic() - start
        for page in pages:
            page.close()
    return ended * 1000


def frames_in_c():
    """bench_view: attaching, and making frames, without a network."""
    run("cmake", "--preset", "check", "-S", str(ROOT), "-B", str(ROOT / "build" / "check"))
    run("cmake", "--build", str(ROOT / "build" / "check"), "--target", "bench_view")
    found = [json.loads(run(str(ROOT / "build" / "check" / "bin" / "bench_view"))) for _ in range(5)]
    return {name: min(one[name] for one in found) for name in found[0]}


# ---- the report ----------------------------------------------------------------------------------------------------


def row(what, value, bound="", holds=True):
    return "| %s | %s | %s |" % (what, value if holds else "**%s**" % value, bound if holds else bound + " **not met**")


def report(options):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        say("frames without a network")
        c = frames_in_c()
        say("the traced program with pages")
        with Server() as server:
            ours = program_with_tabs(folder, server, options.rounds, options.repeat)
        say("heartrate with its pages")
        theirs = heartrate_with_pollers(folder, max(1, options.rounds // SLOWER), options.repeat)
        say("hrview itself")
        cost = cost_of_hrview(folder, options.seconds)
        say("from hit to frame")
        waited = latency(folder, options.hits)
        appeared = appearance(folder)
        ended = ending(folder)
        say("ten thousand silent connections")
        rate, entry = under_attack(folder, options.seconds)
    for count in (5, 50):
        more = (ours[count] / ours[0] - 1) * 100
        rows.append(row("the traced program's processor time with %d pages open" % count,
                        "%.2f s, without pages %.2f s: %+.1f %%" % (ours[count], ours[0], more), "equal within noise",
                        more <= options.noise))
    rows.append(row("the same of heartrate, a %dth of the work, with 5 of its pages" % SLOWER, "%.2f s, without pages %.2f s: %+.0f %%" % (
        theirs[5], theirs[0], (theirs[5] / theirs[0] - 1) * 100)))
    share, rate_of_one, memory = cost[1]
    rows.append(row("hrview with one page on a busy program, share of a core", "%.2f %%" % (share * 100), "≤ 2 %",
                    share <= 0.02))
    rows.append(row("frames a second of that page", "%.1f" % rate_of_one, "20", rate_of_one >= 19))
    rows.append(row("memory of hrview without the mapping", "%.1f MB" % (memory / 1e6), "≤ 12 MB", memory <= 12e6))
    share, slowest, memory = cost[50]
    rows.append(row("frames a second of the slowest of 50 pages", "%.1f" % slowest, "≥ 10", slowest >= 10))
    rows.append(row("hrview with 50 pages: share of a core, memory", "%.1f %%, %.1f MB" % (share * 100, memory / 1e6)))
    rows.append(row("the 65th page", cost["65th"].split("\n")[0][:60], "a clear 503", cost["65th"].startswith("503")))
    p99 = waited[len(waited) * 99 // 100]
    rows.append(row("from a line's hit to the frame that has it, %d hits: median, p99" % len(waited),
                    "%.0f ms, %.0f ms" % (statistics.median(waited), p99), "p99 ≤ 60 ms (heartrate polls every 500 ms)", p99 <= 60))
    rows.append(row("from trace() to the page's list, the longest of 10", "%.0f ms" % appeared, "≤ 500 ms", appeared <= 500))
    rows.append(row("from SIGTERM to the end, with 50 pages open", "%.0f ms" % ended, "≤ 1000 ms", ended <= 1000))
    rows.append(row("attaching to %s lines" % format(c["lines"], ","), "%.1f ms" % (c["attach_us"] / 1000), "≤ 20 ms",
                    c["attach_us"] <= 20000))
    rows.append(row("a frame of them with %s changed" % format(c["changed"], ","), "%.0f µs" % c["frame_us_median"],
                    "≤ 100 µs", c["frame_us_median"] <= 100))
    rows.append(row("frames a second of a page while 10,000 silent connections stand at the door; a new page gets in after",
                    "%.1f; %.0f ms" % (rate, entry * 1000), "20; 2 s", rate >= 19 and entry <= 2))
    return ("## hrview\n\nMade by `./dev bench viewer --write`: Python %s, %d cores, Linux %s. A page is a connection that pulls as the "
            "page does, 20 times a second, the lines of all files. The program's processor time is the least of %d turns.\n\n| what | measured | bound |\n|---|---|---|\n%s\n" % (
        platform.python_version(), os.cpu_count(), platform.release().split("-")[0], options.repeat, "\n".join(rows)))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench viewer", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="of each look at rates (default: 10)")
    parser.add_argument("--rounds", type=int, default=1500, metavar="N", help="of the traced program's work (default: 1500)")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="turns, of which the least counts (default: 5)")
    parser.add_argument("--hits", type=int, default=200, metavar="N", help="whose way to a frame is timed (default: 200)")
    parser.add_argument("--noise", type=float, default=2, metavar="P", help="percent that count as equal (default: 2)")
    parser.add_argument("--write", action="store_true", help="put the result into docs/benchmarks.md")
    options = parser.parse_args()
    random.seed(1)
    text = report(options)
    print(text, flush=True)
    if options.write:
        write("viewer", text)


if __name__ == "__main__":
    main()
