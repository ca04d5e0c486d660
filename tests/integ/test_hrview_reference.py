"""The reference among the docs is whole: every function, parameter and environment variable that there is, and no other."""
import re
import subprocess
import sys

import oracle

REFERENCE = oracle.ROOT / "docs" / "reference"
# Prints what the package has for its users, and with which parameters.
PUBLIC = """\
import inspect, re
import heartrate_shm
from heartrate_shm import Trace, files
public = [(name, getattr(heartrate_shm, name)) for name in heartrate_shm.__all__ if name != "files"]
public.append(("load_ipython_extension", heartrate_shm.load_ipython_extension))
public += [("files." + name, value) for name, value in vars(files).items() if inspect.isfunction(value) and name[0] != "_"]
public += [(name, value) for name, value in vars(Trace).items() if name[0] != "_"]
for name, value in public:
    told = str(inspect.signature(value)) if inspect.isfunction(value) else ""
    print(name + re.sub("<function (.*?) at .*?>", r"\\1", told).replace("(self)", "()"))
"""


def test_python_interface():
    page = (REFERENCE / "python.md").read_text()
    public = subprocess.run([sys.executable, "-c", PUBLIC], env=oracle.environment(), check=True, stdout=subprocess.PIPE,
                            universal_newlines=True).stdout.splitlines()
    told = re.findall(r"(?m)^`{3,}\{py:\w+\} (?:heartrate_shm\.)?(.*)$", page)
    assert sorted(told) == sorted(public)
    (trace,) = [line for line in public if line.startswith("trace(")]
    described = ", ".join(re.findall(r"(?m)^:param ([\w, ]+):", page)).split(", ")
    assert described == re.findall(r"(\w+)=", trace)


def test_environment_variables():
    page = (REFERENCE / "environment.md").read_text()
    read = set()
    for folder, suffixes in {"tracer": ".c.py.pth", "viewer": ".c", "tests": ".py.c.sh"}.items():
        for path in (oracle.ROOT / folder).rglob("*.*"):
            if path.suffix and path.suffix in suffixes:
                text = path.read_text(errors="replace")
                names = re.findall(r"""getenv\("(\w+)"|environb?(?:\.get\(|\.pop\(|\[)b?"(\w+)"|\$\{(HR_\w+)""", text)
                read.update(name for groups in names for name in groups if name and (folder != "tests" or name[:3] == "HR_"))
    assert {"HEARTRATE_SHM", "HEARTRATE_SHM_COUNT", "HR_STRICT", "HR_HARDENING", "BROWSER"} <= read, read
    assert sorted(name for name in read if "`%s`" % name not in page) == []
