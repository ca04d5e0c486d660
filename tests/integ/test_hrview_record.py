"""`hrview record` and `hrview replay`: a real program, its recorder ended in every way, and what the recording then says."""
import contextlib
import os
import random
import re
import select
import signal
import subprocess
import time

import pytest

from viewer import DEADLINE_S, HRVIEW, Program, Server, WebSocket, dump, hrview, poll, segments_of, unpack_at

BUSY = """
import threading, time
import heartrate_shm
heartrate_shm.trace()
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
print("ready", flush=True)
while True:
    work(200)
    time.sleep(0.001)
"""


class Recorder:
    """An hrview that records."""

    def __init__(self, what, file, *args, **options):
        self.process = subprocess.Popen([HRVIEW, "record", str(what), "-o", str(file), *map(str, args)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.file = file

    def size(self):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(self.file)
        return 0

    def end(self, number=None):
        """Its end, after a signal or by itself: (exit code, output, errors)."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out.decode(), err.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@contextlib.contextmanager
def replay(file, *args):
    with Server("replay", str(file), *args) as server:
        yield server


def frames_of(server, first=0):
    """All frames from key frame number `first` on."""
    facts = server.get_json("/api/recording")
    frames = []
    offsets = [key[1] for key in facts["keyframes"]] + [facts["bytes"]]
    for start, stop in list(zip(offsets, offsets[1:]))[first:]:
        status, headers, body = server.request("/api/recording/frames?from=%d&to=%d" % (start, stop))
        assert status == 200 and headers["Content-Type"] == "application/octet-stream"
        at = 0
        while at < len(body):
            frame, at = unpack_at(body, at)
            frames.append(frame)
    return frames


def applied(frames):
    """What a page knows after these frames: (paths, {file: {line: hits}}, {file: hits})."""
    paths, lines, totals = {}, {}, {}
    for frame in frames:
        program = frame["program"]
        if program["full"]:
            paths, lines, totals = {}, {}, {}
        paths.update({file["i"]: file["path"] for file in program.get("files", [])})
        flat = program.get("totals", [])
        totals.update(zip(flat[::3], flat[1::3]))
        for file, full, flat in program.get("linesOf", []):
            if full:
                lines[file] = {}
            lines[file].update(zip(flat[::3], flat[1::3]))
    return paths, lines, totals


def dumped_lines(pid):
    return {file["path"]: {int(line): hits for line, hits in file["lines"].items()} for file in dump(pid)["files"]}


def check_replays(file, torn):
    """The recording can be replayed and is in order; (facts, frames)."""
    with replay(file) as server:
        facts = server.get_json("/api/recording")
        frames = frames_of(server)
        for number, key in enumerate(facts["keyframes"]):
            assert frames_of(server, first=number) == frames[key[2]:]
    assert facts["version"] == 1 and facts["torn"] is torn
    assert len(frames) == facts["frames"] > 0
    assert facts["bytes"] <= os.path.getsize(file)
    times = [frame["at"] for frame in frames]
    assert times == sorted(times) and times[-1] <= facts["duration_ms"]
    assert [key[0] for key in facts["keyframes"]] == [times[key[2]] for key in facts["keyframes"]]
    assert all(frames[key[2]]["program"]["full"] for key in facts["keyframes"])
    totals = [sum(applied(frames[:n])[2].values()) for n in range(1, len(frames) + 1)]
    assert totals == sorted(totals), "counts went back"
    return facts, frames


# ---- how a recording ends --------------------------------------------------------------------------------------------


def test_recording_has_the_counts_of_the_end(tmp_path):
    with Program(tmp_path) as program:
        file = tmp_path / "out.hrrec"
        with Recorder(program.pid, file) as recorder:
            poll(recorder.size, "the recording")
            program.do("work(1000)")
            program.do("exec(compile('def f():\\n    return 1\\nf()\\n', '<made up>', 'exec'))")
            program.end()
            code, out, err = recorder.end()
        assert (code, err) == (0, "")
        assert re.fullmatch(r"%s: [\d.]+ s, \d+ frames, [\d.]+ kB; the program has ended, or tracing was stopped\n"
                            % re.escape(str(file)), out)
        facts, frames = check_replays(file, torn=False)
        assert facts["program"]["state"] == "closed" and facts["program"]["why"] == "exit"
        assert facts["program"]["pid"] == program.pid and facts["program"]["caller"] == str(program.path)
        assert "programs" in frames[-1] and frames[-1]["program"]["full"] is True
        expected = dumped_lines(program.pid)
        assert expected[str(program.path)][program.line_of("total += i")] == 1000
        for part in (frames, frames[-1:]):
            paths, lines, _ = applied(part)
            hit = {paths[index]: {n: hits for n, hits in of.items() if hits} for index, of in lines.items()}
            assert {path: of for path, of in hit.items() if of} == {path: of for path, of in expected.items() if of}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
def test_signal_ends_it_well(tmp_path, number):
    with Program(tmp_path, source=BUSY) as program, Recorder(program.pid, tmp_path / "out.hrrec") as recorder:
        poll(recorder.size, "the recording")
        code, out, err = recorder.end(number)
        assert (code, err) == (0, "") and out.startswith(str(recorder.file) + ": ") and ";" not in out
        facts, _ = check_replays(recorder.file, torn=False)
        assert facts["program"]["state"] == "live"


def segments_open_in(pid):
    leads = []
    for entry in os.scandir("/proc/%d/fd" % pid):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            leads.append(os.readlink(entry.path))
    return [lead for lead in leads if lead.startswith("/dev/shm/")]


def test_recorder_holds_no_segment_but_its_programs(tmp_path):
    """Neither of programs that had ended before, nor of children that come and go; they would keep memory."""
    file = tmp_path / "one.hrrec"
    with Program(tmp_path, "children=True") as program:
        fork = "import os; child = os.fork(); child or (work(3), os._exit(0)); print(child, flush=True); os.waitpid(child, 0)"

        def fork_one():
            program.process.stdin.write((fork + "\n").encode())
            child = int(program.answer())
            assert program.answer() == "done"
            return segments_of(child)

        (own,) = segments_of(program.pid)
        children = fork_one()
        with Recorder(program.pid, file, "--rate", "20") as recorder:
            poll(recorder.size, "a recording")
            for _ in range(3):
                children += fork_one()
                before = recorder.size()
                poll(lambda: recorder.size() > before, "further frames")
                assert segments_open_in(recorder.process.pid) == [str(own)]
            assert len(children) == 4
            program.end()
            assert recorder.end()[0] == 0
        for segment in children:
            segment.unlink()


def test_killed_program_is_recorded_as_dead(tmp_path):
    with Program(tmp_path, source=BUSY) as program, Recorder("prog.py", tmp_path / "out.hrrec") as recorder:
        poll(recorder.size, "the recording")
        program.kill()
        code, out, _ = recorder.end()
        assert code == 0 and "killed or has crashed" in out
        facts, frames = check_replays(recorder.file, torn=False)
        assert facts["program"]["state"] == "dead"
        paths, lines, _ = applied(frames[-1:])
        assert {paths[i]: {n: hits for n, hits in of.items() if hits} for i, of in lines.items()} == dumped_lines(program.pid)


def test_killed_recorder_leaves_all_whole_frames(tmp_path):
    """At random moments; a page of each recording sees no count that the program never had."""
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    with Program(tmp_path, source=BUSY) as program:
        for round_ in range(4):
            with Recorder(program.pid, tmp_path / ("%d.hrrec" % round_), "--rate", 100) as recorder:
                size = dice.randrange(2000, 40000)
                poll(lambda: recorder.size() >= size, "%d bytes" % size)  # pylint: disable=cell-var-from-loop
                recorder.process.kill()
                recorder.end()
            file = tmp_path / ("%d.hrrec" % round_)
            facts, frames = check_replays(file, torn=True)
            assert facts["program"]["state"] == "live"
            last = applied(frames)[1][0]
            final = {int(line): hits for f in dump(program.pid)["files"] for line, hits in f["lines"].items()}
            assert all(hits <= final.get(line, 0) for line, hits in last.items())
            # What a kill in the middle of a write would leave.
            whole = file.read_bytes()[:facts["bytes"]]
            cut = tmp_path / "cut.hrrec"
            cut.write_bytes(whole[:-dice.randrange(1, 20)])
            assert check_replays(cut, torn=True)[0]["frames"] in (facts["frames"] - 1, facts["frames"])


def test_full_disk_is_told_and_leaves_what_was_written(tmp_path):
    def little_room():
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    with Program(tmp_path, source=BUSY) as program:
        file = tmp_path / "out.hrrec"
        with Recorder(program.pid, file, "--rate", 100, preexec_fn=little_room) as recorder:
            code, out, err = recorder.end()
        assert (code, out) == (1, "")
        assert re.fullmatch(r"hrview record: %s: File too large; what was recorded till then \([\d.]+ s, \d+ frames, "
                            r"[\d.]+ kB\) can be replayed\n" % re.escape(str(file)), err)
        facts, _ = check_replays(file, torn=True)
        assert facts["bytes"] == os.path.getsize(file) <= 20000


# ---- options ---------------------------------------------------------------------------------------------------------


def test_seconds_and_rate(tmp_path):
    with Program(tmp_path, source=BUSY) as program:
        file = tmp_path / "out.hrrec"
        code, out, err = hrview("record", program.pid, "--output", file, "--seconds", "0.5", "--rate", "10")
        assert (code, err) == (0, "")
        facts, _ = check_replays(file, torn=False)
        assert facts["duration_ms"] >= 500 and 2 <= facts["frames"] <= 7  # fewer on a machine that is busy
        assert os.stat(file).st_mode & 0o777 == 0o600


def test_file_that_is_there_is_replaced_only_by_force(tmp_path):
    with Program(tmp_path, source=BUSY) as program:
        file = tmp_path / "out.hrrec"
        file.write_text("precious" * 10000)
        arguments = ["record", program.pid, "-o", file, "--seconds", "0.1"]
        code, out, err = hrview(*arguments)
        assert (code, out) == (1, "")
        assert err == "hrview record: %s is there already: give another name, or --force to replace it\n" % file
        assert file.read_text() == "precious" * 10000
        assert hrview(*arguments, "--force")[0] == 0
        check_replays(file, torn=False)
        for place, why in [(tmp_path / "no" / "such", "No such file or directory"), ("/dev/null", "/dev/null is not a regular file")]:
            code, out, err = hrview("record", program.pid, "-o", place, "--force")
            assert (code, out) == (1, "") and why in err


def test_name_is_chosen_when_none_is_given(tmp_path):
    with Program(tmp_path, name="it's mine.py") as program:
        program.end()
        for name in ["it_s_mine.py-%d.hrrec", "it_s_mine.py-%d-2.hrrec"]:
            done = subprocess.run([HRVIEW, "record", str(program.pid)], cwd=str(tmp_path), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=DEADLINE_S)
            assert done.returncode == 0 and done.stderr == b""
            assert done.stdout.decode().startswith(name % program.pid + ": ")
            facts, frames = check_replays(tmp_path / (name % program.pid), torn=False)
            assert facts["program"]["state"] == "closed" and len(frames) == 1  # it had ended


@pytest.mark.parametrize("arguments, words", [
    ([], "which program?"), (["1", "2"], "one pid or name"), (["1", "--rate", "0"], "a number from 0.1 to 100"),
    (["1", "--rate", "nan"], "a number from"), (["1", "--seconds", "x"], "a number from"), (["1", "-o", ""], "name of a file"),
    (["1", "-o"], "-o needs a value"), (["1", "--fast"], "what is --fast?"),
])
def test_wrong_command_line(arguments, words):
    code, out, err = hrview("record", *arguments)
    assert (code, out) == (2, "") and words in err and "`hrview record --help`" in err


def test_program_that_is_not_there(tmp_path):
    code, out, err = hrview("record", "no such program", "-o", tmp_path / "out.hrrec")
    assert (code, out) == (1, "") and "no such program" in err
    assert not (tmp_path / "out.hrrec").exists()


def test_progress_is_shown_on_a_terminal(tmp_path):
    with Program(tmp_path, source=BUSY) as program:
        ours, theirs = os.openpty()
        process = subprocess.Popen([HRVIEW, "record", str(program.pid), "-o", str(tmp_path / "two.hrrec")], stdin=theirs,
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        said = b""
        end = time.monotonic() + DEADLINE_S
        while not re.search(rb"\r[\d.]+ s, \d+ frames, [\d.]+ kB\x1b\[K", said) and time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                said += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=DEADLINE_S)
        assert re.search(rb"\r[\d.]+ s, \d+ frames, [\d.]+ kB\x1b\[K", said), said
        assert process.returncode == 0 and out.startswith(str(tmp_path / "two.hrrec").encode())
        os.close(ours)


# ---- replay ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """(recording, program's path, its text, what dump said of it); the program and its file are gone."""
    folder = tmp_path_factory.mktemp("recorded")
    with Program(folder) as program:
        with Recorder(program.pid, folder / "out.hrrec") as recorder:
            poll(recorder.size, "the recording")
            program.do("work(50)")
            program.end()
            assert recorder.end()[0] == 0
        lines, text, path = dumped_lines(program.pid), program.path.read_text(), program.path
    path.unlink()
    return folder / "out.hrrec", str(path), text, lines


def test_source_comes_from_the_recording(recorded):
    file, path, text, _ = recorded
    with replay(file) as server:
        instance = server.get_json("/api/recording")["program"]["id"]
        (index,) = [index for index, of in applied(frames_of(server))[0].items() if of == path]
        status, headers, body = server.request("/api/source?program=%s&file=%d" % (instance, index))
        assert (status, headers["X-Source"], body.decode()) == (200, "loaded", text)
        assert server.request("/api/source?program=%s&file=4711" % instance)[0] == 404
        assert server.request("/api/source?program=%016x&file=%d" % (1, index))[0] == 404
        assert server.request("/api/source?program=%s" % instance)[0] == 400


def test_replay_serves_the_page_and_nothing_of_live_programs(recorded, tmp_path):
    file = recorded[0]
    with Program(tmp_path) as other, replay(file) as server:
        assert server.request("/")[0] == 200 and server.request("/healthz")[0] == 200
        facts = server.get_json("/api/recording")
        assert server.get_json("/api/programs") == {"programs": [facts["program"]], "recording": True}
        for path in ["/api/dump/%d" % other.pid, "/metrics", "/api/nothing"]:
            assert server.request(path)[0] == 404, path
        with WebSocket(server.port) as page:
            assert [entry["pid"] for entry in page.ask()["programs"]] == [facts["program"]["pid"]]


def test_ordinary_hrview_has_no_recording():
    with Server() as server:
        status, _, body = server.request("/api/recording")
        assert status == 404 and b"hrview replay" in body


def test_pull_of_a_replay_has_the_last_state(recorded):
    file, path, _, lines = recorded
    with replay(file) as server, WebSocket(server.port) as page:
        (entry,) = page.ask()["programs"]
        assert entry["state"] == "closed"
        program = page.ask(entry["id"])["program"]
        (index,) = [file["i"] for file in program["files"] if file["path"] == path]
        program = page.ask(entry["id"], index)["program"]
        flat = program["lines"]
        assert program["linesFull"] is True
        assert {line: hits for line, hits in zip(flat[::3], flat[1::3]) if hits} == lines[path]
        assert page.ask(entry["id"], index)["program"] == {"id": entry["id"], "full": False, "tick": program["tick"]}
        program = page.ask(entry["id"], every=True)["program"]
        assert {of[0] for of in program["linesOf"]} >= {index} and "lines" not in program
        assert page.ask(1)["program"]["gone"] is True


def test_frames_are_asked_for_by_key_frames_only(recorded):
    with replay(recorded[0]) as server:
        facts = server.get_json("/api/recording")
        first, end = facts["keyframes"][0][1], facts["bytes"]
        good = "/api/recording/frames?from=%d&to=%d" % (first, end)
        assert server.request(good)[0] == 200
        status, _, body = server.request(good, method="HEAD")
        assert (status, body) == (200, b"")
        for query in ["", "?from=%d" % first, "?to=%d" % end, "?from=%d&to=%d" % (end, first), "?from=%d&to=%d" % (first, first),
                      "?from=%d&to=%d" % (first + 1, end), "?from=%d&to=%d" % (first, end - 1), "?from=-1&to=%d" % end,
                      "?from=0x10&to=%d" % end, "?from=%d&to=99999999999999999999999" % first]:
            assert server.request("/api/recording/frames" + query)[0] == 400, query


def test_replay_of_what_is_no_recording(tmp_path, recorded):
    cases = [("no such", None, "No such file or directory"), ("empty", b"", "is not a recording"),
             ("text", b"hello\n" * 100, "is not a recording"),
             ("newer", recorded[0].read_bytes()[:8] + b"\2" + recorded[0].read_bytes()[9:], "has version 2"),
             ("short", recorded[0].read_bytes()[:300], "without a whole frame")]
    for name, data, words in cases:
        if data is not None:
            (tmp_path / name).write_bytes(data)
        code, out, err = hrview("replay", tmp_path / name)
        assert (code, out) == (1, "") and words in err and str(tmp_path / name) in err, (name, err)
    code, _, err = hrview("replay", tmp_path)
    assert code == 1 and "is not a regular file" in err
    os.mkfifo(str(tmp_path / "fifo"))
    code, _, err = hrview("replay", tmp_path / "fifo")
    assert code == 1 and "is not a regular file" in err
    assert hrview("replay")[0] == 2 and hrview("replay", "a", "b")[0] == 2 and hrview("replay", "a", "--rate", "3")[0] == 2


def test_torn_recording_is_told(tmp_path, recorded):
    (tmp_path / "torn").write_bytes(recorded[0].read_bytes()[:-30])
    process = subprocess.Popen([HRVIEW, "replay", str(tmp_path / "torn"), "--port", "0"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b"http://")
    process.terminate()
    _, err = process.communicate(timeout=DEADLINE_S)
    assert re.search(rb"was not ended well, or is damaged: it is shown up to [\d.]+ s, and \d+ bytes behind are left out", err)
