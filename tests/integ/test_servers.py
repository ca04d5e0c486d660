"""Real servers that fork workers or start themselves again: gunicorn, and Flask's reloader."""
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

import oracle
from family import family, poll

WSGI = """\
import os
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for i in range(3):
        pass
    return [str(os.getpid()).encode()]
"""

FLASK = """\
import flask
app = flask.Flask(__name__)
@app.route("/")
def index():
    for i in range(5):
        pass
    return "VERSION"
"""


class Server:
    """Runs until the end of the `with`; what it prints is in a file."""

    def __init__(self, tmp_path, words, **env):
        self.log = tmp_path / "server.log"
        with open(str(self.log), "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words], cwd=str(tmp_path), env=oracle.environment(**env), stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def said(self, pattern):
        """The first group of the pattern, as soon as it stands in the log."""
        def look():
            assert self.process.poll() is None or re.search(pattern, self.log.read_text()), self.log.read_text()
            return re.search(pattern, self.log.read_text())
        return poll(look, pattern).group(1)

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(oracle.DEADLINE_S)


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return None


# Forking with threads would be an error: the sampler must not be seen.
GUNICORN = ["-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0", "app:application"]


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["", "preload"])
def test_gunicorn_with_two_workers(tmp_path, options):
    (tmp_path / "app.py").write_text(WSGI)
    words = ["-W", "error::DeprecationWarning", "-m", "heartrate_shm", "--files", "app.py", *GUNICORN, *options]
    with Server(tmp_path, words) as server:
        url = server.said(r"Listening at: (\S+)")
        poll(lambda: get(url), "an answer")
        asked = 1
        answered_by = set()
        while len(answered_by) < 2 and asked < 2000:
            answered_by.add(get(url))
            asked += 1
        code = server.end(signal.SIGTERM)
        log = server.log.read_text()
    assert code == 0 and "Traceback" not in log and "heartrate" not in log, log
    members = family(server.process.pid)
    master, *workers = members
    assert {str(worker.pid) for worker in workers} >= answered_by and len(workers) == 2
    assert {worker.parent for worker in workers} == {master.id}
    assert sum(worker.hits(5, "app.py") for worker in workers) == 3 * asked and master.hits(5, "app.py") == 0
    imported = [member.hits(1, "app.py") for member in members]
    assert imported == ([1, 0, 0] if options else [0, 1, 1])
    assert {worker.why for worker in workers} == {"exit"}


def test_a_worker_that_traces_itself(tmp_path):
    """trace() in the application: each worker its own, the master none."""
    (tmp_path / "app.py").write_text("import heartrate_shm\nheartrate_shm.trace()\n" + WSGI)
    with Server(tmp_path, ["-W", "error::DeprecationWarning", *GUNICORN]) as server:
        url = server.said(r"Listening at: (\S+)")
        pid = int(poll(lambda: get(url), "an answer"))
        assert server.end(signal.SIGTERM) == 0
    (worker,) = family(pid)
    assert worker.hits(7, "app.py") == 3


def test_flask_reloads(tmp_path):
    """The reloader starts the program again and again; each is traced, with the same filters."""
    app = tmp_path / "watched.py"
    app.write_text(FLASK.replace("VERSION", "first"))
    words = ["-m", "heartrate_shm", "--files", "watched.py", "-m", "flask", "--app", "watched", "run", "--debug", "--port", "0"]
    with Server(tmp_path, words) as server:
        url = server.said(r"Running on (http://\S+)")
        poll(lambda: get(url) == "first", "the page's first version")
        app.write_text(FLASK.replace("VERSION", "second"))
        poll(lambda: get(url) == "second", "the page's second version")
        assert [get(url) for _ in range(3)] == ["second"] * 3
        members = poll(lambda: len(family(server.process.pid)) >= 3 and family(server.process.pid), "three programs")
        server.end(signal.SIGINT)
    reloader, first, second = members[:3]
    assert (first.parent, second.parent) == (reloader.id, reloader.id)
    assert first.why == "exit" and first.hits(6, "watched.py") % 5 == 0 != first.hits(6, "watched.py")
    assert second.hits(6, "watched.py") == 4 * 5
