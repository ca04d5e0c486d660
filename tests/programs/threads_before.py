# start: itself
"""Threads that run already, in the middle of functions, when counting begins."""
import _thread
import queue
import threading

import counting

ready = _thread.allocate_lock()
ready.acquire()


class Gate:
    """Where a thread stands still: from `ready` on no other line of it runs until the gate is opened."""

    def __init__(self):
        self.lock = _thread.allocate_lock()
        self.lock.acquire()

    def stand(self): ready.release(); self.lock.acquire()

    def open(self):
        self.lock.release()


def loop(gate, turns):
    for n in range(turns):
        if n == 2:
            gate.stand()
        answers.put(
            n
        )
    return turns


def deep(n, gate):
    if n:
        deep(n - 1, gate)
        return
    loop(gate, 5)
    answers.put("left")


def numbers(gate):
    yield "first"
    gate.stand()
    yield "second"


def in_generator(gate):
    for number in numbers(gate):
        answers.put(number)
    try:
        answers.put([
            number
            for number in range(3)
        ])
    finally:
        answers.put("end")


def raw(gate): gate.stand(); answers.put("raw"); ready.release()


def drain():
    while not answers.empty():
        print(answers.get(), end=" ")
    print()


answers = queue.Queue()
gates = [Gate() for _ in range(3)]
threads = [
    threading.Thread(target=deep, args=(5, gates[0])),
    threading.Thread(target=in_generator, args=(gates[1],)),
]
for thread in threads:
    thread.start()
    ready.acquire()
_thread.start_new_thread(raw, (gates[2],))
ready.acquire()
drain()

counting.start()

for thread, gate in zip(threads, gates):
    gate.open()
    thread.join()
    drain()
gates[2].open()
ready.acquire()
drain()
