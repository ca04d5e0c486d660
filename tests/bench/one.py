"""Runs one program in one way, in this process: one.py WAY SCRIPT. The stand-in for pyperf (tests/standin) tells the
seconds of each benchmark function. What is traced is the script's own folder, in every way."""
import os
import runpy
import sys


def plain(folder):
    pass


def empty(folder):
    """A C callback that does nothing, for each line of the folder."""
    import empty

    if not hasattr(sys, "monitoring"):
        empty.settrace()
        return
    monitoring = sys.monitoring
    tool, events = 3, monitoring.events

    def start(code, _offset):
        if code.co_filename.startswith(folder):
            monitoring.set_local_events(tool, code, events.LINE)
        return monitoring.DISABLE

    monitoring.use_tool_id(tool, "empty")
    monitoring.register_callback(tool, events.PY_START, start)
    monitoring.register_callback(tool, events.LINE, empty.callback)
    monitoring.set_events(tool, events.PY_START)


def ours(folder):
    import heartrate_shm

    heartrate_shm.trace(heartrate_shm.files.path_contains(folder))


def elsewhere(folder):
    """Ours, with none of the program's files traced."""
    import heartrate_shm

    heartrate_shm.trace(lambda path: False)


def coverage(folder):
    """coverage.py; COVERAGE_CORE in the environment says which of its tracers."""
    from coverage import Coverage

    Coverage(data_file=None, include=[folder + "/*"]).start()


def heartrate(folder):
    import socket

    import heartrate
    from heartrate import files

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    heartrate.trace(files.path_contains(folder), port=port, daemon=True)


WAYS = {way.__name__: way for way in (plain, empty, ours, elsewhere, coverage, heartrate)}

if __name__ == "__main__":
    way, script = sys.argv[1:3]
    sys.argv[:] = [script] + sys.argv[3:]
    sys.path[0] = os.path.dirname(script)
    WAYS[way](os.path.dirname(script))
    runpy.run_path(script, run_name="__main__")
    sys.stdout.flush()
    os._exit(0)  # what a server thread of heartrate's would otherwise hold up
