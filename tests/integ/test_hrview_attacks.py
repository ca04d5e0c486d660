"""Who gets in: every way in that we know of, tried on a running hrview.

| the attack                                                   | the test                                              |
|--------------------------------------------------------------|-------------------------------------------------------|
| another user of this machine asks on loopback                | test_another_user_needs_the_token                     |
| the connection was closed, and its socket shows uid 0        | test_peer_that_has_closed_is_nobody (unit/test_access.c) |
| a site lets its name resolve to 127.0.0.1 (DNS rebinding)    | test_host_must_be_loopback                            |
| another site's page opens the websocket, or asks             | test_pages_of_other_sites_get_nothing                 |
| the token is guessed letter by letter by the answer's time   | test_all_of_a_wrong_token_is_looked_at (unit/test_access.c) |
| the token is read in the command line (ps)                   | test_token_cannot_be_read_in_the_command_line         |
| served on all addresses, and asked without a token           | test_all_addresses_need_the_token_that_is_printed     |
| ../ in a path, encoded or not, absolute paths                | test_there_is_nothing_but_what_is_served              |
| a source of no program, or by its path                       | test_source_only_of_the_table                         |
| a source swapped for a link, a FIFO, a device, 2 GB          | test_source_swapped_for_something_else_is_not_read    |
| a folder on the way to a source swapped for a link           | test_folder_swapped_for_a_link_is_not_followed        |
| root's hrview as a way to read root's files                  | test_roots_hrview_reads_no_more_than_the_user_could   |
| a segment planted under our name: links, FIFOs, folders      | test_planted_segments_are_not_read                    |
| one of another owner, or that others can write               | test_segment_of_another_owner_or_mode_is_not_read     |
| two requests in one, two ways to read a head                 | test_head_that_can_be_meant_in_two_ways_is_refused    |
| a second request behind the first                            | test_what_follows_a_request_is_not_answered           |
| a header of 1 MB, a head without end                         | test_head_of_a_megabyte_is_refused                    |
| 10,000 connections that say nothing                          | test_ten_thousand_silent_connections_keep_nobody_out  |
| connections that speak a letter at a time (slow-loris)       | test_slow_speakers_keep_nobody_out                    |
| pages that ask and do not read                               | test_page_that_does_not_read_is_given_up              |
| every byte of a websocket's message                          | test_anything_but_a_request_closes_with_1008 (test_hrview_http.py) |
| every byte of a segment                                      | corrupt/test_corrupt.c, fuzz/fuzz_reader.c            |
"""
import contextlib
import json
import os
import re
import resource
import socket
import stat
import struct
import tempfile
import threading
from pathlib import Path

import pytest

from viewer import (DEADLINE_S, NO_FILE, Program, Refused, Server, WebSocket, entry_of, hrview, others_can_run_python,
                    poll, segments_of, source, watch)

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def server():
    with Server() as running:
        yield running


def listed(instance):
    """The entry of one segment in `hrview list`, None when there is none."""
    code, out, err = hrview("list", "--format", "json")
    assert code == 0, err
    return next((entry for entry in json.loads(out)["programs"] if entry["id"] == instance), None)


def say(port, data):
    """All that is answered to these bytes, until hrview closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):  # it may close before all was sent
            connection.sendall(data)
        with contextlib.suppress(ConnectionError):
            while True:
                piece = connection.recv(1 << 16)
                if not piece:
                    break
                answer += piece
        return answer


# ---- who is who ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_needs_the_token():
    with Server("--token", "s3cret", uid=65534) as server:
        status, headers, body = server.request("/api/programs")
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and b"token" in body
        with pytest.raises(Refused) as refused:
            WebSocket(server.port)
        assert refused.value.status == 401
        assert server.request("/api/programs", Authorization="Bearer wrong")[0] == 401
        # A browser gets the same as a page, which does nothing and gives nothing away.
        status, headers, body = server.request("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer"
        assert headers["Content-Type"] == "text/html; charset=utf-8" and headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'nonce-")
        assert b"open the URL that <code>hrview</code> printed" in body and body.endswith(b"</html>\n")
        assert b"<script" not in body and b"s3cret" not in body
        assert server.request("/api/programs", Authorization="Bearer s3cret")[0] == 200
        assert server.request("/api/programs?token=s3cret")[0] == 200
        cookie = "hrview-%d=s3cret" % server.port
        with WebSocket(server.port, Cookie=cookie) as page:
            assert page.ask()["v"] == 1
        with pytest.raises(Refused):
            WebSocket(server.port, Cookie="hrview-1=s3cret")
        status, headers, _ = server.request("/?token=s3cret")
        if status == 200:
            assert headers["Set-Cookie"] == cookie + "; Path=/; HttpOnly; SameSite=Strict"
    with Server(uid=65534) as server:
        assert server.request("/api/programs")[0] == 401


def test_token_cannot_be_read_in_the_command_line():
    with Server("--token", "s3cret") as server:
        assert server.metric("heartrate_shm_viewer_pages", host="box.example", Authorization="Bearer s3cret") == 0
        command = Path("/proc/%d/cmdline" % server.process.pid).read_bytes()
        assert b"--token" in command and b"s3cret" not in command


def test_host_must_be_loopback(server):
    for host in ("evil.example", "evil.example:%d" % server.port, "127.0.0.1.evil.example", "0.0.0.0"):
        assert server.request("/api/programs", host=host)[0] == 403, host
    for host in ("localhost", "localhost:1", "127.0.0.1:8888", "[::1]:9999", "x.localhost:80"):
        assert server.request("/api/programs", host=host)[0] == 200, host
    with pytest.raises(Refused) as refused:
        WebSocket(server.port, Host="evil.example")
    assert refused.value.status == 403


def test_pages_of_other_sites_get_nothing(server):
    own = "http://127.0.0.1:%d" % server.port
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:%d" % server.port, own + ".evil.example"):
        assert server.request("/api/programs", Origin=origin)[0] == 403, origin
        with pytest.raises(Refused) as refused:
            WebSocket(server.port, Origin=origin)
        assert refused.value.status == 403
    assert server.request("/api/programs", Origin=own)[0] == 200
    with WebSocket(server.port, Origin=own) as page:
        assert page.ask()["v"] == 1


def test_all_addresses_need_the_token_that_is_printed():
    with Server("--host", "0.0.0.0") as server:
        token = re.search(r"\?token=([0-9a-f]{32})$", server.url).group(1)
        assert server.request("/api/programs")[0] == 401
        assert server.request("/api/programs?token=" + token)[0] == 200
        assert server.request("/api/programs?token=" + token, host="box.example:1")[0] == 200


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/assets/../../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/etc/passwd",
    "/assets//etc/passwd", "/index.html", "/api/dump/", "/api/dump/x", "/api/dump/../../etc/passwd", "/api/dump/999999999",
])
def test_there_is_nothing_but_what_is_served(server, path):
    status, _, body = server.request(path)
    assert status == 404 and b"root:" not in body


# ---- sources -------------------------------------------------------------------------------------------------------


def test_source_only_of_the_table(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        instance, file, _ = watch(page, program)
        for index in ("99999", str(NO_FILE)):
            assert source(server, instance, index)[0] == 404
        assert source(server, "00000000000000ff", file)[0] == 404
        for query in ("", "?program=" + instance, "?file=0", "?program=%s&file=-1" % instance,
                      "?program=%s&file=/etc/passwd" % instance, "?program=xyz&file=0", "?program=%s&file=4294967296" % instance,
                      "?program=1%s&file=0" % instance):
            assert server.request("/api/source" + query)[0] == 400, query


def test_source_swapped_for_something_else_is_not_read(server, tmp_path):
    """None of them is opened: to open a FIFO would wait for ever, to open a device may do anything."""
    secret = tmp_path / "secret"
    secret.write_text("the key")
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        instance, file, _ = watch(page, program)
        program.path.unlink()

        def huge():
            with open(program.path, "wb") as made:
                made.truncate(2 << 30)

        swaps = [(lambda: program.path.symlink_to(secret), b"symbolic link"), (lambda: os.mkfifo(program.path), b"regular file"),
                 (huge, b"are shown")]
        if IS_ROOT:
            swaps.append((lambda: os.mknod(program.path, 0o600 | stat.S_IFCHR, os.makedev(1, 5)), b"regular file"))
        for swap, why in swaps:
            swap()
            status, _, body = source(server, instance, file)
            assert status == 404 and b"the key" not in body and why in body
            program.path.unlink()


def test_folder_swapped_for_a_link_is_not_followed(server, tmp_path):
    for name in ("place", "elsewhere"):
        (tmp_path / name).mkdir()
    with Program(tmp_path / "place") as program, WebSocket(server.port) as page:
        instance, file, _ = watch(page, program)
        (tmp_path / "elsewhere" / "prog.py").write_text("the key")
        (tmp_path / "place").rename(tmp_path / "away")
        (tmp_path / "place").symlink_to(tmp_path / "elsewhere")
        status, _, body = source(server, instance, file)
        assert status == 404 and b"the key" not in body and b"symbolic link" in body


@pytest.mark.skipif(os.geteuid() != 0 or not others_can_run_python(),
                    reason="only root sees another user's program (tests/unit/test_source.c has it without Python)")
def test_roots_hrview_reads_no_more_than_the_user_could(server):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # pytest's own are for nobody else
        folder.chmod(0o755)
        secret = folder / "secret.py"
        secret.write_text("password = 1\n")
        program = stack.enter_context(Program(folder, arguments="files=heartrate_shm.files.all", uid=65534))
        page = stack.enter_context(WebSocket(server.port))
        # The program names a file that it may read when it does, and may not when hrview is asked.
        program.do("exec(compile(open(%r).read(), %r, 'exec'))" % (str(secret), str(secret)))
        secret.chmod(0o600)
        instance = entry_of(page.ask(), program.pid)["id"]
        files = {entry["path"]: entry["i"] for entry in page.ask(instance)["program"]["files"]}
        status, _, body = source(server, instance, files[str(secret)])
        assert status == 404 and b"may not be read" in body and b"password" not in body
        assert source(server, instance, files[str(program.path)])[0] == 200
        secret.chmod(0o644)
        assert source(server, instance, files[str(secret)])[0] == 200


# ---- segments ------------------------------------------------------------------------------------------------------


def planted_beside(segment):
    """A name of ours with an instance that nobody has."""
    return segment.with_name("heartrate_shm.%d.1.00000000000000aa" % os.geteuid())


def test_planted_segments_are_not_read(tmp_path):
    with Program(tmp_path) as program:
        (segment,) = segments_of(program.pid)
        planted = planted_beside(segment)
        for plant in (lambda: planted.symlink_to(segment), lambda: planted.symlink_to("/etc/shadow"), planted.mkdir,
                      lambda: os.mkfifo(planted)):
            plant()
            try:
                assert listed("00000000000000aa")["state"] == "corrupt"
            finally:
                planted.rmdir() if planted.is_dir() and not planted.is_symlink() else planted.unlink()


def test_segment_of_another_owner_or_mode_is_not_read(tmp_path):
    with Program(tmp_path) as program:
        (segment,) = segments_of(program.pid)
        instance = segment.name.rsplit(".", 1)[1]
        segment.chmod(0o622)
        assert "other users can write it" in listed(instance)["why"]
        segment.chmod(0o600)
        assert listed(instance)["state"] == "live"
        if IS_ROOT:
            os.chown(segment, 65534, 65534)
            assert listed(instance)["state"] == "corrupt" and "owner" in listed(instance)["why"]
            os.chown(segment, 0, 0)
        # A good segment under another's name: the instance in it tells.
        planted = planted_beside(segment)
        os.link(segment, planted)
        try:
            assert listed("00000000000000aa")["state"] == "corrupt"
        finally:
            planted.unlink()


# ---- requests ------------------------------------------------------------------------------------------------------

OWN = b"Host: localhost\r\n"
SECOND = b"GET /api/programs HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("head", [
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"Transfer-Encoding: identity\r\n\r\n" + SECOND,
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + SECOND,
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"Content-Length: 60\r\n\r\n" + SECOND,
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"no colon\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\0.evil.example\r\n\r\n",
    b"GET /healthz\0 HTTP/1.1\r\n" + OWN + b"\r\n",
    b"GET /healthz HTTP/1.1\n" + OWN + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n" + OWN + b"X: a\rb\r\n\r\n",
    b"GET http://localhost/healthz HTTP/1.1\r\n" + OWN + b"\r\n",
    b"GET  /healthz HTTP/1.1\r\n" + OWN + b"\r\n",
    b"GET /healthz HTTP/1.1 \r\n" + OWN + b"\r\n",
    b"GET /healthz HTTP/2.0\r\n" + OWN + b"\r\n",
    b"GET /healthz\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\n" + OWN + b"\r\n",
    b"\r\n\r\n",
    bytes(range(256)) + b"\r\n\r\n",
], ids=range(21))
def test_head_that_can_be_meant_in_two_ways_is_refused(server, head):
    answer = say(server.port, head)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n") and answer.count(b"HTTP/1.1 ") == 1
    assert server.request("/healthz")[0] == 200


@pytest.mark.parametrize("field", [b"", b"Connection: keep-alive\r\n", b"Content-Length: 0\r\n"])
def test_what_follows_a_request_is_not_answered(server, field):
    answer = say(server.port, b"GET /healthz HTTP/1.1\r\n" + OWN + field + b"\r\n" + SECOND)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1 and b"programs" not in answer


@pytest.mark.parametrize("data, status", [
    (b"GET /healthz HTTP/1.1\r\n" + OWN + b"X: " + b"y" * 1000000 + b"\r\n\r\n", b"431"),
    (b"GET /" + b"y" * 1000000 + b" HTTP/1.1\r\n" + OWN + b"\r\n", b"431"),
    (b"y" * 1000000, b"431"),
    (b"GET /healthz HTTP/1.1\r\n" + OWN + b"".join(b"X%d: y\r\n" % i for i in range(1000)) + b"\r\n", b"431"),
    (b"GET /healthz HTTP/1.1\r\nHost: local", b"408"),  # and nothing more
], ids=["field", "path", "nothing", "many", "half"])
def test_head_of_a_megabyte_is_refused(server, data, status):
    assert say(server.port, data).startswith(b"HTTP/1.1 " + status)
    assert server.request("/healthz")[0] == 200


# ---- too many ------------------------------------------------------------------------------------------------------


def open_page(port):
    """A page gets in, or is told at once to come again."""

    def attempt():
        try:
            return WebSocket(port)
        except Refused as refused:
            assert refused.status == 503
            return None

    return poll(attempt, "a page's way in")


def frames_of(page, count=20):
    return [page.ask()["v"] for _ in range(count)] == [1] * count


def test_ten_thousand_silent_connections_keep_nobody_out(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    silent = []
    try:
        with WebSocket(server.port) as page:
            for number in range(count):
                silent.append(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S))
                if number % 1000 == 999:
                    assert frames_of(page)
            # They all stand there, for all that they know.
            assert server.request("/healthz")[0] == 200
            with open_page(server.port) as another:
                assert frames_of(another) and frames_of(page)
    finally:
        for connection in silent:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_speakers_keep_nobody_out(server):
    """300 connections, each with a letter of its request now and then, opened again when hrview has closed them."""
    text = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 10000
    over = threading.Event()
    spoken = [0]

    def speak():
        speakers = [[None, 0] for _ in range(300)]
        while not over.wait(0.02):
            for speaker in speakers:
                try:
                    if speaker[0] is None:
                        speaker[:] = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S), 0
                    speaker[0].send(text[speaker[1]:speaker[1] + 1])
                    speaker[1] += 1
                    spoken[0] += 1
                except OSError:
                    if speaker[0]:
                        speaker[0].close()
                    speaker[0] = None
        for speaker in speakers:
            if speaker[0]:
                speaker[0].close()

    speaking = threading.Thread(target=speak)
    with WebSocket(server.port) as page:
        speaking.start()
        try:
            for _ in range(5):
                said = spoken[0]
                poll(lambda: spoken[0] > said + 1000, "the slow speakers' letters")
                assert frames_of(page)
                assert server.request("/healthz")[0] == 200
                with open_page(server.port) as another:
                    assert frames_of(another)
        finally:
            over.set()
            speaking.join()


def test_page_that_does_not_read_is_given_up(server, tmp_path):
    """It asks and asks; its frames fill its socket; hrview lets it go, and nobody else has waited."""
    with Program(tmp_path) as program, WebSocket(server.port) as good, WebSocket(server.port) as deaf:
        instance, file, _ = watch(good, program)
        request = struct.pack("<BBHIQ", 1, 1, 0, file, int(instance, 16))  # everything, each time
        messages = (bytes([0x82, 0x80 | len(request), 0, 0, 0, 0]) + request) * 100
        assert server.metric("heartrate_shm_viewer_pages") == 2
        deaf.socket.setblocking(False)

        def given_up():
            assert frames_of(good, 1)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                deaf.socket.send(messages)
            return server.metric("heartrate_shm_viewer_pages") == 1

        poll(given_up, "the end of the page that does not read")
        assert frames_of(good)
