"""What the hardening tests share: programs run with and without heartrate_shm, and a reader of their segments.

The reader is written from shared/hr_layout.h alone, so that neither our writer nor hrview judges itself.
"""
import glob
import os
import struct
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

from oracle import DEADLINE_S, PACKAGES

LONG = int(os.environ.get("HR_HARDENING", "1"))  # docs/reliability.md: how many times as much is tried

DROPS = "hits codes files strings threads tasks sources notes memory frames".split()
STATES = {0: "init", 1: "live", 2: "closed"}
KINDS = dict(strings=1, files=2, codes=3, slots=4, infos=5, threads=6, tasks=7, notes=8)


class Segment:
    """One segment file, read whole: state, drops, notes and lines {(path, line): hits}."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.file = file
            self._read()

    def _at(self, off, size):
        return os.pread(self.file.fileno(), size, off)

    def _unpack(self, form, off):
        return struct.unpack_from("<" + form, self._at(off, struct.calcsize("<" + form)))

    def _read(self):
        magic, self.major, _, _, _, control, self.instance = self._unpack("8sHHIQQQ", 0)
        assert magic == b"HRTRSHM1" and self.major == 1, magic
        self.pid, = self._unpack("I", 80)
        count, = self._unpack("I", 172)
        state, self.end = self._unpack("II", control + 64)
        self.state = STATES[state]
        self.samples, = self._unpack("Q", control + 88)
        used = self._unpack("16Q", control + 128)
        self.drops = Counter({name: n for name, n in zip(DROPS, self._unpack("10Q", control + 256)) if n})
        table = [self._unpack("QQII", 176 + 24 * i) for i in range(count)]
        self.sections = {kind: (off, n, elem) for (off, _, elem, kind), n in zip(table, used)}
        self.strings_off = self.sections[KINDS["strings"]][0]
        self.files = [self._text(*item[:2]) for item in self._elements("files", "IIIIQqQII")]
        self.codes = [(self._text(off, n), file, first) for off, n, file, first, _, _ in self._elements("codes", "6I")]
        self.notes = [self._text(off, n) for off, n, _, _, _ in self._elements("notes", "IIQII")]
        hits = self._elements("slots", "QQ")
        infos = self._elements("infos", "II")
        self.lines = Counter()
        for _, _, file, _, first, n in self._elements("codes", "6I"):
            for slot in range(first, first + n):
                self.lines[self.files[file], infos[slot][0]] += hits[slot][0]
        self.lines = {key: n for key, n in self.lines.items() if n}

    def _elements(self, name, form):
        off, n, stride = self.sections[KINDS[name]]
        data = self._at(off, n * stride)
        assert len(data) == n * stride, f"{name}: {n} published, the file ends before"
        return [struct.unpack_from("<" + form, data, i * stride) for i in range(n)]

    def _text(self, off, size):
        return self._at(self.strings_off + off, size).decode("utf-8", "surrogateescape")

    def of(self, path):
        """{line: hits} of one file."""
        return {line: hits for (name, line), hits in self.lines.items() if name == str(path)}


def segments(pid):
    """The segments that process `pid` left, oldest first."""
    paths = glob.glob(f"/dev/shm/heartrate_shm.{os.geteuid()}.{pid}.*")
    return [Segment(path) for path in sorted(paths, key=os.path.getmtime)]


def remove(pid):
    for path in glob.glob(f"/dev/shm/*heartrate_shm.{os.geteuid()}.{pid}.*"):
        os.unlink(path)


def environment(**more):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    env.update(PYTHONPATH=str(PACKAGES), PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
    env.update(more)
    return env


class Ran:
    """How one run ended; its segments are read and removed."""

    def __init__(self, process, stdout, stderr):
        self.pid, self.returncode, self.stdout, self.stderr = process.pid, process.returncode, stdout, stderr
        try:
            self.segments = segments(process.pid)
        finally:
            remove(process.pid)

    @property
    def segment(self):
        assert len(self.segments) == 1, f"{len(self.segments)} segments\n{self}"
        return self.segments[0]

    def __str__(self):
        return f"exit code {self.returncode}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def run(path, *args, options=(), env=None, prepare=None, wrapper=(), python=sys.executable, stdin=subprocess.DEVNULL):
    """Runs a script to its end."""
    process = subprocess.Popen(
        [*wrapper, python, *options, str(path), *map(str, args)], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, errors="surrogateescape", env=env or environment(), preexec_fn=prepare,
        cwd=str(Path(path).parent) if os.path.isabs(str(path)) else None)
    try:
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        remove(process.pid)
        raise AssertionError(f"still running after {DEADLINE_S} s\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    return Ran(process, stdout, stderr)


def script(directory, text, name="program.py"):
    path = directory / name
    path.write_text(textwrap.dedent(text), encoding="utf-8", errors="surrogateescape")
    return path


def plain(directory, text, **options):
    """The same script without us: `heartrate_shm` is one whose trace() and stop() do nothing."""
    nothing = directory / "nothing" / "heartrate_shm"
    nothing.mkdir(parents=True, exist_ok=True)
    (nothing / "__init__.py").write_text(
        "def trace(*a, **k): pass\ndef stop(): pass\nclass files:\n    all = staticmethod(lambda path: True)\n"
        "    path_contains = contains_regex = staticmethod(lambda *a: None)\n")
    env = dict(options.pop("env", None) or environment(), PYTHONPATH=str(nothing.parent))
    return run(script(directory, text), env=env, **options)


def assert_same(traced, untraced, told=0):
    """Output and exit code as without us; on stderr at most `told` lines of ours."""
    assert (traced.returncode, traced.stdout) == (untraced.returncode, untraced.stdout), f"{traced}\n=== untraced\n{untraced}"
    ours = [line for line in traced.stderr.splitlines() if line.startswith("heartrate_shm: ")]
    others = [line for line in traced.stderr.splitlines() if not line.startswith("heartrate_shm: ")]
    assert others == untraced.stderr.splitlines(), f"{traced}\n=== untraced\n{untraced}"
    assert len(ours) <= told, str(traced)


def survives(directory, text, told=0, **options):
    """Runs `text` with and without us and compares; gives what the traced one came to."""
    untraced = plain(directory, text, **options)
    traced = run(script(directory, text), **options)
    assert_same(traced, untraced, told)
    return traced
