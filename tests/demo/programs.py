"""Starts and ends what a demo is made of: a traced program and an hrview for it."""
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = os.path.join(ROOT, "tests", "programs", "demo", "main.py")
HRVIEW = os.path.join(ROOT, "build", "bin", "hrview")
DEADLINE_S = 30


class DemoError(Exception):
    """What was wrong, for the user."""


def python(*words, **options):
    """Starts our Python on `words`, with the package that ./dev build made."""
    path = [os.path.join(ROOT, "build", "python"), os.environ.get("PYTHONPATH")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([sys.executable, *words], env=env, **options)


def wait_until(condition, what):
    """Polls until `condition()` is true and returns what it returned."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise DemoError(f"waited {DEADLINE_S} s in vain: {what}")


def start_viewer(program, *options):
    """(process, URL) of an hrview for `program`, once that can be seen."""

    def visible():
        listed = subprocess.run([HRVIEW, "dump", str(program.pid), "--format", "json"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        return listed.returncode == 0 or program.poll() is not None

    wait_until(visible, f"hrview cannot see the program (pid {program.pid})")
    viewer = subprocess.Popen([HRVIEW, str(program.pid), *options], stdout=subprocess.PIPE, text=True)
    for line in viewer.stdout:
        url = re.search(r"http://\S+", line)
        if url:
            return viewer, url.group()
    raise DemoError(f"hrview ended with exit code {viewer.wait()} and named no URL")


def end(process):
    """Ends it as Ctrl-C does, and if that is not heard, harder."""
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
