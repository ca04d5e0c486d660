#!/bin/sh
# pip.sh — `pip install .` into an environment of its own, and what came of it: the package, its extension, hrview, its
# man pages and completions.
set -eu
cd "$(dirname "$0")/.."
env=$PWD/build/pip
unset PYTHONPATH
python3 -m venv --clear "$env"
"$env/bin/pip" install --quiet --disable-pip-version-check .
cat >"$env/program.py" <<'END'
import heartrate_shm, sys
heartrate_shm.trace()
for i in range(1000):
    i * i
assert heartrate_shm.__file__.startswith(sys.prefix), heartrate_shm.__file__
END
"$env/bin/python" "$env/program.py" &
pid=$!
wait $pid
lines=$("$env/bin/hrview" dump $pid)
echo "$lines"
echo "$lines" | grep -Eq '^ *4 +1000$'
for file in man/man1/hrview.1 man/man1/hrview-dump.1 bash-completion/completions/hrview zsh/site-functions/_hrview \
	fish/vendor_completions.d/hrview.fish; do
	test -s "$env/share/$file" || { echo "$file was not installed"; exit 1; }
done
