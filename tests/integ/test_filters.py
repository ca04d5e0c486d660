"""Which files are traced: the original's exact meaning, case by case."""
import re

import pytest
from heartrate_shm import files

from oracle import dump
from programs import run

MARKED = [
    (b"# heartrate", True),
    (b"#heartrate", True),
    (b"x = 1  #  \t heartrate is traced\n", True),
    (b"#\nheartrate", True),
    (b"#\r\nheartrate", True),
    (b"#\x0c\x0bheartrate", True),
    (b"#\x1cheartrate", True),
    (b"#\xc2\xa0heartrate", True),  # no-break space
    (b"#\xe2\x80\xa8heartrate", True),  # line separator
    (b"#\xe2\x80\x8bheartrate", False),  # zero width space: no white space to Python
    (b"\xef\xbb\xbf# heartrate", True),
    (b"### heartrate", True),
    (b"s = '# heartrate'", True),
    (b"import heartrate_shm  #heartrate_shm", True),
    (b"heartrate heartrate # heartrate", True),
    (b"# heartrate", True),
    (b"# Heartrate", False),
    (b"# heart rate", False),
    (b"heartrate #", False),
    (b"# a heartrate", False),
    (b"# #", False),
    (b"import heartrate", False),
    (b"", False),
    (b"\xff # heartrate", False),  # not UTF-8: reading it raises
    (b"\0# heartrate", True),
]


@pytest.mark.parametrize("content,expected", MARKED)
def test_default_filter(content, expected, tmp_path):
    """As re.search(r'#\\s*heartrate', text), where an error of reading means no."""
    path = tmp_path / "file.py"
    path.write_bytes(content)
    assert asked(files.contains_regex(r"#\s*heartrate"), path) == expected
    assert asked(files.marked, path) == expected


def asked(accepts, path):
    try:
        return accepts(str(path))
    except Exception:
        return False


@pytest.mark.parametrize("pattern,expected", [
    ("two", True), ("^two", False), ("(?m)^two", True), (re.compile("TWO", re.I), True), ("one.two", False),
    (re.compile("one.two", re.S), True), ("", True), ("three", False)])
def test_contains_regex(pattern, expected, tmp_path):
    path = tmp_path / "file.py"
    path.write_text("one\ntwo\n")
    assert files.contains_regex(pattern)(str(path)) is expected


def test_contains_regex_raises_where_the_original_does(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.contains_regex("x")("<string>")
    with pytest.raises(OSError):
        files.contains_regex("x")(str(tmp_path))
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        files.contains_regex("x")(str(tmp_path / "bytes"))


@pytest.mark.parametrize("subs,expected", [
    ((), False), (("",), True), (("app",), True), (("lib",), False), (("lib", "x.py"), True), (("/APP/",), False)])
def test_path_contains(subs, expected):
    assert files.path_contains(*subs)("/home/app/x.py") is expected


def test_path_contains_raises_where_the_original_does():
    with pytest.raises(TypeError):
        files.path_contains(1)("/home/app/x.py")


def test_all():
    assert files.all("/x.py") is True and files.all("<string>") is True


MODULES = {"marked": "# heartrate\nvalue = 1\n", "plain": "value = 2\n", "chosen": "value = 3\n"}


@pytest.fixture
def modules(tmp_path):
    for name, text in MODULES.items():
        (tmp_path / (name + ".py")).write_text(text)
    return tmp_path


def traced(program, directory):
    """The names of the modules that were traced."""
    return {name for name in MODULES if program.hits(directory / (name + ".py"))}


@pytest.mark.parametrize("argument,expected", [
    ("", {"marked"}),
    ("heartrate_shm.files.all", set(MODULES)),
    ("files=heartrate_shm.files.path_contains('chosen', 'plain')", {"chosen", "plain"}),
    ("heartrate_shm.files.contains_regex('= [23]')", {"chosen", "plain"}),
    ("lambda path: 'nonempty' if 'plain' in path else []", {"plain"}),  # any true value
    ("lambda path: 'chosen' in path or 1 / 0", {"chosen"}),
    ("lambda path: False", set()),
])
def test_what_is_traced(argument, expected, modules):
    program = run(modules, f"""\
        import heartrate_shm
        heartrate_shm.trace({argument})
        import marked, plain, chosen
        """)
    assert traced(program, modules) == expected
    assert program.hits() == {3: 1}, "the calling file is always traced, from its next line on"
    assert program.stderr == ""


def test_a_filter_that_raises_is_told_once(modules):
    program = run(modules, """\
        import heartrate_shm
        heartrate_shm.trace(files=lambda path: 1 / 0)
        import marked, plain
        """)
    notes = [note for note in dump(program.pid)["notes"] if note["kind"] == "filter"]
    assert len(notes) == 1 and "ZeroDivisionError" in notes[0]["text"], notes
    assert (program.stdout, program.stderr) == ("", "")


def test_a_filter_is_asked_once_for_each_path(modules):
    program = run(modules, """\
        import heartrate_shm
        asked = []
        def accepts(path):
            asked.append(path)
            return "plain" in path
        heartrate_shm.trace(accepts)
        import marked, plain
        for _ in range(3):
            exec(compile("def f(): pass\\nf()", marked.__file__, "exec"))
        print(max(asked.count(path) for path in asked), any("program.py" in path for path in asked))
        """)
    assert program.stdout == "1 False\n"


def test_a_second_trace_adds_its_filter_and_its_file(modules):
    (modules / "second.py").write_text("import heartrate_shm\ndef go(files):\n    handle = heartrate_shm.trace(files)\n    return handle\n")
    program = run(modules, """\
        import heartrate_shm, second
        first = heartrate_shm.trace(heartrate_shm.files.path_contains("plain"))
        import plain, chosen
        again = second.go(heartrate_shm.files.path_contains("chosen"))
        print(again is first)
        exec(compile("value = 4", chosen.__file__, "exec"))
        exec(compile("value = 4", plain.__file__, "exec"))
        """)
    assert program.stdout == "True\n"
    assert program.hits(modules / "chosen.py") == {1: 1}
    assert program.hits(modules / "plain.py") == {1: 2}
    assert program.hits(modules / "second.py") == {4: 1}
    assert program.hits() == {3: 1, 4: 1, 5: 1, 6: 1, 7: 1}
