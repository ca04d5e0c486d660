"""Which files are traced: callables ``path -> bool``, as in heartrate.

The file that calls ``trace`` is always traced, whatever the filter says. A filter that raises means "not traced".
"""


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

    The text is read in the encoding that ``open`` would use by default; a file that cannot be read or decoded is not
    traced.
    """
    import locale
    import re

    def contains(path):
        # Named, because a program run with -X warn_default_encoding must not be warned of us.
        with open(path, encoding=locale.getpreferredencoding(False)) as source:
            return re.search(pattern, source.read()) is not None

    return contains


def marked(path):
    """The default: files that say ``# heartrate`` somewhere; blanks between the two are optional."""
    return contains_regex(r"#\s*heartrate")(path)
