"""pytest's way to us: the option ``--heartrate``.

A module of its own, because pytest imports it in every run: without the option nothing else of us is loaded.
"""


def pytest_addoption(parser):
    parser.getgroup("debugging").addoption(
        "--heartrate",
        action="store_true",
        help="count the lines of all files below rootdir while the tests run, for hrview to show",
    )


def pytest_load_initial_conftests(early_config):
    if early_config.known_args_namespace.heartrate:
        _plugin().begin(early_config)


def pytest_configure(config):
    # Workers of pytest-xdist are told their options only now.
    if config.option.heartrate:
        plugin = _plugin()
        plugin.begin(config)
        config.pluginmanager.register(plugin, "heartrate_shm_run")  # heartrate_shm is this module, by its entry point


def _plugin():
    try:
        from heartrate_shm import _pytest
    except ImportError as error:
        import pytest

        raise pytest.UsageError("--heartrate: %s" % error)
    return _pytest
