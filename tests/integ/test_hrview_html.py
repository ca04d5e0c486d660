"""hrview dump --format html: one file that loads and runs nothing and has every count."""
import html.parser
import re

import pytest

from viewer import Program, dump, hrview, poll

ODD = """# \N{SNOWMAN} </code><script>alert(1)</script>
import sys
import threading
import heartrate_shm
trace = heartrate_shm.trace({arguments})
def work(n):
    text = '''<b>&amp;
    if''' + "x"
    for i in range(n):  # a comment
        i += 0x1F
    return text
def never():
    return 1
def nap(event):
    return 1 + event.wait()
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
    print("done", flush=True)
"""


class Report(html.parser.HTMLParser):
    """What a reader sees: {file: {line: (count or None, text, bar's width or None)}}, and what a browser would load."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__()
        self.open, self.files, self.list, self.links, self.ids, self.classes = [], {}, {}, [], [], set()
        self.warnings, self.styles, self.policy, self.stacks = [], [], "", ""
        self.feed(text)
        self.close()
        assert self.open == [], "elements left open"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form")
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "data", "action")]
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        if "href" in attributes:
            self.links.append(attributes["href"])
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "div" and re.fullmatch(r"l( z)?", attributes.get("class", "")):
            self.line = {"count": "", "text": "", "cold": attributes["class"] == "l z", "bar": None}
            self.files[self.file][int(attributes["id"].split("-")[1])] = self.line
        if tag == "span" and self.open and self.open[-1] == "i":
            self.line["bar"] = attributes["style"]
        if "code" in self.open and tag == "span":
            self.classes.add(attributes["class"])
        if tag == "h2" and "id" in attributes:
            self.file = ""
        if tag == "p" and attributes.get("class") == "warn":
            self.warnings.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag
        if tag == "h2" and hasattr(self, "file"):
            self.files.setdefault(self.file, {})

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.styles.append(data)
        elif "code" in self.open:
            self.line["text"] += data
        elif self.open[-1:] == ["b"]:
            self.line["count"] += data
        elif self.open[-1:] == ["h2"] and hasattr(self, "file"):
            self.file += data
        elif self.open[-1:] == ["p"] and self.warnings:
            self.warnings[-1] += data
        elif "ul" in self.open:
            self.stacks += data


def report(program):
    code, out, err = hrview("dump", program.pid, "--format", "html")
    assert (code, err) == (0, "")
    return Report(out)


@pytest.fixture
def program(tmp_path):
    with Program(tmp_path, source=ODD) as program:
        program.do("work(1500)")
        line = str(program.line_of("for command in"))
        poll(lambda: dump(program.pid)["files"][0]["lines"].get(line) == 2, "the program to wait for its next command")
        yield program


def test_every_line_has_its_text_and_exact_count(program):
    found = report(program)
    lines = found.files[str(program.path)]
    assert [lines[number]["text"] for number in sorted(lines)] == program.path.read_text(encoding="utf-8").splitlines()
    hits = {number: int(line["count"].replace(",", "")) for number, line in lines.items() if line["count"]}
    (file,) = dump(program.pid)["files"]
    assert {number: count for number, count in hits.items() if count} == {int(n): hits for n, hits in file["lines"].items()}
    assert {number for number, line in lines.items() if line["cold"]} == {number for number in hits if hits[number] == 0}
    assert hits[program.line_of("return 1")] == 0 and lines[program.line_of("i += 0x1F")]["count"] == "1,500"
    assert lines[1]["count"] == ""  # cannot be hit
    assert lines[program.line_of("for i in")]["bar"] == "width:100%"
    assert all(bool(line["bar"]) == (hits.get(number, 0) > 0) for number, line in lines.items())
    assert found.classes == {"k", "s", "c", "m", "d"}
    assert found.warnings == []


def test_it_loads_nothing_and_links_within(program):
    found = report(program)
    assert found.policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert len(found.ids) == len(set(found.ids))
    assert found.links and all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert not re.search(r"url\(|@import|https?:", "".join(found.styles))


def test_stacks_lead_to_lines(program):
    program.do("threading.Thread(target=nap, args=[threading.Event()], name='<napper>', daemon=True).start()")
    line = program.line_of("event.wait()")
    poll(lambda: "nap %s:%d" % (program.path, line) in report(program).stacks, "the stack")
    assert "#f0-%d" % line in report(program).links


def test_source_that_changed_or_went_is_said_to_have(program):
    program.path.write_text("x = 1\n", encoding="utf-8")
    found = report(program)
    assert "has changed" in found.warnings[0]
    lines = found.files[str(program.path)]
    assert lines[1]["text"] == "x = 1" and max(lines) > 10  # counts beyond the text's end are there too
    program.path.unlink()
    found = report(program)
    assert "cannot be shown" in found.warnings[0] and str(program.path) in found.warnings[0]
    assert "1,500" in [line["count"] for line in found.files[str(program.path)].values()]


def test_text_cannot_turn_the_writing_direction(program):
    """CVE-2021-42574: what is read must be what runs."""
    program.path.write_text("x = '\u202e\u2066'  # \u2069 \u05d0\n", encoding="utf-8")
    assert report(program).files[str(program.path)][1]["text"] == "x = '\ufffd\ufffd'  # \ufffd \u05d0"
