"""What must be there before the tests can run: what they are to test, Ctrl-C, and where the system allows it a /dev/shm
of their own."""
import ctypes
import os
import signal
import subprocess
import sys

import pytest

import oracle

sys.path.insert(0, str(oracle.PACKAGES))  # some tests look at the package themselves

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x4000, 1 << 18, 2, 4


def own_shm():
    """Gives this process and its children an empty /dev/shm that nobody else sees. False: not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
        return False
    # In a chroot "/" need not be a mount; then /dev/shm must be one.
    private = any(libc.mount(b"none", place, None, MS_REC | MS_PRIVATE, None) == 0 for place in (b"/", b"/dev/shm"))
    return (private and libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=1777") == 0)


@pytest.fixture(scope="session", autouse=True)
def everything_is_built():
    own_shm()
    # A shell without job control lets what it starts in the background ignore Ctrl-C, and so would all programs here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    found = subprocess.run([sys.executable, "-c", "import heartrate_shm"], env=oracle.environment(),
                           stderr=subprocess.PIPE, universal_newlines=True)
    if found.returncode != 0:
        pytest.exit(f"heartrate_shm does not run on {sys.executable}: ./dev build --python {sys.executable}\n"
                    f"{found.stderr}", returncode=3)
    if not oracle.HRVIEW.exists():
        pytest.exit(f"{oracle.HRVIEW} is missing: ./dev build", returncode=3)
