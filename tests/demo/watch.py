"""watch.py [SCRIPT [ARGUMENT …]] — `./dev demo`: a traced program and hrview, until Ctrl-C or the end of both."""
import os
import signal
import socket
import subprocess
import sys

from programs import DEMO, DemoError, end, python, start_viewer


def start(script):
    """The demo's program, or the user's with the files beside and below it."""
    if not script:
        return python(DEMO)
    folder = os.path.dirname(os.path.abspath(script[0]))
    return python("-m", "heartrate_shm", "--files", os.path.join(folder, ""), *script)


def port():
    """hrview's own port, or when that is taken a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 9999))
            return "9999"
        except OSError:
            return "0"


def has_display():
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def has_ended(process, patience_s):
    try:
        process.wait(timeout=patience_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def interrupted(number, frame):
    raise KeyboardInterrupt


def watch(script):
    program = viewer = None
    try:
        program = start(script)
        viewer, url = start_viewer(program, "--port", port(), *(["--open"] if has_display() else []))
        print(f"watch it at {url}   (Ctrl-C ends)", flush=True)
        code = program.wait()
        print(f"the program has ended (exit code {code}); its page stays until Ctrl-C", flush=True)
        return viewer.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in filter(None, (program, viewer)):
            # A Ctrl-C at the terminal has reached it already.
            if not has_ended(process, 1):
                end(process)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupted)
    try:
        sys.exit(watch(sys.argv[1:]))
    except DemoError as error:
        sys.exit(f"demo: {error}")
