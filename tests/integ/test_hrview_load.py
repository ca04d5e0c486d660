"""Many at once: 200 traced programs, 50 viewers on one program, 500 pages that ask where 64 are served."""
import contextlib
import json

from viewer import AS_TOLD, Program, Refused, Server, WebSocket, dump, hrview, memory_kb, poll, triples, watch

PROGRAMS = 200
# A family: forked children are traced programs with segments of their own. Each works as often as its number says.
FAMILY = '''
import os, sys
import heartrate_shm
heartrate_shm.trace(children=True)
def work(n):
    for i in range(n):
        pass
children = []
def born(count):
    for number in range(1, count + 1):
        come, go = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(go[1])
            work(number)
            os.write(come[1], b"x")
            os.read(go[0], 1)
            os._exit(0)
        os.read(come[0], 1)
        os.close(go[0])
        children.append((pid, go[1]))
def gone():
    for pid, go in children:
        os.write(go, b"x")
        os.waitpid(pid, 0)
''' + AS_TOLD


def test_two_hundred_programs(tmp_path):
    with Program(tmp_path, source=FAMILY) as program, Server() as server, WebSocket(server.port) as page:
        family = dump(program.pid)["id"]
        program.do("born(%d)" % PROGRAMS)
        programs = [entry for entry in page.ask(full=True)["programs"] if entry.get("parent") == family]
        assert len(programs) == PROGRAMS and {entry["state"] for entry in programs} == {"live"}
        listed = json.loads(hrview("list", "--format", "json")[1])["programs"]
        assert len([entry for entry in listed if entry["state"] == "live" and entry.get("parent") == family]) == PROGRAMS
        body = program.line_of("        pass")
        hits = []
        for entry in programs:
            # A second entry, not traced, is of a stack that was looked at before the filter was asked.
            (file,) = [file["i"] for file in page.ask(entry["id"])["program"]["files"]
                       if file["path"] == str(program.path) and file["traced"]]
            hits.append(triples(page.ask(entry["id"], file)["program"]["lines"])[body])
        assert sorted(hits) == list(range(1, PROGRAMS + 1))
        memory = memory_kb(server.process.pid)
        assert memory < 64 << 10, "%d kB for %d programs" % (memory, PROGRAMS)
        program.do("gone()")

        def ended():
            states = [entry["state"] for entry in page.ask(full=True)["programs"] if entry.get("parent") == family]
            return states and set(states) == {"closed"}

        poll(ended, "the end of all")
        print(memory, "kB")


def test_fifty_viewers_of_one_program(tmp_path):
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(Program(tmp_path))
        servers = [stack.enter_context(Server()) for _ in range(5)]
        pages = [stack.enter_context(WebSocket(server.port)) for server in servers for _ in range(10)]
        instance, file, _ = watch(pages[0], program)
        body = program.line_of("total += i")
        for round_ in range(1, 4):
            program.do("work(100)")
            for page in pages:
                lines = page.ask(instance, file, full=True)["program"]["lines"]
                assert triples(lines)[body] == 100 * round_
        assert dump(program.pid)["drops"] == {}


def test_five_hundred_pages(tmp_path):
    """64 are served, the others are told so, and who is served is served on."""
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(Program(tmp_path))
        server = stack.enter_context(Server())
        pages, refused = [], 0
        for number in range(500):
            try:
                pages.append(stack.enter_context(WebSocket(server.port)))
            except Refused as refusal:
                assert refusal.status == 503 and "64 open pages" in refusal.text, refusal
                refused += 1
            if number % 100 == 99:
                for page in pages:
                    assert page.ask(full=True)["v"] == 1
        assert (len(pages), refused) == (64, 436)
        instance, file, _ = watch(pages[-1], program)
        program.do("work(9)")
        assert triples(pages[0].ask(instance, file)["program"]["lines"])[program.line_of("total += i")] == 9
        assert server.request("/healthz")[0] == 200
        pages.pop().close()

        def another():
            with contextlib.suppress(Refused):
                return stack.enter_context(WebSocket(server.port))

        assert poll(another, "a place that is free again").ask()["v"] == 1
