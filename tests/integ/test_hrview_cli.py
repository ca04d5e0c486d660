"""hrview on the command line: list, dump, clean, options, and what it says when something is wrong."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from viewer import DEADLINE_S, HRVIEW, PACKAGES, Program, Server, WebSocket, dump, hrview, poll, segments_of


def lines_of(dumped, path):
    (file,) = [file for file in dumped["files"] if file["path"] == str(path)]
    return {int(line): hits for line, hits in file["lines"].items()}


def listed(pid):
    code, out, err = hrview("list", "--format", "json")
    assert code == 0, err
    return [program for program in json.loads(out)["programs"] if program["pid"] == pid]


# ---- dump ----------------------------------------------------------------------------------------------------------


def test_dump_counts_each_line(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(1000)")
        program.do("work(10)")
        dumped = dump(program.pid)
        lines = lines_of(dumped, program.path)
        assert dumped["state"] == "live" and dumped["pid"] == program.pid and dumped["name"] == "prog.py"
        assert lines[program.line_of("for i in")] == 1012
        assert lines[program.line_of("total += i")] == 1010
        assert lines[program.line_of("return total")] == 2
        assert program.line_of("import heartrate_shm") not in lines  # ran before trace()
        assert all(hits > 0 for hits in lines.values())


def test_dump_has_every_thread_with_its_stack(tmp_path):
    with Program(tmp_path) as program:
        program.do("event = threading.Event()")
        program.do("threading.Thread(target=nap, args=[event], name='napper \N{SNOWMAN}', daemon=True).start()")

        def both():
            threads = {thread["name"]: thread for thread in dump(program.pid)["threads"]}
            napper, main = threads.get("napper \N{SNOWMAN}"), threads.get("MainThread")
            return napper and main and "wait" in napper["frames"][-1]["function"] and (napper, main)

        napper, main = poll(both, "both threads' stacks")
        assert [frame["function"] for frame in main["frames"]] == ["<module>", "answered"]
        assert main["frames"][0]["file"] == str(program.path)
        assert main["frames"][0]["line"] == program.line_of("in answered(sys.stdin)")
        (napping,) = [frame for frame in napper["frames"] if frame["function"] == "nap"]
        assert napping["line"] == program.line_of("event.wait()")
        assert all(os.path.isabs(frame["file"]) for frame in napper["frames"])
        if sys.version_info >= (3, 11):
            source = program.path.read_text().splitlines()[napping["line"] - 1]
            assert source[napping["col"]:napping["end_col"]] == "event.wait()"
        else:
            assert "col" not in napping and "end_col" not in napping


def test_dump_of_an_ended_program_is_final(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(100)")
        program.end()
        dumped = dump(program.pid)
        assert dumped["state"] == "closed"
        assert lines_of(dumped, program.path)[program.line_of("total += i")] == 100
        assert listed(program.pid)[0]["why"] == "exit" and listed(program.pid)[0]["end"] >= listed(program.pid)[0]["start"]


def test_dump_of_a_killed_program_has_its_last_state(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(100)")
        poll(lambda: dump(program.pid)["threads"], "a stack")
        program.kill()
        dumped = dump(program.pid)
        assert dumped["state"] == "dead"
        assert lines_of(dumped, program.path)[program.line_of("total += i")] == 100
        assert dumped["threads"][0]["frames"]


def test_dump_by_name_and_of_the_newest_instance(tmp_path):
    name = "name-%d.py" % os.getpid()
    with Program(tmp_path, name=name) as program:
        assert dump(name)["pid"] == program.pid
        program.do("trace.stop()")
        program.do("work(3)")
        program.do("trace = heartrate_shm.trace(files=heartrate_shm.files.all)")
        program.do("work(5)")
        states = sorted(entry["state"] for entry in listed(program.pid))
        assert states == ["closed", "live"]
        dumped = dump(program.pid)
        assert dumped["state"] == "live"
        assert lines_of(dumped, program.path)[program.line_of("total += i")] == 5


def test_dump_merges_entries_of_one_path(tmp_path):
    module = tmp_path / "changing.py"
    with Program(tmp_path, arguments="files=heartrate_shm.files.all") as program:
        program.do("import sys; sys.path.insert(0, %r); sys.dont_write_bytecode = True" % str(tmp_path))
        module.write_text("def f():\n    return 1\n")
        program.do("import changing; changing.f(); changing.f()")
        module.write_text("def f():\n    return 22\n")
        program.do("import importlib; importlib.reload(changing); changing.f()")
        assert lines_of(dump(program.pid), module) == {1: 2, 2: 3}


def test_dump_as_text(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(1000)")
        poll(lambda: dump(program.pid)["threads"], "a stack")
        code, out, err = hrview("dump", program.pid)
        assert (code, err) == (0, "")
        assert out.startswith("prog.py, pid %d, live, Python %d.%d" % (program.pid, *sys.version_info[:2]))
        assert re.search(r"^ +%d  1000$" % program.line_of("total += i"), out, re.M)
        assert "\n%s\n" % program.path in out and "thread MainThread" in out


def test_path_that_is_not_utf8_is_dumped(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    with Program(os.fsdecode(folder), name="a.py") as program:
        program.do("work(7)")
        paths = [file["path"] for file in dump(program.pid)["files"]]
        assert str(tmp_path) + "/caf\N{REPLACEMENT CHARACTER}/a.py" in paths


# ---- what is not there ---------------------------------------------------------------------------------------------


def unused_pid():
    with open("/proc/sys/kernel/pid_max") as limit:
        pid = int(limit.read()) - 1
    while os.path.exists("/proc/%d" % pid):
        pid -= 1
    return pid


@pytest.mark.parametrize("command", [["dump"], ["--port", "0"]], ids=["dump", "serve"])
def test_three_ways_of_not_being_there(command):
    seen = set()
    gone = unused_pid()
    for pid, expected in ((gone, "there is no process %d" % gone), (os.getpid(), "is not traced"), ("no-such-name", "no-such-name")):
        code, out, err = hrview(*command, pid)
        assert (code, out) == (1, "")
        assert err.startswith("hrview") and expected in err and err.count("\n") == 1
        seen.add(err)
    assert len(seen) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_process_of_another_user(tmp_path):
    code, out, err = hrview("dump", os.getpid(), uid=65534)
    assert (code, out) == (1, "")
    assert "belongs to another user (root)" in err


def test_several_of_one_name(tmp_path):
    name = "twin-%d.py" % os.getpid()
    with Program(tmp_path, name=name) as one, Program(tmp_path, name=name) as two:
        code, out, err = hrview("dump", name)
        assert (code, out) == (1, "")
        assert "several" in err and str(one.pid) in err and str(two.pid) in err
        one.end()
        assert dump(name)["pid"] == two.pid


# ---- broken segments -----------------------------------------------------------------------------------------------


def patch(pid, offset, data):
    (segment,) = segments_of(pid)
    with open(segment, "r+b") as file:
        file.seek(offset)
        file.write(data)


def test_another_layout_names_both_versions(tmp_path):
    with Program(tmp_path) as program:
        patch(program.pid, 8, struct.pack("<HH", 9, 4))
        code, out, err = hrview("dump", program.pid)
        assert (code, out) == (1, "")
        assert "layout 9.4" in err and "layout 1" in err
        (entry,) = listed(program.pid)
        assert entry["state"] == "corrupt" and "layout 9.4" in entry["why"]


def test_truncated_segment_is_corrupt(tmp_path):
    with Program(tmp_path) as program:
        program.kill()
        (segment,) = segments_of(program.pid)
        os.truncate(segment, 5000)
        code, out, err = hrview("dump", program.pid)
        assert (code, out) == (1, "")
        assert "truncated" in err
        assert listed(program.pid)[0]["state"] == "corrupt"


# ---- list, clean ---------------------------------------------------------------------------------------------------


def test_list_shows_programs_and_their_states(tmp_path):
    name = "liste-\N{LATIN SMALL LETTER A WITH DIAERESIS}.py"
    with Program(tmp_path, name=name) as program:
        (entry,) = listed(program.pid)
        assert entry["state"] == "live" and entry["name"] == name and entry["argv"][-1] == str(program.path)
        assert entry["caller"] == str(program.path) and entry["parent"] is None and entry["end"] is None
        assert entry["python"].startswith("%d.%d." % sys.version_info[:2])
        assert abs(entry["start"] / 1000 - time.time()) < 60
        code, out, err = hrview("list")
        assert (code, err) == (0, "")
        assert re.search(r"^ +%d  (live|idle) .* %s$" % (program.pid, name), out, re.M)


CLEAN = """set -e
mount -t tmpfs none /dev/shm
mkfifo in out
"$PYTHON" -c 'import heartrate_shm; heartrate_shm.trace(); print("up", flush=True); input()' <in >out &
program=$!
exec 3>in 4<out
read up <&4
"$PYTHON" -c 'import heartrate_shm; heartrate_shm.trace()'
touch /dev/shm/heartrate_shm.txt
ls /dev/shm | wc -l
"$HRVIEW" clean
ls /dev/shm | wc -l
"$HRVIEW" clean
"$HRVIEW" list | grep -cE "^ *$program .* (live|idle) "
echo >&3
"""


def test_clean_removes_the_dead_and_never_the_living(tmp_path):
    """In a mount namespace of its own, since everybody's dead are removed."""
    own = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    env = {**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHON": sys.executable, "HRVIEW": HRVIEW}
    done = subprocess.run([*own, "sh", "-c", CLEAN], cwd=tmp_path, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30)
    out = done.stdout.decode().splitlines()
    assert done.returncode == 0, out
    before, cleaned, after, again, living = out
    assert (before, after, living) == ("3", "2", "1")
    assert cleaned.startswith("1 ended program removed") and again.startswith("0 ended programs removed")


# ---- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["list"], ["dump"], ["clean"]], ids=lambda command: " ".join(command) or "hrview")
def test_every_command_has_help_and_refuses_what_it_does_not_know(command):
    code, out, err = hrview(*command, "--help")
    assert (code, err) == (0, "") and out.startswith("usage: hrview")
    code, out, err = hrview(*command, "--no-such-thing")
    assert (code, out) == (2, "") and "--no-such-thing" in err and "--help" in err
    code, out, err = hrview(*command, "-x")
    assert (code, out) == (2, "") and "-x" in err
    code, out, err = hrview(*command, "one", "two")
    assert (code, out) == (2, "")


@pytest.mark.parametrize("args", [
    ["--port"], ["--port", "65536"], ["--port", "-1"], ["--port", "http"], ["--port", ""], ["--token", ""],
    ["--token", "a b"], ["--host", "no such host"], ["--show", "x"], ["--exit-with", "1x"], ["--ready-fd", "0"], ["--ready-fd", "999"],
    ["list", "--format", "xml"], ["dump"], ["dump", "1", "--format", "yaml"],
], ids=" ".join)
def test_wrong_values_are_told(args):
    code, out, err = hrview(*args)
    assert (code, out) == (2, "") and err.startswith("hrview")


def test_version_names_the_layout():
    code, out, err = hrview("--version")
    assert (code, err) == (0, "") and re.fullmatch(r"hrview \d+\.\d+\.\d+, reads segment layout 1\n", out)


def test_busy_port_is_one_line_with_the_remedy():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, out, err = hrview("--port", port)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1 and str(port) in err and "--port" in err


def test_a_port_that_an_hrview_has_leads_to_its_page():
    with Server() as server:
        code, out, err = hrview("--port", server.port)
        assert (code, out) == (1, "") and err.count("\n") == 1
        assert f" http://127.0.0.1:{server.port}/ " in err and "--port" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_at_once_with_a_page_open(number):
    with Server() as server, WebSocket(server.port) as page:
        page.ask(full=True)
        server.process.send_signal(number)
        assert server.process.wait(DEADLINE_S) == 0  # how soon: ./dev bench viewer
        assert server.process.stderr.read() == b""


def test_hang_up_is_harmless():
    with Server() as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.request("/healthz")[0] == 200


@pytest.mark.parametrize("more", [[], ["--background"]], ids=["", "background"])
def test_ready_fd_gets_the_address_and_the_end(tmp_path, more):
    with Program(tmp_path) as program:
        reader, writer = os.pipe()
        with subprocess.Popen([HRVIEW, "--port", "0", "--ready-fd", str(writer), "--exit-with", str(program.pid), *more],
                              pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            os.close(writer)
            with open(reader) as ready:
                url = ready.read()  # to its end, which comes though hrview goes on
            port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", url).group(1))
            with socket.create_connection(("127.0.0.1", port)):
                pass
            program.end()
            assert process.wait(DEADLINE_S) == 0


def test_it_ends_with_the_process_it_goes_with(tmp_path):
    with Program(tmp_path) as program, Server("--exit-with", program.pid) as server:
        assert server.request("/healthz")[0] == 200
        program.end()
        assert server.process.wait(10) == 0


def test_background_returns_once_it_serves(tmp_path):
    with Program(tmp_path) as program:
        code, out, err = hrview("--background", "--port", "0", "--exit-with", program.pid)
        assert (code, out) == (0, "")
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", err).group(1))
        with socket.create_connection(("127.0.0.1", port)):
            pass
        program.end()

        def refused():
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                return True

        poll(refused, "the end of the one in the background")


def test_reuse_takes_an_hrview_that_serves_the_program(tmp_path):
    with Program(tmp_path) as program, Server() as server:
        code, out, err = hrview("--reuse", "--port", server.port, "--show", program.pid)
        assert (code, out, err) == (0, server.url + "\n", "")
        code, out, err = hrview("--port", server.port, "--show", program.pid)
        assert code == 1 and str(server.port) in err
        with Server(program.pid) as narrow:  # serves this one alone
            code, out, err = hrview("--reuse", "--port", narrow.port, "--show", os.getpid())
            assert code == 1


def test_hrview_is_built_to_crash_rather_than_be_taken_over():
    if "HR_HRVIEW" in os.environ:
        pytest.skip("another hrview than ./dev build's")

    def elf(option):
        return subprocess.run(["readelf", option, "--wide", HRVIEW], stdout=subprocess.PIPE, check=True).stdout.decode()

    assert "DYN (Position-Independent Executable" in elf("--file-header") or "PIE" in elf("--dynamic")
    assert "BIND_NOW" in elf("--dynamic") and "GNU_RELRO" in elf("--program-headers")
    assert re.search(r"GNU_STACK.* RW ", elf("--program-headers"))  # not executable
    assert "__stack_chk_fail" in elf("--dyn-syms") and re.search(r"__\w+_chk@", elf("--dyn-syms"))
