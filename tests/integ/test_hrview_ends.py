"""What is said of a program that stands still, and of one that has ended, however it did."""
import re
import signal

import pytest

from viewer import DEADLINE_S, Program, dump, hrview, poll


def said_of(pid):
    code, out, err = hrview("dump", pid)
    assert code == 0, err
    return out


def thread_line(text, name):
    lines = [line for line in text.splitlines() if line.startswith("thread %s (" % name)]
    return lines[0].split("), ", 1)[1] if len(lines) == 1 else "not there"


# The third function is C code that lets others run, the last holds the interpreter's lock.
STILL = """
import hashlib, re, sys, threading, time
import heartrate_shm
heartrate_shm.trace()
def idle():
    time.sleep(600)
def stuck():
    hashlib.pbkdf2_hmac("sha256", b"", b"", (1 << 31) - 1)
for function in (idle, stuck):
    threading.Thread(target=function, name=function.__name__, daemon=True).start()
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
"""
SILENT = "re.match('(a+)+$', 'a' * 60 + 'b')\n"


def test_still_threads_are_idle_or_stuck_never_dead(tmp_path):
    with Program(tmp_path, source=STILL) as program, Program(tmp_path, source=STILL, name="silent.py") as silent:
        # The sampler cannot look any more once the lock is held: it must have had the lock before.
        waits = "%s:%d" % (silent.path, silent.line_of("in sys.stdin"))
        poll(lambda: waits in said_of(silent.pid), "a look at the silent one")
        silent.process.stdin.write(SILENT.encode())

        place = "%s:%d" % (program.path, program.line_of("pbkdf2"))

        def stuck():
            text = said_of(program.pid)
            return (re.fullmatch(r"stuck at %s for \d+ s" % re.escape(place), thread_line(text, "stuck"))
                    and re.fullmatch(r"idle for \d+ s", thread_line(text, "idle"))
                    and re.match(r"prog.py, pid \d+, live, idle: no line was hit for \d+ s, Python ", text) and text)

        assert "dead" not in poll(stuck, "the words")

        def held():
            text = said_of(silent.pid)
            return ("C code has held the interpreter's lock for" in text
                    and re.match(r"stuck for \d+ s, last seen at (?:.*\.py|<string>):\d+", thread_line(text, "MainThread")))

        poll(held, "the words on the silent one")
        program.process.send_signal(signal.SIGSTOP)
        poll(lambda: ", live, stopped by a signal, " in said_of(program.pid), "all threads to be stopped")


ENDS = {
    "os._exit(3)": (3, "closed: exit at {time}"),
    "os.kill(os.getpid(), 9)": (-9, "dead: killed or crashed, last sign of life {time}"),
    "import ctypes; ctypes.string_at(0)": (-11, "dead: killed or crashed, last sign of life {time}"),
    "os.execv('/bin/true', ['true'])": (0, "closed: exec at {time}"),
    "trace.stop(); os.kill(os.getpid(), 15)": (-15, "closed: stopped at {time}"),
}


@pytest.mark.parametrize("command", list(ENDS))
def test_ended_program_tells_its_counts_last_stacks_and_how_it_ended(tmp_path, command):
    with Program(tmp_path) as program:
        program.do("import os; work(100)")
        program.do("event = threading.Event()")
        program.do("threading.Thread(target=nap, args=[event], name='napper', daemon=True).start()")

        def both():
            threads = {thread["name"]: thread for thread in dump(program.pid)["threads"]}
            return len(threads) == 2 and any(frame["function"] == "nap" for frame in threads["napper"]["frames"])

        poll(both, "both stacks")
        program.process.stdin.write((command + "\n").encode())
        code, words = ENDS[command]
        assert program.process.wait(DEADLINE_S) == code
        text = said_of(program.pid)
        time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        assert re.match(r"prog\.py, pid \d+, %s, Python " % words.format(time=time), text), text
        lines = {int(line): int(hits) for line, hits in re.findall(r"^ +(\d+)  (\d+)$", text, re.M)}
        assert lines[program.line_of("total += i")] == 100
        stacks = re.split(r"\nthread ", text)[1:]
        assert {stack.split(" (")[0] for stack in stacks} == {"MainThread", "napper"}
        assert all("%s:" % program.path in stack for stack in stacks)
        assert "100 %" not in text
