#!/bin/sh
# wheel.sh [DIST [PYTHON]] — the wheel for PYTHON (python3) in the folder DIST, installed into an empty environment, and what
# came of it: the package, its extension, hrview with the libraries it brings, its commands, man pages and completions.
#
# Without DIST the wheel is made first (./dev wheels python3), and `pip install .` comes last. With HR_NO_COMPILER=1 the
# machine must have no compiler.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONPATH
[ "${HR_NO_COMPILER:-}" != 1 ] || ! command -v cc || { echo "this machine has a compiler"; exit 1; }
[ $# -ge 1 ] || ./dev wheels python3
dist=${1:-dist}
made_for=$(command -v "${2:-python3}") # before PATH has its copy
env=$PWD/build/wheel
"$made_for" -m venv --clear "$env"
"$env/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$dist" heartrate_shm
PATH=$env/bin:$PATH

# Nothing of it is linked to what only some machines have, unless the wheel is for this system alone.
program=$("$env/bin/python" -c 'from heartrate_shm import _viewer; print(_viewer.find())')
ldd "$program" >"$env/libraries"
cat "$env/libraries"
if ! ls "$dist"/*-linux_*.whl >"$env/alone" 2>&1 && grep -v "$env/" "$env/libraries" | grep -Ev 'linux-vdso|ld-linux|lib(c|m|z|dl|rt|pthread)\.so'; then
	echo "which $program needs and does not bring"
	exit 1
fi

hrview --version
cat >"$env/program.py" <<'END2'
import heartrate_shm, sys
heartrate_shm.trace()
for i in range(1000):
    i * i
assert heartrate_shm.__file__.startswith(sys.prefix), heartrate_shm.__file__
END2
python "$env/program.py" &
pid=$!
wait $pid
hrview dump $pid | tee "$env/dump"
grep -Eq '^ *4 +1000$' "$env/dump"
python -m heartrate_shm --name "wheel $pid" -c 'for i in range(77): pass'
hrview dump "wheel $pid" | grep -E '^ *1 +78$'

# By the environment alone; and what pytest loads.
echo 'for i in range(55): pass' >"$env/plain.py"
HEARTRATE_SHM="--name switch-$pid" python "$env/plain.py"
hrview dump "switch-$pid" | grep -E '^ *1 +56$'
python - <<'END2'
from importlib import import_module, metadata
points = {(point.group, point.value) for point in metadata.distribution("heartrate_shm").entry_points}
assert ("pytest11", "heartrate_shm_pytest") in points, points
assert import_module("heartrate_shm_pytest").pytest_addoption
END2

# The page comes from the program; and the command becomes that program, so that its end is the command's.
python - <<'END2'
import os, subprocess, urllib.request
ready, told = os.pipe()
with subprocess.Popen(["hrview", "--port", "0", "--ready-fd", str(told)], pass_fds=[told]) as viewer:
    os.close(told)
    with os.fdopen(ready) as file:
        url = file.readline().strip()
    assert b"<script" in urllib.request.urlopen(url, timeout=60).read()
    assert os.readlink(f"/proc/{viewer.pid}/exe").endswith("/heartrate_shm/hrview")
    viewer.terminate()
END2

# As pipx runs it, from a package that nobody has installed. For python3 only: pipx brings the newest pip, which the oldest
# Pythons do not run.
if [ $# -lt 2 ] && command -v pipx; then
	printf '#!/bin/sh\necho "$1" >"%s"\n' "$env/url" >"$env/browser"
	chmod +x "$env/browser"
	tag=$(python -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
	BROWSER=$env/browser PIPX_HOME=$env/pipx pipx run --python "$made_for" --spec "$(ls "$dist"/heartrate_shm-*-"$tag"-*.whl)" heartrate_shm --port 0 &
	viewer=$!
	timeout 300 sh -c 'until [ -s "$1" ] || ! kill -0 "$2"; do sleep 0.1; done' sh "$env/url" $viewer
	python -c 'import sys, urllib.request; assert b"<script" in urllib.request.urlopen(sys.argv[1], timeout=60).read()' "$(cat "$env/url")"
	kill $viewer
fi

for file in man/man1/hrview.1 man/man1/hrview-dump.1 bash-completion/completions/hrview zsh/site-functions/_hrview \
	fish/vendor_completions.d/hrview.fish; do
	test -s "$env/share/$file" || { echo "$file was not installed"; exit 1; }
done

# And what README says first: from the sources, without a wheel.
if [ $# -eq 0 ]; then
	"$made_for" -m venv --clear "$env"
	pip install --quiet --disable-pip-version-check .
	hrview --version
	python -m heartrate_shm --name "tree $pid" -c 'for i in range(66): pass'
	hrview dump "tree $pid" | grep -E '^ *1 +67$'
fi
echo "the wheel does"
