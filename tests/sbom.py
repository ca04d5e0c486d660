"""The bill of materials of what is built here, as CycloneDX 1.5, for `./dev sbom`: libraries that hrview is linked with,
in its own file or beside it, as this system's packages know them, and npm packages whose code may be in the page.

    sbom.py            prints it; hrview must have been built

Nothing in it depends on the time: the same build has the same bill.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HRVIEW = os.path.join(ROOT, "build", "bin", "hrview")


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def shared_libraries():
    """Files that are loaded with hrview, those that its libraries need too."""
    return re.findall(r"(/\S+) \(0x", run("ldd", HRVIEW))


def static_libraries():
    """Files outside the project whose code is in hrview, from the command that linked it."""
    with open(os.path.join(ROOT, "build", "release", "build.ninja"), encoding="utf-8") as file:
        link = re.search(r"^build \S*bin/hrview: (?:.*\n)(?: .*\n)*", file.read(), re.M).group()
    return sorted(set(re.findall(r"/usr/\S+\.a\b", link)))


def package_of(path):
    """(name, version) of the Debian package that brings the file, under whichever name it was packed."""
    real = os.path.realpath(path)
    for name in (path, real, re.sub("^/usr/", "/", real), "/usr" + path):
        try:
            found = run("dpkg", "-S", name).splitlines()
        except (subprocess.CalledProcessError, FileNotFoundError):
            continue
        for line in found:
            if not line.startswith("diversion by "):
                owner = re.split(", |: ", line)[0]
                return owner.split(":")[0], run("dpkg-query", "-W", "-f", "${Version}", owner)
    return os.path.basename(real), None  # of no package: built by hand


def system():
    with open("/etc/os-release", encoding="utf-8") as file:
        return dict(line.rstrip("\n").replace('"', "").split("=", 1) for line in file if "=" in line).get("ID", "linux")


def libraries():
    found = {}
    for path in shared_libraries() + static_libraries():
        name, version = package_of(path)
        component = found.setdefault(name, {"type": "library", "name": name, "properties": []})
        if version:
            component["version"] = version
            component["purl"] = f"pkg:deb/{system()}/{name}@{version.replace('+', '%2B')}"
        how = "static" if path.endswith(".a") else "shared"
        component["properties"].append({"name": "heartrate_shm:" + how, "value": path})
    return list(found.values())


def npm_packages():
    with open(os.path.join(ROOT, "web", "package-lock.json"), encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    for path, package in packages.items():
        if path and not package.get("dev"):
            name = path.rsplit("node_modules/", 1)[1]
            yield {"type": "library", "name": name, "version": package["version"],
                   "purl": f"pkg:npm/{name.replace('@', '%40')}@{package['version']}",
                   "licenses": [{"license": {"id": package["license"]}}]}


def bill():
    with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as file:
        version = re.search(r'^version = "(.+)"', file.read(), re.M).group(1)
    components = sorted([*libraries(), *npm_packages()], key=lambda component: component["name"])
    for component in components:
        component["bom-ref"] = component.get("purl", component["name"])
    own = {"type": "application", "name": "heartrate_shm", "version": version, "bom-ref": "heartrate_shm",
           "licenses": [{"license": {"id": "MIT"}}]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": own}, "components": components,
            "dependencies": [{"ref": own["bom-ref"], "dependsOn": [component["bom-ref"] for component in components]}]}


if __name__ == "__main__":
    if not os.path.exists(HRVIEW):
        sys.exit("sbom: hrview is not built: ./dev build")
    json.dump(bill(), sys.stdout, indent=1)
    print()
