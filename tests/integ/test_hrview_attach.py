"""What hrview attach says when it cannot be done; that it can be is shown on 3.14 and newer (test_attach.py)."""
import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from viewer import DEADLINE_S, HRVIEW, Program, hrview, without_rights


def refused(what, *arguments, run=hrview):
    code, out, err = run("attach", *arguments, what)
    assert (code, out) == (1, "") and err.startswith("hrview attach: ") and err.count("\n") == 1, err
    return err


@contextlib.contextmanager
def process(*command, **options):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    try:
        assert child.stdout.readline() == b"up\n"
        yield child.pid
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_no_such_process():
    child = subprocess.Popen(["true"])
    child.wait()
    assert "there is no process %d" % child.pid in refused(child.pid)


def test_not_python():
    with process("sh", "-c", "echo up; read line") as pid:
        assert "does not run CPython" in refused(pid)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this one can be attached to")
def test_older_python_is_told_what_to_do_instead():
    with process(sys.executable, "-c", "print('up', flush=True); input()") as pid:
        err = refused(pid)
        version = "3.%d" % sys.version_info[1]
        assert "runs Python %s, and attaching needs 3.14" % version in err and "python%s -m heartrate_shm" % version in err


def test_already_traced(tmp_path):
    with Program(tmp_path) as program:
        assert "is traced already: `hrview %d`" % program.pid in refused(program.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_other_users_process():
    with process(sys.executable, "-c", "print('up', flush=True); input()") as pid:
        assert "belongs to another user (root)" in refused(pid, run=lambda *args: hrview(*args, uid=65534))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_process_with_more_rights():
    def run(*arguments):
        done = subprocess.run([HRVIEW, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              preexec_fn=without_rights, timeout=DEADLINE_S)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    with process(sys.executable, "-c", "print('up', flush=True); input()") as pid:
        assert "may not be looked at" in refused(pid, run=run)


# ---- a process that looks like 3.14, and an hrview beside a package of ours -----------------------------------------


@pytest.fixture
def stage(tmp_path):
    """tmp/bin/hrview with tmp/python/heartrate_shm, and the path of a program called python3.14."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "python" / "heartrate_shm").mkdir(parents=True)
    shutil.copy(HRVIEW, tmp_path / "bin" / "hrview")
    shutil.copy(shutil.which("bash"), tmp_path / "python3.14")
    return tmp_path


def run_in(stage):
    def run(*arguments):
        done = subprocess.run([stage / "bin" / "hrview", *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE_S)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


SHELL = "echo up; read line; exit"


def test_package_that_is_not_built_for_that_version(stage):
    with process(stage / "python3.14", "-c", SHELL) as pid:
        err = refused(pid, run=run_in(stage))
        assert "runs Python 3.14, for which the heartrate_shm beside this hrview (%s) is not built" % stage in err
        assert "./dev build --python %s" % (stage / "python3.14") in err


@pytest.mark.parametrize("said, told", [
    ("PermissionError [Errno 1] Operation not permitted", "no right to trace process"),
    ("RuntimeError Remote debugging is not enabled in the remote process", "does not let itself be debugged"),
    ("RuntimeError it is Tuesday", "it is Tuesday"),
    ("", "its interpreter does not run"),
])
def test_refusal_of_the_interpreter_is_put_into_words(stage, said, told):
    """Its answer is made up: bash runs what Python would."""
    package = stage / "python" / "heartrate_shm"
    (package / "_tracer.cpython-314-x86_64-linux-gnu.so").touch()
    fake = stage / "python3.14"
    fake.rename(stage / "real")
    subprocess.run(["cc", "-o", fake, "-xc", "-"], check=True, input=FAKE.encode())
    (stage / "said").write_text(said)
    with process(fake) as pid:
        assert told in refused(pid, run=run_in(stage))
        assert not [name for name in os.listdir("/tmp") if name.startswith("hrview-attach.%d." % pid)]


FAKE = r"""
#include <libgen.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	char line[256] = "", path[4096];
	if (argc == 1)
		return puts("up") < 0 || fflush(stdout) || !fgets(line, sizeof line, stdin);
	snprintf(path, sizeof path, "%s/said", dirname(argv[0]));
	FILE *said = fopen(path, "r");
	if (said && fgets(line, sizeof line, said))
		puts(line);
	return 1;
}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a mount namespace")
def test_process_in_a_container(stage):
    (stage / "python" / "heartrate_shm" / "_tracer.cpython-314-x86_64-linux-gnu.so").touch()
    with process("unshare", "--mount", stage / "python3.14", "-c", SHELL) as pid:
        assert "sees other files than hrview" in refused(pid, run=run_in(stage))


@pytest.mark.parametrize("arguments", [[], ["x"], ["0"], ["1", "2"], ["--all", "--files", "x", "1"], ["--files"]], ids=" ".join)
def test_wrong_command_lines(arguments):
    code, out, err = hrview("attach", *arguments)
    assert (code, out) == (2, "") and err.startswith("hrview attach: ")
