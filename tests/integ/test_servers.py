"""Real servers that fork workers or start themselves again: gunicorn, uWSGI, and the reloaders of Flask and Django."""
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import oracle
from family import family, hrview
from oracle import get, poll

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

DJANGO = """\
import sys
from django import conf, http, urls
from django.core import management
def index(request):
    for i in range(5):
        pass
    return http.HttpResponse("VERSION")
urlpatterns = [urls.path("", index)]
conf.settings.configure(DEBUG=True, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="none")
management.execute_from_command_line(sys.argv)
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


UWSGI = ["--http-socket", "127.0.0.1:0", "--master", "--die-on-term", "--wsgi-file", "app.py"]


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="there is no uWSGI for it")
@pytest.mark.parametrize("options", [["--processes", "2"], ["--processes", "2", "--lazy-apps"],
                                     ["--processes", "1", "--threads", "2"]], ids=["", "lazy", "threads"])
def test_uwsgi(tmp_path, options):
    """It forks in C, and tells Python nothing of that."""
    (tmp_path / "app.py").write_text(WSGI)
    words = ["-m", "heartrate_shm", "--files", "app.py", "-c", "import pyuwsgi; pyuwsgi.run()", *UWSGI, *options]
    with Server(tmp_path, words) as server:
        url = "http://" + server.said(r"bound to TCP address (\S+)")
        asked = 20
        answered_by = {get(url) for i in range(asked)}
        for pid in answered_by:
            poll(lambda: "sleeping" in {thread["state"] for thread in hrview("dump", pid)["threads"]}, "a thread's run state")
        server.end(signal.SIGTERM)
    master, *workers = family(server.process.pid)
    assert {str(worker.pid) for worker in workers} >= answered_by and len(workers) == int(options[1])
    assert {worker.parent for worker in workers} == {master.id}
    assert sum(worker.hits(5, "app.py") for worker in workers) == 3 * asked and master.hits(5, "app.py") == 0


def reloads(tmp_path, text, words, url=None):
    """The reloader starts the program again and again; each is traced, with the same filters."""
    app = tmp_path / "watched.py"
    app.write_text(text.replace("VERSION", "first"))
    with Server(tmp_path, ["-m", "heartrate_shm", "--files", "watched.py", *words]) as server:
        url = url or server.said(r"Running on (http://\S+)")
        poll(lambda: get(url) == "first", "the page's first version")
        app.write_text(text.replace("VERSION", "second"))
        written = time.monotonic()

        def second_version():
            nonlocal written
            if time.monotonic() - written > 3:  # the reloader may have looked for the first time after that
                os.utime(app)
                written = time.monotonic()
            return get(url) == "second"

        poll(second_version, "the page's second version")
        for _ in range(3):
            poll(lambda: get(url) == "second", "it again")
        members = poll(lambda: len(family(server.process.pid)) >= 3 and family(server.process.pid), "three programs")
        server.end(signal.SIGINT)
    reloader, first, *later = members
    body = text.splitlines().index("        pass") + 1
    assert {member.parent for member in members[1:]} == {reloader.id}
    assert first.why == "exit" and first.hits(body, "watched.py") % 5 == 0 != first.hits(body, "watched.py")
    assert sum(member.hits(body, "watched.py") for member in later) == 4 * 5


def test_flask_reloads(tmp_path):
    reloads(tmp_path, FLASK, ["-m", "flask", "--app", "watched", "run", "--debug", "--port", "0"])


def test_django_reloads(tmp_path):
    address = "127.0.0.1:%d" % oracle.free_port()
    reloads(tmp_path, DJANGO, ["watched.py", "runserver", address], "http://%s/" % address)
