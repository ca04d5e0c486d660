"""What hrview gives to other tools: each format, read by the tool it is for; --output and --watch."""
import os
import resource
import shutil
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from viewer import DEADLINE_S, HRVIEW, Program, dump, hrview, poll

BUSY = """
import sys
import heartrate_shm
trace = heartrate_shm.trace({arguments})
def never():
    '''No line of code.'''
    if sys:
        return 1
class Work:
    def work(self, n):
        total = 0
        for i in range(n):
            total += i
        return total
work = Work().work
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
    print("done", flush=True)
"""


def rest(program):
    """Until the program waits for its second command: from then on nothing changes."""
    poll(lambda: counts(program).get(program.line_of("for command in")) == 2, "the program to wait for a command")


@pytest.fixture
def program(tmp_path):
    with Program(tmp_path, source=BUSY) as program:
        program.do("work(1000)")
        rest(program)
        yield program


def exported(program, name):
    code, out, err = hrview("dump", program.pid, "--format", name)
    assert (code, err) == (0, "")
    return out


def counts(program):
    """{line: hits} of the lines that were hit, as JSON has it: what every other format is held against."""
    (file,) = dump(program.pid)["files"]
    return {int(line): hits for line, hits in file["lines"].items()}


def with_misses(program):
    """The same with a 0 for each line that can be hit and was not."""
    misses = [program.line_of(text) for text in ("import sys", "import heartrate_shm", "trace =", "if sys:", "return 1")]
    return {**counts(program), **dict.fromkeys(misses, 0)}


# ---- lcov ----------------------------------------------------------------------------------------------------------


def lcov_files(text):
    """{path: {line: hits}}, with each record's own sums checked."""
    files = {}
    for record in text.split("end_of_record\n"):
        fields = [line.split(":", 1) for line in record.splitlines()]
        if fields:
            (path,) = [value for key, value in fields if key == "SF"]
            lines = [tuple(map(int, value.split(","))) for key, value in fields if key == "DA"]
            assert lines == sorted(set(lines))
            assert [int(value) for key, value in fields if key == "LF"] == [len(lines)]
            assert [int(value) for key, value in fields if key == "LH"] == [sum(hits > 0 for _, hits in lines)]
            files[path] = dict(lines)
    return files


def test_lcov_has_every_line_that_can_be_hit(program):
    assert lcov_files(exported(program, "lcov")) == {str(program.path): with_misses(program)}


@pytest.mark.skipif(not shutil.which("genhtml"), reason="there is no genhtml (Debian: lcov)")
def test_genhtml_accepts_lcov(program, tmp_path):
    code, out, err = hrview("dump", program.pid, "--format", "lcov", "--output", tmp_path / "lcov.info")
    assert (code, out, err) == (0, "", "")
    done = subprocess.run(["genhtml", "lcov.info", "--output-directory", "report"], cwd=tmp_path, universal_newlines=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0 and "WARNING" not in done.stdout.upper(), done.stdout
    hit, total = len(counts(program)), len(with_misses(program))
    assert "(%d of %d " % (hit, total) in done.stdout, done.stdout


# ---- cobertura -----------------------------------------------------------------------------------------------------

# The structure of Cobertura's coverage-04.dtd.
COBERTURA = """
<!ELEMENT coverage (sources?, packages)>
<!ATTLIST coverage line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED lines-covered CDATA #REQUIRED
  lines-valid CDATA #REQUIRED branches-covered CDATA #REQUIRED branches-valid CDATA #REQUIRED
  complexity CDATA #REQUIRED version CDATA #REQUIRED timestamp CDATA #REQUIRED>
<!ELEMENT sources (source*)>
<!ELEMENT source (#PCDATA)>
<!ELEMENT packages (package*)>
<!ELEMENT package (classes)>
<!ATTLIST package name CDATA #REQUIRED line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED complexity CDATA #REQUIRED>
<!ELEMENT classes (class*)>
<!ELEMENT class (methods, lines)>
<!ATTLIST class name CDATA #REQUIRED filename CDATA #REQUIRED line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED
  complexity CDATA #REQUIRED>
<!ELEMENT methods (method*)>
<!ELEMENT method (lines)>
<!ATTLIST method name CDATA #REQUIRED signature CDATA #REQUIRED line-rate CDATA #REQUIRED branch-rate CDATA #REQUIRED
  complexity CDATA #REQUIRED>
<!ELEMENT lines (line*)>
<!ELEMENT line (conditions*)>
<!ATTLIST line number CDATA #REQUIRED hits CDATA #REQUIRED branch CDATA "false" condition-coverage CDATA "100%">
<!ELEMENT conditions (condition*)>
<!ELEMENT condition EMPTY>
<!ATTLIST condition number CDATA #REQUIRED type CDATA #REQUIRED coverage CDATA #REQUIRED>
"""


def test_cobertura_has_real_hits_and_true_rates(program):
    root = xml.etree.ElementTree.fromstring(exported(program, "cobertura"))
    (found,) = root.iter("class")
    lines = {int(line.get("number")): int(line.get("hits")) for line in found.iter("line")}
    expected = with_misses(program)
    assert lines == expected
    assert os.path.join(root.findtext("sources/source"), found.get("filename")) == str(program.path)
    hit = len(counts(program))
    assert (int(root.get("lines-covered")), int(root.get("lines-valid"))) == (hit, len(expected))
    for element in (root, root.find("packages/package"), found):
        assert float(element.get("line-rate")) == pytest.approx(hit / len(expected), abs=1e-5)


@pytest.mark.skipif(not shutil.which("xmllint"), reason="there is no xmllint (Debian: libxml2-utils)")
def test_cobertura_is_valid(program, tmp_path):
    (tmp_path / "coverage.dtd").write_text(COBERTURA)
    (tmp_path / "coverage.xml").write_text(exported(program, "cobertura"))
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--dtdvalid", "coverage.dtd", "coverage.xml"], cwd=tmp_path,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout.decode()


def test_names_that_xml_must_escape(tmp_path):
    folder = tmp_path / "a&b<c>'\" \N{SNOWMAN}"
    folder.mkdir()
    with Program(folder, source=BUSY) as program:
        (found,) = xml.etree.ElementTree.fromstring(exported(program, "cobertura")).iter("class")
        assert found.get("filename") in (str(program.path), os.path.relpath(str(program.path)))


def test_code_without_a_file_is_left_out(tmp_path):
    with Program(tmp_path, source=BUSY, arguments="files=heartrate_shm.files.all") as program:
        program.do("exec(compile('x = 1', '<made up>', 'exec'))")
        assert "<made up>" in [file["path"] for file in dump(program.pid)["files"]]
        assert "made up" not in exported(program, "lcov") and "made up" not in exported(program, "cobertura")


# ---- --output ------------------------------------------------------------------------------------------------------


def test_output_is_what_would_be_printed(program, tmp_path):
    target = tmp_path / "out"
    for name in ("json", "lcov", "cobertura", "html"):

        def same():
            assert hrview("dump", program.pid, "--format", name, "--output", target) == (0, "", "")
            return target.read_text() == exported(program, name)

        poll(same, "the program to stand still between the two")


def test_output_keeps_mode_and_link(program, tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("before")
    real.chmod(0o640)
    link.symlink_to(real)
    assert hrview("dump", program.pid, "--output", link)[0] == 0
    assert link.is_symlink() and real.stat().st_mode & 0o777 == 0o640 and str(program.path) in real.read_text()


@pytest.mark.parametrize("option", ["--output", "--watch"])
def test_file_that_cannot_be_written_is_told(program, tmp_path, option):
    for bad, expected in ((tmp_path / "no" / "such", "No such file"), (tmp_path, "not a regular file"),
                          ("/dev/null", "not a regular file")):
        code, out, err = hrview("dump", program.pid, option, bad)
        assert (code, out) == (1, "") and str(bad) in err and expected in err and err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == [program.path]


def test_full_disk_leaves_what_was_there(program, tmp_path):
    """A limit on the size of files stands for the disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))

    target = tmp_path / "lcov.info"
    target.write_text("before")
    done = subprocess.run([HRVIEW, "dump", str(program.pid), "--output", str(target)], preexec_fn=limit,
                          restore_signals=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE_S)
    assert done.returncode == 1 and b"too large" in done.stderr, done
    assert target.read_text() == "before" and sorted(tmp_path.iterdir()) == sorted([program.path, target])


# ---- --watch -------------------------------------------------------------------------------------------------------


class Watch:
    """`hrview dump --watch FILE`, and FILE as lcov."""

    def __init__(self, program, target):
        self.target = target
        self.process = subprocess.Popen([HRVIEW, "dump", str(program.pid), "--format", "lcov", "--watch", str(target)],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def hits(self, line):
        """Of the only file; every look must find a whole one."""
        if not self.target.exists():
            return None
        (lines,) = lcov_files(self.target.read_text()).values()
        return lines[line]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_watched_file_follows_the_program_to_its_end(program, tmp_path):
    line = program.line_of("total += i")
    with Watch(program, tmp_path / "lcov.info") as watch:
        poll(lambda: watch.hits(line) == 1000, "the first counts")
        program.do("work(500)")
        poll(lambda: watch.hits(line) == 1500, "the next counts")
        program.do("work(7)")
        program.end()
        assert watch.process.wait(DEADLINE_S) == 0 and watch.process.stdout.read() == b""
        assert watch.hits(line) == 1507
    assert sorted(tmp_path.iterdir()) == sorted([program.path, watch.target])


def test_watched_file_is_left_alone_while_nothing_changes(program, tmp_path):
    line = program.line_of("total += i")
    with Watch(program, tmp_path / "lcov.info") as watch:
        poll(lambda: watch.hits(line) == 1000, "the first counts")
        poll(lambda: watch.target.read_text() == exported(program, "lcov"), "the program to wait")
        before = watch.target.stat()
        watch.process.send_signal(signal.SIGTERM)  # makes one more round
        assert watch.process.wait(DEADLINE_S) == 0
        after = watch.target.stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_ends_on_a_signal_with_the_counts_of_that_moment(program, tmp_path, number):
    line = program.line_of("total += i")
    with Watch(program, tmp_path / "lcov.info") as watch:
        poll(lambda: watch.hits(line) == 1000, "the first counts")
        program.do("work(10)")
        watch.process.send_signal(number)
        assert watch.process.wait(DEADLINE_S) == 0 and watch.hits(line) == 1010


def test_watch_of_a_killed_program_ends_with_its_last_counts(program, tmp_path):
    with Watch(program, tmp_path / "lcov.info") as watch:
        line = program.line_of("total += i")
        poll(lambda: watch.hits(line) == 1000, "the first counts")
        program.do("work(5)")
        program.kill()
        assert watch.process.wait(DEADLINE_S) == 0 and watch.hits(line) == 1005


# ---- wrong command lines -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--format", "xml"], ["--output", "a", "--watch", "b"], ["--watch"]], ids=" ".join)
def test_wrong_dump_options_are_told(args):
    code, out, err = hrview("dump", "1", *args)
    assert (code, out) == (2, "") and err.startswith("hrview dump: ") and "--help" in err
