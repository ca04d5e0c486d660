"""How hrview keeps its heap small (viewer/heap.c): it executes itself once more, and neither it nor a browser is otherwise for it."""
import os
import re
import shutil
import tempfile

import pytest

import viewer

OURS = "glibc.malloc.tcache_count=0"
USERS = [None, "", "glibc.malloc.mxfast=0", OURS + ":glibc.malloc.mxfast=0", "x" * 5000]


class Opened(viewer.Server):
    """`hrview --open` with such a GLIBC_TUNABLES, and a browser that leaves what it was given."""

    def __init__(self, folder, value, **options):
        self.seen, browser = viewer.browser_in(folder, "$# ${GLIBC_TUNABLES-none}")
        env = {name: text for name, text in os.environ.items() if name != "GLIBC_TUNABLES"}
        env["BROWSER"] = str(browser)
        if value is not None:
            env["GLIBC_TUNABLES"] = value
        super().__init__("--open", "--token", "a-secret", env=env, **options)

    def __exit__(self, *_):
        super().__exit__()
        assert self.process.returncode == 0

    def of_browser(self):
        return viewer.poll(lambda: self.seen.exists() and self.seen.read_text(), "the browser")

    def proc(self, name):
        with open("/proc/%d/%s" % (self.process.pid, name), "rb") as file:
            return file.read()


@pytest.mark.parametrize("value", USERS, ids=["none", "empty", "one", "ours first", "too long"])
def test_browser_has_the_users_variable(tmp_path, value):
    with Opened(tmp_path, value) as opened:
        # An empty one and none are the same to the C library.
        assert opened.of_browser() == "1 %s\n" % (value or "none")


def test_heap_has_no_caches_of_threads_and_the_process_is_as_it_was(tmp_path):
    with Opened(tmp_path, None) as opened:
        assert b"GLIBC_TUNABLES=" + OURS.encode() in opened.proc("environ").split(b"\0")
        assert opened.proc("comm") == b"hrview\n"
        words = opened.proc("cmdline").split(b"\0")
        assert (words[:3], words[-3:]) == ([viewer.HRVIEW.encode(), b"--open", b"--token"], [b"--port", b"0", b""])
        assert b"a-secret" not in opened.proc("cmdline")


def test_by_way_of_the_dynamic_loader(tmp_path):
    """Which is then what the system has executed, and takes our options for its own."""
    with open(viewer.HRVIEW, "rb") as file:
        (loader,) = set(re.findall(rb"/[\w/.-]+/ld-linux[\w.-]+", file.read()))
    with Opened(tmp_path, None, command=[loader, viewer.HRVIEW]) as opened:
        assert opened.of_browser() == "1 none\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_with_rights_that_its_user_has_not(tmp_path):
    """Then the dynamic loader takes the variable away, and it would be executed again and again."""
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is ours alone
        os.chmod(folder, 0o711)
        binary = shutil.copy(viewer.HRVIEW, folder)
        os.chown(binary, 65534, 65534)
        os.chmod(binary, 0o4755)
        with Opened(tmp_path, None, executable=binary) as opened:
            assert b"GLIBC_TUNABLES" not in opened.proc("environ")


def test_program_without_a_file_serves_as_well(tmp_path):
    """Nothing to be executed again."""
    with open(os.memfd_create("hrview"), "wb", buffering=0) as binary:
        with open(viewer.HRVIEW, "rb") as file:
            binary.write(file.read())
        with Opened(tmp_path, None, executable="/proc/self/fd/%d" % binary.fileno(), pass_fds=[binary.fileno()]) as opened:
            assert opened.of_browser() == "1 none\n"
            assert b"GLIBC_TUNABLES" not in opened.proc("environ")
