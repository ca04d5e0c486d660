"""docs/segment.md and the reader made from it: they agree with the C header, and with `hrview dump`."""
import re
import subprocess
import sys

import pytest

import oracle
from programs import run
from viewer import Program, segments_of

DOCUMENT = (oracle.ROOT / "docs" / "segment.md").read_text("utf-8")
LAYOUT = (oracle.ROOT / "shared" / "hr_layout.h").read_text("utf-8")
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i64": 8}
STRUCTS = re.findall(r"^## ([a-z ]+?)(?:, at [^\n]*)? \((\d+) bytes\)$(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)


@pytest.mark.parametrize("name, size, text", STRUCTS, ids=[name for name, _, _ in STRUCTS])
def test_every_struct_of_the_document_is_the_header_s(name, size, text):
    (asserted,) = re.findall(r"sizeof\(struct hr_%s\) == (\d+)" % name.replace(" ", "_"), LAYOUT)
    assert asserted == size
    (body,) = re.findall(r"^struct hr_%s \{\n(.*?)^\};" % name.replace(" ", "_"), LAYOUT, re.M | re.S)
    fields = re.findall(r"^\s*[\w ]+?(\w+)(?:\[.*\])*;", re.sub(r"/\*.*?\*/", "", body, flags=re.S), re.M)
    at = 0
    rows = re.findall(r"^\| (\d+) \| (\w+?)(?:x(\d+))? \| (\w+) \|", text, re.M)
    assert [row[3] for row in rows] == fields
    for offset, type_, times, field in rows:
        assert int(offset) == at, field
        at += SIZES[type_] * int(times or 1)
    assert at == int(size)


def test_the_document_has_every_struct_that_lies_in_a_segment():
    structs = set(re.findall(r"^struct hr_(\w+) \{", LAYOUT, re.M)) - {"str"}
    assert structs == {name.replace(" ", "_") for name, _, _ in STRUCTS}


def read_with(*words):
    return subprocess.run([sys.executable, "-m", "heartrate_shm.reader", *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, env=oracle.environment(), timeout=60)


def counted_by_reader(path):
    """[(path, line, hits)] of all lines that were hit."""
    done = read_with(path, 10 ** 6)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ *(\d+)  (.*):(\d+)$", done.stdout, re.M)
    assert [int(row[0]) for row in rows] == sorted((int(row[0]) for row in rows), reverse=True)
    return sorted((path, int(line), int(hits)) for hits, path, line in rows)


def test_reader_agrees_with_dump(tmp_path):
    with Program(tmp_path, "files=heartrate_shm.files.all") as program:
        program.do("work(4711); import json; json.loads(json.dumps({'a': [1, 2, 3]}))")
        (segment,) = segments_of(program.pid)
        assert counted_by_reader(segment) == sorted(oracle.counts_of(program.pid)) != []
        assert "4711  %s:%d\n" % (program.path, program.line_of("total += i")) in read_with(program.pid).stdout
        program.end()
        assert counted_by_reader(segment) == sorted(oracle.counts_of(program.pid)) != []


def test_reader_says_what_is_wrong(tmp_path):
    assert "no_such_file" in read_with("no_such_file").stderr
    assert "is not traced" in read_with(1).stderr
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    text = tmp_path / "text"
    text.write_bytes(b"no segment" * 1000)
    for path, words in (empty, "too short"), (text, "not a segment"):
        done = read_with(path)
        assert (done.returncode, done.stdout) == (1, "") and words in done.stderr
    assert read_with().returncode == 2 and "PID|FILE" in read_with("--help").stdout


HAMMER = """
import random, sys
from heartrate_shm import reader
whole = open(sys.argv[1], "rb").read(int(sys.argv[2]))
rng = random.Random(4711)
outcomes = {"read": 0, "refused": 0}
for turn in range(300):
    broken = bytearray(whole)
    for _ in range(rng.choice([1, 2, 8])):
        at = rng.randrange(1024) if turn % 2 else rng.randrange(len(broken))
        broken[at] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
    with open(sys.argv[3], "wb") as file:
        file.write(broken[:rng.choice([len(broken), rng.randrange(len(broken))])])
    try:
        with reader.Segment(sys.argv[3]) as segment:
            segment.hits()
        outcomes["read"] += 1
    except reader.Corrupt:
        outcomes["refused"] += 1
print(outcomes)
assert min(outcomes.values()) > 0
"""


def test_reader_refuses_damaged_segments_in_its_own_words(tmp_path):
    with Program(tmp_path, "size=1 << 20") as program:
        program.do("work(5)")
        (segment,) = segments_of(program.pid)
        done = subprocess.run([sys.executable, "-c", HAMMER, str(segment), str(1 << 20), str(tmp_path / "broken")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, env=oracle.environment())
        assert done.returncode == 0, done.stdout


def test_a_function_s_first_line_is_its_own_only_with_its_body_there(tmp_path):
    """What was imported before trace() is known by its functions alone: their first line cannot be hit any more."""
    (tmp_path / "before.py").write_text("def f(x,\n      y=2):\n    return x\n\ndef g(): return 1\n\n"
                                        "def h():\n    yield 1\n\nclass C:\n    def m(self):\n        pass\n")
    done = run(tmp_path, """\
        import before, heartrate_shm
        from heartrate_shm.reader import Segment
        handle = heartrate_shm.trace(lambda path: path.endswith("before.py"))
        before.f(1), before.g(), list(before.h())
        with Segment("/dev/shm/" + handle.segment) as segment:
            print({path[-9:]: lines for path, lines in segment.hits().items()}["before.py"])
        """)
    assert done.stdout == "{3: 1, 5: 1, 8: 1}\n"
