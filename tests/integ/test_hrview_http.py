"""hrview as a server: the page, /api, the websocket's frames against the truth."""
import contextlib
import gzip
import os
import re
import struct
import time
import urllib.parse

import pytest

from viewer import (NO_FILE, Program, Refused, Server, WebSocket, dump, entry_of, poll, segments_of, source, triples,
                    watch)

WITHOUT_PAGE = b"HR_PAGE=OFF"  # what an hrview that was built without its page says


@pytest.fixture
def server():
    with Server() as running:
        yield running


# ---- frames --------------------------------------------------------------------------------------------------------


def test_frame_has_programs_once(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        frame = page.ask()
        assert frame["v"] == 1 and abs(frame["now"] / 1000 - time.time()) < 60
        assert entry_of(frame, program.pid)["state"] == "live"
        assert "program" not in frame
        # Programs of others come and go on this machine, but not all the time.
        poll(lambda: "programs" not in page.ask(), "a frame without the list")


def test_lines_of_a_file_and_then_what_changes(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        program.do("work(1000)")
        instance, file, frame = watch(page, program)
        assert "lines" not in frame["program"] and "file" not in frame["program"]
        lines = page.ask(instance, file)["program"]
        assert lines["file"] == file and lines["linesFull"] is True and lines["full"] is False
        counted = triples(lines["lines"])
        assert counted[program.line_of("total += i")] == 1000
        assert counted[program.line_of("total = None")] == 0  # can be hit and was not
        assert "files" not in lines and lines["tick"] > 0

        def without_hits():  # the program may still be on its way back to where it waits
            answer = page.ask(instance, file)["program"]
            return None if answer["lines"] else answer

        nothing = poll(without_hits, "a frame without hits")
        assert nothing["linesFull"] is False
        assert "totals" not in nothing and "files" not in nothing

        program.do("work(1)")
        changed = page.ask(instance, file)["program"]
        loop, body, last = (program.line_of(text) for text in ("for i in", "total += i", "return total"))
        delta = triples(changed["lines"])
        assert delta[body] == 1001 and delta[loop] == 1003 and delta[last] == 2
        everything = page.ask(instance, file, full=True)["program"]
        assert triples(everything["totals"])[file] == sum(triples(everything["lines"]).values())
        assert triples(changed["totals"])[file] > triples(frame["program"]["totals"])[file]


def test_frame_agrees_with_dump(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        program.do("work(77)")
        instance, file, _ = watch(page, program)
        lines = triples(page.ask(instance, file, full=True)["program"]["lines"])
        lines = {line: hits for line, hits in lines.items() if hits}
        dumped = {int(line): hits for entry in dump(program.pid)["files"] if entry["path"] == str(program.path)
                  for line, hits in entry["lines"].items()}
        assert lines == dumped
        assert server.get_json("/api/dump/%d" % program.pid)["files"] == dump(program.pid)["files"]


def test_new_code_and_files_come_by_themselves(server, tmp_path):
    with Program(tmp_path, arguments="files=heartrate_shm.files.all") as program, WebSocket(server.port) as page:
        instance, _, _ = watch(page, program)
        (tmp_path / "later.py").write_text("def f():\n    return 1\n")
        program.do("sys.path.insert(0, %r); import later; later.f()" % str(tmp_path))
        frame = page.ask(instance)["program"]
        (later,) = [file for file in frame["files"] if file["path"] == str(tmp_path / "later.py")]
        assert later["traced"] and later["disk"] and later["source"] and not later["changed"]
        assert triples(frame["totals"])[later["i"]] == 2
        assert triples(page.ask(instance, later["i"])["program"]["lines"]) == {1: 1, 2: 1}


def test_threads_come_when_a_stack_changes(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        instance, file, _ = watch(page, program)
        poll(lambda: dump(program.pid)["threads"], "a stack")
        page.ask(instance, full=True)
        program.do("event = threading.Event()")
        program.do("threading.Thread(target=nap, args=[event], name='napper', daemon=True).start()")

        def napper():
            for thread in page.ask(instance)["program"].get("threads", []):
                if thread["name"] == "napper" and any(frame[1] == "nap" for frame in thread["frames"]):
                    return thread

        thread = poll(napper, "the napper's stack")
        (frame,) = [frame for frame in thread["frames"] if frame[1] == "nap"]
        assert frame[0] == file and frame[2] == program.line_of("event.wait()")
        assert thread["depth"] == len(thread["frames"]) == thread["elided_at"] and thread["task"] is False
        program.do("event.set()")

        def ended():
            threads = page.ask(instance)["program"].get("threads")
            return threads is not None and "napper" not in [thread["name"] for thread in threads]

        poll(ended, "the end of the napper")


def test_program_that_comes_and_ends_is_seen(server, tmp_path):
    with WebSocket(server.port) as page:
        page.ask()
        with Program(tmp_path) as program:

            def state():
                entries = [entry for entry in page.ask().get("programs", []) if entry["pid"] == program.pid]
                return entries and entries[0]["state"]

            poll(lambda: state() == "live", "the program in the list")
            program.do("work(5)")
            program.end()
            poll(lambda: state() == "closed", "its end")
            instance, file, _ = watch(page, program)
            assert triples(page.ask(instance, file)["program"]["lines"])[program.line_of("total += i")] == 5
            for segment in segments_of(program.pid):
                segment.unlink()
            poll(lambda: page.ask(instance)["program"].get("gone"), "its disappearance")


def test_killed_program_keeps_its_last_picture(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        program.do("work(5)")
        instance, file, _ = watch(page, program)
        program.kill()

        def dead():
            entries = [entry for entry in page.ask(instance).get("programs", []) if entry["pid"] == program.pid]
            return entries and entries[0]["state"] == "dead"

        poll(dead, "the program being dead")
        lines = page.ask(instance, file, full=True)["program"]["lines"]
        assert triples(lines)[program.line_of("total += i")] == 5


def test_segment_truncated_under_an_open_page_is_corrupt(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        instance, file, _ = watch(page, program)
        program.kill()
        (segment,) = segments_of(program.pid)
        os.truncate(segment, 4096)
        frame = page.ask(instance, file)
        assert frame["program"]["id"] == instance and "lines" not in frame["program"]
        assert entry_of(page.ask(full=True), program.pid)["state"] == "corrupt"
        assert "truncated" in entry_of(page.ask(full=True), program.pid)["why"]


def test_views_do_not_disturb_each_other(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as one, WebSocket(server.port) as two:
        instance, file, _ = watch(one, program)
        one.ask(instance, file)
        program.do("work(5)")
        body = program.line_of("total += i")
        assert triples(one.ask(instance, file)["program"]["lines"])[body] == 5
        watch(two, program)
        assert triples(two.ask(instance, file)["program"]["lines"])[body] == 5
        assert one.ask(instance, file)["program"]["lines"] == []


def test_who_names_nothing_is_shown_the_only_program_and_the_text_that_calls_trace(tmp_path):
    with Program(tmp_path) as program, Server(program.pid) as server, WebSocket(server.port) as page:
        shown = page.ask(full=True, every=True, lead=True)["program"]
        (index,) = [file["i"] for file in shown["files"] if file["path"] == str(program.path)]
        assert shown["full"] and program.line_of("total += i") in triples(dict(e[::2] for e in shown["linesOf"])[index])
        assert shown["source"] == {"file": index, "text": program.path.read_text(encoding="utf-8"), "changed": False}
        assert "source" not in page.ask(shown["id"], every=True, lead=True)["program"]  # it has that
        assert "source" not in page.ask(shown["id"], full=True, every=True)["program"]  # it has named what it wants
        assert "program" not in page.ask(full=True)
        program.path.write_text("# another\n", encoding="utf-8")
        changed = page.ask(shown["id"], full=True, lead=True)["program"]["source"]
        assert changed == {"file": index, "text": "# another\n", "changed": True}
        for text in "#" * (256 * 1024 + 1), None:  # the page asks for it, and hears what is the matter
            program.path.unlink() if text is None else program.path.write_text(text, encoding="utf-8")
            assert "source" not in page.ask(shown["id"], full=True, lead=True)["program"]


@pytest.mark.parametrize("by", ["pid", "name"])
def test_hrview_of_one_program_serves_no_other(tmp_path, by):
    (tmp_path / "other").mkdir()
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(Program(tmp_path, name="one-%d.py" % os.getpid()))
        other = stack.enter_context(Program(tmp_path / "other"))
        narrow = stack.enter_context(Server(program.pid if by == "pid" else program.path.name))
        with WebSocket(narrow.port) as page, Server() as wide, WebSocket(wide.port) as wide_page:
            assert [entry["pid"] for entry in page.ask()["programs"]] == [program.pid]
            foreign = entry_of(wide_page.ask(), other.pid)["id"]
            assert page.ask(foreign)["program"] == {"id": foreign, "gone": True}
        assert [entry["pid"] for entry in narrow.get_json("/api/programs")["programs"]] == [program.pid]
        assert narrow.request("/api/dump/%d" % other.pid)[0] == 404
        assert narrow.request("/api/source?program=%s&file=0" % foreign)[0] == 404


@pytest.mark.parametrize("opcode, data", [
    (2, b""), (2, b"\1" * 15), (2, b"\1" * 17), (2, struct.pack("<BBHIQ", 2, 0, 0, NO_FILE, 0)),
    (2, struct.pack("<BBHIQ", 1, 8, 0, NO_FILE, 0)), (2, struct.pack("<BBHIQ", 1, 0, 1, NO_FILE, 0)), (1, b"hello"),
], ids=["empty", "short", "long", "version", "flags", "reserved", "text"])
def test_anything_but_a_request_closes_with_1008(server, opcode, data):
    with WebSocket(server.port) as page:
        page.send(opcode, data)
        assert page.receive() == (8, struct.pack(">H", 1008))


def test_requests_in_one_packet_are_all_answered(server):
    with WebSocket(server.port) as page:
        for _ in range(20):
            page.send(2, struct.pack("<BBHIQ", 1, 0, 0, NO_FILE, 0))
        assert all(page.receive()[0] == 2 for _ in range(20))


# ---- http ----------------------------------------------------------------------------------------------------------


def test_page_and_its_parts_are_served(server):
    status, headers, body = server.request("/")
    if WITHOUT_PAGE in body:
        assert status == 404
        return
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    policy = headers["Content-Security-Policy"]
    nonce = re.search("'nonce-([0-9a-f]{32})'", policy).group(1)
    assert nonce.encode() in body and b"__CSP_NONCE__" not in body
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert re.search("'nonce-([0-9a-f]{32})'", server.request("/")[1]["Content-Security-Policy"]).group(1) != nonce
    parts = re.findall(r'(?:src|href)="(/assets/[^"]+)"', body.decode())
    assert len(parts) >= 2
    for part in parts:
        status, headers, body = server.request(part)
        assert status == 200 and body and "immutable" in headers["Cache-Control"]
        assert headers["Content-Type"].startswith("text/")


def test_parts_are_compressed_for_who_takes_it_and_not_sent_twice(server):
    _, _, body = server.request("/")
    if WITHOUT_PAGE in body:
        pytest.skip("an hrview without its page")
    (script,) = re.findall(r'src="(/assets/[^"]+)"', body.decode())
    _, plain, text = server.request(script)
    assert "Content-Encoding" not in plain and plain["Vary"] == "Accept-Encoding"
    for accept, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("br", False), ("x-gzip", False)):
        _, headers, body = server.request(script, Accept_Encoding=accept)
        assert (headers["Content-Encoding"] == "gzip") is packed, accept
        assert (gzip.decompress(body) if packed else body) == text
        assert len(body) < len(text) / 2 or not packed
        assert (headers["ETag"] == plain["ETag"]) is not packed
        status, again, body = server.request(script, Accept_Encoding=accept, If_None_Match='"x", ' + headers["ETag"])
        assert (status, body) == (304, b"") and again["ETag"] == headers["ETag"] and "Content-Length" not in again
    assert server.request(script, If_None_Match='"x"')[0] == 200


def test_every_answer_says_nosniff_and_none_lets_other_sites_read(server):
    for path in ("/", "/healthz", "/api/programs", "/no/such/thing", "/assets/nothing", "/ws"):
        _, headers, _ = server.request(path)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not [name for name in headers if name.lower().startswith("access-control")]


def test_health_and_methods(server):
    assert server.request("/healthz")[::2] == (200, b"ok\n")
    assert server.request("/healthz", "HEAD")[::2] == (200, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        assert server.request("/healthz", method)[0] in (400, 405), method
    assert server.request("/ws")[0] == 426


def test_dump_in_every_format_by_pid_and_by_name(server, tmp_path):
    with Program(tmp_path, name="d\u00fcmp %d.py" % os.getpid()) as program:
        program.do("work(7)")
        named = "/api/dump/" + urllib.parse.quote(program.path.name)
        for kind, media, begins in (("json", "application/json", b"{"), ("text", "text/plain", b"d"), ("lcov", "text/plain", b"TN:"),
                                    ("cobertura", "application/xml", b"<?xml"), ("pprof&seconds=1", "octet-stream", b"\x1f\x8b"),
                                    ("speedscope&seconds=1", "application/json", b"{")):
            status, headers, body = server.request(named + "?format=" + kind)
            assert status == 200 and media in headers["Content-Type"] and body.startswith(begins), kind
            assert headers["Content-Security-Policy"] == "sandbox"
        assert server.get_json(named)["pid"] == program.pid
        for query in ("format=xml", "format=pprof&seconds=0", "format=pprof&seconds=61", "format=pprof&seconds=", "seconds=x"):
            assert server.request("%s?%s" % (named, query))[0] == 400, query
        assert server.request("/api/dump/x/%d" % program.pid)[0] == 404


def test_source_is_given_and_told_when_changed(server, tmp_path):
    with Program(tmp_path) as program, WebSocket(server.port) as page:
        text = program.path.read_bytes()
        instance, file, _ = watch(page, program)
        assert source(server, instance, file) == (200, "loaded", text)
        url = "/api/source?program=%s&file=%s" % (instance, file)
        known = server.request(url)[1]["ETag"]
        assert server.request(url, If_None_Match=known)[::2] == (304, b"")
        program.path.write_bytes(text + b"# more\n")
        assert source(server, instance, file) == (200, "changed", text + b"# more\n")
        assert server.request(url, If_None_Match=known)[0] == 200

        def changed():
            frame = page.ask(instance, file)["program"]
            return [entry["changed"] for entry in frame.get("files", []) if entry["i"] == file] == [True]

        poll(changed, "the change in a frame")
        program.path.unlink()
        status, _, body = source(server, instance, file)
        assert status == 404 and b"prog.py" in body


def test_source_of_text_without_a_file_travels_with_the_program(server, tmp_path):
    with Program(tmp_path, arguments="files=heartrate_shm.files.all") as program, WebSocket(server.port) as page:
        program.do("import linecache; text = 'def g():\\n    return 5\\n'; "
                   "linecache.cache['<made>'] = (len(text), None, text.splitlines(True), '<made>'); "
                   "exec(compile(text, '<made>', 'exec')); g()")
        instance = entry_of(page.ask(), program.pid)["id"]
        files = page.ask(instance)["program"]["files"]
        (made,) = [entry for entry in files if entry["path"] == "<made>"]
        assert made["source"] and not made["disk"]
        assert source(server, instance, made["i"]) == (200, "loaded", b"def g():\n    return 5\n")
        program.do("exec(compile('h = 1', '<lost>', 'exec'))")
        (lost,) = [entry for entry in page.ask(instance)["program"]["files"] if entry["path"] == "<lost>"]
        assert not lost["source"] and not lost["disk"]
        assert source(server, instance, lost["i"])[0] == 404


# ---- load ----------------------------------------------------------------------------------------------------------


def test_the_65th_page_gets_a_clear_503_and_the_others_go_on(server):
    pages = [WebSocket(server.port) for _ in range(64)]
    try:
        assert all(page.ask()["v"] == 1 for page in pages)
        with pytest.raises(Refused) as refused:
            WebSocket(server.port)
        assert refused.value.status == 503 and "64" in refused.value.text
        assert server.request("/healthz")[0] == 200
        pages.pop().close()

        def another():
            try:
                return WebSocket(server.port)
            except Refused:
                return None

        pages.append(poll(another, "the place that was given up"))
        assert all(page.ask()["v"] == 1 for page in pages)
    finally:
        for page in pages:
            page.close()


def test_many_hrviews_watch_one_program(tmp_path):
    with Program(tmp_path) as program:
        program.do("work(9)")
        with Server() as one, Server() as two, Server() as three:
            for server in (one, two, three):
                with WebSocket(server.port) as page:
                    instance, file, _ = watch(page, program)
                    assert triples(page.ask(instance, file)["program"]["lines"])[program.line_of("total += i")] == 9
