"""Programs that start others: runs them, and says what hrview has on each process of the family."""
import json
import os
import pathlib
import subprocess
import sys

import oracle


class Ended:
    """A program that has run to its end."""

    def __init__(self, words, cwd, traced=True, stdin="", **env):
        cwd = pathlib.Path(cwd)
        if traced:
            (cwd / "traced").touch()  # small programs look for it
        elif (cwd / "traced").exists():
            (cwd / "traced").unlink()
        self.process = subprocess.Popen(
            [sys.executable, *map(str, words)], cwd=str(cwd), env=oracle.environment(**env), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, errors="surrogateescape")
        self.pid = self.process.pid
        self.stdout, self.stderr = self.process.communicate(stdin, timeout=oracle.DEADLINE_S)
        self.returncode = self.process.returncode

    def seen(self):
        """What somebody outside sees of it."""
        return self.stdout, self.stderr, self.returncode

    def __str__(self):
        return f"exit code {self.returncode}\n{self.stdout}\n--- stderr\n{self.stderr}"


class Member:
    """One process of a family, as hrview has it."""

    def __init__(self, listed):
        self.id, self.parent, self.pid = listed["id"], listed["parent"], listed["pid"]
        self.name, self.state, self.why = listed["name"], listed["state"], listed.get("why")
        self.caller, self.argv = listed["caller"], listed["argv"]
        dump = hrview("dump", "@" + self.id)
        self.notes = [note["text"] for note in dump["notes"]]
        self.files = {}  # {base name: {line: hits}}
        for file in dump["files"]:
            lines = {int(line): hits for line, hits in file["lines"].items() if hits}
            if lines:
                self.files.setdefault(os.path.basename(file["path"]), {}).update(lines)

    def hits(self, line, file="program.py"):
        return self.files.get(file, {}).get(line, 0)

    def __repr__(self):
        return f"{self.name} pid {self.pid} id {self.id} parent {self.parent} {self.state} {self.why} {self.files}"


def hrview(*words):
    return json.loads(oracle.hrview(*words, "--format", "json"))


def family(pid):
    """The traced program `pid` that has no traced parent, and all that come from it, oldest first."""
    own = oracle.instances()
    listed = [program for program in hrview("list")["programs"] if program["id"] in own]
    roots = [program for program in listed if program["pid"] == pid and program["parent"] is None]
    if not roots:
        return []
    ids, members = {roots[-1]["id"]}, [roots[-1]]
    for program in sorted(listed, key=lambda program: program["start"]):
        if program["parent"] in ids:
            ids.add(program["id"])
            members.append(program)
    return [Member(one) for one in members]
