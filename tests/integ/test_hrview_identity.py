"""A pid that is given again, clocks that differ or jump: a program is never taken for another one, nor for dead."""
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from viewer import DEADLINE_S, HRVIEW, PACKAGES, TRACED, Program, Server, WebSocket, dump, hrview, poll, triples, watch

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine())


# ---- a pid that is given again: in a pid namespace, where pids can be chosen ----------------------------------------


def with_pid(pid, start):
    """start() until what it starts has this pid."""

    def tried():
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        child = start()
        if child.pid == pid:
            return child
        child.kill()
        if isinstance(child, subprocess.Popen):
            child.wait()

    return poll(tried, "a process with pid %d" % pid)


def hits(found, program):
    return sum(file["lines"].get(str(program.line_of("total += i")), 0) for file in found["files"])


def reuse(folder):
    """In the namespace, as its first process."""
    (folder / "second").mkdir()
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    with Program(folder) as first:
        first.do("work(100)")
        # fork() without any hook: the child keeps the mapping, and with it the lock.
        first.do("import ctypes; libc = ctypes.CDLL(None); keeper = libc.syscall(%d, 17, 0, 0, 0, 0) or libc.pause()" % CLONE)
        pid = first.pid
        with Server("--exit-with", pid) as server:
            first.kill()
            assert (dump(pid)["state"], hits(dump(pid), first)) == ("dead", 100)
            stranger = with_pid(pid, lambda: subprocess.Popen(sleeper))
            assert (dump(pid)["state"], hits(dump(pid), first)) == ("dead", 100)
            assert server.process.wait(DEADLINE_S) == 0  # it was to end with the first, not with who has its pid now
        stranger.kill()
        stranger.wait()
        second = with_pid(pid, lambda: Program(folder / "second"))
        with second:
            second.do("work(7)")
            entries = json.loads(hrview("list", "--format", "json")[1])["programs"]
            assert sorted((entry["pid"], entry["state"]) for entry in entries) == [(pid, "dead"), (pid, "live")], entries
            assert (dump(pid)["state"], hits(dump(pid), second)) == ("live", 7)
            (dead,) = [entry["id"] for entry in entries if entry["state"] == "dead"]
            assert hits(dump("@" + dead), first) == 100
            assert hrview("clean")[0] == 0
            assert hits(dump(pid), second) == 7
            second.end()


@needs_root
@pytest.mark.skipif(CLONE is None, reason="the number of clone() here is not known")
def test_new_process_with_a_dead_ones_pid_is_not_taken_for_it(tmp_path):
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-ec",
         'mount -t tmpfs none /dev/shm; exec "$@"', "sh", sys.executable, __file__, str(tmp_path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=5 * DEADLINE_S)
    assert done.returncode == 0, done.stdout.decode()


# ---- clocks ---------------------------------------------------------------------------------------------------------


@needs_root
def test_program_in_another_time_namespace_is_live(tmp_path):
    """Its boot clock is another, and so is what it reads of when it began."""
    ahead = ["unshare", "--time", "--boottime", "100000", "--monotonic", "50000", "--fork", "--kill-child"]
    if subprocess.run([*ahead, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no time namespaces here")
    path = tmp_path / ("ahead-%d.py" % time.monotonic_ns())
    path.write_text(TRACED.replace("{arguments}", ""))
    child = subprocess.Popen([*ahead, sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={**os.environ, "PYTHONPATH": str(PACKAGES)})

    def state(*wrapper):
        listed = subprocess.run([*wrapper, HRVIEW, "list", "--format", "json"], stdout=subprocess.PIPE, check=True)
        return [entry["state"] for entry in json.loads(listed.stdout)["programs"] if entry["name"] == path.name]

    try:
        assert child.stdout.readline() == b"ready\n"
        assert state() == ["live"]
        assert state("unshare", "--time", "--boottime", "5000", "--fork") == ["live"]
        assert state(*ahead) == ["live"]
        assert hrview("clean")[0] == 0 and state() == ["live"]
    finally:
        child.kill()
        child.wait()  # before its input ends, at which the program would end in order
        child.communicate()
    poll(lambda: state() == ["dead"], "its end")


@pytest.fixture
def jumping(tmp_path, monkeypatch):
    """The wall clock of what is started from now on."""
    library = tmp_path / "jumps.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(Path(__file__).with_name("jumps.c"))], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))


def test_wall_clock_that_jumps(tmp_path, jumping):
    tells = "import time; looks = [time.time() for _ in range(4)]; print(max(looks) - min(looks))"
    assert float(subprocess.check_output([sys.executable, "-c", tells])) > 86400
    recording = tmp_path / "it.hrrec"
    with Program(tmp_path) as program, Server() as server, WebSocket(server.port) as page:
        recorder = subprocess.Popen([HRVIEW, "record", str(program.pid), "-o", str(recording)], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL)
        poll(lambda: recording.exists() and recording.stat().st_size > 4096, "a recording")
        instance, file, _ = watch(page, program)
        body, began = program.line_of("total += i"), time.monotonic()
        for total in range(10, 110, 10):
            program.do("work(10)")
            assert triples(page.ask(instance, file)["program"]["lines"])[body] == total
        assert dump(program.pid)["state"] == "live" and hrview("list")[0] == 0
        program.end()
        assert dump(program.pid)["state"] == "closed"
        assert recorder.wait(DEADLINE_S) == 0
        lasted_ms = (time.monotonic() - began) * 1000
        with Server("replay", str(recording)) as replay, WebSocket(replay.port) as page:
            facts = replay.get_json("/api/recording")
            assert facts["torn"] is False and facts["duration_ms"] < lasted_ms + 60_000, facts
            page.ask(full=True)
            lines = page.ask(instance, file, full=True)["program"]["lines"]
            assert triples(lines)[body] == 100


if __name__ == "__main__":
    reuse(Path(sys.argv[1]))
