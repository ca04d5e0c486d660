"""The Pythons of this machine that the tests can use, and what they need beside the standard library.

    interpreters.py [PYTHON [TOOLS]]

prints the path of an interpreter like PYTHON that has the test tools (tests/requirements.txt, or
tests/requirements-TOOLS.txt): of the virtual environment build/venv-VERSION, or build/venv-VERSION-TOOLS, made when it
is not there or the requirements have changed. Without PYTHON: the paths of all Pythons found.
"""
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = 8, 15  # CPython 3.x


def version_of(python):
    """(3, 11, 7) of an interpreter that runs, has a GIL and is one of ours; None of another."""
    question = "import sys, sysconfig; print(*sys.version_info[:3], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    try:
        answer = subprocess.run([python, "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None
    words = answer.stdout.split()
    if answer.returncode != 0 or len(words) != 4 or words[3] != "0":
        return None
    version = tuple(int(word) for word in words[:3])
    return version if version[0] == 3 and OLDEST <= version[1] <= NEWEST else None


def find():
    """{version: path}: python3 first, then the system's others, then pyenv's; one for each 3.x."""
    candidates = [shutil.which("python3")] + sorted(glob.glob("/usr/bin/python3.[0-9]*"))
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, text=True).stdout.strip()
        candidates += sorted(glob.glob(os.path.join(root, "versions", "3.*", "bin", "python")))
    found = {}
    for python in filter(None, candidates):
        version = version_of(python)
        if version and version[:2] not in [known[:2] for known in found]:
            found[version] = python
    return dict(sorted(found.items()))


def contents(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def venv(python, *tools):
    """The interpreter's path. Raises CalledProcessError, with what pip or venv said in its output."""
    version = run(python, "-c", "import platform; print(platform.python_version())").strip()
    requirements = os.path.join(ROOT, "tests", "-".join(("requirements", *tools)) + ".txt")
    folder = os.path.join(ROOT, "build", "-".join(("venv", version, *tools)))
    stamp = os.path.join(folder, "requirements.txt")
    inside = os.path.join(folder, "bin", "python")
    if contents(stamp) != contents(requirements) or not os.access(inside, os.X_OK):
        run(python, "-m", "venv", "--clear", folder)
        # The newest gevent has no wheel for every Python, and takes minutes to compile.
        run(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary", "-r", requirements)
        shutil.copyfile(requirements, stamp)
    return inside


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


if __name__ == "__main__":
    try:
        if len(sys.argv) == 1:
            print(*find().values(), sep="\n")
        else:
            print(venv(*sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"interpreters.py: {' '.join(map(str, error.cmd))} failed:\n{error.output}")
