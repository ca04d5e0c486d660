"""Finds hrview: for a ``trace`` that asks for a viewer, as the original's had a server, and for the commands of an installed package."""

import os
import sys

from . import _trace, _tracer


def start(port, host, browser, daemon):
    """An ``hrview`` on ``host:port``, or the one that already serves there; invisible to this program.

    browser: opens the view of the file that called ``trace``. daemon: the viewer ends with the program. Trouble is one
    line on stderr, never an exception.
    """
    path = find()
    if path is None:
        _trace.tell("no viewer: hrview was not found beside the package, beside %s or in PATH" % (sys.executable or "python"))
        return
    args = [path, "--background", "--reuse", "--port", str(int(port)), "--host", str(host), "--show", str(os.getpid())]
    if browser:
        args.append("--open")
    if daemon:
        args += ["--exit-with", str(os.getpid())]
    environ = [key + b"=" + value for key, value in os.environb.items()]
    try:
        _tracer.launch([os.fsencode(arg) for arg in args], environ)
    except OSError as error:
        _trace.tell("no viewer: %s could not be started: %s" % (path, error.strerror))


def find():
    """Path of the hrview that belongs to this package: in it (a wheel), built beside it, beside the interpreter, or in PATH."""
    here = os.path.dirname(os.path.abspath(__file__))
    places = [here, os.path.join(here, os.pardir, os.pardir, "bin"), os.path.dirname(sys.executable or "")]
    places += os.environ.get("PATH", os.defpath).split(os.pathsep)
    for place in places:
        path = os.path.join(place, "hrview")
        if place and os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.abspath(path)
    return None


def become(*options):
    """The command ``hrview`` of an installed package: this process becomes that program."""
    path = find()
    if path is None:
        return "hrview is not here: was heartrate_shm built without it?"
    os.execv(path, ["hrview", *options, *sys.argv[1:]])


def open_page():
    """The command ``heartrate_shm``: the viewer, and its page in a browser."""
    return become("--open")
