"""How hrview is built, what it gives up, and what it is made of: the bill of materials against what really is there."""
import json
import os
import re
import subprocess
import sys

import pytest

from viewer import HRVIEW, ROOT, Server


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, HRVIEW], stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout.decode()


def test_errors_in_memory_stay_crashes():
    """A position-independent program whose tables are read-only, with guarded stacks and checked copies."""
    assert re.search(r"Type: +DYN", readelf("-h"))
    program = readelf("-l")
    assert "INTERP" in program and "GNU_RELRO" in program
    assert re.search(r"GNU_STACK .* RW +0x", program) and not re.search(r"LOAD .* RWE ", program)
    dynamic = readelf("-d")
    assert re.search(r"FLAGS_1\).*NOW.*PIE", dynamic) and "RPATH" not in dynamic and "RUNPATH" not in dynamic
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert len(set(re.findall(r"__\w+_chk\b", symbols))) >= 5, symbols  # _FORTIFY_SOURCE


def test_it_can_get_no_more_rights():
    with Server() as server:
        with open("/proc/%d/status" % server.process.pid) as file:
            assert "\nNoNewPrivs:\t1\n" in file.read()


@pytest.fixture(scope="module")
def components():
    found = json.loads(subprocess.check_output([sys.executable, str(ROOT / "tests" / "sbom.py")]))
    assert found["bomFormat"] == "CycloneDX" and found["dependencies"][0]["dependsOn"]
    return found["components"]


def test_bill_has_every_library_that_a_running_hrview_has_loaded(components):
    named = {os.path.realpath(item["value"]) for component in components for item in component.get("properties", [])}
    with Server() as server:
        server.request("/")
        with open("/proc/%d/maps" % server.process.pid) as file:
            loaded = {path for path in re.findall(r"(/\S+\.so[\S]*)$", file.read(), re.M)}
    assert len(loaded) > 3 and not loaded - named, (loaded, named)
    assert any("msgpack" in component["name"] for component in components)  # linked statically where Debian has it so
    assert all(component.get("version") for component in components), components


def test_bill_has_every_package_whose_code_is_in_the_page(components):
    bundle = ("import { build } from 'esbuild'; const { metafile } = await build({ entryPoints: ['src/main.ts'], bundle: true, "
              "format: 'esm', splitting: true, outdir: 'dist', write: false, metafile: true, tsconfigRaw: {} });"
              "console.log(JSON.stringify(Object.keys(metafile.inputs)))")
    inputs = json.loads(subprocess.check_output(["node", "--input-type=module", "-e", bundle], cwd=str(ROOT / "web")))
    bundled = {re.match(r"(@[^/]+/)?[^/]+", path.rsplit("node_modules/", 1)[1]).group() for path in inputs if "node_modules/" in path}
    named = {component["name"] for component in components if component["purl"].startswith("pkg:npm/")}
    assert len(bundled) > 5 and not bundled - named, (bundled, named)
