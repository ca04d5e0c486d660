"""hrview for tests: a program to watch, the server, its websocket, msgpack. Nothing but the standard library."""
import base64
import contextlib
import ctypes
import http.client
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import oracle
from oracle import PACKAGES, ROOT, poll  # noqa: F401 (for those who import from here)

HRVIEW = str(oracle.HRVIEW)
DEADLINE_S = 20
NO_FILE = 0xFFFFFFFF


def become(uid):
    """For Popen's preexec_fn (its user= is of 3.9); None: who we are."""

    def run():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)

    return None if uid is None else run


def without_rights():
    """For Popen's preexec_fn: what is executed next has no capabilities, root or not."""
    libc = ctypes.CDLL(None)
    for capability in range(64):
        libc.prctl(24, capability)  # PR_CAPBSET_DROP


def others_can_run_python():
    """Can another user run this interpreter with our package? Not when one of them lies in somebody's home."""
    real = Path(os.path.realpath(sys.executable))
    return all(part.stat().st_mode & 0o001 for part in {real, *real.parents, *Path(sys.executable).parents, *PACKAGES.parents})


def hrview_as(uid, binary=HRVIEW):
    """Popen's options to run hrview as another user: by a descriptor, because it may lie in somebody's home."""
    if uid is None:
        return {}
    binary = os.open(binary, os.O_RDONLY)
    return {"executable": "/proc/self/fd/%d" % binary, "pass_fds": [binary], "preexec_fn": become(uid)}


def hrview(*args, uid=None):
    """Runs hrview to its end: (exit code, output, errors)."""
    done = subprocess.run([HRVIEW, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=DEADLINE_S, **hrview_as(uid))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def dump(what):
    code, out, err = hrview("dump", what, "--format", "json")
    assert code == 0, err
    return json.loads(out)


def memory_kb(pid):
    """Resident, without pages of files and of shared memory."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


# How a program does as it is told: a line of code a command, answered when it is done and no line is left to be counted
# (what answers is not in the file).
AS_TOLD = '''exec("""def answered(commands):
    print("ready", flush=True)
    for command in commands:
        yield command
        print("done", flush=True)
""")
for command in answered(sys.stdin):
    exec(command)
'''
TRACED = '''
import sys
import threading
import heartrate_shm
trace = heartrate_shm.trace({arguments})
def work(n):
    total = 0
    if n < 0:
        total = None
    for i in range(n):
        total += i
    return total
def nap(event):
    return 1 + event.wait()
''' + AS_TOLD


class Program:
    """A traced program; ends it, and removes the segments of its pid."""

    def __init__(self, folder, arguments="", name="prog.py", source=TRACED, uid=None):
        self.path = Path(folder) / name
        self.path.write_text(source.replace("{arguments}", arguments), encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(PACKAGES)}
        self.process = subprocess.Popen([sys.executable, str(self.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=env, bufsize=0, preexec_fn=become(uid))
        self.uid = os.geteuid() if uid is None else uid
        self.pid = self.process.pid
        assert self.answer() == "ready"

    def answer(self):
        assert select.select([self.process.stdout], [], [], DEADLINE_S)[0], "the program does not answer"
        return self.process.stdout.readline().decode().strip()

    def do(self, command):
        self.process.stdin.write((command + "\n").encode())
        assert self.answer() == "done"

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_S) == 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def line_of(self, text):
        """Number of the first line that contains `text`."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        for segment in segments_of(self.pid, self.uid):
            segment.unlink()


def browser_in(folder, leaves="$1"):
    """(file in which it will leave the URL, or what else a shell knows there, program to take for a browser)."""
    seen = folder / "seen"
    browser = folder / "browser"
    browser.write_text('#!/bin/sh\necho "%s" > "%s.part"; mv "%s.part" "%s"\n' % (leaves, seen, seen, seen))
    browser.chmod(0o755)
    return seen, browser


def segments_of(pid, uid=os.geteuid()):
    return list(Path("/dev/shm").glob("heartrate_shm.%d.%d.*" % (uid, pid)))


class Server:
    """An hrview on a free port."""

    def __init__(self, *args, uid=None, command=(HRVIEW,), **options):
        self.process = subprocess.Popen([*command, *map(str, args), "--port", "0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, **hrview_as(uid), **options)
        assert select.select([self.process.stdout], [], [], DEADLINE_S)[0], "hrview says nothing"
        self.url = self.process.stdout.readline().decode().strip()
        if not self.url:
            raise AssertionError("hrview did not start: " + self.process.communicate()[1].decode())
        self.port = int(self.url.split(":")[2].split("/")[0])

    def request(self, path, method="GET", host=None, **headers):
        """(status, headers, body); `host` replaces the Host header."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        with contextlib.closing(conn):
            conn.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            conn.putheader("Host", host or "127.0.0.1:%d" % self.port)
            for name, value in headers.items():
                conn.putheader(name.replace("_", "-"), value)
            conn.endheaders()
            answer = conn.getresponse()
            return answer.status, answer.headers, answer.read()

    def metric(self, series, **headers):
        """A series' value now, None when there is none."""
        status, _, body = self.request("/metrics", **headers)
        assert status == 200, body
        for line in body.decode().splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def get_json(self, path):
        status, _, body = self.request(path)
        assert status == 200, body
        return json.loads(body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process.stdout.close()
        self.process.stderr.close()


class Refused(Exception):
    """A websocket's handshake was answered with another status than 101."""

    def __init__(self, status, text):
        super().__init__("%d %s" % (status, text))
        self.status, self.text = status, text


class WebSocket:
    """A page's connection (RFC 6455, what of it is needed)."""

    def __init__(self, port, path="/ws", **headers):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        lines = ["GET %s HTTP/1.1" % path, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        headers.setdefault("Host", "127.0.0.1:%d" % port)
        lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in headers.items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.buffer = b""
        head = self.read_until(b"\r\n\r\n").decode()
        status = int(head.split()[1])
        if status != 101:
            while self.fill():
                pass
            self.socket.close()
            raise Refused(status, self.buffer.decode())

    def fill(self):
        data = self.socket.recv(1 << 16)
        self.buffer += data
        return data

    def read(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise EOFError("hrview closed the connection")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError("hrview closed the connection")
        return self.read(self.buffer.index(mark) + len(mark))

    def send(self, opcode, data):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)

    def receive(self):
        """(opcode, data) of the next message but pings, which are answered."""
        while True:
            first, length = self.read(2)
            if length == 126:
                (length,) = struct.unpack(">H", self.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.read(8))
            data = self.read(length)
            if first & 15 != 9:
                return first & 15, data
            self.send(10, data)

    def ask(self, program=0, file=NO_FILE, full=False, every=False, lead=False):
        """One request (`every`: for the lines of all files; `lead`: which program and file is left open), one frame."""
        program = int(program, 16) if isinstance(program, str) else program
        self.send(2, struct.pack("<BBHIQ", 1, full | every << 1 | lead << 2, 0, file, program))
        opcode, data = self.receive()
        assert opcode == 2, (opcode, data)
        return unpack(data)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def entry_of(frame, pid):
    """The program's in the list."""
    own = oracle.instances(pid)
    (entry,) = [program for program in frame["programs"] if program["id"] in own]
    return entry


def watch(page, program):
    """(instance, index of the program's file, the first full frame)"""
    frame = page.ask(full=True)
    instance = entry_of(frame, program.pid)["id"]
    frame = page.ask(instance)
    assert frame["program"]["full"] is True
    (index,) = [file["i"] for file in frame["program"]["files"] if file["path"] == str(program.path)]
    return instance, index, frame


def triples(flat):
    return {flat[i]: flat[i + 1] for i in range(0, len(flat), 3)}


def source(server, instance, file):
    status, headers, body = server.request("/api/source?program=%s&file=%s" % (instance, file))
    return status, headers["X-Source"], body


def unpack(data):
    value, end = unpack_at(data, 0)
    assert end == len(data), "bytes behind the frame"
    return value


FIXED = {0xC0: None, 0xC2: False, 0xC3: True}
NUMBERS = {0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
LENGTHS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}


def unpack_at(data, at):
    """(value, where it ends): the types that docs/wire.md uses."""
    code = data[at]
    at += 1
    if code < 0x80 or code >= 0xE0:
        return (code if code < 0x80 else code - 256), at
    if code in FIXED:
        return FIXED[code], at
    if code in NUMBERS:
        size = struct.calcsize(NUMBERS[code])
        return struct.unpack(NUMBERS[code], data[at:at + size])[0], at + size
    if code < 0xC0:
        count = code & (0x1F if code >= 0xA0 else 0x0F)
    else:
        size = struct.calcsize(LENGTHS[code])
        (count,) = struct.unpack(LENGTHS[code], data[at:at + size])
        at += size
    if 0xA0 <= code < 0xC0 or 0xD9 <= code <= 0xDB:
        return data[at:at + count].decode("utf-8"), at + count
    if 0x90 <= code < 0xA0 or 0xDC <= code <= 0xDD:
        items = []
        for _ in range(count):
            item, at = unpack_at(data, at)
            items.append(item)
        return items, at
    result = {}
    for _ in range(count):
        key, at = unpack_at(data, at)
        result[key], at = unpack_at(data, at)
    return result, at
