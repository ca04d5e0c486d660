"""Small programs of the behaviour tests: written into a file, run in a fresh interpreter, looked at by hrview."""
import subprocess
import sys
import textwrap

from oracle import DEADLINE_S, dump, environment

# How a program begins that runs with us or without.
TRACED = """\
import sys
if sys.argv[1] == "traced":
    import heartrate_shm
    heartrate_shm.trace()
"""


class Program:
    """`text` as a script, running with pipes; ended at the end of a `with`."""

    def __init__(self, directory, text, *arguments, options=(), wrapper=(), name="program.py", **env):
        self.path = directory / name
        self.path.write_text(textwrap.dedent(text), encoding="utf-8")
        self.child = subprocess.Popen(
            [*wrapper, sys.executable, *options, str(self.path), *map(str, arguments)], cwd=str(directory),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
            env=environment(**env))
        self.pid = self.child.pid
        self.stdout = self.stderr = self.returncode = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.child.kill()
        self.child.communicate()

    def line(self):
        """The next line that it prints."""
        line = self.child.stdout.readline()
        assert line, f"it ended instead: {self.child.communicate()[1]}"
        return line.rstrip("\n")

    def end(self, code=0):
        """Lets it go on (its standard input ends) and waits for its end, which must come with `code`."""
        self.stdout, self.stderr = self.child.communicate(timeout=DEADLINE_S)
        self.returncode = self.child.returncode
        assert self.returncode == code, f"exit code {self.returncode}\n{self.stdout}\n{self.stderr}"
        return self

    def hits(self, path=None):
        """{line: hits} of the lines that were hit, of the script or of another file."""
        wanted = str(path or self.path)
        return {int(line): hits for file in dump(self.pid)["files"] if file["path"] == wanted
                for line, hits in file["lines"].items() if hits}


def run(directory, text, *arguments, code=0, **more):
    with Program(directory, text, *arguments, **more) as program:
        return program.end(code)
