"""Runs one program three ways side by side (plain, under the oracle, under heartrate_shm) and compares.

A Job says what to run; run_job() starts run_counted.py for each way and returns Runs. counts_of() is the one place
where our counts come from: `hrview dump` on the ended program.
"""
import http.client
import json
import marshal
import os
import random
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = ROOT / "tests" / "programs"
STANDIN = ROOT / "tests" / "standin"
PACKAGES = ROOT / "build" / "python"
HRVIEW = Path(os.environ.get("HR_HRVIEW", str(ROOT / "build" / "bin" / "hrview")))
PROBES = sys.version_info >= (3, 11)  # this Python has inline probes
DEADLINE_S = 60
PROGRAM_DEADLINE_S = 300  # of a real program under the oracle, which is some thirty times slower, on a machine that is busy
SHOWN = 12  # lines that differ

# Not compared: the harness itself; threading.py, whose lines differ where a trace function is to be handed on; and
# random.py, because tempfile's names are random; what waits for a child's output, in as many pieces as it comes in.
LEFT_OUT = (str(HERE), str(STANDIN), str(PACKAGES), threading.__file__, random.__file__, selectors.__file__, subprocess.__file__)


class Job:
    def __init__(self, command, files=None, start="now", options=("-W", "error"), sizes=None, gc=True):
        self.command = [str(word) for word in command]  # a script or -m and a module, then arguments
        self.files = files and [str(name) for name in files]  # prefixes of the paths to count; None: all
        self.start = start
        self.options = list(options)  # of the interpreter
        self.sizes = sizes or {}  # globals of a pyperformance program (tests/standin/pyperf.py)
        self.gc = gc  # False: without the cyclic collector, whose moments the oracle's own objects would move


class Run:
    """What one way of running a job came to. `cwd` is written as $CWD, wherever it occurs.

    `mode`: plain, oracle, shm, or shm-HOW with HEARTRATE_SHM_COUNT=HOW."""

    def __init__(self, job, mode, directory):
        self.mode = mode
        self.way, _, how = mode.partition("-")
        self.cwd = str(directory / mode)
        self.result = directory / (mode + ".result")
        self.outputs = [directory / mode / "stdout", directory / mode / "stderr"]
        self.stdout = self.stderr = self.returncode = self.process = self.counts = None
        os.mkdir(self.cwd)
        job_file = directory / (mode + ".job")
        job_file.write_text(json.dumps({"files": job.files and job.files + [self.cwd], "start": job.start, "gc": job.gc,
                                        "result": str(self.result)}))
        with open(self.outputs[0], "wb") as stdout, open(self.outputs[1], "wb") as stderr:
            self.child = subprocess.Popen(
                [sys.executable, *job.options, str(HERE / "run_counted.py"), self.way, str(job_file), *job.command],
                stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, cwd=self.cwd,
                # In each mode as many variables: there are programs that go through them (pip).
                env=environment(PYPERF_GLOBALS=json.dumps(job.sizes),
                                HEARTRATE_SHM_COUNT=how or os.environ.get("HEARTRATE_SHM_COUNT", "")))

    def finish(self):
        """Takes the counts when the program is over but its process still there, and then lets it end."""
        deadline = time.monotonic() + PROGRAM_DEADLINE_S
        try:
            while not self.result.exists() and self.child.poll() is None:
                assert time.monotonic() < deadline, f"still running after {PROGRAM_DEADLINE_S} s: {self.mode}"
                time.sleep(0.002)
            if self.result.exists():  # else it was killed or failed before: no counts, and the tests say so
                self.read(marshal.loads(self.result.read_bytes()))
            self.child.stdin.close()
            self.returncode = self.child.wait(DEADLINE_S)
        finally:
            self.child.kill()
            self.child.wait()
        self.stdout, self.stderr = (self.neutral(path.read_text("utf-8", "surrogateescape")) for path in self.outputs)

    def read(self, result):
        self.process = {what: self.neutral(text) for what, text in result["process"].items()}
        if self.way == "oracle":
            self.counts = self.neutral_counts(
                (name, line, hits) for name, lines in result["counts"].items() for line, hits in lines.items())
        elif self.way == "shm":
            self.counts = self.neutral_counts(counts_of(self.child.pid))

    def neutral(self, text):
        return text.replace(self.cwd, "$CWD")

    def neutral_counts(self, triples):
        """{(path, line): hits}, the sum where a file was seen under several names or contents."""
        counts = defaultdict(int)
        for path, line, hits in triples:
            if not path.startswith("<"):
                path = os.path.join(self.cwd, path)
            # Line 0 is where 3.12 lets a module without statements run.
            if hits and line and not path.startswith(LEFT_OUT):
                counts[self.neutral(path), line] += hits
        return dict(counts)

    def __str__(self):
        return f"--- {self.mode}: exit code {self.returncode}\n{self.stdout}\n--- stderr\n{self.stderr}"


def counts_of(pid):
    """(path, line, hits) of all lines of program `pid`, which may have ended."""
    for file in dump(pid)["files"]:
        for line, hits in file["lines"].items():
            yield file["path"], int(line), hits


def instances(pid=None):
    """The ids of process `pid`'s segments, or of all, in this /dev/shm. A pid alone may be somebody else's, too: root's
    hrview shows what runs, and has run, in other pid namespaces."""
    return {path.name.rsplit(".", 1)[1] for path in Path("/dev/shm").glob("heartrate_shm.*.%s.*" % (pid or "*"))}


def dump(pid):
    """Of several instances (the program became another) the one that hrview takes."""
    ids = instances(pid)
    return json.loads(hrview("dump", "@" + ids.pop() if len(ids) == 1 else str(pid), "--format", "json"))


def hrview(*words):
    """What hrview prints, run to its end, which must be a good one."""
    done = subprocess.run([str(HRVIEW), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=DEADLINE_S)
    assert done.returncode == 0, f"hrview {' '.join(words)}: exit code {done.returncode}\n{done.stderr}"
    return done.stdout


def poll(look, what, deadline_s=DEADLINE_S):
    """The first true value of look(); fails with `what` when none comes in time."""
    deadline = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "waited in vain for " + what
        time.sleep(0.02)


def environment(**more):
    """Ours for all children: nothing random, nothing left behind, nothing of the caller's but whether the JIT is on."""
    env = {name: value for name, value in os.environ.items()
           if name == "PYTHON_JIT" or not name.startswith(("PYTHON", "COVERAGE"))}
    env.update(PYTHONPATH=os.pathsep.join([str(PACKAGES), str(STANDIN)]), PYTHONHASHSEED="0", COLUMNS="80",
               PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8", **more)
    return env


def run_job(job, directory, modes=("plain", "oracle", "shm")):
    """Runs `job` in all `modes` at once, each in a directory of its own below `directory`; {mode: Run}."""
    runs = {mode: Run(job, mode, directory) for mode in modes}
    for run in runs.values():
        run.finish()
    return runs


def install(folder, *names):
    """Makes `folder` a virtual environment with the package and those files of tracer/; its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    shutil.copytree(str(PACKAGES / "heartrate_shm"), str(packages / "heartrate_shm"))
    for name in names:
        shutil.copy(str(ROOT / "tracer" / name), str(packages))
    return packages


def free_port():
    """One of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    """What is served there as text; None when nobody answers, or not to the end."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None


def assert_equal_counts(oracle, ours):
    """`oracle` and `ours`: {(path, line): hits}. Fails with both numbers for each line that differs."""
    assert oracle, "the oracle counted nothing"
    wrong = sorted(key for key in {*oracle, *ours} if oracle.get(key, 0) != ours.get(key, 0))
    shown = [f"{path}:{line}: oracle {oracle.get((path, line), 0)}, heartrate_shm {ours.get((path, line), 0)}"
             f"{source_line(path, line)}" for path, line in wrong[:SHOWN]]
    if len(wrong) > len(shown):
        shown.append(f"... and {len(wrong) - len(shown)} more")
    assert not wrong, "%d of %d lines differ\n%s" % (len(wrong), len({*oracle, *ours}), "\n".join(shown))


def source_line(path, line):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "    | " + file.read().split("\n")[line - 1].rstrip()
    except (OSError, IndexError):
        return ""
