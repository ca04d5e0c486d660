"""The tree is the architecture: which way the includes point, who may include what, and how files begin and end.

    tracer → shared ← viewer,  viewer → web only as the built page's bytes
"""
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES_MAX = 600

TOP = set(
    """tracer viewer shared web tests docs debian CMakeLists.txt CMakePresets.json pyproject.toml dev README.md LICENSE SECURITY.md
    CHANGELOG.md .clang-format .clang-tidy .gitignore .ci""".split()
)
ROOMS_SEEN = {"shared": {"shared"}, "tracer": {"tracer", "shared"}, "viewer": {"viewer", "shared"}}

# Who alone may include a header of the system, of others, or one that the build makes.
OWNERS = {
    r"civetweb\.h": r"viewer/(server|http_\w+)\.c",
    r"Python\.h|frameobject\.h|structmember\.h|internal/.*": r"tracer/(?!segment[._]|twin\.).*|tests/bench/empty\.c",
    r"msgpack.*": r"viewer/.*|tests/.*",
    r"jansson\.h": r"viewer/.*|tests/.*",
    r"curses\.h|term\.h": r"viewer/screen\.c",
}

# Where the version stands.
VERSIONS = {
    "CMakeLists.txt": r"project\(heartrate_shm VERSION ([0-9.]+)",
    "debian/changelog": r"\Aheartrate-shm \(([0-9.]+)\)",
    "pyproject.toml": r'(?m)^version = "([0-9.]+)"',
    "tracer/heartrate_shm/__init__.py": r'(?m)^__version__ = "([0-9.]+)"',
}


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return sorted(name for name in listing.stdout.decode().split("\0") if name and os.path.exists(f"{ROOT}/{name}"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def includes(path):
    """(quoted, name) of every include."""
    return [(mark == '"', name) for mark, name in re.findall(r'^\s*#\s*include\s+(["<])([^">]+)[">]', read(path), re.M)]


def room(path):
    return path.split("/")[0]


C_FILES = tracked("*.c", "*.h")
HEADERS = {}
for header in tracked("*.h"):
    HEADERS.setdefault(os.path.basename(header), set()).add(room(header))


def test_the_top_level_is_the_agreed_one():
    assert {path.split("/")[0] for path in tracked()} - TOP == set()


def test_there_are_files_to_judge():
    assert {room(path) for path in C_FILES} >= {"shared", "tracer", "viewer"}


def test_one_version_everywhere():
    said = {path: re.search(pattern, read(path)).group(1) for path, pattern in VERSIONS.items()}
    assert len(set(said.values())) == 1, said


@pytest.mark.parametrize("path", [path for path in C_FILES if room(path) in ROOMS_SEEN])
def test_includes_point_one_way(path):
    for quoted, name in includes(path):
        rooms = HEADERS.get(os.path.basename(name), set())
        if quoted or name.startswith(("hr_", "hrt_", "hrv_")):
            assert rooms, f'{path} includes "{name}", which is no header of the tree'
            assert rooms & ROOMS_SEEN[room(path)], f'{path} includes "{name}" of {rooms}: {room(path)} must not know it'


@pytest.mark.parametrize("path", C_FILES)
def test_only_the_owner_includes_a_library(path):
    for _, name in includes(path):
        for pattern, owner in OWNERS.items():
            if re.fullmatch(pattern, name):
                assert re.fullmatch(owner, path), f"{path} includes <{name}>, which is for {owner}"


def test_the_judgement_can_fail(tmp_path):
    wrong = tmp_path / "wrong.c"
    wrong.write_text('#include <civetweb.h>\n# include "segment.h"\n')
    assert includes(str(wrong)) == [(False, "civetweb.h"), (True, "segment.h")]
    assert HEADERS["segment.h"] & ROOMS_SEEN["viewer"] == set()


@pytest.mark.parametrize("path", [path for path in C_FILES if path != "tracer/pycompat.h"])
def test_versions_of_the_interpreter_are_told_apart_in_one_file(path):
    assert not re.search(r"\bPY_(VERSION_HEX|MAJOR_VERSION|MINOR_VERSION)\b", read(path)), path


@pytest.mark.parametrize("path", tracked("*.c", "*.h", "*.ts", "*.mjs", "*.py", "dev", "*.sh"))
def test_files_are_short_or_say_why(path):
    lines = read(path).splitlines()
    if len(lines) > LINES_MAX:
        assert re.search(r"[Ll]onger than 600 lines:", "\n".join(lines[:40])), f"{path} has {len(lines)} lines"


@pytest.mark.parametrize("path", C_FILES)
def test_c_files_begin_with_their_name_and_subject(path):
    assert read(path).startswith(f"/* {os.path.basename(path)} — "), path
