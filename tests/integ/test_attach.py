"""hrview attach: a program that runs already is traced, as PEP 768 allows from 3.14 on."""
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from viewer import DEADLINE_S, HRVIEW, PACKAGES, become, dump, hrview, others_can_run_python, poll, segments_of

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="PEP 768 is of 3.14")

# Knows nothing of heartrate_shm: neither imported nor in its path.
PLAIN = """
import sys
def work(n):
    for i in range(n):
        i * i
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
    print("done", flush=True)
"""


class Plain:
    """An untraced program that does as it is told; between commands it waits in a system call."""

    def __init__(self, folder, *options, uid=None):
        self.path = Path(folder) / "plain.py"
        self.path.write_text(PLAIN)
        self.uid = os.geteuid() if uid is None else uid
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, *options, str(self.path)], stdin=subprocess.PIPE, bufsize=0,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=env, preexec_fn=become(uid))
        self.pid = self.process.pid
        assert self.answer() == b"ready\n"

    def answer(self):
        assert select.select([self.process.stdout], [], [], DEADLINE_S)[0], "the program does not answer"
        return self.process.stdout.readline()

    def do(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        assert self.answer() == b"done\n"

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def line_of(self, text):
        return next(number for number, line in enumerate(PLAIN.splitlines(), 1) if text in line)

    def counts(self, path=None):
        """{line: hits} of a file, the script's by default."""
        (file,) = [file for file in dump(self.pid)["files"] if file["path"] == str(path or self.path)]
        return {int(line): hits for line, hits in file["lines"].items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.errors):
            file.close()
        for segment in segments_of(self.pid, self.uid):
            segment.unlink()


@contextlib.contextmanager
def attaching(program, *arguments):
    """hrview attach under way; it has asked when a folder of its is there."""
    child = subprocess.Popen([HRVIEW, "attach", *arguments, str(program.pid)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        child.folder = poll(lambda: [script.parent for script in Path("/tmp").glob("hrview-attach.%d.*/begin.py" % program.pid)] or
                            child.poll() is not None, "hrview to ask")
        yield child
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        child.stdout.close()
        child.stderr.close()


def attach(program, *arguments):
    """Attaches while the program goes on."""
    with attaching(program, *arguments) as child:
        def ended():
            program.do("pass")
            return child.poll() is not None

        poll(ended, "hrview attach to end")
        out, err = child.stdout.read().decode(), child.stderr.read().decode()
        assert (child.returncode, err) == (0, ""), err
        assert out == "process {0} is traced: `hrview {0}` or `hrview top {0}` shows it\n".format(program.pid)


def test_running_program_is_traced_from_now_on(tmp_path):
    with Plain(tmp_path) as program:
        program.do("work(1000)")
        attach(program)
        program.do("work(100)")
        counts = program.counts()
        assert counts[program.line_of("for i in range")] == 101 and counts[program.line_of("i * i")] == 100
        assert counts[program.line_of("for command in")] >= 1 and program.line_of("import sys") not in counts
        dumped = dump(program.pid)
        assert dumped["name"] == "plain.py" and dumped["state"] == "live"
        code, out, err = hrview("attach", program.pid)
        assert (code, out) == (1, "") and "is traced already" in err and err.count("\n") == 1
        program.do("assert %r not in sys.path, sys.path" % str(PACKAGES))
        assert program.stderr() == ""


def test_options_choose_files_and_name(tmp_path):
    (tmp_path / "chosen.py").write_text("def f():\n    return 1\n")
    with Plain(tmp_path) as program:
        program.do("import chosen, bisect")
        attach(program, "--files", "cho'sen", "--files", "chosen", "--name", 'it\'s "x" \N{SNOWMAN}')
        program.do("chosen.f()")
        assert program.counts(tmp_path / "chosen.py") == {2: 1}
        assert program.counts()[program.line_of("for command in")] >= 1
        assert dump(program.pid)["name"] == 'it\'s "x" \N{SNOWMAN}'
    with Plain(tmp_path) as program:
        program.do("import fractions")
        attach(program, "--all")
        program.do("fractions.Fraction(1, 3)")
        assert any(file["path"].endswith("/fractions.py") and file["lines"] for file in dump(program.pid)["files"])


def test_children_are_traced_too(tmp_path):
    with Plain(tmp_path) as program:
        attach(program)
        program.do("import os, time; os.fork() or (work(7), time.sleep(600))")
        child = poll(lambda: [int(entry["pid"]) for entry in listed() if entry["parent"] == dump(program.pid)["id"]], "the child")
        try:
            poll(lambda: any(7 in file["lines"].values() for file in dump(child[0])["files"]), "its counts")
        finally:
            os.kill(child[0], signal.SIGKILL)
            for segment in segments_of(child[0]):
                segment.unlink()


def listed():
    return json.loads(hrview("list", "--format", "json")[1])["programs"]


def test_program_that_does_not_let_itself_be_debugged(tmp_path):
    with Plain(tmp_path, "-X", "disable-remote-debug") as program:
        code, out, err = hrview("attach", program.pid)
        assert (code, out) == (1, "") and err.count("\n") == 1
        assert "does not let itself be debugged" in err and "python -m heartrate_shm" in err
        program.do("work(1)")
        assert program.stderr() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_gives_up_leaves_the_program_as_it_was(tmp_path, number):
    with Plain(tmp_path) as program, attaching(program) as child:
        child.send_signal(number)
        assert child.wait(DEADLINE_S) == 1
        assert "given up" in child.stderr.read().decode()
        (folder,) = child.folder
        program.do("work(1)")
        poll(lambda: program.do("pass") or not folder.exists(), "the folder to go")
        assert not segments_of(program.pid) and program.stderr() == ""


def test_it_says_why_it_takes_long(tmp_path):
    with Plain(tmp_path) as program, attaching(program) as child:
        assert select.select([child.stderr], [], [], DEADLINE_S)[0]
        assert b"waits in a system call" in child.stderr.readline()
        program.process.kill()
        assert child.wait(DEADLINE_S) == 1
        assert "has ended before it could be traced" in child.stderr.read().decode()
        assert not child.folder[0].exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can attach to another user's program")
def test_root_attaches_to_a_users_program(tmp_path):
    if not others_can_run_python():
        pytest.skip("another user cannot run this Python")
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    try:
        with Plain(folder, uid=65534) as program:
            code, out, err = hrview("attach", program.pid, uid=65533)
            assert (code, out) == (1, "") and "belongs to another user" in err
            attach(program)
            program.do("work(5)")
            assert program.counts()[program.line_of("i * i")] == 5
            assert [segment.stat().st_uid for segment in segments_of(program.pid, 65534)] == [65534]
    finally:
        (Path(folder) / "plain.py").unlink()
        os.rmdir(folder)


def test_it_tells_what_went_wrong_in_the_program(tmp_path):
    with Plain(tmp_path) as program:
        program.do("sys.modules['heartrate_shm'] = None")
        with attaching(program) as child:
            poll(lambda: program.do("pass") or child.poll() is not None, "hrview attach to end")
            assert child.returncode == 1
            assert re.search("could not be traced: ModuleNotFoundError: .*heartrate_shm", child.stderr.read().decode())
        assert program.stderr() == "" and not child.folder[0].exists()
