"""The long form of the verifier of twins (tests/integ/twin_shape.py), on each Python of this machine that has inline
probes: all code of its standard library and of the site-packages of its test environment.

    twins.py

Prints for each Python how much there was, why the editor was not sure, and how long it took (median and the slowest of
100). What a twin is not but should be is an AssertionError.
"""
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "integ"), str(ROOT / "build" / "python")]

import interpreters


def verify():
    import warnings

    import twin_shape

    warnings.simplefilter("ignore")
    made, unsure, slow = 0, Counter(), []
    folders = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib")}
    with twin_shape.Maker() as twin:
        for code in twin_shape.codes_of(sorted({path for folder in folders for path in folder.rglob("*.py")})):
            start = time.perf_counter_ns()
            found = twin(code, lambda line: line)
            slow.append(time.perf_counter_ns() - start)
            if isinstance(found, str):
                unsure[found] += 1
                continue
            made += 1
            try:
                twin_shape.assert_same_but_probes(code, found)
            except AssertionError:
                print(f"{code.co_filename}:{code.co_firstlineno}: {code.co_qualname}", flush=True)
                raise
    slow.sort()
    print(f"Python {sys.version.split()[0]}: {made} twins verified, {sum(unsure.values())} not sure; "
          f"{slow[len(slow) // 2] / 1000:.0f} us each, one in a hundred more than {slow[len(slow) * 99 // 100] / 1000:.0f} us")
    for reason, count in unsure.most_common():
        print(f"    {count:6d} {reason}", flush=True)
    return 0 if made > 5000 else 1


def main():
    if sys.argv[1:] == ["verify"]:
        return verify()
    pythons = [path for version, path in interpreters.find().items() if version >= (3, 11)]
    codes = [subprocess.call([str(ROOT / "dev"), "build", "--python", path])
             or subprocess.call([interpreters.venv(path), __file__, "verify"]) for path in pythons]
    return "no Python 3.11 or newer here" if not codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
