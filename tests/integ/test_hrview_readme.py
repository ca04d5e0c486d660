"""The README's commands: each is run here, as it stands there but for a free port, or by a suite that is named here."""
import os
import re
import signal
import subprocess
import urllib.request

import pytest

import oracle
from family import family, hrview, poll
from test_servers import FLASK, WSGI

README = (oracle.ROOT / "README.md").read_text()
LOOP = "for i in range(7):\n    pass\n"
SCRIPT = "#!/usr/bin/env python\nimport os, time\n%swhile os.path.exists('stay'):\n    time.sleep(0.05)\n" % LOOP

# What runs a command: another suite, or a test of this file.
RUN_BY = {
    "./dev demo": "demo --once",
    "./dev test": "itself",
    "pip install .": "tests/wheel.sh",
    "hrview attach 1234": "test_hrview_attach.py",
    "hrview top script.py": "test_hrview_top.py",
    "python -m heartrate_shm script.py": (4, "script.py"),
    "python -m heartrate_shm --files myapp/ -m myapp": (4, "__main__.py"),
    "pytest --heartrate": (3, "test_script.py"),
    "HEARTRATE_SHM=1 ./script.py": (4, "script.py"),
    "python -m heartrate_shm --files myapp/ -m flask --app myapp.web run": "test_servers_of_the_readme",
    "python -m heartrate_shm --files myapp/ -m gunicorn -w 2 myapp.web:app": "test_servers_of_the_readme",
    "hrview --open": "test_page",
    "hrview list": "test_hrviews_commands",
    "hrview dump script.py": "test_hrviews_commands",
    "hrview dump script.py --format html --output report.html": "test_hrviews_commands",
    "hrview record script.py -o run.hrec": "test_hrviews_commands",
    "hrview replay run.hrec": "test_hrviews_commands",
}


def blocks(language):
    return re.findall(r"```%s\n(.*?)```" % language, README, re.S)


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
    (folder / "bin" / "pytest").write_text('#!/bin/sh\nexec python -m pytest -p no:cacheprovider "$@"\n')
    (folder / "bin" / "browser").write_text('#!/bin/sh\necho "$1" >url.part; mv url.part url\n')
    for name in ("pytest", "browser"):
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

    def run(self, command):
        process = self.start(command)
        assert process.wait(oracle.DEADLINE_S * 2) == 0, self.log()
        return process.pid

    def log(self):
        return (self.folder / "log").read_text()

    def said(self, pattern):
        return poll(lambda: re.search(pattern, self.log()), "%s in\n%s" % (pattern, self.log())).group(1)


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


def test_every_command_is_run():
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks("sh") for line in block.splitlines()]
    assert sorted(lines) == sorted(RUN_BY)


@pytest.mark.parametrize("command", [command for command, by in RUN_BY.items() if isinstance(by, tuple)])
def test_programs_of_the_readme(shell, command):
    line, file = RUN_BY[command]
    pid = shell.run(command)
    assert family(pid)[0].hits(line, file) == 7, shell.log()


def test_a_traced_pytest_warns_of_nothing(shell):
    """It rewrites the asserts of plugins, and complains of one that was imported before."""
    shell.run("HEARTRATE_SHM=1 pytest --heartrate")
    assert "1 passed" in shell.log() and "warning" not in shell.log().lower(), shell.log()


@pytest.mark.parametrize("command, text, port, address", [
    ("python -m heartrate_shm --files myapp/ -m flask --app myapp.web run", FLASK, "--port 0", r"Running on (http://\S+)"),
    ("python -m heartrate_shm --files myapp/ -m gunicorn -w 2 myapp.web:app", WSGI.replace("application", "app"),
     "--bind 127.0.0.1:0", r"Listening at: (\S+)"),
], ids=["flask", "gunicorn"])
def test_servers_of_the_readme(shell, command, text, port, address):
    assert RUN_BY[command] == "test_servers_of_the_readme"
    (shell.folder / "myapp" / "web.py").write_text(text)
    body = text.splitlines().index("        pass") + 1
    server = shell.start(command + " " + port)
    url = shell.said(address)
    with urllib.request.urlopen(url, timeout=oracle.DEADLINE_S):
        pass
    poll(lambda: sum(member.hits(body, "web.py") for member in family(server.pid)), "hits in the application")


def test_page(shell):
    shell.start("hrview --open --port 0")
    url = poll(lambda: (shell.folder / "url").exists() and (shell.folder / "url").read_text(), "the browser")
    with urllib.request.urlopen(url.strip(), timeout=oracle.DEADLINE_S) as page:
        assert b"<script" in page.read()


def test_hrviews_commands(shell):
    (shell.folder / "stay").touch()
    program = shell.start("python -m heartrate_shm script.py")
    poll(lambda: [one for one in hrview("list")["programs"] if one["pid"] == program.pid], "the program")
    recorder = shell.start("hrview record script.py -o run.hrec")
    shell.run("hrview list")
    assert "script.py" in shell.log()
    shell.run("hrview dump script.py")
    shell.run("hrview dump script.py --format html --output report.html")
    assert "script.py" in (shell.folder / "report.html").read_text()
    (shell.folder / "stay").unlink()
    assert program.wait(oracle.DEADLINE_S) == 0 and recorder.wait(oracle.DEADLINE_S) == 0, shell.log()
    shell.start("hrview replay run.hrec --port 0")
    with urllib.request.urlopen(shell.said(r"(http://127\S+)"), timeout=oracle.DEADLINE_S) as page:
        assert b"<script" in page.read()


def test_python_of_the_readme(shell):
    (block,) = blocks("python")
    (shell.folder / "block.py").write_text(block.replace("browser=True", "browser=True, port=0, daemon=True") + SCRIPT)
    (shell.folder / "stay").touch()
    program = shell.start("python block.py")
    url = poll(lambda: (shell.folder / "url").exists() and (shell.folder / "url").read_text(), "the browser")
    assert "#/p/" in url
    (shell.folder / "stay").unlink()
    assert program.wait(oracle.DEADLINE_S) == 0
    assert family(program.pid)[0].hits(block.count("\n") + 4, "block.py") == 7
