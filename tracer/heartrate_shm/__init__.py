"""Watch a Python program run: hit counts of every line and live stacks, in shared memory.

    import heartrate_shm
    heartrate_shm.trace()

and in another terminal ``hrview``. The picture and the interface are those of alexmojaki/heartrate.

PYTEST_DONT_REWRITE: pytest would warn that a traced one has loaded us before it could rewrite our asserts.
"""

import sys

# Kept free of newer syntax, so that an old interpreter gets this message and not a SyntaxError.
if sys.version_info < (3, 8):
    raise ImportError("heartrate_shm needs Python 3.8 or newer, this is %d.%d" % sys.version_info[:2])
if sys.implementation.name != "cpython":
    raise ImportError("heartrate_shm needs CPython, this is " + sys.implementation.name)
if "t" in getattr(sys, "abiflags", ""):
    raise ImportError(
        "heartrate_shm does not support free-threaded Python yet: counters are exact only under the GIL. "
        "Use the ordinary build of Python %d.%d." % sys.version_info[:2]
    )

try:
    __import__(__name__ + "._tracer")  # "from . import" would hide that it is the module that is missing
except ModuleNotFoundError as error:
    if error.name != __name__ + "._tracer":
        raise
    if hasattr(__loader__, "archive"):
        raise ImportError(
            "heartrate_shm cannot be loaded from a zip archive (%s): a part of it is compiled. Install it beside the archive, "
            "or make one that unpacks itself (shiv, pex)" % __loader__.archive
        ) from None
    raise ImportError(
        "heartrate_shm was not built for this Python (%d.%d at %s): ./dev build --python %s"
        % (sys.version_info[0], sys.version_info[1], sys.executable, sys.executable)
    ) from None
from . import files as _files
from ._trace import Trace, stop, trace

files = _files
__version__ = "0.1.0"
__all__ = ["Trace", "files", "stop", "trace"]


def load_ipython_extension(ipython):
    """``%load_ext heartrate_shm``: the cell magic ``%%heartrate``."""
    from . import _ipython

    _ipython.load(ipython)
