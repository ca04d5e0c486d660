"""hrview top in a real terminal (tmux), and where there is none."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile

import pytest

from viewer import DEADLINE_S, HRVIEW, PACKAGES, Program, dump, hrview, poll

BUSY = """
import sys, threading, time
import heartrate_shm
heartrate_shm.trace()
def hot():
    while going:
        total = 0
        for i in range(500):
            total += i * i  # \N{SNOWMAN} \x1b]0;steers\x07
        time.sleep(0.01)\t# tabbed
def sleeps():
    time.sleep(600)
going = True
threads = [threading.Thread(target=function, name=function.__name__, daemon=True) for function in (hot, sleeps)]
for thread in threads:
    thread.start()
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
    print("done", flush=True)
"""


class Terminal:
    """A shell in a terminal of its own; `BEFORE` stands on the screen."""

    def __init__(self, columns=80, rows=24, **environment):
        self.folder = tempfile.TemporaryDirectory()  # of its own: tmux leaves its socket behind
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh", **environment}
        environment.pop("TMUX", None)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", rows, "exec bash --norc --noprofile",
                  env=environment)
        self.type("PS1='$ '; clear; echo BEFORE; stty -a | md5sum")
        self.settings = self.wait_for(r"BEFORE\n(\w{32})").group(1)

    def tmux(self, *arguments, **options):
        done = subprocess.run(["tmux", "-u", "-S", self.folder.name + "/tmux", *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE_S, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.press("Enter")

    def screen(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def wait_for(self, pattern):
        try:
            return poll(lambda: re.search(pattern, self.screen(), re.M), pattern)
        except AssertionError:
            raise AssertionError("%s is not on the screen:\n%s" % (pattern, self.screen()))

    def is_as_before(self):
        """The picture from before is back, and the terminal's settings are."""
        self.wait_for("^BEFORE$")
        self.type("stty -a | md5sum")
        self.wait_for(r"md5sum\n%s" % self.settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.folder.cleanup()


@contextlib.contextmanager
def top(program, **options):
    """hrview top in a terminal, with the picture there."""
    with Terminal(**options) as terminal:
        terminal.type("%s top %d; echo code $?" % (HRVIEW, program.pid))
        terminal.wait_for(r"hot \w* *(running|sleeping)")
        yield terminal


@pytest.fixture
def busy(tmp_path):
    with Program(tmp_path, source=BUSY) as program:
        yield program


def test_hottest_lines_and_threads_at_80_by_24(busy):
    with top(busy) as terminal:
        row = r"^ *([\d,.]+M?) +([\d,]+) +\S+ +\S*prog\.py:%d +\S"
        hottest = [busy.line_of("for i in range"), busy.line_of("total += i")]
        place = "(%s)" % "|".join(map(str, hottest))
        found = terminal.wait_for(row.replace("%d", place))
        assert int(found.group(2).replace(",", "")) > 0
        screen = terminal.screen()
        lines = screen.splitlines()
        assert lines[0].startswith("prog.py  pid %d  live  (Python %d.%d" % (busy.pid, *sys.version_info[:2]))
        assert re.search(r"[1-9][\d,]* hits/s  [\d,.M]+ hits  1 file  3 threads", lines[1])
        assert re.search(place + " ", lines[3]) and re.search(place + " ", lines[4])
        assert "█" in lines[3] and "☃ ?]0;steer" in screen
        assert len(lines) == 24 and all(len(line) <= 80 for line in lines)
        terminal.wait_for(r"^sleeps +idle for \d+ s +\S*prog\.py:%d " % busy.line_of("time.sleep(600)"))
        terminal.press("q")
        terminal.wait_for("^code 0")
        terminal.is_as_before()


def test_keys_sort_open_pause_and_help(busy):
    with top(busy) as terminal:
        terminal.press("f")
        terminal.wait_for("LINES by file")
        terminal.wait_for(r"LINES by file.*\n.*prog\.py:%d +def hot" % busy.line_of("def hot"))
        terminal.press("h")
        terminal.wait_for(r"LINES by hits: ")
        busy.do("going = False; threads[0].join()")
        terminal.press("Home", "Enter")
        number = busy.line_of("for i in range")
        (file,) = [file for file in dump(busy.pid)["files"] if file["path"] == str(busy.path)]
        hits = "{:,}".format(file["lines"][str(number)])
        terminal.wait_for(r"^ *%s +\S+ +█+ +%d +for i in range\(500\):" % (hits, number))
        terminal.wait_for("^" + re.escape(str(busy.path)))
        terminal.wait_for(r"^ +0 +0 +%d +import heartrate_shm" % busy.line_of("import heartrate_shm"))
        terminal.press("End")
        terminal.wait_for(r"print\(\"done\"")
        terminal.press("q")
        terminal.wait_for("LINES by hits")
        terminal.press("Tab", "Down", "Enter")  # the threads; the last is the one that sleeps
        terminal.wait_for(r" %d>? +" % busy.line_of("for command in"))
        terminal.press("Escape", "?")
        terminal.wait_for("Hottest lines")
        terminal.press("?", "p")
        terminal.wait_for(" paused$")
        terminal.press("p")
        poll(lambda: " paused\n" not in terminal.screen(), "the end of the pause")


def test_it_follows_the_size_of_the_terminal(busy):
    with top(busy) as terminal:
        for columns, rows in ((120, 40), (40, 10), (200, 12)):
            terminal.tmux("resize-window", "-x", columns, "-y", rows)

            def fits():
                lines = terminal.screen().splitlines()
                return len(lines) == rows and lines[-1].startswith(" q leave") and "THREAD" in "".join(lines)

            try:
                poll(fits, "the picture of %dx%d" % (columns, rows))
            except AssertionError:
                raise AssertionError(terminal.screen())
        terminal.tmux("resize-window", "-x", "30", "-y", "5")
        terminal.wait_for("too small")
        terminal.tmux("resize-window", "-x", "80", "-y", "24")
        terminal.wait_for("LINES by")


def pid_of_top(program):
    found = subprocess.run(["pgrep", "-f", "^%s top %d$" % (re.escape(HRVIEW), program.pid)], stdout=subprocess.PIPE)
    (pid,) = map(int, found.stdout.split())
    return pid


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGSEGV, 139), (signal.SIGABRT, 134)])
def test_signals_leave_the_terminal_as_it_was(busy, number, code):
    with top(busy) as terminal:
        os.kill(pid_of_top(busy), number)
        terminal.wait_for("^code %d" % code)
        terminal.is_as_before()


def test_it_can_be_put_away_and_brought_back(busy):
    with top(busy) as terminal:
        terminal.press("C-z")
        terminal.wait_for("Stopped")
        terminal.is_as_before()
        terminal.type("fg")
        terminal.wait_for("LINES by")
        terminal.press("q")
        poll(lambda: "LINES by" not in terminal.screen(), "the end")
        terminal.is_as_before()


def test_end_of_the_program_is_shown_and_stays(busy):
    with top(busy) as terminal:
        busy.kill()
        terminal.wait_for(r"^prog.py  pid \d+  dead: killed or crashed, last sign of life \d{4}-")
        terminal.wait_for(r"^- hits/s  [\d,.M]+ hits")
        terminal.press("Enter")
        terminal.wait_for(r"for i in range\(500\):")
        terminal.press("q", "q")
        terminal.wait_for("^code 0")


def test_no_color_is_respected(busy):
    with top(busy) as terminal:
        assert re.search("\x1b\\[[0-9;]*3[1-7]m", terminal.screen("-e"))
    with top(busy, NO_COLOR="1") as terminal:
        assert not re.search("\x1b\\[[0-9;]*[34][0-7]m", terminal.screen("-e"))


def test_ascii_where_the_locale_has_no_more(busy):
    with top(busy, LC_ALL="POSIX") as terminal:
        terminal.wait_for(r" =+ +\S*prog.py:%d " % busy.line_of("for i in range"))


def test_picture_is_printed_once_where_nothing_can_be_drawn(busy):
    poll(lambda: len(dump(busy.pid)["threads"]) == 3, "all threads")
    code, out, err = hrview("top", busy.pid)
    assert (code, err) == (0, "") and "\x1b" not in out
    assert re.search(r"^ +\d+ +\d+  %s:%d  total \+= i" % (re.escape(str(busy.path)), busy.line_of("total += i")), out, re.M)
    assert re.search(r"^hot, (running|sleeping)  ", out, re.M)
    assert re.search(r"  time\.sleep\(0\.01\) # tabbed$", out, re.M)
    with open("/dev/full", "w") as full:
        refused = subprocess.run([HRVIEW, "top", str(busy.pid)], stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S)
    assert (refused.returncode, refused.stderr) == (1, b"hrview top: the output could not be written\n")
    with Terminal() as terminal:
        terminal.type("TERM=dumb %s top %d | head -2" % (HRVIEW, busy.pid))
        terminal.wait_for("hits/s")
        terminal.type("TERM=dumb %s top %d > /dev/null; echo code $?" % (HRVIEW, busy.pid))
        terminal.wait_for("^code 0")


def test_without_a_pid_it_is_the_only_program(tmp_path):
    script = """set -e
mount -t tmpfs none /dev/shm
"$HRVIEW" top || echo none
for i in one two; do
    mkfifo $i
    "$PYTHON" -c 'import heartrate_shm, sys; heartrate_shm.trace(name=sys.argv[1]); open("up", "w"); input()' $i <$i &
    exec 3>$i
    while ! [ -e up ]; do sleep 0.05; done
    rm up
    "$HRVIEW" top && echo "picture $i" || echo "no picture $i"
done
"""
    own = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    if subprocess.run([*own, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        own.append("--map-root-user")
    env = {**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHON": sys.executable, "HRVIEW": HRVIEW}
    done = subprocess.run([*own, "sh", "-c", script], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3 * DEADLINE_S)
    out = done.stdout.decode()
    assert done.returncode == 0, out
    none, rest = out.split("none\n")
    assert "no traced program" in none
    first, rest = rest.split("picture one\n")
    assert first.startswith("one  pid ") and "THREADS" in first
    assert re.fullmatch(r"hrview top: which program\? Give a PID:\n +\d+  one\n +\d+  two\nno picture two\n(.|\n)*", rest)


def test_wrong_command_lines():
    assert hrview("top", "--no-such")[0] == 2
    assert hrview("top", "1", "2")[0] == 2
    code, out, err = hrview("top", "no-such-program")
    assert (code, out) == (1, "") and "no-such-program" in err
    code, out, err = hrview("top", "--help")
    assert (code, err) == (0, "") and out.startswith("usage: hrview top")
