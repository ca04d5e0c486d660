"""trace(port=…, host=…, browser=…, daemon=…): a viewer is started that the program cannot meet."""
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

import oracle
from oracle import DEADLINE_S, poll
from viewer import browser_in

# Whatever a program could notice of a child, it looks for; then it waits to be told to end.
PROGRAM = """
import heartrate_shm, os, signal, sys
signals = []
signal.signal(signal.SIGCHLD, lambda *_: signals.append("SIGCHLD"))
heartrate_shm.trace({arguments})
try:
    children = os.wait()
except ChildProcessError:
    children = None
print(children, signals, sorted(os.listdir("/proc/self/task"))[1:] and "threads", flush=True)
sys.stdin.readline()
print(children, signals, flush=True)
"""


def viewers(program_pid):
    """Processes that were started to show a program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as cmdline:
                args = cmdline.read().split(b"\0")
        except OSError:
            continue
        if b"--show" in args and args[args.index(b"--show") + 1] == str(program_pid).encode():
            found.append(int(pid))
    return found


def gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Program:
    """A traced program with a viewer; ends both."""

    def __init__(self, tmp_path, arguments, *options, **environment):
        """trace(arguments) in the program; None: no such call."""
        self.script = tmp_path / "program.py"
        call = "heartrate_shm.trace({arguments})"
        text = PROGRAM.replace(call, "pass") if arguments is None else PROGRAM
        self.script.write_text(text.format(arguments=arguments))
        env = dict(oracle.environment(), **environment)
        self.process = subprocess.Popen([sys.executable, *options, str(self.script)], env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                                        start_new_session=True)
        self.first_line = self.process.stdout.readline()

    def url(self):
        return self.process.stderr.readline().strip()

    def end(self):
        out, err = self.process.communicate("\n", timeout=DEADLINE_S)
        return out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in viewers(self.process.pid):
            os.kill(pid, signal.SIGTERM)
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def get(url):
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
        return answer.read()


def test_program_meets_no_child_and_viewer_serves(tmp_path):
    port = oracle.free_port()
    with Program(tmp_path, "port=%d" % port) as program:
        assert program.first_line == "None [] threads\n"
        assert program.url() == "http://127.0.0.1:%d/" % port
        assert b"ok" in get("http://127.0.0.1:%d/healthz" % port)
        assert str(program.process.pid).encode() in get("http://127.0.0.1:%d/api/programs" % port)
        out, err = program.end()
        assert (out, err, program.process.returncode) == ("None []\n", "", 0)


def test_viewer_stays_after_the_program_and_holds_nothing_of_it(tmp_path):
    with Program(tmp_path, "port=0") as program:
        url = program.url()
        # communicate() inside end() returns: the viewer has let go of the pipes.
        program.end()
        (viewer,) = viewers(program.process.pid)
        assert str(program.process.pid).encode() in get(url + "api/programs")
        assert os.getsid(viewer) != os.getsid(0) and os.getpgid(viewer) != program.process.pid


def test_daemon_viewer_ends_with_the_program(tmp_path):
    with Program(tmp_path, "port=0, daemon=True") as program:
        program.url()
        (viewer,) = viewers(program.process.pid)
        program.end()
        poll(lambda: gone(viewer), "the viewer's end")


def test_interrupt_of_the_programs_group_does_not_reach_the_viewer(tmp_path):
    with Program(tmp_path, "port=0") as program:
        url = program.url()
        os.killpg(program.process.pid, signal.SIGINT)
        program.process.communicate(timeout=DEADLINE_S)
        assert get(url + "healthz")


def test_port_that_is_served_already_is_used(tmp_path):
    port = oracle.free_port()
    with Program(tmp_path, "port=%d" % port) as first:
        first.url()
        (tmp_path / "second").mkdir()
        with Program(tmp_path / "second", "port=%d" % port) as second:
            assert second.url() == "http://127.0.0.1:%d/" % port
            poll(lambda: not viewers(second.process.pid), "the second viewer's end")
            assert str(second.process.pid).encode() in get("http://127.0.0.1:%d/api/programs" % port)
            assert second.end() == ("None []\n", "")


def test_port_of_another_server_is_one_line_and_the_program_goes_on(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(8)
        port = other.getsockname()[1]
        with Program(tmp_path, "port=%d" % port) as program:
            line = program.url()
            assert str(port) in line and "hrview" in line
            assert program.end() == ("None []\n", "")


def test_browser_shows_the_calling_file(tmp_path):
    seen, browser = browser_in(tmp_path)
    with Program(tmp_path, "port=0, browser=True", BROWSER=str(browser)) as program:
        base = program.url()
        url = poll(lambda: seen.exists() and seen.read_text().strip(), "the browser")
        assert re.fullmatch(re.escape(base) + r"#/p/[0-9a-f]{16}.*", url), url
        program.end()


def test_open_of_the_command_line(tmp_path):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 9999))
        except OSError:
            pytest.skip("somebody else has port 9999, which --open is about")
    seen, browser = browser_in(tmp_path)
    with Program(tmp_path, None, "-m", "heartrate_shm", "--open", BROWSER=str(browser)) as program:
        assert program.url() == "http://127.0.0.1:9999/"
        url = poll(lambda: seen.exists() and seen.read_text().strip(), "the browser")
        assert re.fullmatch(r"http://127\.0\.0\.1:9999/#/p/[0-9a-f]{16}.*", url), url
        assert program.end() == ("None []\n", "")


def test_plain_trace_starts_nothing(tmp_path):
    with Program(tmp_path, "") as program:
        assert viewers(program.process.pid) == []
        assert program.end() == ("None []\n", "")


def test_no_viewer_to_be_found_is_one_line(tmp_path):
    package = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", str(oracle.PACKAGES), str(package)], check=True)
    with Program(tmp_path, "port=0", PYTHONPATH=str(package), PATH=str(tmp_path)) as program:
        assert program.url().startswith("heartrate_shm: no viewer: hrview was not found")
        assert program.end() == ("None []\n", "")
