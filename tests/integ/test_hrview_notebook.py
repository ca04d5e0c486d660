"""%%heartrate in a real IPython shell: what is displayed, what is counted, and who may show the page in a frame."""
import json
import subprocess
import sys

import oracle

SESSION = """\
import json, os, re, sys, threading, urllib.parse, urllib.request
import heartrate_shm
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell = InteractiveShell.instance(history_load_length=0)
shell.history_manager.enabled = False

def cell(text):
    with capture_output() as seen:
        result = shell.run_cell(text, store_history=True)
    return result, seen

def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.headers, answer.read().decode()

facts = {}
cell("%load_ext heartrate_shm")
cell("def helper(n):\\n    return n + 1\\n")
result, seen = cell("%%heartrate\\ntotal = 0\\nfor i in range(6):\\n    total = helper(total)\\ntotal")
facts["stdout"], (output,) = seen.stdout, seen.outputs
facts["html"], facts["text"] = output.data["text/html"], output.data["text/plain"]
facts["total"], facts["still"] = shell.user_ns["total"], heartrate_shm._trace._tracer.segment()
url = facts["text"].partition(" ")[2]
address, _, fragment = url.partition("#/p/")
instance, _, path = fragment.partition("?file=")
facts["policy"] = get(address)[0]["Content-Security-Policy"]
facts["dump"] = json.loads(get(address + "api/dump/%d?format=json" % os.getpid())[1])
facts["path"] = urllib.parse.unquote(path)
facts["instance"] = instance

_, seen = cell("%%heartrate\\n1 / 0")
facts["error"], facts["second"] = seen.stdout, seen.outputs[0].data["text/plain"]
_, seen = cell("%%heartrate --all\\n1")
facts["usage"] = seen.stdout + seen.stderr

heartrate_shm.trace()
segment = heartrate_shm._trace._tracer.segment()
cell("%%heartrate\\n1")
facts["kept"] = segment == heartrate_shm._trace._tracer.segment()
print("FACTS" + json.dumps(facts))
"""


def test_cells(tmp_path):
    (tmp_path / "session.py").write_text(SESSION)
    done = subprocess.run([sys.executable, "session.py"], cwd=str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=oracle.environment(IPYTHONDIR=str(tmp_path), NO_COLOR="1"), universal_newlines=True,
                          timeout=oracle.DEADLINE_S * 2)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout.partition("FACTS")[2])

    assert facts["html"].startswith("<iframe ") and facts["text"].partition(" ")[2] in facts["html"]
    assert "frame-ancestors http://localhost:* http://127.0.0.1:* https://localhost:*" in facts["policy"]
    assert facts["total"] == 6 and facts["still"] is None and "6" in facts["stdout"]
    assert facts["dump"]["id"] == facts["instance"] and facts["dump"]["name"] == "IPython"
    lines = {file["path"]: file["lines"] for file in facts["dump"]["files"] if file["lines"]}
    assert lines.pop(facts["path"]) == {"1": 1, "2": 7, "3": 6, "4": 1}
    assert list(lines.values()) == [{"2": 6}]  # the function of another cell
    assert "ZeroDivisionError" in facts["error"]
    assert facts["second"].partition("#")[0] == facts["text"].partition("#")[0]  # one hrview for all
    assert "takes no options" in facts["usage"]
    assert facts["kept"]
