"""The pytest plugin behind ``--heartrate`` (heartrate_shm_pytest.py): a run of the tests as a traced program.

Workers of pytest-xdist, like all that the tests start, are traced as children are. While a test runs, the thread that
runs it is called by it in viewers.
"""

import os

import pytest

from . import _commandline, _trace, _tracer


def begin(config):
    """Traces this process, unless it is traced already as the child of one that does."""
    if _tracer.segment() is None:
        settings = _trace.Settings([_commandline.below(str(config.rootpath))], [], True, None, _tracer.DEFAULT_SIZE, True)
        settings.called = "pytest"
        _trace.begin(settings)


def pytest_report_header():
    if _tracer.segment() is not None:
        return "heartrate: lines are counted; hrview shows them (process %d)" % os.getpid()
    return None


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    worker = getattr(item.config, "workerinput", {}).get("workerid")  # of pytest-xdist
    _tracer.label("%s%s · %s" % (worker + " " if worker else "", item.name, item.location[0]))
    try:
        yield
    finally:
        _tracer.label(None)
