#!/bin/sh
# deb.sh DIST — the Debian packages in the folder DIST, installed by apt on this machine (root, and one that may be thrown
# away), and what came of it: the package in the system's Python, hrview, its man page, each finding the other.
set -eu
export LC_ALL=C.UTF-8
apt-get install -qy --no-install-recommends "$1"/heartrate-shm_*.deb "$1"/python3-heartrate-shm_*.deb >/dev/null
! command -v cc || { echo "this machine has a compiler"; exit 1; }
cd /tmp
hrview --version
echo 'for i in range(1000): pass' >program.py
python3 -m heartrate_shm --name deb program.py
hrview dump deb | grep -E '^ *1 +1001$'
HEARTRATE_SHM='--name switch' python3 program.py
hrview dump switch | grep -E '^ *1 +1001$'
python3 -c '
from importlib import metadata
from heartrate_shm import _viewer
assert _viewer.find() == "/usr/bin/hrview", _viewer.find()
points = metadata.distribution("heartrate_shm").entry_points
assert [(point.group, point.value) for point in points] == [("pytest11", "heartrate_shm_pytest")], points'
dpkg -L heartrate-shm | grep -x /usr/share/bash-completion/completions/hrview
dpkg -L heartrate-shm | grep -x /usr/share/man/man1/hrview.1.gz
echo "the packages do"
