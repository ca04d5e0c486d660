"""Where programs are found: containers, segments without a name, one pid for two; and how the list shows them."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import viewer
from viewer import DEADLINE_S, HRVIEW, PACKAGES, TRACED, Program, Server, WebSocket, dump, hrview, poll, segments_of, without_rights

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look into other namespaces")


def listed(look, what):
    """The list's entries as soon as some of them please `look`."""

    def found():
        code, out, err = hrview("list", "--format", "json")
        assert code == 0, err
        return [entry for entry in json.loads(out)["programs"] if look(entry)]

    return poll(found, what)


def unique(name):
    """A script's name that no other run of these tests, before or beside this one, has left in the list."""
    return "%s-%s.py" % (name, os.urandom(4).hex())


# ---- containers ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def container(folder, name, setup=""):
    """A traced program in namespaces of its own, where its pid is 1; `setup` are shell commands before it. Yields what
    the list says of it."""
    path = Path(folder) / name
    path.write_text(TRACED.replace("{arguments}", "") + "# on the host\n")
    child = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-ec", setup + '\nexec "$@"', "sh",
         sys.executable, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGES)})
    try:
        assert child.stdout.readline() == b"ready\n"
        (entry,) = listed(lambda entry: entry["name"] == name, "the program in the list")
        yield entry
    finally:
        child.kill()
        child.wait(DEADLINE_S)
        child.stdin.close()
        child.stdout.close()


OWN_SHM = "mount -t tmpfs none /dev/shm"


@needs_root
@pytest.mark.parametrize("setup", ["", OWN_SHM], ids=["shared", "own"])
def test_program_in_a_container_is_listed_as_such(tmp_path, setup):
    name = unique("boxed")
    with container(tmp_path, name, setup) as entry:
        assert entry["state"] == "live" and entry["pid_there"] == 1 and entry["pid"] != 1
        assert os.path.samefile("/proc/%d/exe" % entry["pid"], sys.executable)
        assert hrview("list")[1].count("%s  (in a container, pid 1 there)" % name) == 1
        assert dump(entry["pid"])["id"] == dump(name)["id"] == entry["id"]
        os.kill(entry["pid"], signal.SIGKILL)
        if not setup:  # its own /dev/shm goes with it, the common one stays
            assert listed(lambda found: found["id"] == entry["id"] and found["state"] == "dead", "its end")
            (segment,) = Path("/dev/shm").glob("heartrate_shm.0.1." + entry["id"])
            segment.unlink()


@needs_root
def test_source_in_a_container_is_never_the_hosts_file_of_that_path(tmp_path):
    """Nor is a link or ".." in a container a way out of it: all names lead to its own files."""
    inside = tmp_path / "inside"
    inside.mkdir()
    link, dots = str(tmp_path / "link.py"), "/../.." + str(tmp_path / "target.py")
    for folder, where in ((tmp_path, "host"), (inside, "container")):
        (folder / "target.py").write_text("where = %r\n" % where)
    (inside / "link.py").symlink_to(tmp_path / "target.py")
    name = unique("sources")
    begin = "\nfor path in (%r, %r):\n    exec(compile(open(path).read(), path, 'exec'))\n" % (link, dots)
    source = TRACED.replace("{arguments})", "files=heartrate_shm.files.all)" + begin)
    (inside / name).write_text(source)
    setup = OWN_SHM + "\nmount --bind %s %s" % (inside, tmp_path)
    with container(tmp_path, name, setup) as entry, Server() as server:
        paths = [file["path"] for file in dump(entry["pid"])["files"]]
        assert {link, dots} <= set(paths)
        with WebSocket(server.port) as page:
            files = page.ask(program=entry["id"], full=True)["program"]["files"]
        text = {file["path"]: server.request("/api/source?program=%s&file=%d" % (entry["id"], file["i"]))[2].decode() for file in files}
        assert text[link] == text[dots] == "where = 'container'\n"
        assert text[str(tmp_path / name)] == source
        assert not [file["path"] for file in files if file.get("changed") and file["path"].startswith(("/..", str(tmp_path)))]


@needs_root
def test_containers_pids_are_told_apart(tmp_path):
    """As seen from a namespace that sees neither of them, both are 1."""
    names = [unique("pair-" + which) for which in "ab"]
    with container(tmp_path, names[0]) as one, container(tmp_path, names[1]) as two:
        ids = {one["id"], two["id"]}
        alone = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", HRVIEW]

        def run(*arguments):
            done = subprocess.run([*alone, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        entries = [entry for entry in json.loads(run("list", "--format", "json")[1])["programs"] if entry["id"] in ids]
        assert [(entry["pid"], entry["state"]) for entry in entries] == [(1, "unknown")] * 2
        text = run("list")[1]
        for entry in entries:
            assert re.search(r"1@%s +unknown .*%s  \(in another pid namespace\)" % (entry["id"][:4], entry["name"]), text)
            code, out, err = run("dump", "1@" + entry["id"][:12], "--format", "json")
            assert code == 0 and json.loads(out)["id"] == entry["id"], err
        code, out, err = run("dump", "1")
        assert code == 1 and "several" in err and all("1@" + id[:8] in err for id in ids)
    for id in ids:
        for segment in Path("/dev/shm").glob("heartrate_shm.0.1." + id):
            segment.unlink()


@needs_root
def test_open_pages_learn_of_containers_that_come_and_go(tmp_path):
    """All of them, though one look at all processes serves them together."""
    with Server() as server, WebSocket(server.port) as one, WebSocket(server.port) as two:
        pages = {one: set(), two: set()}

        def all_have(id, there):
            for page in pages:
                frame = page.ask()
                if "programs" in frame:
                    pages[page] = {entry["id"] for entry in frame["programs"]}
            return all((id in known) == there for known in pages.values())

        for name in "ab":
            with container(tmp_path, unique("page-" + name), OWN_SHM) as entry:
                poll(lambda: all_have(entry["id"], True), "the program on both pages")
            poll(lambda: all_have(entry["id"], False), "its end on both pages")  # its /dev/shm has gone with it


@needs_root
def test_user_does_not_see_other_peoples_containers(tmp_path):
    with container(tmp_path, unique("rooted"), OWN_SHM) as entry:
        code, out, err = hrview("list", "--format", "json", uid=65534)
        assert code == 0, err
        assert entry["id"] not in out


# ---- segments without a name ---------------------------------------------------------------------------------------


@needs_root
def test_root_finds_a_program_whose_segment_was_removed(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(100)")
        (segment,) = segments_of(program.pid)
        segment.unlink()
        (entry,) = listed(lambda entry: entry["pid"] == program.pid, "the program in the list")
        assert entry["state"] == "live" and entry["id"] == segment.name.split(".")[-1]
        (file,) = [file for file in dump(program.pid)["files"] if file["path"] == str(program.path)]
        assert file["lines"][str(program.line_of("total += i"))] == 100


def test_others_are_told_that_the_segment_was_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(viewer, "become", lambda uid: without_rights)
    with Program(tmp_path) as program:
        (segment,) = segments_of(program.pid, program.uid)
        segment.unlink()

        def run(*arguments):
            done = subprocess.run([HRVIEW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=without_rights, timeout=DEADLINE_S)
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        code, out, err = run("dump", str(program.pid))
        assert (code, out) == (1, "") and "RemoveIPC" in err and "root" in err and err.count("\n") == 1
        assert re.search(r"^ +%d  unknown +- +- +- +- .*RemoveIPC" % program.pid, run("list")[1], re.M)


# ---- one pid, two programs -----------------------------------------------------------------------------------------


EXEC = """
import os, sys
import heartrate_shm
heartrate_shm.trace()
if len(sys.argv) == 1:
    os.execv(sys.executable, [sys.executable, __file__, "again"])
print("ready", flush=True)
sys.stdin.read()
"""


def test_programs_of_one_pid_are_told_apart(tmp_path):
    with Program(tmp_path, source=EXEC) as program:
        entries = listed(lambda entry: entry["pid"] == program.pid, "both")
        assert [(entry["state"], entry.get("why")) for entry in entries] == [("live", None), ("closed", "exec")]
        text = hrview("list")[1]
        for entry in entries:
            what = "%d@%s" % (program.pid, entry["id"][:4])
            assert what in text
            for wanted in (what, "@" + entry["id"]):
                assert dump(wanted)["id"] == entry["id"]
        assert dump(program.pid)["state"] == "live"
        assert hrview("dump", "%d@" % program.pid)[0] == 1
        assert hrview("dump", "1%d@%s" % (program.pid, entries[0]["id"]))[0] == 1


# ---- the list ------------------------------------------------------------------------------------------------------


def row_of(text, pid):
    (row,) = [line for line in text.splitlines() if re.match(" *%d(@| )" % pid, line)]
    return row


def test_list_shows_families_and_numbers(tmp_path):
    with Program(tmp_path, "children=True") as program:
        program.do("import multiprocessing as m, time; ctx = m.get_context('fork')")
        program.do("child = ctx.Process(target=time.sleep, args=(600,)); child.start()")
        program.do("busy = threading.Thread(target=lambda: [work(1000) for _ in iter(int, 1)], daemon=True); busy.start()")
        (child,) = listed(lambda entry: entry["pid"] != program.pid and entry["parent"] and
                          entry["parent"] == dump(program.pid)["id"], "the child")
        (entry,) = listed(lambda entry: entry["pid"] == program.pid and entry["hits_per_s"] and entry["threads"] == 2, "its numbers")
        assert entry["files"] == 1 and entry["hits"] > entry["hits_per_s"] / 10 > 0
        text = hrview("list")[1]
        assert text.splitlines()[0].split() == ["PID", "STATE", "AGE", "HITS/S", "FILES", "THREADS", "PYTHON", "NAME"]
        lines = text.splitlines()
        assert lines.index(row_of(text, child["pid"])) == lines.index(row_of(text, program.pid)) + 1
        assert "└─ " in row_of(text, child["pid"]) and " idle " in row_of(text, child["pid"])
        assert re.match(r" *%d  live +\w+ +[1-9]\d* +1 +2 " % program.pid, row_of(text, program.pid))
        program.process.send_signal(signal.SIGSTOP)
        assert poll(lambda: " stopped " in row_of(hrview("list")[1], program.pid), "the stop to be seen")
        program.process.send_signal(signal.SIGCONT)
        program.kill()
        os.kill(child["pid"], signal.SIGKILL)
        assert re.match(r" *%d  dead +\w+ +- +1 +- " % program.pid, row_of(hrview("list")[1], program.pid))
        for segment in segments_of(child["pid"]):
            segment.unlink()


def test_names_cannot_steer_the_terminal(tmp_path):
    with Program(tmp_path, r"name='\033[31mred\033]0;title\007 \x9b2J'") as program:
        row = row_of(hrview("list")[1], program.pid)
        assert "red" in row and not re.search("[\x00-\x1f\x7f-\x9f]", row)


def test_stopped_program_is_served(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(100)")
        program.process.send_signal(signal.SIGSTOP)
        try:
            with Server(program.pid) as server:
                (entry,) = server.get_json("/api/programs")["programs"]
                assert entry["state"] == "live"
                assert dump(program.pid)["files"]
        finally:
            program.process.send_signal(signal.SIGCONT)
