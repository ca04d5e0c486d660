"""Which files are traced: callables ``path -> bool``, as in heartrate.

The file that calls ``trace`` is always traced, whatever the filter says. A filter that raises means "not traced".
"""

import os
import stat
import sys


# noinspection PyShadowingBuiltins
def all(_path):  # noqa: A001 - the name is heartrate's
    """Every file."""
    return True


def path_contains(*subs):
    """Files whose path contains one of the given strings."""

    def contains(path):
        return any(sub in path for sub in subs)

    return contains


def contains_regex(pattern):
    """Files whose text has a match of the regular expression anywhere.

    The text is read in the encoding that ``open`` uses by default; a file that cannot be read or decoded is not traced.
    """
    import re

    def contains(path):
        return re.search(pattern, _text(path)) is not None

    return contains


def marked(path):
    r"""The default: files with ``# heartrate`` anywhere, blanks between the two as you like.

    The same as ``contains_regex(r"#\s*heartrate")`` without the milliseconds that importing ``re`` takes.
    """
    text = _text(path)
    at = text.find("heartrate")
    while at >= 0 and not text[:at].rstrip().endswith("#"):
        at = text.find("heartrate", at + 1)
    return at >= 0


def _text(path):
    # Reading a FIFO, a terminal or a device would block the program or take its input away.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(path + " is not a regular file")
    # What open() does by default, named: a program run with -X warn_default_encoding must not be warned of us.
    encoding = None
    if sys.version_info >= (3, 10):
        encoding = "utf-8" if sys.flags.utf8_mode else "locale"
    with open(path, encoding=encoding) as source:
        return source.read()
