"""Children that are programs of their own: what they are told, and how they begin.

The C part (spawn.c) gives every program that is started two variables: HEARTRATE_SHM_CHILD, the parent's instance and
what encode() makes, and PYTHONPATH with _site/ in front. A Python loads _site/sitecustomize.py on its way up, which
calls resume(). Other programs hand the variables on.
"""

import marshal
import os

from . import _carry, _commandline, _trace, _tracer

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_site")
VARIABLE = "HEARTRATE_SHM_CHILD"
# Code of ``python -c`` by which a program starts workers of its own, which are called as it is: multiprocessing, and
# execnet (pytest-xdist).
_WORKERS = ("from multiprocessing.", "import sys;exec(eval(sys.stdin.readline()))")
_LARGEST = 32 * 1024  # bytes: a larger environment may keep programs from being started


def pass_on(settings):
    """Lets new programs trace with these settings."""
    callers = [name for name in settings.callers if not name.startswith("<")]
    text, left_out = encode(settings, callers)
    for what in left_out:
        _tracer.note("new Python programs are traced without %s: it cannot be passed on" % what)
    _tracer.children(text.encode(), os.fsencode(SITE))


def encode(settings, callers):
    """(text, what of the filters it does not have)."""
    packer, packed, left_out = _carry.Packer(), [], []
    for files in settings.files:
        try:
            packed.append(packer.pack(files))
        except (_carry.CannotCarry, RecursionError, ValueError) as error:
            left_out.append("the filter %s (%s)" % (getattr(files, "__qualname__", files), error))
    left_out += ["the filter's global %r" % name for name in packer.missing]
    rest = callers, settings.threads, settings.name, settings.called, settings.size, settings.opens
    text = _dump(packed, packer.functions, rest)
    if len(text) > _LARGEST:
        left_out = ["the filters (%d bytes)" % len(text)]
        text = _dump([], [], rest)
    return text, left_out


def decode(text):
    packed, functions, (callers, threads, name, called, size, opens) = marshal.loads(bytes.fromhex(text))
    unpacker, files, left_out = _carry.Unpacker(functions), [], []
    for item in packed:
        try:
            files.append(unpacker.unpack(item))
        except Exception as error:  # of this Python: it lacks what the parent's has
            left_out.append("a filter (%s)" % error)
    settings = _trace.Settings(files, callers, threads, name, size, True, opens)
    settings.called = called
    return settings, left_out


def resume(value):
    """In a new program, before its first line: traces as its parent does."""
    try:
        parent, _, text = value.partition(":")
        words = [os.fsdecode(word) for word in _commandline.own()[1:]]
        _, kind, program, _ = _commandline.split(words)
        if "multiprocessing.resource_tracker" in (program or "") or _commandline.is_viewer(kind, program):
            return  # multiprocessing's own servant, which runs nothing of the program
        settings, left_out = decode(text)
        if settings.name is None and not (program or "").startswith(_WORKERS):
            settings.called = _commandline.name(words)
        begin(settings, int(parent, 16))
        for what in left_out:
            _tracer.note("this program is traced without %s" % what)
    except Exception as error:
        _trace.tell("not tracing, the program runs on: %s" % error)


def begin(settings, parent=0):
    """Traces this program as told, and opens its view when it is to be opened: its own, not its children's."""
    opens, settings.opens = settings.opens, False
    _trace.begin(settings, parent)
    if opens:
        from . import _viewer

        _viewer.start(9999, "127.0.0.1", True, False)


def _dump(*parts):
    return marshal.dumps(parts, 2).hex()
