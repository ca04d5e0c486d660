"""``%load_ext heartrate_shm``: the cell magic ``%%heartrate`` of IPython and Jupyter.

The page inside a notebook comes from an hrview of the kernel's own, which lets itself be framed by pages of this machine
(``--embed``) and ends with the kernel.
"""

import os
import subprocess
import urllib.parse

from . import _trace, _tracer, _viewer

_address = None  # of this process's hrview; (pid, URL)


class View:
    """The page of one traced program: an iframe in a notebook, its URL in a terminal."""

    def __init__(self, url):
        self.url = url

    def _repr_html_(self):
        return (
            '<iframe src="%s" title="heartrate" style="width: 100%%; height: 30em; border: 1px solid #8884"></iframe>'
            '<br><a href="%s" target="_blank">heartrate on a page of its own</a>' % (self.url, self.url)
        )

    def __repr__(self):
        return "heartrate: " + self.url


def load(shell):
    def heartrate(line, cell):
        """Runs the cell and shows, while it does, how often each of its lines is hit. Functions of other cells that it
        calls are counted too."""
        from IPython.core.error import UsageError
        from IPython.display import display

        if line.strip():
            raise UsageError("%%heartrate takes no options: what is " + line.strip() + "?")
        is_own = _tracer.segment() is None  # else the notebook called trace() and goes on being traced
        notebook = os.path.basename(os.environ.get("JPY_SESSION_NAME", ""))
        _trace.trace(shell.compile._filename_map.__contains__, name=notebook or "IPython")
        try:
            view = show(shell.compile.get_code_name(cell, shell.transform_cell(cell), shell.execution_count))
            if view is not None:
                display(view)
            shell.run_cell(cell)
        finally:
            if is_own:
                _trace.stop()

    shell.register_magic_function(heartrate, "cell")


def show(path):
    """The view of one file of this process, or None; what is missing is told."""
    global _address
    segment = _tracer.segment()
    if segment is None:
        return None  # trace() has told why
    try:
        if _address is None or _address[0] != os.getpid():
            _address = os.getpid(), serve()
    except (OSError, subprocess.CalledProcessError) as error:
        _trace.tell("no view: %s" % (getattr(error, "stderr", "") or error))
        return None
    return View("%s#/p/%s?file=%s" % (_address[1], segment.rpartition(".")[2], urllib.parse.quote(path)))


def serve():
    """Starts an hrview that ends with this process; its URL."""
    path = _viewer.find()
    if path is None:
        raise OSError("hrview was not found")
    words = [path, "--port", "0", "--embed", "--background", "--exit-with", str(os.getpid())]
    return subprocess.run(words, check=True, stderr=subprocess.PIPE, universal_newlines=True).stderr.strip()
