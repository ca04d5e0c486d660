"""Source text of all kinds of files and of code that is no file, and a segment that does not grow for ever."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import pytest

import oracle
from live import Program

TEXT = "def f(x):\n    return x\n\nf(1)\nf('é✓')\n"


class Viewer:
    def __enter__(self):
        self.child = subprocess.Popen([str(oracle.HRVIEW), "--port", "0"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, universal_newlines=True)
        self.address = re.search(r"http://\S+:\d+", self.child.stdout.readline()).group()
        return self

    def __exit__(self, *exc_info):
        self.child.kill()
        self.child.communicate()

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            return answer.read().decode("utf-8")

    def sources(self, pid):
        """Texts of all files of a program."""
        program, = [one for one in json.loads(self.get("/api/programs"))["programs"] if one["pid"] == pid]
        found, missing, index = [], 0, 0
        while missing < 400:  # files that are known from stacks only have no text to give
            try:
                found.append(self.get("/api/source?program=%s&file=%d" % (program["id"], index)))
            except urllib.error.HTTPError as error:
                assert error.code == 404
                missing += 1
            index += 1
        return found


def lines_of(dump, path):
    file, = [file for file in dump["files"] if file["path"] == path]
    return {int(line): hits for line, hits in file["lines"].items()}


COUNTS = {1: 1, 2: 2, 4: 1, 5: 1}

WAYS = {
    "a cell in linecache": ("""
import linecache
linecache.cache["<cell 1>"] = (len(text), None, text.splitlines(True), "<cell 1>")
heartrate_shm.trace(lambda path: path == "<cell 1>")
exec(compile(text, "<cell 1>", "exec"), {})
""", "<cell 1>"),
    "a member of a zip file": ("""
import zipfile
with zipfile.ZipFile("packed.zip", "w") as packed:
    packed.writestr("member.py", text)
sys.path.insert(0, os.path.abspath("packed.zip"))
heartrate_shm.trace(lambda path: path.endswith("member.py"))
import member
""", "$CWD/packed.zip/member.py"),
    "a member of a zip file in Latin-1": ("""
import zipfile
text = "# coding: latin-1\\n" + text.replace("✓", "")
with zipfile.ZipFile("packed.zip", "w") as packed:
    packed.writestr("member.py", text.encode("latin-1"))
sys.path.insert(0, os.path.abspath("packed.zip"))
sys.dont_write_bytecode = True
heartrate_shm.trace(lambda path: path.endswith("member.py"))
import member
""", "$CWD/packed.zip/member.py"),
}


BODY = "a = 1\nfor i in range(2):\n    pass\n\x0cb = 'TEXT'\n"
FILES = {
    b"coding.py": b"# coding: latin-1\n" + BODY.replace("TEXT", "é1").encode("latin-1"),
    b"bom.py": b"\xef\xbb\xbf#\n" + BODY.replace("TEXT", "é2").encode(),
    b"crlf.py": b"#\r\n" + BODY.replace("\n", "\r\n").replace("TEXT", "é3").encode(),
    b"not utf-8 \xe9.py": b"#\n" + BODY.replace("TEXT", "é4").encode(),
}
TEXTS = ["é1", "é2", "é3", "é4"]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_text_of_what_is_no_file_travels_in_the_segment(tmp_path, way):
    text, path = WAYS[way]
    with Program(tmp_path, "text = %r\n%s\nready(text=text)\nwait()\n" % (TEXT, text)) as program, Viewer() as viewer:
        facts = program.facts()
        shift = facts["text"].index("def f") and 1
        got = lines_of(program.dump(), path.replace("$CWD", str(tmp_path)))
        assert got == {line + shift: hits for line, hits in COUNTS.items()}
        assert facts["text"] in viewer.sources(program.child.pid)


def test_text_of_files_in_all_encodings_and_places(tmp_path):
    """Line n of what is shown is line n of what ran: PEP 263, BOM, CRLF, form feeds, odd and relative names."""
    for name, content in FILES.items():
        (tmp_path / os.fsdecode(name)).write_bytes(content)
    with Program(tmp_path, """
heartrate_shm.trace(heartrate_shm.files.all)
os.mkdir("elsewhere")
for name in %r:
    with open(name, "rb") as file:
        code = compile(file.read(), os.fsdecode(name), "exec")
    os.chdir("elsewhere")
    exec(code, {})
    os.chdir("..")
ready()
wait()
""" % sorted(FILES)) as program, Viewer() as viewer:
        program.facts()
        dump = program.dump()
        for name, content in FILES.items():
            got = lines_of(dump, str(tmp_path / name.decode("utf-8", "replace")))
            assert {line: hits for line, hits in got.items() if hits} == {2: 1, 3: 3, 4: 2, 5: 1}, name
        sources = viewer.sources(program.child.pid)
        for text in TEXTS:
            assert [source.count(text) for source in sources].count(1) == 1, text


def test_doctest(tmp_path):
    with Program(tmp_path, """
import doctest
def double(x):
    '''
    >>> for i in range(3):
    ...     y = double(i)
    >>> y
    4
    '''
    return 2 * x
heartrate_shm.trace(lambda path: path.startswith("<doctest"))
test, = doctest.DocTestFinder().find(double)
results = doctest.DocTestRunner().run(test)
ready(attempted=results.attempted, failed=results.failed)
wait()
""") as program, Viewer() as viewer:
        assert program.facts() == {"attempted": 2, "failed": 0}
        assert lines_of(program.dump(), "<doctest double[0]>") == {1: 4, 2: 3}
        assert "for i in range(3):\n    y = double(i)\n" in viewer.sources(program.child.pid)


def test_notebook_cell(tmp_path):
    pytest.importorskip("IPython")
    with Program(tmp_path, """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
heartrate_shm.trace(lambda path: "ipython-input" in path)
shell.run_cell("total = 0\\nfor i in range(4):\\n    total += i\\n")
import linecache
ready(names=[name for name in linecache.cache if "ipython-input" in name])
wait()
""", env={"HOME": str(tmp_path)}) as program, Viewer() as viewer:
        names = program.facts()["names"]
        assert lines_of(program.dump(), names[0]) == {1: 1, 2: 5, 3: 4}
        assert "total = 0\nfor i in range(4):\n    total += i\n" in viewer.sources(program.child.pid)


def test_frozen_modules_show_the_librarys_text(tmp_path):
    with Program(tmp_path, """
import importlib._bootstrap_external as frozen
heartrate_shm.trace(lambda path: path.startswith("<frozen"))
import colorsys
ready(path=frozen._path_join.__code__.co_filename)
wait()
""") as program, Viewer() as viewer:
        path = program.facts()["path"]
        assert sum(lines_of(program.dump(), path).values()) > 0
        assert any("class SourceFileLoader" in text for text in viewer.sources(program.child.pid))


def test_other_code_is_not_given_its_modules_text(tmp_path):
    with Program(tmp_path, """
heartrate_shm.trace(lambda path: path == "made up.py")
exec(compile("x = 1\\n", "made up.py", "exec"), globals())
ready()
wait()
""") as program, Viewer() as viewer:
        program.facts()
        assert lines_of(program.dump(), "made up.py") == {1: 1}
        own = program.path.read_text("utf-8")
        assert [text for text in viewer.sources(program.child.pid) if text == own] == [own]  # the program's file


LOOPS = """
import struct
def used():
    with open("/dev/shm/" + heartrate_shm._tracer.segment(), "rb") as segment:
        return struct.unpack_from("<16Q", segment.read(4096), 1024 + 128)
heartrate_shm.trace(lambda path: path.startswith("<"), size=1 << 20)
def turn(n):
    %s
for n in range(2000):  # by then what is hot has the slots of its twin
    turn(n)
before = used()[:5]
for n in range(%d):
    turn(n)
ready(before=before, after=used()[:5])
wait()
"""


def test_the_same_text_again_does_not_grow_the_segment(tmp_path):
    with Program(tmp_path, LOOPS % ('exec("x = 1\\ny = [i for i in range(3)]\\n", {})', 50000)) as program:
        facts = program.facts()
        # The sampler may meanwhile meet a function in a stack for the first time, at most this many.
        assert facts["after"][3:] == facts["before"][3:]
        assert facts["after"][2] - facts["before"][2] <= 4
        assert lines_of(program.dump(), "<string>")[1] == 52000
        assert program.dump()["drops"] == {}
        assert program.end() == (0, "", "")


@pytest.mark.parametrize("what, turn, drop", [
    ("texts", 'exec("\\n" * (n % 3000) + "x = 1\\nz = 2\\n" * (n % 7), {})', "codes"),
    ("names", 'exec(compile("x = 1\\n", "<cell %d>" % n, "exec"), {})', "files"),
])
def test_ever_new_code_fills_the_segment_and_is_told_once(tmp_path, what, turn, drop):
    with Program(tmp_path, LOOPS.replace("%s", "@").replace("%d)", "20000)").replace("@", turn)) as program:
        program.facts()
        dump = program.dump()
        assert dump["drops"][drop] > 1000
        # Texts for code that is not there would be waste.
        assert set(dump["drops"]) <= {drop, "frames"}
        code, _, err = program.end()
        assert code == 0
        assert err.count("\n") == 1 and "is full" in err
