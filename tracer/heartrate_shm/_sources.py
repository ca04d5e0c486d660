"""Source text of code that is no file on disk."""


def source_text(filename, module_globals):
    """Text as linecache or the module's loader has it (exec'd cells, doctests, <stdin>, zip members), or None."""
    import linecache

    lines = linecache.getlines(filename, module_globals)
    return "".join(lines) or None
