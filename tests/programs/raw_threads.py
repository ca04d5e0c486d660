"""Threads started by _thread.start_new_thread, past the threading module."""
import _thread


def work(n):
    total = 0
    for i in range(n):
        total += i
    return total


def raw(n, *, lock):
    work(n)
    lock.release()


def leaves(lock):
    try:
        if lock.locked():
            raise SystemExit(4)
    finally:
        lock.release()


def starts_another(lock):
    inner = _thread.allocate_lock()
    inner.acquire()
    _thread.start_new_thread(leaves, (inner,))
    inner.acquire()
    lock.release()


def run(target, *args, **named):
    lock = _thread.allocate_lock()
    lock.acquire()
    if named or args:
        _thread.start_new_thread(target, args, dict(lock=lock))
    else:
        _thread.start_new_thread(target, (lock,))
    lock.acquire()


for n in range(3):
    run(raw, n * 10)
run(leaves)
run(starts_another)
print("all came back")
