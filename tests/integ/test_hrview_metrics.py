"""/metrics: exact, and what a real Prometheus and docs/grafana.json make of it (docs/fleet.md)."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from oracle import free_port
from viewer import DEADLINE_S, ROOT, Program, Server, dump, hrview_as, poll

FLEET = (ROOT / "docs" / "fleet.md").read_text()
TOKEN = "s3cret"
BUSY = """
import heartrate_shm
heartrate_shm.trace()
print("ready", flush=True)
while True:
    for i in range(1000):
        total = i
"""


def tool(name):
    """A program of Debian's prometheus package, installed or unpacked by ./dev test; None."""
    return shutil.which(name, path=os.environ["PATH"] + os.pathsep + str(ROOT / "build" / "deb" / "usr" / "bin"))


def test_counters_are_what_dump_says(tmp_path):
    with Program(tmp_path, name="counted-%d.py" % os.getpid()) as program, Server(program.pid) as server:
        program.do("work(1000)")
        for _ in range(2):
            server.request("/metrics")
            program.do("work(7)")
        name = program.path.name
        (file,) = [file for file in dump(program.pid)["files"] if file["path"] == str(program.path)]
        labels = 'program="%s",file="%s"' % (name, program.path)
        line = program.line_of("total += i")
        poll(lambda: server.metric('heartrate_shm_file_hits_total{%s}' % labels) == sum(file["lines"].values()),
             "the file's hits")
        assert server.metric('heartrate_shm_line_hits_total{%s,line="%d"}' % (labels, line)) == 1014
        assert server.metric('heartrate_shm_hits_total{program="%s"}' % name) == sum(file["lines"].values())
        assert server.metric('heartrate_shm_instances{program="%s"}' % name) == 1
        assert server.metric('heartrate_shm_programs{state="live"}') == 1
        program.kill()
        assert server.metric('heartrate_shm_programs{state="dead"}') == 1
        assert server.metric('heartrate_shm_instances{program="%s"}' % name) == 0


def test_format_is_what_was_asked_for():
    with Server() as server:
        for accept, kind in (("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "openmetrics"),
                             ("*/*", "openmetrics"), ("text/plain;version=0.0.4", "plain")):
            status, headers, body = server.request("/metrics", Accept=accept)
            assert status == 200 and kind in headers["Content-Type"], accept
            assert body.endswith(b"\n# EOF\n") == (kind == "openmetrics")


@pytest.mark.skipif(not tool("promtool"), reason="there is no promtool (Debian: prometheus, or promtool)")
def test_promtool_finds_nothing_wrong(tmp_path):
    with Program(tmp_path) as program, Server() as server:
        program.do("work(5)")
        _, _, body = server.request("/metrics", Accept="text/plain;version=0.0.4")
        done = subprocess.run([tool("promtool"), "check", "metrics"], input=body, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=DEADLINE_S)
        assert (done.returncode, done.stdout.decode()) == (0, "")


class Prometheus:
    """A real one with the configuration and the alerts of docs/fleet.md, that scrapes `server` each second with the token;
    ends it. Another user where that can be, so that nothing but the token lets it in."""

    def __init__(self, folder, server):
        uid = 65534 if os.geteuid() == 0 else None
        self.url = "http://127.0.0.1:%d" % free_port()
        scrape, alerts = re.findall(r"```yaml\n((?:scrape_configs:\n  - job_name: heartrate|groups:).*?)```", FLEET, re.S)
        (folder / "prometheus.yml").write_text("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yml]\n"
                                               + scrape.replace("/etc/prometheus", str(folder)))
        (folder / "alerts.yml").write_text(alerts)
        (folder / "hrview.token").write_text(TOKEN)
        (folder / "hrview").mkdir()
        (targets,) = re.findall(r"# (\[.*\])", scrape)
        (folder / "hrview" / "all.json").write_text(re.sub('"web1:9999", "web2:9999"', '"127.0.0.1:%d"' % server.port, targets))
        self.log = open(folder / "log", "w+")
        if uid:
            os.chown(folder, uid, uid)
        self.process = subprocess.Popen(
            ["prometheus", "--config.file", str(folder / "prometheus.yml"), "--storage.tsdb.path", str(folder / "data"),
             "--web.listen-address", self.url[7:]], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            **(hrview_as(uid, tool("prometheus")) or {"executable": tool("prometheus")}))

    def ask(self, path, **query):
        """The data of an answer of its API; None while it does not serve."""
        try:
            with urllib.request.urlopen(self.url + path + "?" + urllib.parse.urlencode(query), timeout=DEADLINE_S) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError):
            assert self.process.poll() is None, self.said()
            return None

    def query(self, expression):
        return (self.ask("/api/v1/query", query=expression) or {}).get("result")

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()


def dashboard_queries():
    """(panel's title, expression) of all panels, for every job, instance and program."""
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text())
    variables = {"$__rate_interval": "10s", "$job": "heartrate_shm", "$instance": ".*", "$program": ".*"}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$\w+", lambda found: variables[found.group()], target["expr"])


@pytest.mark.skipif(not tool("prometheus"), reason="there is no prometheus (Debian: prometheus)")
def test_real_prometheus_scrapes_and_the_dashboard_has_all_it_asks_for(tmp_path):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program = stack.enter_context(Program(tmp_path, source=BUSY, name="busy.py"))
        server = stack.enter_context(Server("--token", TOKEN))
        prometheus = stack.enter_context(Prometheus(folder, server))

        def target():
            targets = (prometheus.ask("/api/v1/targets") or {}).get("activeTargets", [])
            assert not [one["lastError"] for one in targets if one["lastError"]], targets
            return bool(targets) and targets[0]["health"] == "up"

        poll(target, "a scrape that is well")
        for title, expression in dashboard_queries():
            poll(lambda: prometheus.query(expression), "an answer for the panel %r: %s" % (title, expression))
        poll(lambda: [rule["health"] for group in (prometheus.ask("/api/v1/rules") or {}).get("groups", []) for rule in group["rules"]]
             == ["ok"] * FLEET.count("- alert: "), "alerts that are well")
        rate = 'rate(heartrate_shm_line_hits_total{file="%s"}[10s]) > 0' % program.path
        (hot, *_) = poll(lambda: prometheus.query(rate), "the hot line's rate")
        assert hot["metric"]["program"] == "busy.py" and int(hot["metric"]["line"]) in (5, 6, 7)
        known = {one["metric"]: one["type"] for one in prometheus.ask("/api/v1/targets/metadata")}
        assert known["heartrate_shm_line_hits"] == "counter" and known["heartrate_shm_viewer"] == "info"
        assert target()
        assert not re.findall(r"(?m)^.*level=(?:warn|error|WARN|ERROR).*$", prometheus.said())
