"""hrview's profiles of the stacks seen: pprof's and speedscope's formats, read as those tools read them."""
import gzip
import json
import shutil
import signal
import subprocess

import pytest

from viewer import DEADLINE_S, HRVIEW, Program, ROOT, dump, hrview, poll

BUSY = """
import sys
import threading
import heartrate_shm
trace = heartrate_shm.trace()
def spin():
    while True:
        sum(range(1000))
def napper(event):
    def nap():
        event.wait()
    nap()
def deep(n):
    return deep(n - 1) if n else threading.Event().wait()
event = threading.Event()
for start in (lambda: napper(event), spin):
    threading.Thread(target=start, daemon=True, name=start.__name__ + " <&> \N{SNOWMAN}").start()
print("ready", flush=True)
for command in sys.stdin:
    exec(command)
    print("done", flush=True)
"""


@pytest.fixture
def program(tmp_path):
    with Program(tmp_path, source=BUSY) as program:

        def settled():
            stacks = {thread["name"]: [frame["function"] for frame in thread["frames"]] for thread in dump(program.pid)["threads"]}
            return len(stacks) == 3 and stacks.get("MainThread") == ["<module>"]  # no longer waiting for a thread's start

        poll(settled, "the threads' stacks")
        yield program


# ---- pprof ---------------------------------------------------------------------------------------------------------


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """[(number, value)] of a protocol buffer's message: numbers, and bytes of what has a length."""
    found, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        assert tag & 7 in (0, 2), "a kind that profile.proto has no use for here"
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((tag >> 3, value))
    assert at == len(data)
    return found


def message(data, **names):
    """{name: value, or a list of values where the name ends in s} by `names`: name=number."""
    found = {name: [] if name.endswith("s") else None for name in names}
    by_number = {number: name for name, number in names.items()}
    for number, value in fields(data):
        name = by_number[number]
        found[name] = found[name] + [value] if name.endswith("s") else value
    return found


def packed(data):
    values, at = [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


class Profile:
    """profile.proto, with every reference in it followed."""

    def __init__(self, data):
        raw = message(gzip.decompress(data), types=1, samples=2, mappings=3, locations=4, functions=5, strings=6, time=9,
                      duration=10, period_type=11, period=12)
        text = [string.decode() for string in raw["strings"]]
        assert text[0] == ""
        self.types = [tuple(text[index] for _, index in fields(kind)) for kind in raw["types"]]
        functions = [message(data, id=1, name=2, file=4, first=5) for data in raw["functions"]]
        named = {function["id"]: (text[function["name"]], text[function["file"]]) for function in functions}
        places = {}
        for data in raw["locations"]:
            place = message(data, id=1, mapping=2, line=4)
            line = message(place["line"], function=1, line=2)
            assert place["id"] not in places and place["mapping"] == 1
            places[place["id"]] = (*named[line["function"]], line["line"])
        assert len(named) == len(functions) and 0 not in named and 0 not in places and len(raw["mappings"]) == 1
        self.samples = []  # (stack of (function, file, line), innermost first; values; labels)
        for data in raw["samples"]:
            sample = message(data, places=1, values=2, labels=3)
            labels = {}
            for label in sample["labels"]:
                (_, key), (kind, value) = fields(label)
                labels[text[key]] = text[value] if kind == 2 else value
            (path,), (values,) = sample["places"], sample["values"]
            assert len(packed(values)) == len(self.types)
            self.samples.append(([places[index] for index in packed(path)], packed(values), labels))


def test_pprof_has_the_stacks_of_every_thread(program, tmp_path):
    code, out, err = hrview("dump", program.pid, "--format", "pprof", "--seconds", 1, "--output", tmp_path / "p.pb.gz")
    assert (code, out, err) == (0, "", "")
    profile = Profile((tmp_path / "p.pb.gz").read_bytes())
    assert profile.types == [("samples", "count"), ("wall", "nanoseconds")]
    threads = {labels["thread"] for _, _, labels in profile.samples}
    assert threads == {"MainThread", "<lambda> <&> \N{SNOWMAN}", "spin <&> \N{SNOWMAN}"}
    line = program.line_of("event.wait()")
    for stack, (looks, _), labels in profile.samples:
        assert looks > 0 and labels["state"] in ("running", "sleeping", "unknown")
        functions = [function.rsplit(".", 1)[-1] for function, _, _ in stack]
        if labels["thread"].startswith("spin"):
            assert functions[0] == "spin"
        if labels["thread"].startswith("<lambda>"):
            assert functions.index("nap") < functions.index("napper") < functions.index("<lambda>")
            assert [at for name, path, at in stack if path == str(program.path)][0] == line
        if labels["thread"] == "MainThread":
            assert functions == ["<module>"]
    assert sum(values[1] for _, values, _ in profile.samples) > 0


@pytest.mark.skipif(not shutil.which("go"), reason="there is no go")
def test_go_tool_pprof_accepts_it(program, tmp_path):
    assert hrview("dump", program.pid, "--format", "pprof", "--seconds", 1, "--output", tmp_path / "p.pb.gz")[0] == 0
    done = subprocess.run(["go", "tool", "pprof", "-top", "-cum", "-lines", "-tagfocus", "MainThread", "p.pb.gz"],
                          cwd=str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          timeout=400)  # go may have to build it first
    assert done.returncode == 0, done.stdout
    assert "Type: wall" in done.stdout and "<module> %s:" % program.path in done.stdout and "nap" not in done.stdout


def test_profile_of_an_ended_program_is_one_look(program, tmp_path):
    program.kill()
    code, out, err = hrview("dump", program.pid, "--format", "pprof", "--output", tmp_path / "p.pb.gz")
    assert (code, out, err) == (0, "", "")
    profile = Profile((tmp_path / "p.pb.gz").read_bytes())
    assert profile.types == [("samples", "count")]  # nothing is known of time
    assert [values for _, values, _ in profile.samples] == [[1]] * 3


def test_deep_stack_says_where_frames_were_left_out(program, tmp_path):
    program.do("import threading; threading.Thread(target=deep, args=[700], daemon=True, name='diver').start()")
    poll(lambda: any(row["name"] == "diver" and row["depth"] > 700 for row in dump(program.pid)["threads"]), "the stack")
    program.kill()
    assert hrview("dump", program.pid, "--format", "pprof", "--output", tmp_path / "p.pb.gz")[0] == 0
    (stack,) = [stack for stack, _, labels in Profile((tmp_path / "p.pb.gz").read_bytes()).samples
                if labels["thread"] == "diver"]
    names = [name for name, _, _ in stack]
    at = names.index("(frames left out)")
    assert names[at - 1] == names[at + 1] == "deep" and names.count("(frames left out)") == 1


# ---- speedscope ----------------------------------------------------------------------------------------------------

SCHEMA = ROOT / "web" / "node_modules" / "speedscope" / "dist" / "release" / "file-format-schema.json"
KINDS = {"object": dict, "array": list, "string": str, "number": (int, float)}


def check(value, schema, root, where="$"):
    """JSON Schema, the keywords that this schema has."""
    assert set(schema) <= {"$schema", "$ref", "definitions", "title", "type", "const", "enum", "anyOf", "properties",
                           "required", "items"}, schema
    if "$ref" in schema:
        check(value, root["definitions"][schema["$ref"].rsplit("/", 1)[-1]], root, where)
    if "type" in schema:
        assert isinstance(value, KINDS[schema["type"]]), where
    assert "const" not in schema or value == schema["const"], where
    assert "enum" not in schema or value in schema["enum"], where
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            try:
                check(value, choice, root, where)
                break
            except AssertionError:
                pass
        else:
            raise AssertionError("none of the choices at " + where)
    for name in schema.get("required", []):
        assert name in value, where + "." + name
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            check(value[name], inner, root, where + "." + name)
    for index, item in enumerate(value if "items" in schema else []):
        check(item, schema["items"], root, "%s[%d]" % (where, index))


def speedscope(text):
    profile = json.loads(text)
    with open(str(SCHEMA)) as file:
        schema = json.load(file)
    check(profile, schema, schema)
    with pytest.raises(AssertionError):
        check({**profile, "profiles": [{"type": "sampled"}]}, schema, schema)
    return profile


def test_speedscope_is_valid_and_in_order(program):
    code, out, err = hrview("dump", program.pid, "--format", "speedscope", "--seconds", 1)
    assert (code, err) == (0, "")
    profile = speedscope(out)
    frames = profile["shared"]["frames"]
    assert len({(frame["name"], frame.get("file"), frame.get("line")) for frame in frames}) == len(frames)
    threads = {thread["name"]: thread for thread in profile["profiles"]}
    assert set(threads) == {"MainThread", "<lambda> <&> \N{SNOWMAN}", "spin <&> \N{SNOWMAN}"}
    for thread in threads.values():
        assert thread["unit"] == "milliseconds" and len(thread["samples"]) == len(thread["weights"])
        assert thread["endValue"] == sum(thread["weights"]) and all(weight > 0 for weight in thread["weights"])
        assert all(0 <= index < len(frames) for sample in thread["samples"] for index in sample)
    (sample,) = threads["<lambda> <&> \N{SNOWMAN}"]["samples"]  # it never moves
    assert [frames[index]["line"] for index in sample if frames[index]["file"] == str(program.path)] == [
        program.line_of(text) for text in ("for start in", "    nap()", "event.wait()")]


def test_speedscope_of_an_ended_program(program):
    program.kill()
    code, out, err = hrview("dump", program.pid, "--format", "speedscope")
    assert (code, err) == (0, "")
    assert [(thread["unit"], thread["weights"]) for thread in speedscope(out)["profiles"]] == [("none", [1])] * 3


# ---- while it is gathered ------------------------------------------------------------------------------------------


def has_mapped(process):
    """It looks at segments, so it listens to signals."""
    with open("/proc/%d/maps" % process.pid) as maps:
        return "/dev/shm/heartrate_shm." in maps.read()


def test_ctrl_c_ends_the_gathering_with_what_there_is(program):
    process = subprocess.Popen([HRVIEW, "dump", str(program.pid), "--format", "speedscope", "--seconds", "86400"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    poll(lambda: has_mapped(process), "hrview to begin")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, b"")
    speedscope(out.decode())


def test_gathering_ends_with_the_program(program):
    process = subprocess.Popen([HRVIEW, "dump", str(program.pid), "--format", "speedscope", "--seconds", "86400"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    poll(lambda: has_mapped(process), "hrview to begin")
    program.kill()
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, b"")
    assert len(speedscope(out.decode())["profiles"]) == 3


def test_watched_profile_ends_with_the_program(program, tmp_path):
    target = tmp_path / "live.json"
    process = subprocess.Popen([HRVIEW, "dump", str(program.pid), "--format", "speedscope", "--seconds", "1", "--watch",
                                str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    poll(target.exists, "the first seconds")
    assert len(speedscope(target.read_text())["profiles"]) == 3
    program.kill()
    assert process.communicate(timeout=DEADLINE_S) == (b"", b"") and process.returncode == 0
    speedscope(target.read_text())


@pytest.mark.parametrize("args", [["--format", "json", "--seconds", "3"], ["--format", "pprof", "--seconds", "0"],
                                  ["--format", "pprof", "--seconds", "1.5"]], ids=" ".join)
def test_wrong_profile_options_are_told(args):
    code, out, err = hrview("dump", "1", *args)
    assert (code, out) == (2, "") and err.startswith("hrview dump: --seconds")
