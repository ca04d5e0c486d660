"""All threads at once: frame by frame the stacks that the interpreter has, and from 3.11 on the very expression that runs."""
import json
import sys

from oracle import dump
from oracle import poll
from programs import Program

# Each thread stands still deep in another kind of code. The last one answers "look" with what the interpreter says of
# the others: [file, function, line, end_line, col, end_col] for each frame.
PROGRAM = """\
    import json, os, sys, threading
    import heartrate_shm

    gate = threading.Lock()
    gate.acquire()

    class Waits:
        def __enter__(self): gate.acquire()
        def __exit__(self, *error): pass
        def __add__(self, other):
            return gate.acquire()
        def __getitem__(self, index): return [
            gate
            .acquire(
            )
            for _ in range(1)
        ]
        def __iter__(self):
            yield 1
            yield gate.acquire()

    def expression():
        größe = "äöü"; print("ß€𝄞" if not größe else größe, gate.acquire() or 1, file=None)

    def over_lines():
        return (
            1,
            expression(
            ),
        )

    def operator():
        x = [Waits()]; return 1, x[0] + 3

    def subscript():
        return dict(a=Waits(
            )["a", 1])

    def generator():
        ä = list((n for n in Waits()))

    def with_block():
        with Waits() as w, \\
                Waits():
            pass

    def nested():
        class Body:
            value = (lambda: [over_lines() for _ in (1,)])()

    def stops(function): gate.acquire()

    def decorated():
        @stops
        def f(): pass

    def recursive(n):
        return 1 + (recursive(n - 1) if n else gate.acquire())

    def positions(frame):
        code = frame.f_code
        place = [frame.f_lineno, None, None, None]
        if hasattr(code, "co_positions"):
            place = list(code.co_positions())[frame.f_lasti // 2]
        return [code.co_filename, getattr(code, "co_qualname", code.co_name), *place]

    def look(threads):
        frames = sys._current_frames()
        for thread in threads:
            stack = []
            frame = frames[thread.ident]
            while frame:
                stack.append(positions(frame))
                frame = frame.f_back
            yield thread.name, stack[::-1]

    def answer(threads):
        for _ in sys.stdin:
            print(json.dumps(dict(look(threads))), flush=True)
        os._exit(0)

    heartrate_shm.trace()
    kinds = [over_lines, operator, subscript, generator, with_block, nested, decorated]
    threads = [threading.Thread(target=kind, name=kind.__name__, daemon=True) for kind in kinds]
    threads.append(threading.Thread(target=recursive, name="recursive", args=(40,), daemon=True))
    for thread in threads:
        thread.start()
    looker = threading.Thread(target=answer, args=(threads + [threading.main_thread()],), name="looker", daemon=True)
    looker.start()
    looker.join()
    """


def frame_of(seen):
    return [seen.get(key) for key in ("file", "function", "line", "end_line", "col", "end_col")]


def test_stacks_say_what_the_interpreter_says(tmp_path):
    with Program(tmp_path, PROGRAM) as program:
        def both():
            program.child.stdin.write("look\n")
            program.child.stdin.flush()
            expected = json.loads(program.line())
            threads = {thread["name"]: [frame_of(frame) for frame in thread["frames"]]
                       for thread in dump(program.pid)["threads"] if not thread["task"]}
            if sys.version_info < (3, 11):
                for stack in (*threads.values(), *expected.values()):
                    for frame in stack:
                        frame[1] = frame[1].rpartition(".")[2]
            return expected, {name: threads.get(name) for name in expected}

        last = []

        def equal():
            last[:] = both()
            return last[0] == last[1]

        try:
            poll(equal, "the same stacks")
        except AssertionError:
            expected, seen = last
            assert seen == expected
            raise
        assert len(last[0]) == 9
        program.end()
