"""Code of the program that stops the tracer, or begins one, just where one begins or ends."""
import pytest

from test_hardening_reentry import program


@pytest.mark.parametrize("before", ["", "heartrate_shm.trace(); heartrate_shm.stop()"])
def test_no_sampler_behind_the_interpreters_end(tmp_path, before):
    """C code of the process may run on when nothing is left that the sampler could look at."""
    program(tmp_path, """
import atexit, ctypes
libc = ctypes.CDLL(None)
libc.on_exit(ctypes.cast(libc.sleep, ctypes.c_void_p), None)  # of the exit code: a second
atexit.register(lambda: heartrate_shm.trace(lambda path: True))
%s
sys.exit(1)
""" % before)
