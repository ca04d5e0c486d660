"""/dev/shm full, missing, not writable, or full in mid-run: the program runs on and one line on stderr says so."""
import json
import subprocess

import pytest

from oracle import HRVIEW
from programs import run

# Run in a mount namespace of its own.
SETUPS = {
    "full": "mount -t tmpfs -o size=64k none /dev/shm && (head -c 64k /dev/zero >/dev/shm/filler || true)",
    "no inodes": "mount -t tmpfs -o nr_inodes=1 none /dev/shm",
    "read-only": "mount -t tmpfs -o ro none /dev/shm",
    "missing": "mkdir dev && mount -t tmpfs none dev && cp -a /dev/null /dev/zero /dev/urandom dev/"
               " && mount --bind dev /dev && test ! -e /dev/shm",
}
WORK = """\
    import sys
    def f(n):
        for i in range(n):
            if i % 2:
                continue
        return n
    def more(n):
        # New code for ever: each text is one that no segment has seen.
        for i in range(n):
            exec(compile("\\n" * i + "x = [%d]\\ny = x * 2\\n" % i, "<text %d>" % i, "exec"), {})
"""


def setup_wrapper(setup):
    command = ["unshare", "-m", "sh", "-e", "-c", setup + '\nexec "$@"', "sh"]
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/dev/shm"], stderr=subprocess.PIPE)
    if tried.returncode != 0:
        pytest.skip(f"a mount namespace of its own is not permitted here: {tried.stderr.decode()}")
    return command


@pytest.mark.parametrize("setup", SETUPS)
def test_program_runs_on_without_shared_memory(setup, tmp_path):
    program = run(tmp_path, WORK + """\
    import heartrate_shm
    handle = heartrate_shm.trace()
    print(f(1000), handle.active, sys.gettrace())
    handle.stop()
    more(10)
    """, wrapper=setup_wrapper(SETUPS[setup]), options=("-W", "error"))
    assert program.stdout == "1000 False None\n"
    lines = program.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("heartrate_shm: "), program.stderr
    assert "runs on" in lines[0]


def test_program_runs_on_when_it_becomes_full(tmp_path):
    """The segment starts well and then finds no more memory: that is said once, and what was dropped is counted."""
    program = run(tmp_path, WORK + f"""\
    import os, subprocess
    import heartrate_shm
    handle = heartrate_shm.trace(lambda path: True)
    f(1000)
    more(6000)
    f(1000)
    print(handle.active, flush=True)
    subprocess.check_call([{str(HRVIEW)!r}, "dump", str(os.getpid()), "--format", "json"])
    """, wrapper=setup_wrapper("mount -t tmpfs -o size=512k none /dev/shm"), options=("-W", "error"))
    active, report = program.stdout.split("\n", 1)
    assert active == "True"
    lines = program.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("heartrate_shm: "), program.stderr
    seen = json.loads(report)
    assert seen["drops"].get("memory", 0) > 0, seen["drops"]
    hits = next(file["lines"] for file in seen["files"] if file["path"] == str(program.path))
    assert hits["3"] == 2002, "what was there before goes on counting"
