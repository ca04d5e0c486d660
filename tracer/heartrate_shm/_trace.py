"""trace() and stop(): arguments, defaults and messages around the C tracer."""

import os
import sys

from . import _tracer, files as _files


class Trace:
    """The running tracer of this process, as ``trace()`` returns it; also a context manager that stops at its end."""

    @property
    def active(self):
        """Whether line hits are being recorded."""
        return _tracer.segment() is not None

    @property
    def segment(self):
        """File name of the segment in /dev/shm, or None when nothing is recorded."""
        return _tracer.segment()

    def stop(self):
        """Puts everything back; what was counted stays readable. Twice is fine."""
        stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def __repr__(self):
        return "<heartrate_shm.Trace %s>" % (self.segment or "stopped")


_handle = Trace()
_settings = None  # of the running tracer


class Settings:
    """What one ``trace()`` was asked for. All but ``opens`` holds for children too."""

    def __init__(self, files, callers, threads, name, size, children, opens=False):
        self.files = files  # list of filters
        self.callers = callers  # list of code file names
        self.threads = threads
        self.name = name  # None: each program is called by its own
        self.called = name  # what this one, or the parent, came to be called
        self.size = size
        self.children = children
        self.opens = opens  # a browser, once


class _DefaultInt(int):
    """A default that can be told from the same value given by the caller."""


class _DefaultStr(str):
    """A default that can be told from the same value given by the caller."""


_PORT = _DefaultInt(9999)
_HOST = _DefaultStr("127.0.0.1")


def trace(
    files=_files.marked,
    port=_PORT,
    host=_HOST,
    browser=False,
    daemon=False,
    *,
    threads=True,
    children=False,
    name=None,
    size=_tracer.DEFAULT_SIZE
):
    """Counts line hits of the calling file and of those that ``files`` accepts, from the next line on.

    files:   callable path -> bool; see ``heartrate_shm.files``. Default: files that contain ``# heartrate``.
    port, host, browser: when one of them is given, an ``hrview`` is started there for this program, or the one that
             already serves that port is used; ``browser=True`` opens the view of the calling file. Without them run
             ``hrview`` yourself, whenever you like.
    daemon:  True: that viewer ends with the program; False: it stays, to look at what was counted.
    threads: all threads, running and future; False: the calling one only.
    children: processes that this one starts are traced too, each with counts of its own: forks, and new Python programs
             however they are started (but not with -E, -I or -S). Filters are passed on by value.
    name:    what viewers call the program; default: the script's base name.
    size:    bytes of address space for the segment (memory is taken as it is used), at least 1 MB.

    Returns a handle with ``stop()``, usable in ``with``. While tracing, another call adds its ``files`` and its calling
    file and returns the same handle. When there is no shared memory the program runs on untraced: one line on stderr says so.
    """
    caller = "".join([sys._getframe(1).f_code.co_filename])  # a str: a class of the program's may have a hash of its own
    if not callable(files):
        raise TypeError("files must be a callable path -> bool, not " + type(files).__name__)
    if not _add(files, caller, children):
        settings = Settings([files], [caller], threads, name, size, children)
        settings.called = name if name is not None else default_name()
        if not begin(settings):
            _add(files, caller, children)  # another thread has just begun
    if _tracer.segment() is not None and (browser or port is not _PORT or host is not _HOST):
        from . import _viewer

        _viewer.start(port, host, browser, daemon)
    return _handle


def stop():
    """Ends tracing; does nothing when there is none."""
    global _settings
    _settings = None  # first: finalizers of filters may trace anew
    _tracer.stop()


def begin(settings, parent=0):
    """Traces as told; ``parent`` is the instance of the traced process that started this one. Trouble is told.

    False: this program is traced already.
    """
    global _settings
    if settings.children:
        __import__(__package__ + "._children")  # now, not while counting
    try:
        if not _tracer.start(
            settings.files[0] if settings.files else None,
            settings.callers[0] if settings.callers else None,
            _encode(settings.called),
            _command_line(),
            _encode(sys.executable or ""),
            _encode(_cwd()),
            settings.size,
            not settings.threads,
            parent,
        ):
            return False
    except (OSError, MemoryError) as error:
        tell("not tracing, the program runs on: %s" % (error if error.args else "out of memory"))
        return True
    _settings = settings
    for caller in settings.callers[1:]:
        _tracer.add(None, caller)
    for files in settings.files[1:]:
        _tracer.add(files, None)
    _pass_on(settings)
    return True


def tell(text):
    """The one line on stderr, when there is trouble. A stderr that cannot be written is not made worse by us."""
    try:
        sys.stderr.write("heartrate_shm: %s\n" % text)
        sys.stderr.flush()  # which 3.8 would leave for the end
    except Exception:
        pass


def _add(files, caller, children):
    """False: not tracing."""
    if not _tracer.add(files, caller):
        return False
    settings = _settings
    if settings is None:
        return True  # another thread is about to begin
    settings.children = settings.children or children
    if not any(known is files for known in settings.files):
        settings.files.append(files)
    if caller not in settings.callers:
        settings.callers.append(caller)
    _pass_on(settings)
    return True


def _pass_on(settings):
    if settings.children:
        from . import _children

        _children.pass_on(settings)


def default_name():
    script = getattr(sys, "argv", None) or [""]
    return os.path.basename(str(script[0])) or "python"


def _command_line():
    try:
        with open("/proc/self/cmdline", "rb") as cmdline:
            return cmdline.read()
    except OSError:
        return b"\0".join(_encode(arg) for arg in getattr(sys, "argv", [])) + b"\0"


def _cwd():
    try:
        return os.getcwd()
    except OSError:
        return ""


def _encode(text):
    try:
        return str(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return str(text).encode("utf-8", "backslashreplace")
