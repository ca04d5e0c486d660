"""What README and docs tell the reader to type: each command is run here as it stands there, but for free ports, or by a
suite that is named here; so is each piece of Python, and what stands in the configuration of other programs (of Prometheus
in test_hrview_metrics.py). A command that running text only names must be one that there is, with these options."""
import http.server
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading

import pytest
import yaml

import oracle
from family import family, hrview
from oracle import free_port, get, poll
from test_servers import FLASK, WSGI

PAGES = {str(path.relative_to(oracle.ROOT)): path.read_text()
         for path in [*(oracle.ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")),
                      *sorted((oracle.ROOT / "docs").rglob("*.md"))]}
LOOP = "for i in range(7):\n    pass\n"
SCRIPT = "#!/usr/bin/env python\nimport os, time\n%swhile os.path.exists('stay'):\n    time.sleep(0.05)\n" % LOOP
ASGI = """\
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    for i in range(5):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})
"""
VIEW = """
from django.http import HttpResponse
def index(request):
    for i in range(5):
        pass
    return HttpResponse("here")
urlpatterns.append(path("", index))
"""
# `ssh -L`, without the network and the login: the other end of the tunnel is a process of the same user.
SSH = """\
#!%s
import socket, subprocess, sys, threading
words = [word for word in sys.argv[1:] if word != "-N"]
assert words.pop(0) == "-L" and words[1] == "HOST", words
port, host, to = words[0].split(":")
def copy(one, other):
    for data in iter(lambda: one.recv(65536), b""):
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
def serve():
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection((host, int(to)))
        except OSError:  # nobody serves there yet
            near.close()
            continue
        for pair in (near, far), (far, near):
            threading.Thread(target=copy, args=pair, daemon=True).start()
listener = socket.create_server(("127.0.0.1", int(port)))
threading.Thread(target=serve, daemon=bool(words[2:])).start()
if words[2:]:
    sys.exit(subprocess.call(words[2:]))
""" % sys.executable

# What runs a command: another suite, a test of this file, or test_programs: (line, file) is then hit seven times.
RUN_BY = {
    "./dev demo": "tests/demo/once.py",
    "./dev test": "tests/all.py",
    "./dev build": "tests/all.py",
    "./dev deb": "tests/deb.sh",
    "./dev wheels python3": "tests/wheel.sh",
    "pip install .": "tests/wheel.sh",
    "pip install --no-index --find-links dist heartrate_shm": "tests/wheel.sh",
    "pipx run --spec dist/heartrate_shm-*-cp311-*.whl heartrate_shm": "tests/wheel.sh",
    "python -m heartrate_shm.reader 1234": "tests/integ/test_reader.py",
    "hrview attach 1234": "tests/integ/test_hrview_attach.py",
    "hrview top script.py": "tests/integ/test_hrview_top.py",
    "hrview top primes.py": "tests/integ/test_hrview_top.py",
    "python -m heartrate_shm script.py": (4, "script.py"),
    "python -m heartrate_shm -m myapp": (4, "__main__.py"),
    "python -m heartrate_shm --files myapp/ -m myapp": (4, "__main__.py"),
    "python -m heartrate_shm --all script.py": (4, "script.py"),
    "python -m heartrate_shm --name nightly script.py": (4, "script.py"),
    "pytest --heartrate": "test_reports_of_ci",
    "coverage run -m pytest --heartrate": "test_coverage_takes_over",
    "pytest --heartrate -n 2": "tests/integ/test_hrview_pytest.py",
    "HEARTRATE_SHM=1 ./script.py": (4, "script.py"),
    'HEARTRATE_SHM="--files myapp/ --name worker" ./script.py': (4, "script.py"),
    'python -m heartrate_shm -c "print(sum(range(100)))"': "test_simple_commands",
    'python -c "import heartrate_shm; print(heartrate_shm.__version__)"': "test_simple_commands",
    "hrview --version": "test_simple_commands",
    "hrview --help": "test_simple_commands",
    "man hrview": "tests/integ/test_hrview_shell.py",
    "man hrview-dump": "tests/integ/test_hrview_shell.py",
    "hrview list": "test_simple_commands",
    "hrview clean": "test_simple_commands",
    "python -m heartrate_shm --files myapp/ -m flask --app myapp.web run": "test_servers",
    "python -m heartrate_shm --files myapp/ -m gunicorn -w 2 myapp.web:app": "test_servers",
    "python -m heartrate_shm --files myapp/ -m uvicorn --workers 2 myapp.asgi:app": "test_servers",
    "python -m heartrate_shm --files mysite/ manage.py runserver": "test_django",
    "hrview --open": "test_page",
    "python -m heartrate_shm --open script.py": "tests/integ/test_viewer_start.py",
    "hrview --host 0.0.0.0 --token some-long-secret": "test_other_addresses",
    "ssh -L 9999:127.0.0.1:9999 HOST hrview": "test_tunnels",
    "ssh -N -L 9999:127.0.0.1:9999 HOST": "test_tunnels",
    "ssh -L 9999:127.0.0.1:9999 HOST": "test_tunnels",
    "hrview record script.py -o run.hrrec": "test_recording",
    "hrview record script.py --seconds 60 -o run.hrrec": "test_recording",
    "hrview replay run.hrrec": "test_recording",
    "hrview dump script.py": "test_dumps",
    "hrview dump script.py --format html --output report.html": "test_dumps",
    "hrview dump script.py --format lcov --watch lcov.info": "test_dumps",
    "hrview dump pytest --format html --output tests.html": "test_reports_of_ci",
    "hrview dump pytest --format html --output heat.html": "test_reports_of_ci",
    "hrview dump pytest --format lcov --output heat.lcov": "test_reports_of_ci",
    "hrview dump pytest --format cobertura --output heat.xml": "test_reports_of_ci",
    "hrview dump pytest --format json --output new.json": "test_reports_of_ci",
    "hrview diff old.json new.json": "test_reports_of_ci",
    "python -m heartrate_shm primes.py": "test_tutorial",
    "hrview dump primes.py": "test_tutorial",
    "hrview dump primes.py --format html --output primes.html": "test_tutorial",
}

# Commands that running text names and no test runs.
NOT_RUN = {
    "pip install -r requirements.txt": "the reader's own requirements",
    "pytest --cov --heartrate": "pytest-cov; it starts coverage.py as the command that is run does",
    "pipx run heartrate_shm": "from an index; from a folder in tests/wheel.sh",
    "go tool pprof": "run where there is a go: tests/integ/test_hrview_profile.py",
}


def blocks(language, *pages):
    """(page, number, text) of each block of that language."""
    return [(page, number, text) for page in pages or PAGES
            for number, text in enumerate(re.findall(r"^```%s\n(.*?)^```" % language, PAGES[page], re.M | re.S))]


def commands(page):
    return [re.sub(r"\s+#.*", "", line).strip() for _, _, block in blocks("sh", page) for line in block.splitlines()]


def named():
    """What running text names of our commands, and how others are called for us."""
    for page in PAGES.values():
        for code in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)):
            command = " ".join(code.split())
            if re.match(r"(\./dev|hrview|python -m heartrate_shm|pytest|coverage(?=.*--heartrate)|pipx run|ssh|man|go|HEARTRATE_SHM=\S+) [-\w]", command):
                yield command


def configured(page):
    """The YAML in it, as data."""
    return [yaml.safe_load(text) for _, _, text in blocks("yaml", page)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Where the package is installed: its files, its .pth, what pytest is told; the test tools can be imported."""
    folder = tmp_path_factory.mktemp("environment")
    packages = oracle.install(folder, "heartrate_shm.pth", "heartrate_shm_pytest.py")
    (packages / "tools.pth").write_text(os.path.dirname(os.path.dirname(pytest.__file__)) + "\n")
    about = packages / "heartrate_shm-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: heartrate_shm\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\nheartrate_shm = heartrate_shm_pytest\n")
    (about / "RECORD").write_text("heartrate_shm/__init__.py,,\nheartrate_shm_pytest.py,,\n")
    (folder / "bin" / "hrview").symlink_to(oracle.HRVIEW)
    scripts = {"coverage": '#!/bin/sh\nexec python -m coverage "$@"\n',
               "pytest": '#!/bin/sh\nexec python -m pytest -p no:cacheprovider "$@"\n',
               "browser": '#!/bin/sh\necho "$1" >url.part; mv url.part url\n', "ssh": SSH}
    for name, text in scripts.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


class Shell:
    """Runs commands in a project like the reader's; ends what still runs."""

    def __init__(self, environment, folder):
        self.folder, self.started = folder, []
        self.env = oracle.environment(BROWSER="browser")
        del self.env["PYTHONPATH"]
        self.env["PATH"] = "%s:%s" % (environment / "bin", os.environ["PATH"])
        (folder / "myapp").mkdir()
        for name in ("script.py", "myapp/__init__.py", "myapp/__main__.py"):
            (folder / name).write_text("" if "init" in name else SCRIPT)
        (folder / "script.py").chmod(0o755)
        (folder / "test_script.py").write_text("def test_it():\n" + LOOP.replace("for", "    for").replace("pass", "    pass"))

    def start(self, command):
        with open(str(self.folder / "log"), "a") as log:
            process = subprocess.Popen(["sh", "-c", "exec env " + command], cwd=str(self.folder), env=self.env,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.started.append(process)
        return process

    def run(self, command, code=0):
        process = self.start(command)
        assert process.wait(oracle.DEADLINE_S * 2) == code, self.log()
        return process.pid

    def start_script(self):
        """script.py, traced, until `stay` is removed."""
        (self.folder / "stay").touch()
        program = self.start("python -m heartrate_shm script.py")
        poll(lambda: [one for one in hrview("list")["programs"] if one["pid"] == program.pid], "the program")
        return program

    def end(self, *processes):
        (self.folder / "stay").unlink()
        for process in processes:
            assert process.wait(oracle.DEADLINE_S) == 0, self.log()

    def log(self):
        return self.read("log")

    def read(self, name):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def said(self, pattern):
        return poll(lambda: re.search(pattern, self.log()), "%s in\n%s" % (pattern, self.log())).group(1)

    def opened(self):
        """The address that the browser was given."""
        return poll(lambda: self.read("url"), "the browser").strip()


@pytest.fixture
def shell(environment, tmp_path):
    shell = Shell(environment, tmp_path)
    yield shell
    for process in shell.started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


# ---- commands ------------------------------------------------------------------------------------------------------


def test_every_command_is_run():
    told = {command for page in PAGES if page != "docs/fleet.md" for command in commands(page)}  # its own test has those
    named_only = RUN_BY.keys() - told
    assert sorted(told - RUN_BY.keys()) == [] and sorted(named_only - set(named())) == []
    for by in RUN_BY.values():
        assert isinstance(by, tuple) or callable(globals().get(by)) or (oracle.ROOT / by).is_file(), by


def helps(*words):
    """What a command says of itself."""
    return subprocess.run([*words, "--help"], stdout=subprocess.PIPE, env=oracle.environment(), cwd=str(oracle.ROOT), check=True,
                          universal_newlines=True).stdout


def test_every_command_that_is_named_is_one():
    """With its subcommand, its options, and its formats."""
    said = {("./dev",): helps("./dev") + helps(sys.executable, "tests/bench/run.py") + helps(sys.executable, "tests/bench/page.py"),
            ("hrview",): helps(str(oracle.HRVIEW)), ("python", "-m", "heartrate_shm"): helps(sys.executable, "-m", "heartrate_shm"),
            ("pytest",): "--heartrate", ("python", "-m", "heartrate_shm.reader"): "PID"}
    for sub in re.findall(r"(?m)^  (\w+)  ", said["hrview",]):
        said["hrview", sub] = helps(str(oracle.HRVIEW), sub)
    for sub in re.findall(r"(?m)^  ([a-z]+)\b", said["./dev",]):
        said["./dev", sub] = said["./dev",]
    unknown = []
    for command in sorted(set(named()) - RUN_BY.keys() - NOT_RUN.keys()):
        words = tuple(command.split())
        most = max((known for known in said if words[:len(known)] == known), key=len, default=())
        parts = re.findall(r"(?<![-\w])--?\w[-\w]*|(?<=--format )[a-z|]+", " ".join(words[len(most):]))
        there = [re.search(r"(?<![-\w])%s(?![-\w])" % part, said[most]) for given in parts for part in given.split("|") if most]
        is_known = len(most) > 1 or not re.match("[a-z]+$", words[1])  # else that word should be a subcommand
        if not most or not is_known or not all(there):
            unknown.append(command)
    assert unknown == []


@pytest.mark.parametrize("command", [command for command, by in RUN_BY.items() if isinstance(by, tuple)])
def test_programs(shell, command):
    line, file = RUN_BY[command]
    pid = shell.run(command)
    assert sum(member.hits(line, file) for member in family(pid)) == 7, shell.log()


def test_simple_commands(shell):
    for command, by in RUN_BY.items():
        if by == "test_simple_commands":
            shell.run(command)
    assert re.search(r"(?s)4950.*\d\.\d.*hrview \d.*STATE", shell.log()), shell.log()


def test_a_traced_pytest_warns_of_nothing(shell):
    """It rewrites the asserts of plugins, and complains of one that was imported before."""
    shell.run("HEARTRATE_SHM=1 pytest --heartrate")
    assert "1 passed" in shell.log() and "warning" not in shell.log().lower(), shell.log()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="both count beside each other")
def test_coverage_takes_over(shell):
    pid = shell.run("coverage run -m pytest --heartrate")
    assert any("taken over" in note for member in family(pid) for note in member.notes), shell.log()


@pytest.mark.parametrize("page, job", [
    (page, job) for page in ["docs/howto/ci.md"] for jobs in configured(page) for job in jobs.get("jobs", jobs).values()
], ids=["github", "gitlab"])
def test_ci_jobs(shell, page, job):
    """Their commands, one after the other, leave the file that the job keeps."""
    steps = [step["run"] for step in job.get("steps", []) if "run" in step] + job.get("script", []) + job.get("after_script", [])
    for command in steps:
        if command not in NOT_RUN:
            assert command in RUN_BY
            shell.run(command)
    kept = [step["with"]["path"] for step in job.get("steps", []) if "path" in step.get("with", {})] + job.get("artifacts", {}).get("paths", [])
    assert kept == ["heat.html"] and "test_script.py" in shell.read(*kept)


def test_configurations_are_yaml():
    """Those of programs that no test has as well: Docker, Parca."""
    found = [one for page in PAGES for one in configured(page)]
    assert len(found) >= 6 and all(isinstance(one, dict) for one in found)


def test_services(shell):
    """HEARTRATE_SHM as a container's environment and a systemd unit give it to a program in /srv/myapp."""
    (compose,) = configured("docs/howto/containers.md")
    (service,) = compose["services"].values()
    ((_, _, unit),) = blocks("ini", "docs/howto/any-program.md")
    ((name, value),) = [word.split("=", 1) for word in shlex.split(re.findall("(?m)^Environment=(.*)", unit)[0])]
    app = shell.folder / "srv" / "myapp"
    app.mkdir(parents=True)
    (app / "work.py").write_text(LOOP)
    (shell.folder / "srv" / "run.py").write_text("import sys\nsys.path.insert(0, 'srv/myapp')\nimport work\n")
    for options in service["environment"]["HEARTRATE_SHM"], value:
        (member,) = family(shell.run("HEARTRATE_SHM=%s python srv/run.py" % shlex.quote(options)))
        assert member.hits(2, "work.py") == 7
    assert name == "HEARTRATE_SHM" and member.name == "worker"


def test_service_of_hrview(shell):
    ((_, _, unit),) = blocks("ini", "docs/fleet.md")
    (command,) = re.findall("(?m)^ExecStart=/usr/local/bin/(.*)", unit)
    shell.env["HRVIEW_TOKEN"] = "letters-digits_and.~"
    shell.start(command.replace("9999", "0"))
    port = shell.said(r"http://\S+?:(\d+)/\?token=")
    assert "<script" in get("http://127.0.0.1:%s/?token=letters-digits_and.~" % port)
    assert get("http://127.0.0.1:%s/?token=another" % port) is None


@pytest.mark.parametrize("program, file, text, port, address", [
    ("flask", "web.py", FLASK, "--port 0", r"Running on (http://\S+)"),
    ("gunicorn", "web.py", WSGI.replace("application", "app"), "--bind 127.0.0.1:0", r"Listening at: (\S+)"),
    ("uvicorn", "asgi.py", ASGI, "--port 0", r"running on (http://\S+)"),
], ids=["flask", "gunicorn", "uvicorn"])
def test_servers(shell, program, file, text, port, address):
    (command,) = [one for one, by in RUN_BY.items() if by == "test_servers" and program in one]
    (shell.folder / "myapp" / file).write_text(text)
    body = text.splitlines().index("        pass") + 1
    server = shell.start(command + " " + port)
    url = shell.said(address)
    assert poll(lambda: get(url), "an answer")
    poll(lambda: sum(member.hits(body, file) for member in family(server.pid)), "hits in the application")


def test_django(shell):
    """A project as django-admin makes it, with one view."""
    shell.run("python -m django startproject mysite .")
    urls = shell.folder / "mysite" / "urls.py"
    urls.write_text(urls.read_text() + VIEW)
    address = "127.0.0.1:%d" % free_port()
    server = shell.start("python -m heartrate_shm --files mysite/ manage.py runserver " + address)
    assert poll(lambda: get("http://%s/" % address), "an answer") == "here"
    body = urls.read_text().splitlines().index("        pass") + 1
    poll(lambda: sum(member.hits(body, "urls.py") for member in family(server.pid)), "hits in the view")


def test_page(shell):
    shell.start("hrview --open --port 0")
    assert "<script" in get(shell.opened())


def test_other_addresses(shell):
    shell.start("hrview --host 0.0.0.0 --token some-long-secret --port 0")
    port = shell.said(r"http://\S+?:(\d+)/\?token=some-long-secret")
    assert "<script" in get("http://127.0.0.1:%s/?token=some-long-secret" % port)


def test_tunnels(shell):
    """The page through a tunnel, under another port than it is served on, without a token."""
    here, there = free_port(), free_port()
    shell.start("ssh -L %s:127.0.0.1:%s HOST hrview --port %s" % (here, there, there))
    assert "<script" in poll(lambda: get("http://localhost:%s/" % here), "the page through the tunnel")
    second = free_port()
    shell.start("ssh -N -L %s:127.0.0.1:%s HOST" % (second, there))
    assert "<script" in poll(lambda: get("http://localhost:%s/" % second), "the page through the other tunnel")


@pytest.mark.parametrize("options", ["", "--seconds 60 "])
def test_recording(shell, options):
    program = shell.start_script()
    recorder = shell.start("hrview record script.py %s-o run.hrrec" % options)
    poll(lambda: (shell.folder / "run.hrrec").exists(), "the recording")
    shell.end(program, recorder)
    shell.start("hrview replay run.hrrec --port 0")
    assert "<script" in get(shell.said(r"(http://127\S+)"))


def test_dumps(shell):
    program = shell.start_script()
    watcher = shell.start("hrview dump script.py --format lcov --watch lcov.info")
    shell.run("hrview dump script.py")
    assert re.search(r"(?m)^ *4 +7$", shell.log()), shell.log()
    shell.run("hrview dump script.py --format html --output report.html")
    assert "script.py" in shell.read("report.html")
    shell.end(program, watcher)
    assert "DA:4,7" in shell.read("lcov.info")


def test_reports_of_ci(shell):
    shell.run("pytest --heartrate")
    shell.run("hrview dump pytest --format json --output old.json")
    for command in dict.fromkeys(commands("docs/howto/ci.md") + commands("docs/howto/pytest.md")):
        if command.startswith("hrview"):
            shell.run(command)
    for name, what in ("heat.html", "test_script.py"), ("tests.html", "test_script.py"), ("heat.lcov", "DA:3,7"), ("heat.xml", 'hits="7"'):
        assert what in shell.read(name), name


def test_profiles_for_pyroscope(shell):
    """Of docs/fleet.md, with a stand-in for Pyroscope: what is sent to it, and where to."""
    sent = []

    class Pyroscope(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

    program = shell.start_script()
    server = http.server.HTTPServer(("127.0.0.1", 0), Pyroscope)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shell.start("hrview --port 0 --token secret")
    shell.env.update(HRVIEW_TOKEN="secret", HOST=shell.said(r"http://(127\S+?)/"), PYROSCOPE="127.0.0.1:%d" % server.server_port)
    for command in commands("docs/fleet.md"):
        for told, here in (("127.0.0.1:9999", "$HOST"), ("pyroscope:4040", "$PYROSCOPE"), ("app.py", "script.py"),
                           ("seconds=10", "seconds=1"), ("/tmp/app", "./app")):
            command = command.replace(told, here)
        shell.run(command.replace("'http", '"http').replace("=1'", '=1"'))
    server.shutdown()
    server.server_close()
    shell.end(program)
    ((path, profile),) = sent
    assert path.startswith("/ingest?name=script.py&format=pprof&from=") and profile.startswith(b"\x1f\x8b")


def test_tutorial(shell):
    (_, _, program), = blocks("python", "docs/tutorial.md")
    (shell.folder / "primes.py").write_text(program)
    process = shell.start("python -u -m heartrate_shm primes.py")
    shell.said("(1229 primes)")
    shell.run("hrview dump primes.py")
    shell.run("hrview dump primes.py --format html --output primes.html")
    assert "is_prime" in shell.read("primes.html")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(oracle.DEADLINE_S) != 0
    (member,) = family(process.pid)
    begun, tested = member.hits(5, "primes.py"), member.hits(6, "primes.py")
    # What the text says of the first round, and of every other.
    assert member.hits(13, "primes.py") >= 1 and begun > 100_000 and tested > 100_000


# ---- Python --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [pytest.param(text, id="%s-%d" % (page, number)) for page, number, text in blocks("python")
                                  if page != "docs/tutorial.md" and "browser=True" not in text])
def test_python(shell, text):
    """Each piece runs as a program; what stands behind trace() is counted."""
    (shell.folder / "block.py").write_text(text + LOOP)
    members = family(shell.run("python block.py"))
    if "trace(" not in text:
        assert members == []
    elif "with " in text:
        assert max(members[0].files["block.py"].values()) >= 1000
    else:
        assert members[0].hits(text.count("\n") + 2, "block.py") == 7


def test_python_that_opens_the_page(shell):
    (block,) = [text for _, _, text in blocks("python") if "browser=True" in text]
    (shell.folder / "block.py").write_text(block.replace("browser=True", "browser=True, port=0, daemon=True") + SCRIPT)
    (shell.folder / "stay").touch()
    program = shell.start("python block.py")
    assert "#/p/" in shell.opened()
    shell.end(program)
    assert family(program.pid)[0].hits(block.count("\n") + 4, "block.py") == 7


@pytest.mark.parametrize("text", [pytest.param(text, id="%s-%d" % (page, number)) for page, number, text in blocks("pycon")])
def test_examples(shell, text):
    (shell.folder / "example").write_text(text)
    shell.run("python -m doctest example")


def test_cells(shell):
    (shell.folder / "session.py").write_text("""\
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance(history_load_length=0)
shell.history_manager.enabled = False
with capture_output() as seen:
    for cell in json.load(open("cells")):
        shell.run_cell(cell, store_history=True).raise_error()
(output,) = seen.outputs
print(output.data["text/html"], shell.user_ns["total"])
""")
    (shell.folder / "cells").write_text(json.dumps([text for _, _, text in blocks("ipython")]))
    shell.run("IPYTHONDIR=. python session.py")
    assert re.search("<iframe src=.*299995", shell.log(), re.S), shell.log()
