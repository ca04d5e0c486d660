"""Programs that may not do everything: system calls that a sandbox's seccomp filter refuses (by libseccomp, as containers do)."""
import ctypes
import errno
import os
import platform

import pytest

import hardening

PROGRAM = """\
import sys
import heartrate_shm
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
heartrate_shm.trace(lambda path: True)
for i in range(200):
    exec(compile("def f():\\n    return %d\\nf()" % i, "cell%d" % i, "exec"), {})
print(work(1000))
sys.exit(3)
"""
LINES = {4: 1, 5: 1001, 6: 1000, 7: 1}
try:
    SECCOMP = ctypes.CDLL("libseccomp.so.2")
    SECCOMP.seccomp_init.restype = ctypes.c_void_p
except OSError:
    SECCOMP = None
ALLOW, REFUSE, MASKED_EQ = 0x7FFF0000, 0x00050000, 7
CLONE_THREAD = 0x00010000


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp: the argument's bits `mask` are `value`."""

    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]


def refuse(*rules):
    """For Popen's preexec_fn: each rule is a system call, its errno, and an argument's number and bits or nothing."""

    def run():
        filter_ = ctypes.c_void_p(SECCOMP.seccomp_init(ctypes.c_uint32(ALLOW)))
        for name, error, *bits in rules:
            call = SECCOMP.seccomp_syscall_resolve_name(name.encode())
            compared = (Comparison * 1)(*[Comparison(number, MASKED_EQ, mask, mask) for number, mask in bits])
            if call >= 0:  # this machine has it
                assert SECCOMP.seccomp_rule_add_array(filter_, ctypes.c_uint32(REFUSE | error), call, len(bits), compared) == 0
        assert SECCOMP.seccomp_load(filter_) == 0

    return run


EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
CREATED = (2, os.O_CREAT)
# What is refused, and whether all is counted nevertheless.
SANDBOXES = {
    "making files (shm_open)": ([("openat", EPERM, CREATED), ("open", EPERM, (1, os.O_CREAT)), ("creat", EPERM)], False),
    "ftruncate": ([("ftruncate", EPERM)], False),
    "flock": ([("flock", EPERM)], False),
    "rename": ([("rename", EPERM), ("renameat", EPERM), ("renameat2", EPERM)], False),
    "madvise": ([("madvise", EPERM)], True),
    "madvise and fallocate": ([("madvise", EPERM), ("fallocate", EPERM)], False),
    "threads": ([("clone3", ENOSYS), ("clone", EPERM, (0, CLONE_THREAD))], True),
    "a descriptor table of its own": ([("close_range", ENOSYS), ("unshare", EPERM)], True),
    "readlink, stat of /proc": ([("readlink", EPERM), ("readlinkat", EPERM)], True),
}


@pytest.mark.skipif(SECCOMP is None, reason="there is no libseccomp.so.2")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="clone()'s arguments are in another order here")
@pytest.mark.parametrize("what", SANDBOXES)
def test_refused_by_a_filter(tmp_path, what):
    rules, counts = SANDBOXES[what]
    ran = hardening.survives(tmp_path, PROGRAM, told=1, prepare=refuse(*rules))
    assert (ran.returncode, ran.stdout) == (3, "499500\n"), str(ran)
    if counts:
        hits = ran.segment.of(tmp_path / "program.py")
        assert {line: hits.get(line) for line in LINES} == LINES, str(ran)
        assert not ran.segment.drops, ran.segment.drops
    elif not ran.segments or ran.segment.drops:
        assert "heartrate_shm: " in ran.stderr, str(ran)
