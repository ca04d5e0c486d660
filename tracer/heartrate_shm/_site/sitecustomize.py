"""What a Python finds in PYTHONPATH when a traced program has started it: see heartrate_shm/_children.py.

Leaves no trace of itself (path, environment, modules), lets the sitecustomize that this one hides do its work, and
then traces. Any Python from 2.7 on may load it.
"""
import os
import sys


def _take_variables(here):
    """Our variable's value, or None. Gives PYTHONPATH back as the program that started us has it."""
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if here + "/" in places:
        os.environ["PYTHONPATH"] = ""
    elif here in places:
        places.remove(here)
        if places:
            os.environ["PYTHONPATH"] = os.pathsep.join(places)
        else:
            del os.environ["PYTHONPATH"]
    return os.environ.pop("HEARTRATE_SHM_CHILD", None)


def _trace(value, packages):
    if value is None or sys.version_info < (3, 8):
        return
    sys.path.insert(0, packages)
    try:
        from heartrate_shm import _children
    except ImportError:
        return  # not built for this Python
    finally:
        sys.path.remove(packages)
        sys.path_importer_cache.pop(packages, None)
    _children.resume(value)


def _main():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != here]
    sys.path_importer_cache.pop(here, None)
    sys.path_importer_cache.pop(here + "/", None)
    value = _take_variables(here)
    del sys.modules["sitecustomize"]
    try:
        import sitecustomize  # noqa: F401 - the one that this file hides; there may be none, and site expects the error
    finally:
        _trace(value, os.path.dirname(os.path.dirname(here)))


_main()
