"""A command in namespaces of its own: it sees no process and no segment of others, and leaves none behind. For root."""
import subprocess

# The shell is process 1 there, and so the one that must wait for what nobody waits for.
COMMAND = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
           'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && "$@"; exit $?', "sh")


def permitted():
    return subprocess.run([*COMMAND, "true"], stderr=subprocess.DEVNULL).returncode == 0
